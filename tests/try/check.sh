#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The sample programs of this folder, made for /dev/kvm, say the same on Twill
# as on KVM, and end with status 0. Some run on Twill alone: under QEMU KVM does
# not keep XCR0 apart, for want of an intercept (apart.c), and loses the
# interrupt shadow (hidden.c); it plays instructions that Twill refuses
# (hostile.c), and has not the tracepoint that large.c counts by.
# usage: check.sh [debug]	debug: only memory.c, on the debug kernel
set -euo pipefail
cd "$(dirname "$0")/../.."
out=build/try-check
mkdir -p $out

build() {
	cc -O1 -Wall -Wextra -static -pthread -o "$out/$1" "tests/try/$1.c"
}

# The memory of running guests, on the debug kernel, with its judges.
if [ "${1:-}" = debug ]; then
	build memory
	KERNEL_KIND=debug LEAKS=1 LIMIT=300 tests/vm/try.sh $out/memory |
		tee $out/memory.debug
	exit
fi
# One boot for KVM, one for Twill, side by side.
same=(real-mode modes traps events mmio walk state timers memory compat control
	registers absent)
alone=(apart hidden hostile large)
for program in "${same[@]}" "${alone[@]}"; do
	build $program
done
cat >$out/all <<'END'
#!/bin/sh
for p; do
	echo "--- $p"
	./$p || { echo "$p: status $?"; exit 1; }
done
END
chmod +x $out/all
same+=("absent swapped")
alone+=("control alone" "registers alone" "absent alone")
try() {
	MODULE=$1 LIMIT=600 FILES=$(find $out -maxdepth 1 -type f -executable) \
		tests/vm/try.sh $out/all "${@:2}"
}
try kvm "${same[@]}" >$out/kvm &
try twill "${same[@]}" "${alone[@]}" | tee $out/twill
wait $!
# Twill answers as 6.1's KVM does. Where 6.12's says something else: it counts
# the NMIs that wait.
sed -i 's|nmi 0/2/0|nmi 0/1/0|' $out/kvm
diff $out/kvm <(sed "/^--- ${alone[0]}/,\$d" $out/twill)

# All of them once more, in one boot of the debug kernel.
eval "$(tests/vm/kernel.sh debug)"
tests/vm/module.sh . build/module/debug "$kdir"
rm -rf $out/debug
mkdir -p $out/debug
cp $out/{real-mode,modes,traps,events,mmio,walk,state,timers,apart} \
	$out/{hidden,hostile,control,registers,absent} $out/debug
strip -g -o $out/debug/twill.ko build/module/debug/twill.ko
cat >$out/debug/run <<'END'
#!/bin/sh
insmod ./twill.ko
ln -sf twill /dev/kvm
for p in real-mode modes traps events mmio walk state timers apart hidden \
		hostile control "control alone" registers "registers alone" \
		absent "absent alone"; do
	./$p >said || { cat said; echo "$p: status $?"; exit 1; }
done
rmmod twill
echo "programs: quiet on the debug kernel"
END
chmod +x $out/debug/run
tests/vm/run.sh -v -k debug -t 400 $out/debug
