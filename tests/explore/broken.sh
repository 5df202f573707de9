#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What the explorer says of the core with something changed in one file:
#   broken.sh NAME src/FILE SED-SCRIPT SCENARIO [OPTION]...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
tree=build/broken/$1 file=$2 script=$3
shift 3
rm -rf "$tree" && mkdir -p "$tree"
cp -r src "$tree"
sed -i "$script" "$tree/$file"
! cmp -s "$file" "$tree/$file" || { echo "broken.sh: $file is as it was" >&2; exit 2; }
"$here/build.sh" "$tree" "$tree/explore"
"$tree/explore" "$@" || [ $? = 1 ]
