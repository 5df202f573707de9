#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The book's chunks become source files: book/*.nw -> src/, tests/variants.tsv.
#
#   ./tangle.sh                    write what changed; remove what has no chunk
#   ./tangle.sh --check            fail, naming the files, if that is not done
#   ./tangle.sh --variant V DIR    the whole tree into DIR, with the chunks
#                                  <<V: name>> in place of <<name>>
#                                  (V is "sound" for the tree as it stands;
#                                  <<LAB/bug+wrong-x: name>> is for both)
#   ./tangle.sh --list             the variants that the book has chunks for
#   ./tangle.sh --home [LINEMAP]   a filter: after each line that speaks of
#                                  src/vm.c:12, say where in the book that is
#
# A root chunk is named by the file that it becomes.  Beside the files goes a
# line map, build/linemap or DIR/.linemap: "src/vm.c:12 book/01-files.nw:345".
# Nothing is written unless everything is in order.

set -u
export LC_ALL=C
top=$(cd "$(dirname "$0")" && pwd) || exit 1
noweb=${NOWEB_LIB:-/usr/lib/noweb}

# Where a root chunk may go, and what a variant may be called.
roots='^(src/.+|tests/variants[.]tsv)$'
variants='^[a-z0-9-]+/(bug|wrong-[a-z0-9-]+|alt-[a-z0-9-]+)$'

die() {
	printf 'tangle: %s\n' "$@" >&2
	exit 1
}

usage() {
	sed -n 's/^#   //p' "$0"
}

# The chapters on noweb's pipeline, checked.  Leaves in $tmp: stream, roots
# and variants (one name a line).
read_book() {
	local cr
	cd "$top" || exit 1
	set -- book/*.nw
	[ -e "$1" ] || die "book/ has no chapters (*.nw)"
	cr=$(grep -n $'\r' "$@" /dev/null | cut -d: -f1,2)
	[ -z "$cr" ] || die "$cr: carriage return; end lines with a newline alone"
	"$noweb/markup" -t "$@" >"$tmp/stream" 2>"$tmp/err"
	quiet $? markup
	: >"$tmp/roots"
	: >"$tmp/variants"
	awk -v roots="$roots" -v variants="$variants" -v out="$tmp" \
		"$number$check" "$tmp/stream" >&2 || exit 1
}

# noweb says what is wrong on stderr, and sometimes exits 0 all the same.
quiet() {
	[ "$1" = 0 ] && [ ! -s "$tmp/err" ] && return
	sort -u "$tmp/err" | sed "s/unescaped << in documentation chunk/&: \
write @<< in prose, or a chapter's text has fallen out of its chunk/" >&2
	die "noweb's $2 failed (status $1)"
}

# FILENAME:LINE of the chapter, from the stream's own marks.
number='
	/^@file / { file = substr($0, 7); line = 1 }
	/^@nl$/ || /^@index nl$/ { line++ }
	function home() { return file ":" line }
'

check='
	function bad(where, what) {
		print where ": " what
		failed = 1
	}
	function replaces(v, base, c,   lab, i, n, part) {
		lab = v
		sub(/\/.*/, "/", lab)
		n = split(v, part, "+")
		for (i = 1; i <= n; i++) {
			v = i == 1 ? part[1] : lab part[i]
			if (v !~ variants)
				bad(defined[c], "<<" c ">>: a variant is called " \
				    "LAB/bug, LAB/wrong-SOMETHING or LAB/alt-SOMETHING")
			else if ((v, base) in taken)
				bad(defined[c], "<<" c ">>: " v " has its <<" base \
				    ">> already, at " defined[taken[v, base]])
			taken[v, base] = c
			if (!(v in named) && ++named[v])
				print v >(out "/variants")
		}
	}
	function reach(c,   i, n, u) {
		if (c in reached)
			return
		reached[c] = 1
		n = split(uses[c], u, "\n")
		for (i = 2; i <= n; i++)
			reach(u[i])
		n = split(replaced_by[c], u, "\n")
		for (i = 2; i <= n; i++)
			reach(u[i])
	}
	/^@defn / {
		chunk = substr($0, 7)
		if (!(chunk in defined)) {
			defined[chunk] = home()
			order[++chunks] = chunk
		}
	}
	/^@begin code/ { code = 1 }
	/^@begin docs/ { code = 0 }
	/^@use / {
		name = substr($0, 6)
		if (code) {
			uses[chunk] = uses[chunk] "\n" name
			used[name] = 1
		}
		if (!(name in wanted))
			wanted[name] = home()
	}
	END {
		for (i = 1; i <= chunks; i++) {
			c = order[i]
			if (!match(c, /^[^ ]+\/[^ ]+: /))
				continue
			v = substr(c, 1, RLENGTH - 2)
			base = substr(c, RLENGTH + 1)
			variant[c] = v
			replaces(v, base, c)
			if (!(base in defined))
				bad(defined[c], "<<" c ">> replaces nothing: there is no " \
				    "<<" base ">>; spell it as the chunk that it replaces")
			else if (c in used)
				bad(wanted[c], "<<" c ">> is a variant: use <<" base ">> here")
			replaced_by[base] = replaced_by[base] "\n" c
		}
		for (i = 1; i <= chunks; i++) {
			c = order[i]
			if (c in used || c in variant)
				continue
			if (c ~ roots && c !~ /\.\.| /) {
				print c >(out "/roots")
				reach(c)
			} else if (c ~ /\// && c !~ / /) {
				bad(defined[c], "<<" c ">> would become a file outside " \
				    "the known places: " roots)
				reach(c)
			}
		}
		for (name in wanted)
			if (!(name in defined))
				bad(wanted[name], "<<" name ">> is not defined: " \
				    (name ~ /^ | $|[;|&]/ ? "if shifts are meant, " \
				    "write @<< for each << of the line" : \
				    "write the chunk, or spell it as its definition does"))
		for (i = 1; i <= chunks; i++)
			if (!(order[i] in reached) && !(order[i] in variant))
				bad(defined[order[i]], "<<" order[i] ">> is used by no " \
				    "file: use it, or take it out")
		exit failed
	}
'

# The stream of one variant: its chunks renamed to those they replace.
choose='
	# What a chunk of ours replaces, or nothing.
	function base(name,   who, lab, i, n, part) {
		if (!match(name, /^[^ ]+\/[^ ]+: /))
			return ""
		who = lab = substr(name, 1, RLENGTH - 2)
		name = substr(name, RLENGTH + 1)
		sub(/\/.*/, "/", lab)
		n = split(who, part, "+")
		for (i = 1; i <= n; i++)
			if ((i == 1 ? "" : lab) part[i] == want)
				return name
		return ""
	}
	NR == FNR {
		if (/^@defn / && (b = base(substr($0, 7))) != "")
			gone[b] = 1
		next
	}
	/^@begin code/ { begin = $0; next }
	/^@defn / {
		name = substr($0, 7)
		if ((b = base(name)) != "")
			name = b
		else if (name in gone)
			name = "replaced, " name
		print begin
		$0 = "@defn " name
	}
	{ print }
'

# Put before each line of code where it comes from, between \1 and \2.
mark='
	/^@begin code/ { first = 0 }
	/^@nl$/ { first = 1 }
	/^@text / && first {
		$0 = "@text \1" home() "\2" substr($0, 7)
		first = 0
	}
	{ print }
'

# The last home before a line says anything is the home of what it says.
unmark='
	{
		if (!match($0, /^([ \t]*\1[^\2]*\2)+/)) {
			print "tangle: lost line " FNR " of " file >"/dev/stderr"
			exit 1
		}
		n = split(substr($0, 1, RLENGTH), part, /[\1\2]/)
		print file ":" FNR, part[n - 1]
	}
'

# The tree of variant $1 (or "sound"), into $tmp/new, with its .linemap.
tangle() {
	local names
	awk -v want="$1" "$choose" "$tmp/stream" "$tmp/stream" >"$tmp/chosen"
	awk "$number$mark" "$tmp/chosen" >"$tmp/marked"
	mapfile -t names <"$tmp/roots"
	[ ${#names[@]} -gt 0 ] || die "the book has no root chunk, <<src/...>>="
	mkdir "$tmp/new" "$tmp/lines"
	(cd "$tmp" && sed -n 's,/[^/]*$,,p' roots | sort -u |
		sed 'p;s/^/..\/lines\//' | (cd new && xargs -d '\n' mkdir -p))
	(cd "$tmp/new" && "$noweb/mnt" -t8 "${names[@]}") \
		<"$tmp/chosen" >"$tmp/out" 2>"$tmp/err"
	quiet $? mnt
	(cd "$tmp/lines" && "$noweb/mnt" -t8 "${names[@]}") \
		<"$tmp/marked" >"$tmp/out" 2>"$tmp/err"
	quiet $? "mnt, for the line map"
	# Where an indented chunk is empty, no bare tab gives it away.
	(cd "$tmp/new" && sed -i 's/^[ \t]*$//' "${names[@]}") || exit 1
	for name in "${names[@]}"; do
		awk -v file="$name" "$unmark" "$tmp/lines/$name" || exit 1
	done >"$tmp/new/.linemap"
}

# The files under $1 that a tangled tree would hold.
present() {
	(cd "$1" && find src tests/variants.tsv -type f 2>/dev/null | sort)
}

# Move what changed from $tmp/new to the tree $1, and the line map to $2.
install() {
	local name
	while read -r name; do
		cmp -s "$tmp/new/$name" "$1/$name" && continue
		mkdir -p "$1/${name%/*}" && mv "$tmp/new/$name" "$1/$name" ||
			die "cannot write $1/$name"
	done <"$tmp/roots"
	sort "$tmp/roots" | comm -13 - <(present "$1") | while read -r name; do
		echo "tangle: $name has no chunk any more: removed" >&2
		rm "$1/$name"
	done
	[ ! -d "$1/src" ] || find "$1/src" -depth -type d -empty -delete
	cmp -s "$tmp/new/.linemap" "$2" || mv "$tmp/new/.linemap" "$2"
}

check() {
	local name status=0
	while read -r name; do
		cmp -s "$tmp/new/$name" "$top/$name" && continue
		echo "tangle: $name is not what the book says" >&2
		status=1
	done < <(sort -u "$tmp/roots" <(present "$top"))
	[ $status = 0 ] || die "edit the chapter, then run ./tangle.sh"
}

home='
	NR == FNR {
		map[$1] = $2
		next
	}
	# A path may stand below other folders, or without its src/.
	function look(path, line) {
		do {
			if ((path ":" line) in map)
				return map[path ":" line]
			if (("src/" path ":" line) in map)
				return map["src/" path ":" line]
		} while (sub("^[^/]*/+", "", path))
		return ""
	}
	{
		said = $0
		rest = $0
		while (match(rest, /[A-Za-z0-9_.\/-]+\.[chS]:[0-9]+/)) {
			n = split(substr(rest, RSTART, RLENGTH), at, ":")
			where = look(at[1], at[2])
			if (where != "")
				said = said "  [" where "]"
			rest = substr(rest, RSTART + RLENGTH)
		}
		print said
		fflush()
	}
'

mode=${1-}
case $mode:$# in
:0 | --check:1 | --list:1 | --variant:3) ;;
--home:[12])
	map=${2:-$top/build/linemap}
	[ -r "$map" ] || die "no line map $map: run ./tangle.sh"
	exec awk "$home" "$map" -
	;;
*)
	usage >&2
	exit 2
	;;
esac

dest=$top
linemap=$top/build/linemap
if [ "$mode" = --variant ]; then
	mkdir -p "$3" && dest=$(cd "$3" && pwd) || die "cannot make $3"
	[ "$dest" != "$top" ] || die "$3 is the committed tree: name another folder"
	linemap=$dest/.linemap
fi
mkdir -p "$top/build"
if [ "$dest" = "$top" ]; then
	exec 9>"$top/build/.tangle-lock" && flock 9
	tmp=$(mktemp -d "$top/build/tangle.XXXXXX")
else
	tmp=$(mktemp -d "$dest/.tangle.XXXXXX")
fi || exit 1
trap 'rm -rf "$tmp"' EXIT

read_book
case $mode in
--list)
	cat "$tmp/variants"
	;;
--variant)
	[ "$2" = sound ] || grep -qxF -e "$2" "$tmp/variants" ||
		die "the book has no variant $2; it has: $(xargs <"$tmp/variants")"
	tangle "$2"
	install "$dest" "$linemap"
	;;
--check)
	tangle sound
	check
	;;
*)
	tangle sound
	install "$dest" "$linemap"
	;;
esac
