#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the weaver works from, in build/book/md: each chapter as Markdown, and
# the index and tags that say what is where.  What did not change is not
# touched, so that only the pages it makes a difference to are woven again.
set -eu -o pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."
out=build/book/md
new=build/book/md.new
rm -rf $new
mkdir -p $out $new
./tangle.sh --variant sound build/book/tree
noweb=${NOWEB_LIB:-/usr/lib/noweb}
"$noweb/markup" -t book/*.nw | awk -v out=$new -f book/weave/split.awk
# Names with their places; what stands before a type or a name in the kernel
# is none.  ctags does not see what macros make, nor steps' names.
(
	cd build/book/tree
	ctags -x --_xformat=$'%N\t%F\t%n\t%e\t%K\t%f' --languages=C,Asm --langmap=C:.c.h --kinds-C=+lpxz \
		-I __init,__exit,__user,__iomem,__rcu,__percpu,__aligned+,__packed \
		-I __must_check,__printf+,__always_inline,noinline,asmlinkage \
		-R --sort=no src
	of_type='DEFINE_PER_CPU[A-Z_]*\([^,]*, *[a-z_0-9]+'
	{ grep -rnoE "\b($of_type|(DEFINE_[A-Z_]+|TRACE_EVENT|step)\([a-z_0-9]+)" \
		src || :; } |
		awk -F: -v OFS='\t' '{
			kind = $3 ~ /^step/ ? "step" : "variable"
			sub(/.*[(, ]/, "", $3)
			print $3, $1, $2, "", kind, "-"
		}'
) >$new/tags
sed 's/^/sound /' build/book/tree/.linemap >$new/linemap
# Output recorded from a variant speaks of that variant's lines.
./tangle.sh --list | while read -r variant; do
	./tangle.sh --variant "$variant" build/book/variant
	sed "s,^,$variant ," build/book/variant/.linemap >>$new/linemap
done
cp build/book/tree/tests/variants.tsv $new/ 2>/dev/null || : >$new/variants.tsv
for file in $new/*; do
	cmp -s "$file" "$out/${file##*/}" || mv "$file" "$out/"
done
for file in $out/*; do
	[ -e "book/$(basename "$file" .md).nw" ] || case $file in
	*.md) rm "$file" ;;
	esac
done
rm -rf $new
