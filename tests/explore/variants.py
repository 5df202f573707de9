#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What the explorer is to find in each variant, and what it finds.

usage: variants.py [VARIANT]...

Reads tests/variants.tsv. The sound tree must be silent in every scenario, and
each alternative in those that run what it changes, a guest's code or the
host's; exhausted to bound 2 or complete. Writes build/variants.json.
"""
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
FIELDS = ["class", "object", "function"]


def run(program, scenario, bound):
    p = subprocess.run([program, scenario, "--json", "--bound", str(bound)],
                       capture_output=True, text=True, timeout=600)
    if p.returncode not in (0, 1):
        return failed(scenario, p.stderr.strip())
    return json.loads(p.stdout)


def failed(scenario, why):
    return {"scenario": scenario, "class": "error", "object": "-",
            "function": "-", "bound": -1, "claim": why, "executions": 0,
            "seconds": 0, "replay": ""}


def scenarios(program, variant):
    text = subprocess.run([program, "--list"], capture_output=True, text=True,
                          check=True).stdout
    head = text.split("\n\n")[0]	# the core's; litmus programs follow
    names = [line.split()[0] for line in head.splitlines()]
    return [n for n in names if variant == "sound" or
            n.startswith("guest-") == variant.startswith("guest-")]


def silent(result, bound):
    return result["class"] == "none" and (
        result["claim"] == "bound %d exhausted" % bound or
        result["claim"].startswith("complete"))


def judge(row):
    """Build a row's explorer, run it: (row, results, what is wrong)."""
    if row["variant"] == "sound":
        program = os.path.join(ROOT, "build/explore")
    else:
        name = "build/variants/%s/explore" % row["variant"]
        if subprocess.run(["make", "-s", "-C", ROOT, name]).returncode:
            r = failed(row["scenario"], "does not build")
            return row, [r], [r]
        program = os.path.join(ROOT, name)
    bound = int(row["bound"])
    if row["class"] == "none":
        names = (scenarios(program, row["variant"]) if row["scenario"] == "all"
                 else [row["scenario"]])
        results = [run(program, s, bound) for s in names]
        return row, results, [r for r in results if not silent(r, bound)]
    r = run(program, row["scenario"], 2)
    # Each line of the module's must be known to come from a chapter.
    lost = [p for p in r.get("stack", []) if p["file"].startswith("src/")
            and not p["book"].endswith(tuple("0123456789"))]
    wrong = (any(r[f] != row[f] for f in FIELDS) or r["bound"] != bound or
             lost)
    return row, [r], [r] if wrong else []


def rows(wanted):
    sound = {"variant": "sound", "scenario": "all", "class": "none",
             "object": "-", "function": "-", "bound": "2"}
    found = [sound]
    with open(os.path.join(ROOT, "tests/variants.tsv")) as f:
        names = f.readline().lstrip("# ").split()
        for line in f:
            if line.strip():
                found.append(dict(zip(names, line.rstrip("\n").split("\t"))))
    unknown = set(wanted) - {r["variant"] for r in found}
    if unknown:
        sys.exit("variants: there is no " + ", ".join(sorted(unknown)))
    return [r for r in found if not wanted or r["variant"] in wanted]


def verdict(r):
    if r["class"] == "none":
        return "none"
    return "%s %s %s" % tuple(r[f] for f in FIELDS)


def main():
    line = "%-39s %-16s %-42s %-21s %9s %8s  %s"
    print(line % ("variant", "scenario", "found", "claim", "executions",
                  "seconds", "replay"))
    bad, record = 0, []
    for row, results, wrong in map(judge, rows(sys.argv[1:])):
        for r in results:
            print(line % (row["variant"], r["scenario"], verdict(r),
                          r["claim"], r["executions"], "%.3f" % r["seconds"],
                          r["replay"]))
            record.append(dict(r, variant=row["variant"], rows=None))
        for r in wrong:
            bad += 1
            print("    WRONG: expected %s at bound %s, found %s at bound %s"
                  % (verdict(row), row["bound"], verdict(r), r["bound"]))
    with open(os.path.join(ROOT, "build/variants.json"), "w") as f:
        json.dump(record, f, indent=1)
    print("variants: %s" % ("%d wrong" % bad if bad else "all as expected"))
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
