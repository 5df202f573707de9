#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Install those of the named Debian packages that this machine lacks, saying so.
# A system that has not got them by these names is told, and tried all the same.
# usage: need.sh PACKAGE...
missing=
for p; do
	dpkg-query -W -f='${Status}\n' "$p" 2>/dev/null |
		grep -q '^install ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
system=$(. /etc/os-release 2>/dev/null && echo "$PRETTY_NAME")
elsewhere() {
	echo "need: ${system:-this system} offers no package$1" >&2
	echo "need: please install what Debian 12 and 13, for which Twill is made, have in it" >&2
}
command -v apt-get >/dev/null || {
	elsewhere "$missing"
	exit 0
}
as_root=
if [ "$(id -u)" != 0 ]; then
	as_root=sudo
	command -v sudo >/dev/null || {
		echo "need: please install, as root:$missing" >&2
		exit 1
	}
fi
echo "need: installing from ${system:-this system}'s packages:$missing"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
install() {
	$as_root apt-get update -q || return
	there='' absent=''
	for p in $missing; do
		if apt-cache show "$p" >/dev/null; then
			there="$there $p"
		else
			absent="$absent $p"
		fi
	done
	# shellcheck disable=SC2086 # a list of words is meant
	[ -z "$there" ] || $as_root apt-get install -q -y \
		--no-install-recommends $there
}
if ! install >"$log" 2>&1 </dev/null; then
	tail -n 5 "$log" >&2
	echo "need: apt-get could not install:$missing (the whole log: $log)" >&2
	exit 1
fi
[ -z "$absent" ] || elsewhere "$absent"
rm -f "$log"
