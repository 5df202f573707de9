#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The machine sleeps and wakes up, and each CPU can still visit guests; another
# kernel is started by kexec beside a running guest, and finds SVM free.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
eval "$("$here/kernel.sh" stock)"
"$here/module.sh" . build/module/stock "$kdir"
"$here/module.sh" "$here/power" build/module/power "$kdir"
out=build/power
rm -rf "$out"
mkdir -p "$out"/{sleep,kexec,initramfs/bin}
flags='-Wall -Wextra -O1 -static'
cc $flags -o "$out/sleep/guest" tests/try/real-mode.c
cc $flags -o "$out/kexec/guest" "$here/nmi/guest.c"
cc $flags -o "$out/kexec/kexec" "$here/power/kexec.c"
strip -g -o "$out/twill.ko" build/module/stock/twill.ko
cp "$out/twill.ko" build/module/power/look.ko "$out/sleep"

cat >"$out/sleep/run" <<'END'
#!/bin/sh
set -e
insmod ./twill.ko
ln -sf twill /dev/kvm
./guest >/dev/null
insmod ./look.ko
rmmod look
echo +5 >/sys/class/rtc/rtc0/wakealarm
echo mem >/sys/power/state
insmod ./look.ko
for cpu in 0 1 2 3; do
	taskset -c $cpu ./guest >/dev/null
done
rmmod twill
echo "power: slept, and each CPU has run a guest"
END

# The other kernel's only program. The harness sees the machine go away.
cat >"$out/initramfs/init" <<'END'
#!/bin/busybox sh
/bin/busybox mkdir -p /dev
/bin/busybox mount -t devtmpfs dev /dev
exec >/dev/ttyS1 2>&1
/bin/busybox insmod /twill.ko && echo "power: the next kernel has SVM"
/bin/busybox sleep 1
/bin/busybox poweroff -f
END
chmod +x "$out/sleep/run" "$out/initramfs/init"
cp /bin/busybox "$out/initramfs/bin"
cp "$out/twill.ko" "$out/initramfs"
(cd "$out/initramfs" && find . | cpio -o -H newc --quiet -R 0:0) \
	>"$out/kexec/initrd"
cp "$kernel" "$out/kexec/kernel"
cp "$out/twill.ko" "$out/kexec"
cat >"$out/kexec/run" <<'END'
#!/bin/sh
insmod ./twill.ko
./guest &
sleep 1
exec ./kexec kernel initrd
END
chmod +x "$out/kexec/run"

"$here/run.sh" -v -k stock -t 60 -o "$out" "$out/sleep"
"$here/run.sh" -k stock -t 90 -o "$out" "$out/kexec" >"$out/said" 2>&1 || true
grep -a '^power: the next kernel has SVM' "$out/output" && exit
tail -n 30 "$out/said" >&2
exit 1
