#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The sample programs of this folder, made for /dev/kvm, say the same on Twill
# as on KVM, and end with status 0. (apart.c and the shadow of events.c run on
# Twill alone: under QEMU KVM does not keep XCR0 apart, for want of an
# intercept, and loses the interrupt shadow.)
set -euo pipefail
cd "$(dirname "$0")/../.."
out=build/try-check
mkdir -p $out
for program in real-mode modes apart events mmio state; do
	cc -O1 -Wall -Wextra -static -pthread -o $out/$program \
		tests/try/$program.c
	for module in twill kvm; do
		[ $program.$module != apart.kvm ] || continue
		MODULE=$module tests/vm/try.sh $out/$program |
			tee $out/$program.$module
	done
	[ $program = apart ] || cmp $out/$program.twill $out/$program.kvm
done
MODULE=twill tests/vm/try.sh $out/events shadow
