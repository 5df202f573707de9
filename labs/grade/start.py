#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Put a lab's starting files into its work/.    usage: start.py LAB"""
import os
import sys
from lab import ROOT, CannotGrade, find_lab


def start(lab):
    work = os.path.relpath(lab.work, ROOT)
    if os.path.lexists(lab.work):
        raise CannotGrade(
            "%s is there already and is not overwritten.\n"
            "To begin again, move it away first:  mv %s %s.old" % (
                work, work, os.path.dirname(work) + "/work"))
    for path, text in lab.start_files(
            os.path.join(ROOT, "build/grades", lab.name)).items():
        at = os.path.join(lab.work, path)
        os.makedirs(os.path.dirname(at), exist_ok=True)
        with open(at, "w") as f:
            f.write(text)
    print("%s: your files are in %s:" % (lab.name, work))
    for path in lab.files:
        print("    %s/%s" % (work, path))
    print("What to do with them:  %s/README.md" %
          os.path.relpath(lab.dir, ROOT))
    print("What they are worth:   make grade LAB=%s    (NOVM=1: in seconds, "
          "without the booted kernel)" % lab.name)


if __name__ == "__main__":
    try:
        start(find_lab(" ".join(sys.argv[1:])))
    except CannotGrade as e:
        sys.exit("start: %s" % e)
