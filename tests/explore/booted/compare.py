#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The litmus programs in the explorer and on a booted kernel.

usage: compare.py [--kind stock|debug] [--budget MS] [PROGRAM]...

Each program that does a kernel no harm (the explorer finds nothing in it, or
nothing but a data race or a failed assertion) is run in all orders by the
explorer, and for MS milliseconds as part of a module. What a kernel's tasks
saw, the explorer's must be able to see: the same values returned, the same
assertions failed. Fails when there is one outcome that the shim does not
allow, with writes that may be late.
"""
import argparse
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
EXPLORE = os.path.join(ROOT, "build/explore")
OUT = os.path.join(ROOT, "build/litmus")
SOURCES = ["classics", "late", "locks", "memory", "outcomes", "races", "returns",
           "sharing", "waiting"]
HARMLESS = ("none", "data-race", "assertion")


def programs():
    for name in SOURCES:
        with open(os.path.join(HERE, "../litmus", name + ".c")) as f:
            yield from re.findall(r'SCENARIO(?:_FAULTS)?\((?:\d, )?"([\w-]+)"',
                                  f.read())


def explore(*args):
    p = subprocess.run([EXPLORE, *args], capture_output=True, text=True)
    if p.returncode not in (0, 1):
        sys.exit("explore %s: %s" % (" ".join(args), p.stderr))
    return p.stdout


def allowed(name):
    """All outcomes; None where there is one that would do a kernel harm."""
    late = ["--late-writes", "2"]
    r = json.loads(explore(name, "--json", "--no-lock-order", *late))
    if r["class"] not in HARMLESS:
        return None
    text = explore(name, "--outcomes", "--budget", "50000", *late)
    if "nothing found: complete" not in text:
        print("%-24s not all orders can be run: left out" % name)
        return None
    return {line[9:] for line in text.splitlines()
            if line.startswith("outcome: ")}


def seen(kind, names, budget):
    """Of each program: rounds, {outcome: times}."""
    subprocess.run([os.path.join(HERE, "litmus.sh"), kind, OUT,
                    "names=" + ",".join(names), "budget=%d" % budget],
                   check=True)
    rounds, found = {}, {n: {} for n in names}
    with open(os.path.join(OUT, "seen")) as f:
        for line in f:
            m = re.match(r"program (\S+): (\d+) rounds", line)
            if m:
                rounds[m[1]] = int(m[2])
            m = re.match(r"outcome (\S+): (\d+): ?(.*)", line)
            if m:
                found[m[1]][m[3].strip()] = int(m[2])
    return rounds, found


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--kind", default="stock")
    p.add_argument("--budget", type=int, default=100)
    p.add_argument("program", nargs="*")
    a = p.parse_args()
    may = {n: allowed(n) for n in a.program or programs()}
    may = {n: o for n, o in may.items() if o is not None}
    rounds, found = seen(a.kind, list(may), a.budget)
    wrong, both, all_of_them = 0, 0, 0
    for n, outcomes in may.items():
        more = found[n].keys() - outcomes
        if not rounds.get(n):
            more = {"(it did not run)"}
        wrong += len(more)
        both += len(found[n].keys() & outcomes)
        all_of_them += len(outcomes)
        print("%-24s %6d rounds, %2d of %2d outcomes" % (
            n, rounds.get(n, 0), len(found[n].keys() & outcomes),
            len(outcomes)))
        for o in sorted(more):
            print("    NOT ALLOWED: %s" % o)
            print("    allowed: %s" % "; ".join(sorted(outcomes)))
    print("litmus: %d programs, %d rounds: %d of %d outcomes came, and %d "
          "that may not" % (len(may), sum(rounds.values()), both,
                            all_of_them, wrong))
    return wrong > 0 or not may


if __name__ == "__main__":
    sys.exit(main())
