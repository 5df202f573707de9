#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Build the explorer of a tree's core:  build.sh TREE OUT [MAIN.c]
# TREE has src/; the result is OUT. Everything else comes from where this
# script is. MAIN.c replaces the command's own (with LIBS, what to link with),
# SUBJECT_FLAGS and RUNTIME_FLAGS are added to those of the core's compiler and
# of the explorer's own; OBJECTS_TO gets the list of objects, and COMMANDS_TO
# that of what is compiled, where, and how. With ONLY_OBJECTS nothing is linked.
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

common="-std=gnu11 -g1 -fno-pie -Wall -Wextra
	-Wno-unused-parameter -Wno-sign-compare
	-Wno-missing-field-initializers -I$here -I$here/shim/include"
# The code under test: each function stands by itself in a stack, and each
# access is announced.
subject="$common -g -ffreestanding -O1 -fno-inline -fno-optimize-sibling-calls
	-fno-strict-aliasing -fno-delete-null-pointer-checks -fno-common
	-fsanitize=thread --param tsan-distinguish-volatile=1
	-Wno-address -Isrc -Isrc/arch/model -DSTEPS ${SUBJECT_FLAGS:-}"
runtime="$common -Werror -D_GNU_SOURCE -O3 -flto ${RUNTIME_FLAGS:-}"
common=$(echo $common) subject=$(echo $subject) runtime=$(echo $runtime)

# KIND DIR FLAGS FILE... -> lines of KIND, DIR, FILE, FLAGS
list() {
	local kind=$1 dir=$2 flags=$3 f
	shift 3
	cd "$dir"
	shopt -s nullglob
	for f in $(eval "echo $*"); do
		printf '%s\t%s\t%s\t%s\n' "$kind" "$dir" "$f" "$flags"
	done
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(
	list subject "$tree" "$subject -DTWILL_MODULE=twill" \
		'src/*.c' 'src/arch/model/*.c'
	list subject "$tree" "$subject -DTWILL_MODULE=twill_vfio" 'src/vfio/*.c'
	list subject "$tree" "$subject -DTWILL_MODULE=guest" \
		'src/guest/{async_pf,rcu}.c' 'src/guest/probe*.c' \
		src/arch/x86/window.c
	list subject "$root" "$subject -DTWILL_MODULE=litmus" \
		'tests/explore/scenarios/*.c'
	list subject "$root" "$subject -DTWILL_MODULE=litmus -DLITMUS" \
		'tests/explore/litmus/*.c'
	[ -z "${MORE_LITMUS:-}" ] || list subject "$MORE_LITMUS" \
		"$subject -DTWILL_MODULE=litmus -DLITMUS" \
		'tests/explore/litmus/*.c'
	list runtime "$root" "$runtime" "$main" \
		'tests/explore/{engine,shim,detectors,report}/*.c'
) >"$work/commands"
[ -z "${COMMANDS_TO:-}" ] || cp "$work/commands" "$COMMANDS_TO"
"$here/objects.py" "$cache" <"$work/commands" >"$work/objects"
[ -z "${OBJECTS_TO:-}" ] || cp "$work/objects" "$OBJECTS_TO"
[ -z "${ONLY_OBJECTS:-}" ] || exit 0

# Each module's code has a section of its own: it may be unloaded. A lab's
# probe is a driver with a test in it, and stays, like the scenarios.
group() {
	local objects
	objects=$(awk -v want="$2" -v not="$3" '$1 == "subject" &&
		$3 ~ want && !(not && $3 ~ not) { print $2 }' "$work/objects")
	[ -n "$objects" ] || return 0
	ld -r -o "$work/$1.o" $objects
	[ "$1" = litmus ] || objcopy --rename-section .text="$1"_text "$work/$1.o"
	echo "$work/$1.o"
}
# All data of the code under test goes into one place, to be copied back.
ld -r -o "$work/subject.o" $(group twill ^src/ '^src/(vfio|guest|arch/x86)/') \
	$(group twill_vfio ^src/vfio/ /probe) \
	$(group litmus '^tests/|^src/(guest|arch/x86)/|/probe' "")
objcopy --set-section-flags .bss=alloc,load,contents,data \
	--rename-section .data=twill_data,alloc,load,contents,data \
	--rename-section .bss=twill_data,alloc,load,contents,data \
	--redefine-sym memcpy=checked_memcpy \
	--redefine-sym memmove=checked_memmove \
	--redefine-sym memset=checked_memset \
	--redefine-sym memcmp=checked_memcmp "$work/subject.o"
# The explorer's own is optimized as one: a third faster, but it takes a second
# and a half. So it is done for the tree that most is asked of; the others share
# a piece that knows less of its surroundings.
own=$(awk '$1 == "runtime" { print $2 }' "$work/objects")
if [ "$tree" != "$root" ]; then
	piece=$cache/$(sha256sum <<<"$own$runtime" | cut -c 1-40).piece.o
	if [ ! -e "$piece" ]; then
		gcc -r $runtime -flto-partition=one \
			-flinker-output=nolto-rel -o "$piece.$$" $own
		mv "$piece.$$" "$piece"
	fi
	own=$piece
fi
gcc -no-pie -O3 -flto-partition=one -o "$out.$$" "$work/subject.o" $own \
	${LIBS:-}
mv "$out.$$" "$out"
