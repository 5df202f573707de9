#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Programs of this folder that try how Twill's machines live, share and die, on
# a booted kernel, with the module loaded before and removed after.
# usage: lives.sh stock|debug SECONDS 'PROGRAM [ARGUMENT]...'...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kind=$1 limit=$2
shift 2
eval "$("$here/kernel.sh" "$kind")"
"$here/module.sh" . "build/module/$kind" "$kdir"
"$here/module.sh" "$here/settle" "build/module/settle-$kind" "$kdir"
out=build/lives/$kind-${1%% *}
rm -rf "$out"
mkdir -p "$out/payload"
cp "build/module/$kind"/twill{,_vfio}.ko "build/module/settle-$kind/settle.ko" \
	"$out/payload"
# The count of the depot's parts is depot_index in 6.1, pools_num in 6.12.
cat >"$out/payload/run" <<'END'
#!/bin/sh
set -e
insmod ./settle.ko depot_index=0x0$(sed -nE 's/ . (depot_index|pools_num)$//p' \
	/proc/kallsyms)
insmod ./twill.ko
insmod ./twill_vfio.ko
END
for command; do
	program=${command%% *}
	cc -Wall -Wextra -Wno-unused-result -O1 -static -pthread \
		-o "$out/payload/$program" "$here/$program"*.c "$here/account.c"
	echo "./$command" >>"$out/payload/run"
done
{
	echo 'rmmod twill_vfio'
	echo 'rmmod twill'
} >>"$out/payload/run"
chmod +x "$out/payload/run"
exec "$here/run.sh" -v -k "$kind" -t "$limit" -o "$out" "$out/payload"
