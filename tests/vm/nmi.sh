#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# An NMI never finds a guest's registers in the CPU.
# usage: nmi.sh [stock|debug]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kind=${1:-stock}
eval "$("$here/kernel.sh" "$kind")"
"$here/module.sh" . "build/module/$kind" "$kdir"
"$here/module.sh" "$here/nmi" "build/module/nmi-$kind" "$kdir"
out=build/nmi-$kind
rm -rf "$out"
mkdir -p "$out/payload"
cc -Wall -Wextra -O1 -static -o "$out/payload/guest" "$here/nmi/guest.c"
cp "build/module/$kind/twill.ko" "build/module/nmi-$kind/nmi.ko" "$out/payload"
cat >"$out/payload/run" <<'END'
#!/bin/sh
set -e
insmod ./twill.ko
insmod ./nmi.ko
./guest
cd /sys/module/nmi/parameters
echo "NMIs: $(cat handled), strange: $(cat strange)"
[ "$(cat handled)" -gt 100 ]
[ "$(cat strange)" = 0 ]
cd /
rmmod nmi
rmmod twill
END
chmod +x "$out/payload/run"
exec "$here/run.sh" -v -k "$kind" -t 60 -o "$out" "$out/payload"
