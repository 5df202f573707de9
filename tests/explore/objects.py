#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compile what has not been compiled already, for build.sh.

usage: objects.py CACHE <COMMANDS	lines of KIND, DIR, FILE, FLAGS, by tabs

Prints KIND, OBJECT and FILE of each, sorted; what gcc says goes to stderr.

An object is kept under a hash of all that went into it: the source, the flags,
and the headers that it included when it was last compiled. So trees that differ
in one file share the objects of the others. It is one process for them all:
to look at seventy objects takes less than to start one program for each.
"""
import functools
import hashlib
import os
import re
import subprocess
import sys

cache = sys.argv[1]


@functools.lru_cache(None)
def contents(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:		# a header that was there the last time
        return b""


def hash_of(parts, size):
    return hashlib.sha256(b"".join(parts)).hexdigest()[:size]


def with_headers(first, folder, headers):
    """The object of a source and flags, as they hash, with these headers."""
    return "%s-%s.o" % (first, hash_of(
        (contents(os.path.join(folder, h)) for h in headers), 20))


def words(path):
    """The files of a make rule that gcc has written."""
    return re.sub(r"^x:|\\\n", "", contents(path).decode()).split()


def source(folder, path, flags):
    """What the names of its objects begin with."""
    return os.path.join(cache, hash_of(
        (("%s %s\n" % (path, flags)).encode(),
         contents(os.path.join(folder, path))), 40))


def there(first, folder):
    """Its object, if there is one of these headers; or None."""
    if not os.path.exists(first + ".d"):
        return None
    obj = with_headers(first, folder, words(first + ".d"))
    return obj if os.path.exists(obj) else None


def gcc(first, folder, path, flags):
    mine = "%s.%d" % (first, os.getpid())	# two may compile the same
    return subprocess.Popen(
        ["gcc", *flags.split(), "-ffile-prefix-map=%s=." % folder, "-MMD",
         "-MT", "x", "-MF", mine + ".d", "-c", path, "-o", mine + ".o"],
        cwd=folder)


def keep(first, folder):
    """What gcc has made, under its name. An object that is there stays: it may
    be being linked, and gcc looks at it several times, by names that it made up
    when it was compiled."""
    mine = "%s.%d" % (first, os.getpid())
    obj = with_headers(first, folder, words(mine + ".d"))
    try:
        os.link(mine + ".o", obj)
    except FileExistsError:
        pass
    os.unlink(mine + ".o")
    os.rename(mine + ".d", first + ".d")
    return obj


def compile_all(todo):
    """Of (first, folder, path, flags): as many at a time as there are CPUs.
    After one that gcc refuses no other is begun."""
    running, good = {}, True
    while running or (todo and good):
        while todo and good and len(running) < os.cpu_count():
            job = todo.pop(0)
            p = gcc(*job)
            running[p.pid] = p, job
        pid, status = os.wait()
        p, (first, folder, *_) = running.pop(pid)
        p.returncode = status
        if status:
            good = False
        else:
            yield first, keep(first, folder)
    if not good:
        sys.exit(1)


def main():
    lines, objects, todo = [], {}, []
    for line in sys.stdin:
        kind, folder, path, flags = line.rstrip("\n").split("\t")
        first = source(folder, path, flags)
        lines.append((kind, first, path))
        objects[first] = there(first, folder)
        if not objects[first]:
            todo.append((first, folder, path, flags))
    objects.update(compile_all(todo))
    for line in sorted("%s %s %s" % (kind, objects[first], path)
                       for kind, first, path in lines):
        print(line)


main()
