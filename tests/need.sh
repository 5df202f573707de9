#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Install those of the named Debian packages that this machine lacks, saying so.
# usage: need.sh PACKAGE...
missing=
for p; do
	dpkg-query -W -f='${Status}\n' "$p" 2>/dev/null |
		grep -q '^install ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || {
	echo "need: this machine lacks$missing, and has no apt-get to install them with" >&2
	exit 1
}
as_root=
if [ "$(id -u)" != 0 ]; then
	as_root=sudo
	command -v sudo >/dev/null || {
		echo "need: please install, as root:$missing" >&2
		exit 1
	}
fi
echo "need: installing from Debian's packages:$missing"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words is meant
if ! { $as_root apt-get update -q && $as_root apt-get install -q -y \
	--no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
	tail -n 5 "$log" >&2
	echo "need: apt-get could not install:$missing (the whole log: $log)" >&2
	exit 1
fi
rm -f "$log"
