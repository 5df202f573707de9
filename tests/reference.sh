#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The reference: what each public function of the hypervisor promises, made by
# Doxygen from the kernel-doc comments, with a link to the book's section, and
# a page of locks and references made from the same comments. Any warning is a
# failure: a public function without its contract, a parameter that is not
# there, a lock taken and not mentioned.
# usage: reference.sh OUT
# usage: reference.sh --filter HOMES FILE	kernel-doc to Doxygen, to stdout
set -euo pipefail

if [ "$1" = --filter ]; then
	# kernel-doc's "name() - brief" and "@x: text", as Doxygen wants them,
	# and no line more than there was: the source is shown by number.
	exec awk -F '\t' '
	FNR == NR { home[$1] = "@says{In the book} <a href=\"" $2 "\">" $3 "</a>"; next }
	FNR == 1 { FS = " " }
	# Doxygen shows the functions of a file only if the file says something.
	FNR == 1 { print "/** @file"; next }
	FNR == 2 { sub(/^\/\*/, " * @brief") }
	/^\/\*\*$/ { doc = 1; first = 1; print; next }
	doc && first {
		first = 0
		is_struct = /^ \* struct /
		gsub(/#/, "\\#")
		sub(/^ \* (struct )?[a-z0-9_]+(\(\))? - /, " * @brief ")
		print; next
	}
	doc { gsub(/#/, "\\#") }
	doc && /^ \* @[a-z_]+:/ {
		name = $2; sub(/^@/, "", name); sub(/:$/, "", name)
		text = $0; sub(/^ \* @[a-z_]+:[ \t]*/, "", text)
		gsub(/@/, "@c ", text)
		if (is_struct)
			print " * - @c " name ": " text
		else
			print " * @param " name " " text
		next
	}
	doc { gsub(/@/, "@c ") }
	doc && /^ \* Returns:/ { sub(/Returns:/, "@return") }
	doc && /^ \* (Context|Holds|Takes|Gets|Puts):/ {
		word = $2; sub(/:/, "", word)
		sub(word ":", "@says{" word "}")
	}
	doc && /^ \*\/$/ {
		$0 = " * " home[FILENAME ":" FNR] " */"
		doc = 0
	}
	{ print }' "$2" "$3"
fi

out=$1
mkdir -p "$out"
self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
mapfile -t sources < <(find src -name '*.[ch]' ! -path 'src/vmm/*' \
	! -path 'src/guest/*' ! -name trace.h | sort)

# Where in the book a line comes from: FILE:LINE, the section's page and title.
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
{ grep -n '^ \*/$' "${sources[@]}" | cut -d: -f1,2
	awk -f tests/contracts.awk $(printf '%s\n' "${sources[@]}" |
		grep '\.c$' | grep -v '^src/arch/model/') >"$out/contracts" ||
		{ echo "reference: mend the comments in book/" >&2; exit 1; }
	cut -f1 "$out/contracts"
} | sort -u >"$lines"
paste "$lines" <(./tangle.sh --home <"$lines" | sed 's/.*\[\(.*\)\]$/\1/') |
	awk -F '\t' '
	FILENAME != "-" {
		file = FILENAME
		if (/^#+ / && !code) {
			title = $0; sub(/^#+ /, "", title)
			if (match(title, /\{#[a-z-]+\}/)) {
				id = substr(title, RSTART + 2, RLENGTH - 3)
				if (/^# /)
					chapter = id
				sub(/ *\{.*/, "", title)
			} else {
				id = tolower(title)
				gsub(/[^a-z0-9]+/, "-", id); gsub(/^-|-$/, "", id)
				id = chapter "-" id
			}
		}
		code = /^<<.*>>=$/ ? 1 : /^@/ ? 0 : code
		gsub(/[`*]/, "", title)
		page = file; gsub(/^book\/|\.nw$/, "", page)
		place[file ":" FNR] = "../../book/html/" page ".html#" id "\t" title
		next
	}
	{ print $1 "\t" place[$2] }' book/*.nw - >"$out/homes"

# The page of locks and references.
awk -F '\t' '
FNR == NR { home[$1] = "[" $3 "](" $2 ")"; next }
$3 == "Takes" || $3 == "Holds" {
	n = split($4, part, ", ")
	for (i = 1; i <= n; i++) {
		if (part[i] ~ /->/)
			row("1 " part[i], $3 == "Takes" ? "takes it" : "is called with it held")
		else if ($4 ~ /reference/)
			row("2 " $2, "needs " $4)
	}
	next
}
{ row("2 " $2, tolower($3) " " $4) }
function row(key, what) {
	print key "\t" what "\t" $2 "()\t" home[$1]
}' "$out/homes" "$out/contracts" | sort -u | awk -F '\t' '
BEGIN {
	print "# Locks and references {#locks}\n\nMade from the comments above the" \
		" functions. A function that takes a lock, or gets or puts a" \
		" reference, and does not say so stops the making of this page.\n\n## Who takes which lock\n"
	print "| lock | function | | in the book |\n|:--|:--|:--|:--|"
}
/^2/ && !second++ {
	print "\n## Who gets and puts which reference\n"
	print "| function | | in the book |\n|:--|:--|:--|"
}
{ gsub(/->/, "-\\&gt;", $1); gsub(/@/, "", $2) }
/^1/ { print "| " (substr($1, 3) == last ? "" : "`" substr($1, 3) "`") " | " $3 " | " $2 " | " $4 " |"
	last = substr($1, 3) }
/^2/ { print "| " $3 " | " $2 " | " $4 " |" }' >"$out/locks.md"

doxygen - >"$out/doxygen.log" 2>&1 <<END || { grep -v '^$' "$out/doxygen.log" >&2
PROJECT_NAME = "Twill"
PROJECT_BRIEF = "what each public function promises"
OUTPUT_DIRECTORY = $out
INPUT = ${sources[*]} $out/locks.md
FILTER_PATTERNS = *.c="$self --filter $out/homes" *.h="$self --filter $out/homes"
ALIASES = "says{1}=\par \1^^"
FILTER_SOURCE_FILES = NO
OPTIMIZE_OUTPUT_FOR_C = YES
MACRO_EXPANSION = YES
EXPAND_ONLY_PREDEF = YES
PREDEFINED = __user= __rcu= __init= __exit= "__releases(x)="
EXTRACT_STATIC = NO
HIDE_UNDOC_MEMBERS = YES
SOURCE_BROWSER = YES
SHOW_INCLUDE_FILES = NO
HAVE_DOT = NO
GENERATE_LATEX = NO
QUIET = YES
WARNINGS = YES
WARN_IF_UNDOCUMENTED = NO
WARN_NO_PARAMDOC = YES
WARN_AS_ERROR = FAIL_ON_WARNINGS
END
	echo "reference: Doxygen has warnings (above): mend the comments in book/" >&2
	exit 1
}

# Doxygen is silent about a function that has no comment, or not one of its
# kind. (An architecture's contracts stand in arch.h, once for all of them.)
undocumented=$(printf '%s\n' "${sources[@]}" | grep '\.c$' | xargs awk '
	FNR == 1 || /^$/ { doc = 0 }
	/^\/\*\*$/ { doc = 1 }
	/^[a-z].*[a-z_0-9]+\(.*[^;]$/ && !/^static|^else|^SYM|=/ && !doc &&
		!/^(module_init|module_exit|MODULE|EXPORT)/ && !/[ *]arch_/ {
		print FILENAME ":" FNR ": " $0
	}' | grep -v '^[^ ]* *[A-Z_]*(' || true)
if [ -n "$undocumented" ]; then
	echo "$undocumented" >&2
	echo "reference: these public functions have no contract" >&2
	exit 1
fi
echo "reference: $out/html/index.html, and locks and references in $out/html/locks.html"
