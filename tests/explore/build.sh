#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Build the explorer of a tree's core:  build.sh TREE OUT [MAIN.c]
# TREE has src/; the result is OUT. Everything else comes from where this
# script is. An object is kept under a hash of all that went into it, so that
# trees that differ in one file share the rest. MAIN.c replaces the command's
# main (with LIBS, what it wants to be linked with).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tree=$(cd "$1" && pwd)
mkdir -p "$(dirname "$2")"
out=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
main=${3:-tests/explore/main.c}
cache=${EXPLORE_CACHE:-$root/build/explore-objects}
mkdir -p "$cache"
[ -d "$tree/src" ] || { echo "build.sh: $tree/src does not exist" >&2; exit 2; }

common="-std=gnu11 -g1 -fno-pie -ffreestanding -Wall -Wextra -Werror
	-Wno-unused-parameter -Wno-sign-compare -fno-common -I$here -I$here/include"
# The code under test: each function stands by itself in a stack, and each
# access is announced.
subject="$common -O1 -fno-inline -fno-optimize-sibling-calls
	-fno-strict-aliasing -fno-delete-null-pointer-checks
	-fsanitize=thread --param tsan-distinguish-volatile=1
	-Wno-missing-field-initializers -Wno-address
	-Isrc -Isrc/arch/model -DSTEPS"
runtime="$common -fhosted -D_GNU_SOURCE -O2 $(pkg-config --cflags check 2>/dev/null || true)"

# Where is it, its name there, how is it compiled, what does that depend on.
subject_headers=$(cd "$tree" && find src -name '*.h' | sort | xargs -r cat |
	cat - "$here"/scenario.h $(find "$here/include" -name '*.h' | sort) |
	sha256sum | cut -c1-20)
runtime_headers=$(cat "$here"/*.h $(find "$here/include" -name '*.h' | sort) |
	sha256sum | cut -c1-20)

common=$(echo $common) subject=$(echo $subject) runtime=$(echo $runtime)

list() {	# DIR HEADERS FLAGS FILE...
	local dir=$1 headers=$2 flags=$3 f hash
	shift 3
	[ $# -gt 0 ] || return 0
	(cd "$dir" && sha256sum -- "$@") | while read -r hash f; do
		hash=$(echo "$hash $headers $f $flags" | sha256sum)
		printf '%s\t%s\t%s\t%s\n' "${hash:0:40}" "$dir" "$f" "$flags"
	done
}

files() { (cd "$1" && shopt -s nullglob && cd . && eval "echo $2"); }

subjects=$(
	list "$tree" "$subject_headers" "$subject -DTWILL_MODULE=twill" \
		$(files "$tree" 'src/*.c src/arch/model/*.c')
	list "$tree" "$subject_headers" "$subject -DTWILL_MODULE=twill_vfio" \
		$(files "$tree" 'src/vfio/*.c')
	list "$root" "$subject_headers" "$subject -I$root/src -DTWILL_MODULE=litmus" \
		$(files "$root" 'tests/explore/scenarios/*.c')
	list "$root" "$subject_headers" \
		"$subject -DTWILL_MODULE=litmus -DLITMUS" \
		$(files "$root" 'tests/explore/litmus/*.c'))
runtimes=$(list "$root" "$runtime_headers" "$runtime" "$main" \
	$(files "$root" 'tests/explore/{engine,memory,sync,kernel,mm,report}.c'))

compile() {
	local hash dir f flags
	IFS=$'\t' read -r hash dir f flags <<<"$1"
	cd "$dir"
	gcc $flags "-ffile-prefix-map=$dir=." -c "$f" -o "$cache/$hash.$$.o" &&
		mv "$cache/$hash.$$.o" "$cache/$hash.o"
}
export -f compile
export cache
printf '%s\n' "$subjects" "$runtimes" | while IFS= read -r line; do
	[ -e "$cache/${line%%$'\t'*}.o" ] || printf '%s\0' "$line"
done | xargs -0 -r -n1 -P"$(nproc)" bash -c 'compile "$1"' _

objects() { cut -f1 | sed "s|.*|$cache/&.o|"; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# All data of the code under test goes into one place, to be copied back.
ld -r -o "$work/subject.o" $(echo "$subjects" | objects)
objcopy --set-section-flags .bss=alloc,load,contents,data \
	--rename-section .data=twill_data,alloc,load,contents,data \
	--rename-section .bss=twill_data,alloc,load,contents,data \
	--redefine-sym memcpy=checked_memcpy \
	--redefine-sym memmove=checked_memmove \
	--redefine-sym memset=checked_memset \
	--redefine-sym memcmp=checked_memcmp "$work/subject.o"
gcc -no-pie -o "$out.$$" "$work/subject.o" $(echo "$runtimes" | objects) \
	${LIBS:-}
mv "$out.$$" "$out"
