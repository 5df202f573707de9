#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The same requests to Twill and to the kernel's KVM (fuzz.c), and whether they
# are answered alike. Where they may differ stands in fuzz-compare.c.
# usage: answers.sh [FUZZ'S ARGUMENT]...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=build/answers
mkdir -p $out
cc -Wall -Wextra -Wno-unused-result -O1 -static -pthread -o $out/fuzz \
	"$here"/fuzz*.c "$here/account.c"
MODULE=kvm LIMIT=200 "$here/try.sh" $out/fuzz -r "$@" >$out/kvm &
MODULE=twill LIMIT=200 "$here/try.sh" $out/fuzz -r "$@" >$out/twill
wait $!
$out/fuzz -c $out/twill $out/kvm
