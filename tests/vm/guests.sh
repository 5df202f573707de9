#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The main job: load the modules on Debian's stock kernel in QEMU, run each
# guest in them, unload them.
# usage: guests.sh OUT VMM GUEST...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1 vmm=$2
shift 2
eval "$("$here/kernel.sh" stock)"
"$here/module.sh" . build/module/stock "$kdir"
rm -rf "$out"
mkdir -p "$out/payload"
cp build/module/stock/twill{,_vfio}.ko "$vmm" "$@" "$out/payload"
cat >"$out/payload/run" <<'END'
#!/bin/sh
set -e
insmod ./twill.ko
insmod ./twill_vfio.ko
for guest in *.bin *.elf; do
	cpus=
	[ "$guest" != smp.elf ] || cpus="-c 3 "
	echo "--- twill run $cpus$guest"
	./twill run $cpus"$guest"
done
rmmod twill_vfio
rmmod twill
echo "--- the module is gone"
END
chmod +x "$out/payload/run"
exec "$here/run.sh" -v -k stock -o "$out" "$out/payload"
