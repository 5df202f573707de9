#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# LuaLaTeX until its page numbers stand still; no loose reference gets past.
# usage: pdf.sh FILE.tex RESULT.pdf
set -u
dir=$(dirname "$1")
name=$(basename "$1" .tex)
log=$dir/$name.log
for _ in 1 2 3 4 5; do
	before=$(cat "$dir/$name.aux" "$dir/$name.toc" 2>/dev/null | cksum)
	if ! SOURCE_DATE_EPOCH=0 lualatex -halt-on-error -interaction=nonstopmode \
		-output-directory="$dir" "$1" >"$dir/out" 2>&1; then
		grep -A 8 -m 1 '^!' "$log" >&2 || tail "$dir/out" >&2
		rm -f "$dir/$name.aux"
		echo "book: LuaLaTeX failed: $log" >&2
		exit 1
	fi
	after=$(cat "$dir/$name.aux" "$dir/$name.toc" | cksum)
	[ "$before" = "$after" ] && break
done
if [ "$before" != "$after" ]; then
	echo "book: page numbers do not settle: $log" >&2
	exit 1
fi
if grep -aE 'Warning.*(undefined|multiply)|^Missing character|Overfull .hbox .([2-9][0-9]|[0-9]{3,})' \
	"$log" >&2; then
	echo "book: the PDF has faults: $log" >&2
	exit 1
fi
mv "$dir/$name.pdf" "$2"
