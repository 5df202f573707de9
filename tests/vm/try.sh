#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Run a static program of the host's in the tests' machine, with the module
# loaded; /dev/kvm is a link to /dev/twill unless MODULE=kvm. What it prints and
# its exit status are this command's. There is a disk in memory, /dev/ram0, and
# /dev/loop0, if the kernel comes with the modules. With LEAKS=1 a debug kernel is asked for
# leaks afterwards.
#
# usage: [MODULE=twill|kvm] [KERNEL_KIND=stock|debug|next] [FILES=...]
#		try.sh PROGRAM [ARGUMENT]...	FILES are put beside it
#        try.sh --shell    a prompt in that machine instead
set -euo pipefail
vm=$(cd "$(dirname "$0")" && pwd)
top=$vm/../..
kind=${KERNEL_KIND:-stock}
module=${MODULE:-twill}
[ $# -ge 1 ] || { sed -n 's/^# //p' "$0" >&2; exit 125; }
payload=$(mktemp -d)
trap 'rm -rf "$payload"' EXIT

found=$("$vm/kernel.sh" "$kind") || exit 125
eval "$found"
case $module in
kvm)
	cc -O1 -Wall -Wextra -static -o "$payload/hold" "$vm/hold.c" || exit 125
	# One CPU meanwhile: hold.c says why.
	cpus='for c in /sys/devices/system/cpu/cpu[1-9]*/online; do echo'
	load="$cpus 0 >\$c; done; "
	for m in irqbypass ccp kvm kvm-amd; do
		[ -e "$kmods/$m.ko" ] || continue
		cp "$kmods/$m.ko" "$payload/"
		load+="insmod $m.ko || exit 125; "
	done
	load+="./hold || exit 125; $cpus 1 >\$c; done; "
	;;
twill)
	"$vm/module.sh" "$top" "$top/build/module/$kind" "$kdir" || exit 125
	load=
	for m in twill twill_vfio; do
		strip -g -o "$payload/$m.ko" "$top/build/module/$kind/$m.ko"
		load+="insmod $m.ko || exit 125; "
	done
	load+="ln -sf twill /dev/kvm; "
	;;
*)
	echo "try: MODULE=twill or MODULE=kvm, not $module" >&2
	exit 125
	;;
esac
if [ -e "$kmods/brd.ko" ]; then
	cp "$kmods/brd.ko" "$payload/"
	load+='insmod brd.ko rd_nr=1 rd_size=32768 || exit 125; '
fi
if [ -e "$kmods/loop.ko" ]; then
	cp "$kmods/loop.ko" "$payload/"
	load+='insmod loop.ko max_loop=1 || exit 125; '
fi

options=(-k "$kind" -t "${LIMIT:-60}")
# shellcheck disable=SC2086 # a list of files is meant
[ -z "${FILES:-}" ] || cp $FILES "$payload/"
if [ "$1" = --shell ]; then
	start='echo "Here are: $(ls | grep -v "^run\$" | xargs). Leave with: exit"
exec sh -i'
	options=(-k "$kind" -t "${LIMIT:-86400}" -s)
else
	cp "$1" "$payload/program"
	shift
	start="exec ./program$(printf ' %q' "$@")"
	[ $# -gt 0 ] || start='exec ./program'
fi
printf '#!/bin/sh\n%s\n%s\n' "$load" "$start" >"$payload/run"
chmod +x "$payload/run"
[ -n "${LEAKS:-}" ] || touch "$payload/no-leak-check"
status=0
"$vm/run.sh" "${options[@]}" "$payload" || status=$?
exit $status
