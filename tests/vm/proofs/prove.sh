#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Prove that the instruments see what the replays and labs need them to see:
#
# - lockdep reports a circle each time that the saved machine is restored (it
#   reports once a boot, then switches itself off);
# - a worker that a page fault holds while its module is unloaded oopses; and
#   it does not if the module stays, so it is the unloading that does it. On
#   the debug kernel lockdep speaks first: the worker holds its own work item
#   as a lock, and the name of that lock went with the module.
#
# usage: prove.sh    (TRIES=3)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
vm=$here/..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

prove() {
	local what=$1
	shift
	if "$vm/run.sh" "$@" >"$work/log" 2>&1; then
		echo "ok: $what"
	else
		echo "FAILED ($?): $what"
		cat "$work/log"
		failed=1
	fi
}

payload() {	# payload NAME COMMAND: the modules and a program
	mkdir -p "$work/$1"
	strip -g -o "$work/$1/locks.ko" "$work/$kind/locks.ko"
	strip -g -o "$work/$1/circle.ko" "$work/$kind/circle.ko"
	strip -g -o "$work/$1/gift.ko" "$work/$kind/gift.ko"
	cp "$work/gift-test" "$work/$1/"
	printf '#!/bin/sh\nset -e\n%s\n' "$2" >"$work/$1/run"
	chmod +x "$work/$1/run"
	touch "$work/$1/no-leak-check"
}

gcc -O2 -Wall -static -o "$work/gift-test" "$here/gift-test.c"
for kind in stock debug; do
	eval "$("$vm/kernel.sh" $kind)"
	"$vm/module.sh" "$here" "$work/$kind" "$kdir"
	payload $kind-unload 'insmod gift.ko; ./gift-test unload'
	prove "$kind kernel: the unloaded worker oopses" \
		-k $kind -t 20 -e oops,kasan?,warning? "$work/$kind-unload"
	payload $kind-stay 'insmod gift.ko; ./gift-test stay'
	prove "$kind kernel: the worker of a module that stays returns" \
		-k $kind -t 20 "$work/$kind-stay"
done
payload circle 'insmod locks.ko; insmod circle.ko'
for try in $(seq "${TRIES:-3}"); do
	prove "debug kernel: lockdep sees the circle, try $try" \
		-k debug -t 20 -e lockdep "$work/circle"
done
payload no-circle 'insmod locks.ko'
prove "debug kernel: silence without the circle" -k debug -t 20 \
	"$work/no-circle"
exit $failed
