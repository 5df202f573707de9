# SPDX-License-Identifier: GPL-2.0-only
"""How fast the explorer is, for tests/bench.

Seconds are the processor's, of one core, with every detector on.
"""
import json
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
GRID = ["grid", "--tasks"]
ROWS = [
    ("grid 3x2", 20000, GRID + ["3", "--sections", "2"]),
    ("grid 3x3", 500, GRID + ["3", "--sections", "3"]),
    ("grid 4x2", 300, GRID + ["4", "--sections", "2"]),
    ("grid 4x3", 2, GRID + ["4", "--sections", "3"]),
    ("open-vs-release", 50, ["open-vs-release"]),
    ("open-vs-set", 50, ["open-vs-set"]),
    ("three-closes", 30, ["three-closes"]),
    ("run-vs-close", 200, ["run-vs-close"]),
    ("use-vs-unmap", 50, ["use-vs-unmap"]),
    ("fault-vs-slot", 20, ["fault-vs-slot"]),
    ("fault-vs-removal", 20, ["fault-vs-removal"]),
    ("use-vs-both", 1, ["use-vs-both"]),
]


def measure(quick):
    """Print a table, and return what it says. One search a row if quick."""
    record = []
    print("%-18s %10s %12s %14s   %s" % ("explorer", "executions",
                                         "ms a search", "executions/s",
                                         "claim"))
    for name, repeat, args in ROWS:
        if quick:
            repeat = 1
        p = subprocess.run([os.path.join(ROOT, "build/explore"), "--json",
                            "--repeat", str(repeat)] + args,
                           stdout=subprocess.PIPE, text=True, check=True)
        r = json.loads(p.stdout)
        rate = r["executions"] / max(r["seconds"], 1e-9)
        print("%-18s %10d %12.3f %14d   %s" % (
            name, r["executions"] // repeat, 1000 * r["seconds"] / repeat,
            rate, r["claim"]))
        record.append({"name": name, "executions": r["executions"] // repeat,
                       "seconds": r["seconds"] / repeat,
                       "executions_per_second": round(rate),
                       "claim": r["claim"]})
    return record
