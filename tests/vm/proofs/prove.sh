#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Prove that the instruments see what the replays and labs need them to see:
#
# - lockdep reports a circle each time that the saved machine is restored (it
#   reports once a boot, then switches itself off);
# - a worker that a page fault holds while its module is unloaded oopses; and
#   it does not if the module stays, so it is the unloading that does it. This
#   on the stock kernel. On the debug kernel the worker holds its own work item
#   as a lock, for lockdep, and the class of that lock goes with the module:
#   lockdep warns about that while it holds a run queue's lock, printing the
#   warning takes it again, and now and then the machine stands still instead.
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
kind=stock
eval "$("$vm/kernel.sh" $kind)"
"$vm/module.sh" "$here" "$work/$kind" "$kdir"
payload unload 'insmod gift.ko; ./gift-test unload'
prove "stock kernel: the unloaded worker oopses" -e oops "$work/unload"
payload stay 'insmod gift.ko; ./gift-test stay'
prove "stock kernel: the worker of a module that stays returns" "$work/stay"
kind=debug
eval "$("$vm/kernel.sh" $kind)"
"$vm/module.sh" "$here" "$work/$kind" "$kdir"
payload circle 'insmod locks.ko; insmod circle.ko'
for try in $(seq "${TRIES:-3}"); do
	prove "debug kernel: lockdep sees the circle, try $try" \
		-k debug -e lockdep "$work/circle"
done
payload no-circle 'insmod locks.ko'
prove "debug kernel: silence without the circle" -k debug \
	"$work/no-circle"
exit $failed
