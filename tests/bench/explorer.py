# SPDX-License-Identifier: GPL-2.0-only
"""How fast the explorer is, for tests/bench.

Seconds are the processor's, of one core, with every detector on. A search is
made again and again until the clock has something to measure.
"""
import json
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
GRID = ["grid", "--tasks"]
ROWS = [
    ("grid 3x2", GRID + ["3", "--sections", "2"]),
    ("grid 3x3", GRID + ["3", "--sections", "3"]),
    ("grid 4x2", GRID + ["4", "--sections", "2"]),
    ("grid 4x3", GRID + ["4", "--sections", "3"]),
    ("open-vs-release", ["open-vs-release"]),
    ("open-vs-set", ["open-vs-set"]),
    ("three-closes", ["three-closes"]),
    ("run-vs-close", ["run-vs-close"]),
    ("use-vs-unmap", ["use-vs-unmap"]),
    ("fault-vs-slot", ["fault-vs-slot"]),
    ("fault-vs-removal", ["fault-vs-removal"]),
    ("use-vs-both", ["use-vs-both"]),
]


def measure(quick):
    """Print a table, and return what it says."""
    record = []
    print("%-18s %10s %12s %14s   %s" % ("explorer", "executions",
                                         "ms a search", "executions/s",
                                         "claim"))
    for name, args in ROWS:
        p = subprocess.run([os.path.join(ROOT, "build/explore"), "--json",
                            "--seconds", "0.05" if quick else "0.5"] + args,
                           stdout=subprocess.PIPE, text=True, check=True)
        r = json.loads(p.stdout)
        row = {"name": name,
               "executions": r["executions"] // r["searches"],
               "seconds": r["seconds"] / r["searches"],
               "executions_per_second": round(r["executions"] / r["seconds"]),
               "claim": r["claim"]}
        print("%-18s %10d %12.3f %14d   %s" % (
            name, row["executions"], 1000 * row["seconds"],
            row["executions_per_second"], r["claim"]))
        record.append(row)
    return record
