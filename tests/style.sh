#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The module builds at W=1 without a warning, and sparse and checkpatch have
# nothing to say.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
"$here/need.sh" sparse perl linux-source-6.1 linux-headers-amd64 xz-utils
eval "$("$here/vm/kernel.sh" stock)"
out=build/style
rm -rf "$out"
mkdir -p "$out"

# KCFLAGS would hide nothing: any line that the build prints is a failure.
if ! "$here/vm/module.sh" . "$out/module" "$kdir" C=2 2>"$out/said" ||
	[ -s "$out/said" ]; then
	cat "$out/said" >&2
	echo "style: the module does not build cleanly at W=1 with sparse" >&2
	exit 1
fi

tar -C "$out" --strip-components=2 -xf /usr/src/linux-source-6.1.tar.xz \
	linux-source-6.1/scripts/{checkpatch.pl,spelling.txt,const_structs.checkpatch}
# A file of its own name in itself is how tracepoints are declared; asm/ is
# meant where the architecture is; kernels' versions are compared in compat.h.
find src -name '*.[ch]' -o -name '*.S' | grep -vE '^src/(vmm|guest)/' | xargs perl \
	"$out/checkpatch.pl" --no-tree -q -f --no-summary --show-types \
	--ignore EMBEDDED_FILENAME,LINUX_VERSION_CODE,CONSTANT_COMPARISON
echo "style: W=1, sparse and checkpatch are silent"
