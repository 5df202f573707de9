#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The litmus programs as a module, on a booted kernel; see compare.py.
# usage: litmus.sh KIND OUT [PARAMETER]...    what the module says: OUT/seen
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
vm=$here/../../vm
kind=$1 out=$2
shift 2
eval "$("$vm/kernel.sh" "$kind")"
mkdir -p "$out/tree"
cp "$here"/{Kbuild,runner.c,kernel.h} "$here/../scenario.h" \
	"$here"/../litmus/{classics,late,locks,memory,outcomes,races,returns,sharing,waiting}.c \
	"$out/tree"
mkdir -p "$out/module-$kind" "$out/payload"
cp "$here/sections.ld" "$out/module-$kind"
"$vm/module.sh" "$out/tree" "$out/module-$kind" "$kdir"
strip -g -o "$out/payload/litmus.ko" "$out/module-$kind/litmus.ko"
cat >"$out/payload/run" <<END
#!/bin/sh
set -e
insmod ./litmus.ko $*
dmesg | sed -n 's/.*litmus: \(program\|outcome\|no\) /\1 /p'
rmmod litmus
END
chmod +x "$out/payload/run"
"$vm/run.sh" -k "$kind" -t 150 -o "$out" "$out/payload" >"$out/seen"
