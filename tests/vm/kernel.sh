#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Make a kernel for the tests' machine ready in the cache, if it is not there,
# and say where it is.
#
# usage: eval "$(kernel.sh stock|debug|next)"    sets kernel, kdir, kmods; ends
#        the script that says so if there is no such kernel, and says why
#
# stock: this Debian's own (12 has 6.1, 13 has 6.12), downloaded and unpacked,
#        never installed; the one that the installed headers belong to.
# debug: built from this Debian's source of it with debug.config.
# next:  a newer one that Debian offers beside its own (12 has 6.12), with its
#        headers, likewise unpacked; a newer one yet replaces it when it has
#        been deleted.
# KERNEL= (an image) and KDIR= (its headers or build folder) name another one.
set -euo pipefail
trap 's=$?; [ $s = 0 ] || echo "exit $s"' EXIT
here=$(cd "$(dirname "$0")" && pwd)
cache=${TWILL_CACHE:-$HOME/.cache/twill}
kind=${1:?usage: kernel.sh stock|debug|next}
say() { echo "kernel: $*" >&2; }
die() { say "$*"; exit 1; }

# stands_for METAPACKAGE: the package with the version in its name. Linux before
# 6.1 lacks what Twill needs; one after 6.12 has not been tried.
stands_for() {
	local name version
	name=$(dpkg-query -W -f '${Depends}' "$1" 2>/dev/null) ||
		die "no $1 (tests/need.sh $1); or KERNEL= and KDIR= name a kernel"
	name=${name%%[ ,]*}
	version=$(grep -oE '[0-9]+\.[0-9]+' <<<"$name" | head -n 1)
	[ "$(printf '%s\n' 6.1 "$version" | sort -V | head -n 1)" = 6.1 ] ||
		die "$1 is Linux $version here: Debian 12 or 13 has one that will do"
	echo "$name"
}

# A count of the compiler's runs: one line that changes on a terminal, a line
# every ten seconds in a log.
progress() {
	local n=0 start=$SECONDS shown=$SECONDS
	while read -r line; do
		echo "$line"
		[[ $line =~ ^\ *(CC|AS|LD|AR)\  ]] && n=$((n + 1))
		[ $SECONDS -gt "$shown" ] || continue
		if [ -t 2 ]; then
			printf '\rkernel: %d steps, %d s ' \
				$n $((SECONDS - start)) >&2
		elif [ $((SECONDS - shown)) -lt 10 ]; then
			continue
		else
			say "$n steps, $((SECONDS - start)) s"
		fi
		shown=$SECONDS
	done
	[ ! -t 2 ] || echo >&2
	say "$n steps, $((SECONDS - start)) s: done"
}

# Only what building for this architecture and these modules reads.
unpack_source() {
	local part tar=$2.tar.xz name=${2##*/}
	say "unpacking $tar"
	rm -rf "$1" "$1.new"
	mkdir -p "$1.new"
	for part in drivers/{gpu,net,media,scsi,staging,infiniband}/'*.[chS]' \
		'sound/*.[ch]' 'Documentation/*/*' \
		'tools/testing/*' 'tools/perf/*'; do
		echo "$name/$part"
	done >"$1.new/exclude"
	tar -C "$1.new" --strip-components=1 -X "$1.new/exclude" -xf "$tar"
	# kmemleak does not report a block younger than five seconds, so that a
	# pointer that is on its way is not missed. Our tests look when all is
	# quiet, twice, and many times: they cannot wait for that.
	sed -i 's/^#define MSECS_MIN_AGE.*/#define MSECS_MIN_AGE 50/' \
		"$1.new/mm/kmemleak.c"
	mv "$1.new" "$1"
}

# kmemleak reads nearly all memory word by word: twice as fast unwatched.
flags=KASAN_SANITIZE_kmemleak.o=n

build_debug() {
	local dir=$1 src=$1/source log=$1/build.log
	mkdir -p "$dir/build"
	[ -d "$src" ] || unpack_source "$src" "/usr/src/$2"
	say "building $(basename "$dir") (the log: $log)"
	make -s -C "$src" O="$dir/build" tinyconfig >"$log" 2>&1
	(cd "$src" && KCONFIG_CONFIG=$dir/build/.config \
		scripts/kconfig/merge_config.sh -m -O "$dir/build" \
		"$dir/build/.config" "$here/debug.config") >>"$log" 2>&1
	make -s -C "$src" O="$dir/build" olddefconfig >>"$log" 2>&1
	# What the fragment asks for and does not get is a mistake in it.
	grep '^CONFIG' "$here/debug.config" |
		grep -vxFf "$dir/build/.config" >&2 &&
		die "not to be had (see above)"
	if ! make -C "$src" O="$dir/build" -j"$(nproc)" $flags \
			bzImage modules 2>&1 | progress >>"$log"; then
		grep -E -B2 -A5 'error:|Error ' "$log" | head -n 30 >&2
		die "the build failed; the log: $log"
	fi
	mkdir -p "$dir/modules"
	find "$dir/build" -name '*.ko' -exec cp -t "$dir/modules" {} +
	# Modules are built against what is left; the objects are not needed.
	find "$dir/build" -name '*.o' ! -path '*/scripts/*' -delete
	cp "$dir/build/arch/x86/boot/bzImage" "$dir/bzImage.new"
	mv "$dir/bzImage.new" "$dir/bzImage"
}

# get PACKAGE...: download them into $tmp
get() {
	say "downloading Debian's $*"
	if ! (cd "$tmp" && apt-get -q -o APT::Sandbox::User=root \
		download "$@") >"$tmp/log" 2>&1; then
		cat "$tmp/log" >&2
		rm -rf "$tmp"
		die "not to be had: apt-get update?"
	fi
}

get_stock() {
	local dir=$1 release=$2 tmp
	tmp=$(mktemp -d "$cache/download.XXXXXX")
	get "linux-image-$release"
	mkdir -p "$tmp/modules"
	dpkg-deb --fsys-tarfile "$tmp"/*.deb | tar -C "$tmp" --wildcards -x \
		"./boot/vmlinuz-*" "*/drivers/virtio/*" "*/virtio_blk.ko*" \
		"*/arch/x86/kvm/*.ko*" "*/irqbypass.ko*" "*/ccp.ko*" \
		"*/drivers/block/brd.ko*" "*/drivers/block/loop.ko*"
	find "$tmp" -name '*.ko.xz' -exec xz -d {} +
	find "$tmp"/*/ -path "$tmp/modules" -prune -o -name '*.ko' \
		-exec mv -t "$tmp/modules" {} +
	mkdir -p "$dir"
	rm -rf "$dir/modules"
	mv "$tmp/modules" "$dir/modules"
	mv "$tmp"/boot/vmlinuz-* "$dir/bzImage"
	rm -rf "$tmp"
}

# Headers that are not installed do not find one another by themselves; and
# without vmlinux nobody asks for pahole.
get_next() {
	local dir=$1 release=$2 common=${2%-amd64} tmp deb
	tmp=$(mktemp -d "$cache/download.XXXXXX")
	get "linux-headers-$release" "linux-headers-$common-common" \
		"linux-kbuild-$common"
	for deb in "$tmp"/*.deb; do
		dpkg-deb -x "$deb" "$tmp/headers"
	done
	rm -rf "$dir/headers"
	mkdir -p "$dir"
	mv "$tmp/headers" "$dir/headers"
	rm -rf "$tmp" "$kdir/vmlinux"
	sed -i "s| /usr/src/| $dir/headers/usr/src/|" "$kdir/Makefile"
	get_stock "$dir" "$release"
}

mkdir -p "$cache"
if [ -n "${KERNEL:-}" ]; then
	: "${KDIR:?KERNEL= wants KDIR=, the folder its modules are built in}"
	release=$(make -s -C "$KDIR" kernelrelease)
	printf 'kernel=%q kdir=%q kmods=%q\n' "$KERNEL" "$KDIR" \
		"/lib/modules/$release/kernel"
	exit
fi
case $kind in
debug)
	source=$(stands_for linux-source)
	version=$(dpkg-query -W -f '${Version}' "$source")
	hash=$( (cat "$here/debug.config"; gcc -dumpfullversion
		declare -f unpack_source build_debug; echo $flags) | sha256sum)
	dir=$cache/kernel-debug-$version-${hash:0:12}
	kdir=$dir/build
	make_it=(build_debug "$dir" "$source")
	;;
stock)
	headers=$(stands_for linux-headers-amd64)
	kdir=/usr/src/$headers release=${headers#linux-headers-}
	hash=$(declare -f get_stock | sha256sum)
	dir=$cache/kernel-stock-$release-${hash:0:12}
	make_it=(get_stock "$dir" "$release")
	;;
next)
	release=$(find "$cache" -maxdepth 2 -path '*/kernel-next-*/bzImage' |
		sed -n 's|.*/kernel-next-\(.*-amd64\)-.*/bzImage|\1|p' | sort -V | tail -n 1)
	# linux-headers-6.12-amd64 depends on linux-headers-6.12.117+deb12-amd64.
	newest=$(apt-cache pkgnames linux-headers- |
		grep -xE 'linux-headers-[0-9]+\.[0-9]+-amd64' |
		sort -V | tail -n 1) || true
	: "${release:=$(apt-cache depends "${newest:-none}" 2>&1 |
		sed -n 's/^ *Depends: linux-headers-\(.*-amd64\)$/\1/p')}"
	[ -n "$release" ] || die "this Debian offers no kernel beside its own"
	hash=$(declare -f get_stock get_next | sha256sum)
	dir=$cache/kernel-next-$release-${hash:0:12}
	kdir=$dir/headers/usr/src/linux-headers-$release
	make_it=(get_next "$dir" "$release")
	;;
*)
	die "usage: kernel.sh stock|debug|next"
	;;
esac
if [ ! -e "$dir/bzImage" ]; then
	exec 9>"$dir.lock"
	flock 9
	[ -e "$dir/bzImage" ] || "${make_it[@]}" >&2
fi
printf 'kernel=%q kdir=%q kmods=%q\n' "$dir/bzImage" "$kdir" "$dir/modules"
