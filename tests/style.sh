#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The module builds at W=1 without a warning, for this Debian's Linux and for a
# newer one where Debian 12 offers that, and sparse and checkpatch have nothing
# to say. No files of arch/x86 call one another in a circle.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
"$here/need.sh" sparse perl linux-source linux-headers-amd64 xz-utils
out=build/style
rm -rf "$out"
mkdir -p "$out"

# KCFLAGS would hide nothing: any line that the build prints is a failure.
built=
for kind in stock next; do
	if ! found=$("$here/vm/kernel.sh" $kind); then
		[ $kind = next ] || exit 1
		echo "style: SKIPPED: there is no newer Linux to build for" >&2
		continue
	fi
	eval "$found"
	if ! "$here/vm/module.sh" . "$out/$kind" "$kdir" C=2 2>"$out/said" ||
		[ -s "$out/said" ]; then
		cat "$out/said" >&2
		echo "style: the module does not build cleanly for $kdir" >&2
		exit 1
	fi
	built+=" $(make -s -C "$kdir" kernelrelease)"
done

# Who uses whose functions, and tsort, which fails where there is a circle.
(cd "$out/stock/arch/x86" && nm -A ./*.o) | awk '
	{ split($1, at, ":"); name = $NF; type = $(NF - 1) }
	type == "U" { uses[at[1], name] }
	type ~ /[TDBR]/ { home[name] = at[1] }
	END {
		for (use in uses) {
			split(use, u, SUBSEP)
			if (u[2] in home)
				print u[1], home[u[2]]
		}
	}' | sort -u >"$out/arrows"
[ -s "$out/arrows" ]
tsort "$out/arrows" >/dev/null

# One empty line between functions: after a closing brace, unless what comes
# belongs to the function or the file ends; and not two.
find src -name '*.[ch]' -exec awk '
	FNR == 1 { after = empty = 0 }
	after && NF && !/^(#|}|EXPORT_SYMBOL|[\t ])/ {
		print FILENAME ":" FNR ": no empty line after a closing brace"
		bad = 1
	}
	empty && !NF { print FILENAME ":" FNR ": two empty lines"; bad = 1 }
	{ after = /^}/; empty = !NF }
	END { exit bad }' {} + >&2

source=$(dpkg-query -W -f '${Depends}' linux-source)
source=${source%% *}
tar -C "$out" --strip-components=2 -xf "/usr/src/$source.tar.xz" \
	"$source"/scripts/{checkpatch.pl,spelling.txt,const_structs.checkpatch}
# A file of its own name in itself is how tracepoints are declared; asm/ is
# meant where the architecture is; kernels' versions are compared in compat.h.
find src -name '*.[ch]' -o -name '*.S' | grep -vE '^src/(vmm|guest)/' | xargs perl \
	"$out/checkpatch.pl" --no-tree -q -f --no-summary --show-types \
	--ignore EMBEDDED_FILENAME,LINUX_VERSION_CODE,CONSTANT_COMPARISON
echo "style: W=1, sparse and checkpatch are silent;$built"
