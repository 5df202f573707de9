#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The reference: what each public function of the hypervisor promises, made by
# Doxygen from the kernel-doc comments. Any warning is a failure: a public
# function without its contract, a parameter that is not there.
# usage: reference.sh OUT
# usage: reference.sh --filter FILE	kernel-doc to Doxygen, to stdout
set -euo pipefail

if [ "$1" = --filter ]; then
	# kernel-doc's "name() - brief" and "@x: text", as Doxygen wants them.
	exec awk '
	/^\/\*\*$/ { doc = 1; first = 1; print; next }
	doc && first {
		first = 0
		is_struct = /^ \* struct /
		sub(/^ \* (struct )?[a-z0-9_]+(\(\))? - /, " * @brief ")
		print; next
	}
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
	doc && /^ \* Returns:/ { sub(/Returns:/, "@return") }
	doc && /^ \* (Context|Holds|Takes):/ {
		word = $2; sub(/:/, "", word)
		sub(/(Context|Holds|Takes):/, "@par " word "\n *")
	}
	doc && !/@(brief|return|par) / { gsub(/@/, "@c ") }
	/^ \*\/$/ { doc = 0 }
	{ print }' "$2"
fi

out=$1
mkdir -p "$out"
self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
doxygen - >"$out/doxygen.log" 2>&1 <<END || { grep -v '^$' "$out/doxygen.log" >&2
PROJECT_NAME = "Twill"
PROJECT_BRIEF = "what each public function promises"
OUTPUT_DIRECTORY = $out
INPUT = src
RECURSIVE = YES
EXCLUDE = src/vmm src/guest src/trace.h
FILE_PATTERNS = *.c *.h
INPUT_FILTER = "$self --filter"
FILTER_SOURCE_FILES = NO
OPTIMIZE_OUTPUT_FOR_C = YES
MACRO_EXPANSION = YES
EXPAND_ONLY_PREDEF = YES
PREDEFINED = __user= __rcu= __init= __exit=
EXTRACT_STATIC = NO
HIDE_UNDOC_MEMBERS = YES
SOURCE_BROWSER = YES
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

# Doxygen is silent about a function with no comment at all. (An architecture's
# contracts stand in arch.h, once for all of them.)
undocumented=$(find src -name '*.c' ! -path 'src/vmm/*' ! -path 'src/guest/*' |
	xargs awk '
	FNR == 1 { prev = "" }
	/^[a-z].*[a-z_0-9]+\(.*[^;]$/ && !/^static|^else|^SYM|=/ &&
		prev !~ /\*\/$/ && !/^(module_init|module_exit|MODULE|EXPORT)/ && !/ \*?arch_/ {
		print FILENAME ":" FNR ": " $0
	}
	{ prev = $0 }' | grep -v '^[^ ]* *[A-Z_]*(' || true)
if [ -n "$undocumented" ]; then
	echo "$undocumented" >&2
	echo "reference: these public functions have no contract" >&2
	exit 1
fi
echo "reference: $out/html/index.html"
