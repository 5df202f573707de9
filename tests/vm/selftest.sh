#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Test the harness itself: each kind of complaint is seen and fails the run,
# each exit status comes through, two runs at once do not disturb one another,
# and the gate keeps an order.
set -euo pipefail
vm=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# expect STATUS WORDS WHAT OPTION...: run a payload, look at how it ends
expect() {
	local status=0 want=$1 words=$2 what=$3
	shift 3
	"$vm/run.sh" "$@" "$work/payload" >"$work/log" 2>&1 || status=$?
	if [ $status != "$want" ] || ! grep -qe "$words" "$work/log"; then
		echo "FAILED: $what: status $status instead of $want, or no \"$words\" in"
		cat "$work/log"
		failed=1
	else
		echo "ok: $what"
	fi
}

payload() {	# payload COMMAND
	printf '#!/bin/sh\n%s\n' "$1" >"$work/payload/run"
	chmod +x "$work/payload/run"
}

mkdir -p "$work/payload"
payload 'echo "a payload speaks"; exit 42'
expect 42 "^a payload speaks" "the payload's output and exit status" -k stock
payload 'sleep 100'
expect 124 "time limit of 2 s" "a time limit" -k stock -t 2
payload 'printf "a\0b\n"; echo >/dev/kmsg "BUG: not really"'
expect 3 "the kernel complains: bug" "a complaint on the stock kernel" -k stock
payload 'echo o >/proc/sysrq-trigger; sleep 5'
expect 125 "qemu was stopped: guest-shutdown" "a machine that goes away" -k stock

payload 'cat mark; cat /dev/vda | head -c 1000000 | wc -c'
for i in 1 2; do
	cp -r "$work/payload" "$work/payload-$i"
	echo "I am $i" >"$work/payload-$i/mark"
	"$vm/run.sh" "$work/payload-$i" >"$work/out-$i" 2>&1 &
done
wait
if [ "$(cat "$work"/out-[12])" = $'I am 1\n1000000\nI am 2\n1000000' ]; then
	echo "ok: two runs at once"
else
	echo "FAILED: two runs at once"
	cat "$work"/out-[12]
	failed=1
fi

eval "$("$vm/kernel.sh" debug)"
# The gate and the steps that test it; then the mistakes.
"$vm/module.sh" "$vm/selftest" "$work/modules/selftest" "$kdir" STEPS=1
for m in faults toy gate; do
	strip -g -o "$work/payload/$m.ko" "$work/modules/selftest/$m.ko"
done
gcc -O2 -Wall -static -pthread -o "$work/payload/gate-test" \
	"$vm/selftest/gate-test.c"
payload 'insmod gate.ko limit_ms=4000; insmod toy.ko; ./gate-test; s=$?
rmmod toy gate && exit $s'
expect 0 "keeps its orders" "the gate, and no complaint" -k debug

quick='touch no-leak-check; '
for kind in warning refcount lockdep kasan sleep-in-atomic; do
	payload "$quick insmod faults.ko kind=$kind; echo loaded"
	expect 3 "kernel complains: $kind" "$kind" -k debug
done
expect 0 loaded "a complaint that is expected" -k debug -e sleep-in-atomic
expect 3 "did not come: kasan" "an expected complaint that does not come" \
	-k debug -e kasan,sleep-in-atomic
payload "$quick insmod faults.ko kind=oops"
expect 137 "kernel complains: oops" oops -k debug
payload "$quick insmod faults.ko kind=bug"
expect 139 "kernel complains: oops" bug -k debug
payload 'insmod faults.ko kind=kmemleak'
expect 3 "kernel complains: kmemleak" kmemleak -k debug
payload "$quick insmod faults.ko kind=hung-task & sleep 8"
expect 3 "kernel complains: hung-task" hung-task -k debug
payload "$quick insmod faults.ko kind=triple-fault"
expect 125 "qemu was stopped: guest-reset" "a guest that falls over" -k debug \
	-o "$work/fallen"
grep -q '^RIP=' "$work/fallen/registers" || { echo "FAILED: its registers"; failed=1; }
payload "$quick insmod faults.ko kind=recursion"
expect 124 "faults_init" "a task that is stuck" -k debug -t 2
exit $failed
