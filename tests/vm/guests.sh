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
[ ! -e "$kmods/loop.ko" ] || cp "$kmods"/{brd,loop}.ko "$out/payload"
cat >"$out/payload/run" <<'END'
#!/bin/sh
set -eo pipefail
insmod ./twill.ko
insmod ./twill_vfio.ko
# A command, and what it needs of memory above 6 MiB swapped, to a loop device: a
# disk in memory alone would answer at once.
swapped() {
	insmod ./brd.ko rd_nr=1 rd_size=32768
	insmod ./loop.ko
	losetup /dev/loop0 /dev/ram0
	mkswap /dev/loop0 >/dev/null
	swapon /dev/loop0
	mkdir -p /tmp/cgroup
	mount -t cgroup2 none /tmp/cgroup
	echo +memory >/tmp/cgroup/cgroup.subtree_control
	mkdir /tmp/cgroup/few
	echo 6M >/tmp/cgroup/few/memory.high
	echo 0 >/tmp/cgroup/few/cgroup.procs
	"$@"
	n=$(sed -n 's/^pswpin //p' /proc/vmstat)
	[ "$n" -ge 256 ]
	echo "(The host had to read $n pages of it back.)"
}
run() {
	echo "--- twill run $*"
	./twill run "$@" | tee said
}
for guest in *.bin *.elf; do
	case $guest in
	smp.elf) run -c 3 $guest ;;
	kernel.elf)
		run --watchdog=20 $guest
		run --watchdog=20 -c 2 $guest ;;
	absent.elf | user.elf)
		for cpus in 1 2; do
			run --watchdog=20 --lazy -c $cpus $guest
			grep -q '^that is as it should be' said
		done ;;
	wait.elf)
		for cpus in 1 2; do
			run --watchdog=60 --lazy=1 -c $cpus $guest
			grep -q '^that is as it should be' said
		done ;;
	memory.elf)
		run $guest
		run -m 3 --lazy=1 $guest
		[ ! -e loop.ko ] || (swapped run -m 8 $guest) ;;
	*) run $guest ;;
	esac
done
# A guest that does not end is made to: by the end of all wake-ups, and by time.
hangs() {
	why=$1
	shift
	echo "--- twill run $*"
	if ./twill run "$@" >said 2>&1; then
		exit 1
	fi
	cat said
	grep -q "$why" said
	grep -q "vCPU 1 .* at 0x100[02], interrupts o" said
}
printf '\373\364' >sti-hlt.bin
printf '\353\376' >for-ever.bin
hangs 'nobody is left to wake one' -c 2 --watchdog=60 sti-hlt.bin
hangs 'not ended in 1 s' -c 2 --watchdog=1 for-ever.bin
rmmod twill_vfio
# A worker may be the last to let go of an address space, and of a file.
n=0
until rmmod twill; do
	[ $((n += 1)) -lt 50 ]
	sleep 0.2
done
echo "--- the module is gone"
END
chmod +x "$out/payload/run"
exec "$here/run.sh" -v -k stock -o "$out" "$out/payload"
