#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The weaver, on a small book of its own: what its pages have, and what it
# refuses.  With WEAVE= another weaver is tested.

set -u
here=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$here/tests/ok.sh"

site() {
	make -C "$work" --no-print-directory build/book/links-checked
}

refused() {
	local said
	if said=$(site 2>&1); then
		echo "accepted"
		return 1
	fi
	echo "$said"
	grep -qE -e "$1" <<<"$said"
}

book() {
	rm -rf "${work:?}"/*
	mkdir -p "$work/book" "$work/build/recorded" "$work/tests"
	cp -r "${WEAVE:-$here/book/weave}" "$work/book/weave"
	cp "$here/tangle.sh" "$work"
	cp "$here/tests/need.sh" "$work/tests"
	cp "$here/book/references.bib" "$work/book"
	echo 'include book/weave/weave.mk' >"$work/Makefile"
	cat >"$work/book/01-one.nw" <<'END'
# One {#one part="Ends"}

[[put]] frees; see [Two](#two) and [[<<drop it>>]]. [@ramsey-1994]

<<src/one.c>>=
#define LAST 0
/* Not a use: get() */
void put(struct thing *thing)
{
	<<drop it>>
}
@

It is dropped so:

<<drop it>>=
if (--thing->users == LAST)
	free_thing(thing);
@

## Again & again

<<drop it>>=
thing = 0;
@
END
	cat >"$work/book/02-two.nw" <<'END'
# Two {#two}

In [chapter 1](#one), `put`.

<<src/one.c>>=
struct thing {
	int users;
};
void both(void)
{
	put(0);
}
@

<<src/one.c>>=
#include <asm/put.h>
DEFINE_PER_CPU(struct thing, pile);
DEFINE_MUTEX(guard);
static void later(void)
{
	use(&pile, &guard);
}
@

<<src/README>>=
Where you put it, both find it.
@

<<src/guest/two.c>>=
int main(void)
{
	return put(0);
}
@

<<lab/bug: drop it>>=
free_thing(thing);
<<tests/variants.tsv>>=
# variant	class
lab/bug	use-after-free
@

```{.dot file="book/way.dot"}
```

::: {.measured file="book/times.tsv"}
:::

::: {.variants lab="lab"}
:::

::: {.recorded file="run.txt"}
:::

::: {.recorded file="lab-bug-run.txt"}
:::
END
	cat >"$work/book/03-three.nw" <<'END'
# Three {#three part="Appendices"}

[[main]] ends.

<<src/three.c>>=
int main(void)
{
}
@
END
	printf '// From a to b.\na -> b\n' >"$work/book/way.dot"
	printf '# One run\n\tA\tB\nexit\t3 µs\t4 µs\n' >"$work/book/times.tsv"
	printf 'a <b>\nat src/one.c:3\n' >"$work/build/recorded/run.txt"
	printf 'in one.c:5, one.c:9\n' >"$work/build/recorded/lab-bug-run.txt"
}

add() {
	cat >>"$work/book/01-one.nw"
}

has() {
	local page=$work/build/book/html/$1
	shift
	for text; do
		grep -qF -e "$text" "$page" || {
			echo "${page##*/} lacks: $text"
			grep -F -m 3 -e "${text:0:20}" "$page"
			return 1
		}
	done
}

captions() {
	has 01-one.html 'id="c-drop-it-2"' '⟨drop it⟩ <span class="eq">+≡' \
		'<span class="file">src/one.c</span></a>, in put()' \
		'Continued in <a href="#c-drop-it-2">1.3</a>' \
		'Replaced in <b class="mark">bug</b> <a href="02-two.html#c-lab-bug-drop-it">' &&
	has 02-two.html '<b class="mark">lab/bug</b> in place of <a href="01-one.html#c-drop-it">'
}

code() {
	has 01-one.html '<dfn>put</dfn>' '== <a href="#c-src-one-c">LAST</a>' \
		'<span class="use"><a href="#c-drop-it">⟨drop it⟩</a></span>' &&
	has 02-two.html '<a href="01-one.html#c-src-one-c">put</a>(0)'
}

prose() {
	has 01-one.html '<code><a href="#c-src-one-c">put</a></code> frees' \
		'<a href="02-two.html">Two</a>' 'Literate Programming Simplified' \
		'<a href="02-two.html">' 'id="one-again-again"' &&
	has 03-three.html '<a href="#c-src-three-c">main</a></code> ends'
}

# What is no name of the program's stays as it is written.
plain() {
	has 02-two.html 'Where you put it, both find it.' \
		'</b> put(0);' '#include &lt;asm/put.h&gt;'
}

drawing() {
	has 02-two.html 'aria-label="From a to b."' '>b</text>'
}

parts() {
	has index.html '<h2 class="part"><span class="number">I</span> Ends</h2>' \
		'<h2 class="part">Appendices</h2>' \
		'<span class="number">A</span>Three</a>' &&
	has 01-one.html '<p class="part"><span class="number">I</span> Ends</p>' \
		'<h1 id="one"' &&
	has 03-three.html '<span class="number">A</span> Three</h1>' '>A.1</a>' &&
	! grep 'part="' "$work/build/book/html/"*.html
}

indexes() {
	has names.html '<code>put</code> <span class="refs"><b><a href="01-one.html#c-src-one-c">1.1</a></b>, <a href="02-two.html#c-src-one-c-2">2.1</a>' \
		'<code>struct thing</code>' '<code>pile</code>' '<code>guard</code>' &&
	! grep -F '<code>struct</code>' "$work/build/book/html/names.html" &&
	has chunks.html '⟨drop it⟩</a> <span class="refs"><a href="01-one.html#c-drop-it">1.2</a>' &&
	has index.html '<a href="01-one.html#one-again-again">Again &amp; again</a>'
}

recorded() {
	has 02-two.html 'a &lt;b&gt;' 'at <a href="01-one.html#c-src-one-c">src/one.c:3</a>' \
		'use-after-free</td>' '<caption>One run</caption>' '3 µs</td>' \
		'in <a href="#c-lab-bug-drop-it">one.c:5</a>, <a href="#c-src-one-c-2">one.c:9</a>'
}


paper() {
	printf '%s\n' '\documentclass{article}\usepackage{fontspec}' \
		'\setmainfont{texgyrepagella-regular.otf}\begin{document}' "$1" \
		'\end{document}' >"$work/build/t.tex"
	"$work/book/weave/pdf.sh" "$work/build/t.tex" "$work/build/done.pdf"
}

faulty() {
	local said
	rm -f "$work/build/done.pdf"
	said=$(paper "$1" 2>&1) && return 1
	echo "$said"
	grep -q -e "$2" <<<"$said" && [ ! -e "$work/build/done.pdf" ]
}

book
ok "a small book becomes a site" site
ok "captions say name, file, place, and where else" captions
ok "code leads to definitions and chunks" code
ok "prose leads to code, chapters and sources" prose
ok "what is no name of the program's leads nowhere" plain
ok "a drawing may stand in a file" drawing
ok "chapters stand in parts, appendices have letters" parts
ok "the indexes list names, chunks, sections" indexes
ok "recorded output and the table of variants are there" recorded

book; add <<<'A [[pot]].'
ok "refuses a name that the code has not" \
	refused '^book/01-one.nw:26: \[\[pot\]\]: the code defines no pot'
book; add <<<'On [[free_thing]].'
ok "refuses a kernel's name between brackets" refused 'defines no free_thing'
book; add <<<'[Four](#four)'
ok "refuses a link to nowhere" refused '^book/01-one.nw: a link to #four'
book; add <<<'[chapter 3](#two)'
ok "refuses a wrong chapter number" refused 'calls it chapter 3; it is 2'
book; add <<<'[@nobody-2001]'
ok "refuses an unknown source" refused 'nobody-2001 not found'
book
add <<'END'

::: {.recorded file="table.txt" skip="free" only="lock, put"}
:::
END
printf '%s\n' 'sub free' '    A          B' '    lock' '               read' \
	'    read more' '    put' '    read' '               free' \
	'               lock' '' 'end' >"$work/build/recorded/table.txt"
shown=$(printf '%s\n' '    A     B' '    lock' '          ...' '    put' '    ...' \
	'          lock' '' 'end')
shorter() {
	site || return 1
	diff <(printf 'sub free\n%s\n' "$shown") <(sed -n '/sub free/,$p' \
		"$work/build/book/html/01-one.html" | sed 's/.*<samp>//;/^end/q')
}
ok "leaves out rows that are not asked for, says so, and closes the gap" shorter

book; rm "$work/build/recorded/run.txt"
ok "refuses to do without recorded output" refused "make target 'build/recorded/run.txt'"
book; sed -i '1s/ {#one.*//' "$work/book/01-one.nw"
ok "refuses a title without anchor" refused '^book/01-one.nw:1: the title needs an anchor'
book; sed -i 1d "$work/book/01-one.nw"
ok "refuses text before the title" refused '^book/01-one.nw:2: text before'
book; add <<<'## Twice {#two}'
ok "refuses an anchor that is there already" refused 'two things are called #two'
book; add <<<'## Late {#late part="Middle"}'
ok "refuses a part that begins inside a chapter" refused "01-one.nw:26: a part begins at a chapter's"
book; add <<<'# Title {#title}'
ok "refuses a second title" refused '01-one.nw:26: a second title'
book; printf 'lab/gone\tleak\n' >"$work/row"
sed -i "/^lab\/bug	use/r $work/row" "$work/book/02-two.nw"
ok "refuses a row for a variant without chunks" refused 'has lab/gone, and the book has no chunk'
book; sed -i 's/<h1/<a href="gone.html">x<\/a><h1/; s/<main>/<main><a href="gone.html">/' \
	"$work/book/weave/page.html"
ok "refuses a dead link in a page" refused 'gone.html leads nowhere'
book; sed -i 's,style.css,https://example.org/style.css,' "$work/book/weave/page.html"
ok "refuses to load from elsewhere" refused 'example.org/style.css leads nowhere'
ok "LuaLaTeX's good page is kept" paper 'Good.'
rm -f "$work/build/done.pdf"
ok "refuses an undefined reference on paper" faulty 'See \ref{gone}.' 'gone.*undefined'
ok "refuses a letter that the font has not" faulty 'A 漢.' 'Missing character'
ok "refuses what LaTeX cannot read" faulty '\gone' 'Undefined control'

all_ok
