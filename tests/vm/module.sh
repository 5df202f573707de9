#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Build kernel modules outside of their source.
#
# usage: module.sh TREE OUT KDIR [VARIABLE=VALUE]...
#
# TREE/src, or TREE itself if there is no such folder, is copied to OUT and
# built there against KDIR; the source stays clean. With STEPS=1 the gate is
# built too, since the module then calls it. Silent when there is nothing to
# say; a compiler's message is followed by the place in the book (--home).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 3 ] || { sed -n 's/^# //p' "$0" >&2; exit 2; }
tree=$1 kdir=$3
mkdir -p "$2"
out=$(cd "$2" && pwd)
shift 3
from=$tree
[ ! -d "$tree/src" ] || from=$tree/src

exec 9>"$out/.lock"
flock 9

# Copy what differs, so that only that is built; drop what is gone.
cd "$from"
files=$(find . \( -path ./vmm -o -path ./guest \) -prune -o -type f \
	\( -name '*.[chS]' -o -name Kbuild \) -print)
while read -r f; do
	cmp -s "$f" "$out/$f" && continue
	mkdir -p "$out/$(dirname "$f")"
	cp "$f" "$out/$f"
done <<<"$files"
cd "$OLDPWD"
(cd "$out" && find . -name '*.[chS]' ! -name '*.mod.c') |
	{ grep -vxFf <(echo "$files") || true; } |
	(cd "$out" && xargs -r rm -f)

steps=() flags=-g
if [[ " $* " == *" STEPS=1 "* ]]; then
	gate=$(dirname "$out")/gate-$(sha256sum <<<"$kdir" | cut -c 1-8)
	"$here/module.sh" "$here/gate" "$gate" "$kdir"
	cp "$gate/gate.ko" "$out/"
	# A verdict names a function: each stays one.
	flags='-g -fno-inline -fno-optimize-sibling-calls'
	steps=("KBUILD_EXTRA_SYMBOLS=$gate/Module.symvers" STEPS=y)
fi

status=0
make -s -C "$kdir" M="$out" W=1 KCFLAGS="$flags" -j"$(nproc)" "$@" "${steps[@]}" \
	modules >"$out/build.log" 2>&1 || status=$?
home=(cat)
map=$tree/.linemap
[ -e "$map" ] || map=$here/../../build/linemap
[ ! -e "$map" ] || [ "$from" = "$tree" ] ||
	home=("$here/../../tangle.sh" --home "$map")
grep -vE '^make|Skipping BTF generation|compiler differs|(kernel was|You are) (built|using)' \
	"$out/build.log" | sed "s|$out/|src/|g" | "${home[@]}" >&2 || true
exit $status
