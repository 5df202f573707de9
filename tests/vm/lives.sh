#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Lives and deaths of machines (lives.c), on a booted kernel.
# usage: lives.sh stock|debug [ROUNDS]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kind=$1 rounds=${2:-50}
eval "$("$here/kernel.sh" "$kind")"
"$here/module.sh" . "build/module/$kind" "$kdir"
out=build/lives-$kind
rm -rf "$out"
mkdir -p "$out/payload"
cc -Wall -Wextra -O1 -static -o "$out/payload/lives" "$here/lives.c"
cp "build/module/$kind"/twill{,_vfio}.ko "$out/payload"
cat >"$out/payload/run" <<END
#!/bin/sh
set -e
insmod ./twill.ko
insmod ./twill_vfio.ko
./lives $rounds
rmmod twill_vfio
rmmod twill
END
chmod +x "$out/payload/run"
exec "$here/run.sh" -v -k "$kind" -t $((60 + rounds)) -o "$out" "$out/payload"
