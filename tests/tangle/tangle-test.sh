#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tangle.sh, on small books of its own: what it writes, and what it refuses.
# With TANGLE= another script is tested (a broken one, to see a test fail).

set -u
here=$(cd "$(dirname "$0")" && pwd)
script=${TANGLE:-$here/../../tangle.sh}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$here/../ok.sh"

# A new book in $work, its only chapter from stdin, tangled once.
book() {
	rm -rf "${work:?}"/* && mkdir "$work/book"
	cp "$script" "$work/tangle.sh"
	cat >"$work/book/01-a.nw"
	twill >/dev/null 2>&1
}

twill() {
	(cd "$work" && ./tangle.sh "$@")
}

# The tree that $work/book makes is refused with words like $1, and untouched.
refused() {
	local said before after
	before=$(cd "$work" && find src tests build -type f | sort | xargs md5sum)
	if said=$(twill "${@:2}" 2>&1); then
		echo "accepted"
		return 1
	fi
	echo "said: $said"
	grep -qE -e "$1" <<<"$said" || return 1
	after=$(cd "$work" && find src tests build -type f | sort | xargs md5sum)
	[ "$before" = "$after" ]
}

add() {
	cat >>"$work/book/01-a.nw"
}

sound() {
	book <<'END'
# One {#one}

Prose about [[x]] and [[<<the middle>>]].

<<src/one.c>>=
int x;
{
	<<the middle>>
	if (<<a condition>>)
		x = 1 @<< 2;
}
@

<<the middle>>=
first();

	if (second)
		third();
<<a condition>>=
x &&
y
<<src/deep/two.h>>=
two
<<lab/bug: the middle>>=
<<the wrong middle>>
<<lab/wrong-too: the middle>>=
<<the wrong middle>>
<<lab/alt-way: a condition>>=
z
<<the wrong middle>>=
wrong();
<<tests/variants.tsv>>=
# variant	class
lab/bug	leak
@
END
}

same() {
	diff -u - "$1"
}

one_c() {
	printf '%s\n' 'int x;' '{' '	first();' '' '		if (second)' \
		'			third();' '	if (x &&' '	    y)' \
		'		x = 1 << 2;' '}' | same "$work/src/one.c"
}

bug_c() {
	twill --variant lab/bug v || return 1
	printf '%s\n' 'int x;' '{' '	wrong();' '	if (x &&' '	    y)' \
		'		x = 1 << 2;' '}' | same "$work/v/src/one.c" &&
		cmp "$work/src/deep/two.h" "$work/v/src/deep/two.h" &&
		cmp "$work/tests/variants.tsv" "$work/v/tests/variants.tsv"
}

alt_c() {
	twill --variant lab/alt-way v && grep -qx '	if (z)' "$work/v/src/one.c"
}

shared() {
	local v
	for v in bug alt-way wrong-new; do
		twill --variant lab/$v v || return 1
		[ "$(cat "$work/v/src/deep/two.h")" = three ] || return 1
	done
	twill --variant lab/wrong-too v && twill --variant sound w &&
		cmp "$work/v/src/deep/two.h" "$work/w/src/deep/two.h"
}

again() {
	twill --variant lab/bug v && twill --variant sound v &&
		diff -r "$work/src" "$work/v/src"
}

linemap() {
	grep -qx "src/one.c:6 book/01-a.nw:18" "$work/build/linemap" &&
		grep -qx "src/one.c:8 book/01-a.nw:21" "$work/build/linemap" &&
		[ "$(wc -l <"$work/build/linemap")" = 13 ]
}

variant_linemap() {
	twill --variant lab/bug v &&
		grep -qx "src/one.c:3 book/01-a.nw:31" "$work/v/.linemap"
}

home() {
	printf '%s\n' 'build/v/src/one.c:6:4: error: x' 'in two.h:1 of 9' \
		'at deep/two.h:1, one.c:1' 'fs/open.c:1 src/one.c:99' |
		twill --home >"$work/said"
	printf '%s\n' 'build/v/src/one.c:6:4: error: x  [book/01-a.nw:18]' \
		'in two.h:1 of 9' \
		'at deep/two.h:1, one.c:1  [book/01-a.nw:23]  [book/01-a.nw:6]' \
		'fs/open.c:1 src/one.c:99' | same "$work/said"
}

empty() {
	add <<<'<<lab/alt-none: the middle>>=
@'
	twill --variant lab/alt-none v && [ -z "$(sed -n 3p "$work/v/src/one.c")" ]
}

list() {
	twill --list >"$work/said"
	printf 'lab/%s\n' bug wrong-too alt-way | same "$work/said"
}

stamps() {
	touch -d 2020-01-01 "$work"/src/*.c "$work"/src/deep/*.h "$work/build/linemap"
	add <<<'<<src/deep/two.h>>=
three'
	twill || return 1
	touch -d 2021-01-01 "$work/stone"
	[ "$work/src/one.c" -ot "$work/stone" ] &&
		[ "$work/src/deep/two.h" -nt "$work/stone" ]
}

removed() {
	sed -i s,src/deep/two.h,src/other/two.h, "$work/book/01-a.nw"
	twill && [ ! -e "$work/src/deep" ] && [ -e "$work/src/other/two.h" ]
}

checked() {
	twill --check || return 1
	echo "int y;" >>"$work/src/one.c"
	touch "$work/src/stray.h"
	rm "$work/tests/variants.tsv"
	refused 'src/one.c is not' --check && refused 'src/stray.h' --check &&
		refused 'tests/variants.tsv' --check
}

halfway() {
	local said
	mkdir "$work/lib"
	cp /usr/lib/noweb/* "$work/lib" 2>/dev/null
	printf '#!/bin/sh\n%s\nexit %s\n' "$1" "$2" >"$work/lib/$3"
	sed -i s/int/long/ "$work/book/01-a.nw"
	said=$(cd "$work" && NOWEB_LIB=$work/lib ./tangle.sh 2>&1) && return 1
	grep -q "noweb's $3 failed" <<<"$said" && grep -q '^int' "$work/src/one.c"
}

fast() {
	local i start
	{
		echo '# Long'
		for i in {1..60}; do
			printf '<<src/f%s.c>>=\n' "$i"
			for j in {1..20}; do
				printf 'int f%s_%s(void) {\n\t<<c%s %s>>\n}\n' $i $j $i $j
			done
			for j in {1..20}; do
				printf '@\nWhy.\n\n<<c%s %s>>=\na();\nb();\nc();\n' $i $j
			done
			echo @
		done
	} >"$work/book/01-a.nw"
	start=$(date +%s%N)
	twill || return 1
	echo "$(wc -l <"$work/book/01-a.nw") lines in" \
		"$((($(date +%s%N) - start) / 1000000)) ms" >&2
	[ "$(ls "$work/src" | wc -l)" = 60 ]
}

sound; ok "a root chunk becomes its file: tabs, indentation, empty lines" one_c
sound; ok "a variant's chunks stand in for the sound ones" bug_c
sound; ok "a chunk used inside a line can be replaced" alt_c
sound; add <<<'<<lab/bug+alt-way+wrong-new: src/deep/two.h>>=
three'
ok "a chunk can stand in several variants" shared
sound; ok "an empty chunk leaves no bare tab" empty
sound; ok "another variant can be tangled over a variant" again
sound; ok "the line map leads from each line to the chapter's" linemap
sound; ok "a variant has a line map of its own" variant_linemap
sound; ok "--home finds the places, and only those" home
sound; ok "--list names the variants in the book's order" list
sound; ok "an unchanged file keeps its time stamp" stamps
sound; ok "a file without a root chunk is removed" removed
sound; ok "--check names what differs, is strange, is missing" checked
sound; ok "a warning of markup's stops everything" halfway 'echo hm >&2; /usr/lib/noweb/markup "$@"' 0 markup
sound; ok "a failure of mnt's stops everything" halfway '/usr/lib/noweb/mnt "$@"' 1 mnt

sound; add <<<'<<src/one.c>>=
<<nowhere>>'
ok "refuses an undefined chunk" \
	refused '^book/01-a.nw:37: <<nowhere>> is not defined'
sound; add <<<'<<lab/alt-x: the middle>>=
<<nowhere>>'
ok "refuses an undefined chunk in a variant" \
	refused '^book/01-a.nw:37: <<nowhere>> is not defined'
sound; add <<<'Prose on [[<<nowhere>>]].'
ok "refuses prose about an undefined chunk" \
	refused '^book/01-a.nw:36: <<nowhere>> is not defined'
sound; add <<<'<<a spare part>>=
x'
ok "refuses a chunk that is never used" \
	refused '^book/01-a.nw:36: <<a spare part>> is used by no file'
sound; add <<<'<<this>>=
<<that>>
<<that>>=
<<this>>'
ok "refuses chunks that only use each other" \
	refused '^book/01-a.nw:36: <<this>> is used by no file'
sound; add <<<'<<the middle>>=
<<the middle>>'
ok "refuses a chunk that contains itself" refused "noweb's mnt failed"
sound; add <<<'<<tests/other.c>>=
x'
ok "refuses a root outside the known folders" \
	refused '^book/01-a.nw:36: <<tests/other.c>> would become a file outside'
sound; add <<<'<<src/../Makefile>>=
x'
ok "refuses a root that climbs out of its folder" \
	refused '^book/01-a.nw:36: <<src/../Makefile>> would become a file outside'
sound; add <<<'<<lab/bug: the mddle>>=
x'
ok "refuses a variant that replaces nothing" \
	refused '^book/01-a.nw:36: <<lab/bug: the mddle>> replaces nothing'
sound; add <<<'<<lab/bgu: the middle>>=
x'
ok "refuses a variant of no known kind" \
	refused '^book/01-a.nw:36: <<lab/bgu: the middle>>: a variant is called'
sound; add <<<'<<lab/alt-x+bgu: the middle>>=
x'
ok "refuses it among several, too" \
	refused '^book/01-a.nw:36: <<lab/alt-x.bgu: the middle>>: a variant is called'
sound; add <<<'<<lab/alt-x+bug: the middle>>=
x'
ok "refuses two chunks of a variant for one" \
	refused '36: <<lab/alt-x.bug: the middle>>: lab/bug has its <<the middle>> already, at book/01-a.nw:24'
sound; add <<<'<<src/one.c>>=
<<lab/bug: the middle>>'
ok "refuses sound code that names a variant" \
	refused '^book/01-a.nw:37: <<lab/bug: the middle>> is a variant'
sound
ok "refuses to tangle a variant that does not exist" \
	refused 'no variant lab/wrong; it has: lab/bug' --variant lab/wrong v
ok "refuses to tangle a variant over the tree itself" \
	refused 'committed tree' --variant lab/bug .
sound; add <<<'<<src/one.c>>=
x = a << 3 | b >> 2;'
ok "refuses a shift that noweb takes for a chunk" \
	refused '^book/01-a.nw:37: << 3 [|] b >> is not defined: if shifts are meant'
sound; add <<<'Shift by << in prose.'
ok "refuses a bare << in prose" refused '01-a.nw:36: unescaped <<.*write @<<'
sound; printf 'x\r\n' >>"$work/book/01-a.nw"
ok "refuses a carriage return" refused '^tangle: book/01-a.nw:36: carriage return'
sound; rm "$work"/book/*
ok "refuses a book without chapters" refused 'no chapters'
sound; ok "refuses options that it does not know" refused 'write what changed' --chekc
sound; ok "is quick: 10,000 lines" fast

all_ok
