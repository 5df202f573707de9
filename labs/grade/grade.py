#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a lab's work is worth.

usage: grade.py [--no-vm] [--work DIR] [--out FILE] LAB

Prints a table that ends in "score: N/100", and writes the same to FILE
(build/grades/LAB.json) in the shape that Gradescope reads. The exit status is
0 when there is a grade, whatever it is. The verdicts are the explorer's; what
a booted kernel says can only take points away.
"""
import argparse
import concurrent.futures
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import kernel
import rules
import sandbox
from lab import ROOT, CannotGrade, find_lab, read_work, tangle

EXPLORE = os.path.join(ROOT, "tests/explore")
BOUND = 2	# preemptions, where the lab does not say otherwise
# What the explorer cannot see must not be there: no call by a pointer but
# through a thunk that looks where it goes, no array used outside its bounds.
CALLS = ("-mindirect-branch=thunk-extern -mindirect-branch-register "
         "-fcf-protection=branch -fno-jump-tables ")
FLAGS = CALLS + (
    "-fsanitize=bounds-strict,object-size -fsanitize-undefined-trap-on-error "
    "-fno-omit-frame-pointer -ffixed-rbx -ffixed-r12 -ffixed-r13 -ffixed-r14 "
    "-ffixed-r15 -Werror=vla -Werror=frame-larger-than=2048 "
    "-Werror=implicit-function-declaration -Werror=return-type "
    "-Werror=int-conversion -Werror=incompatible-pointer-types")


class Row:
    """One thing that is judged."""

    def __init__(self, name, shows, points):
        self.name, self.shows, self.points = name, shows, points
        self.score, self.text, self.result = 0, "", None


def clean(text, width=200):
    """Words of the submission's, harmless on a terminal."""
    return re.sub(r"[^ -~]", "?", text)[:width]


class Grader:
    def __init__(self, lab, work, use_vm):
        self.lab, self.use_vm = lab, use_vm
        self.untouched = work is None
        self.work = work
        self.top = os.path.join(ROOT, "build/grades", lab.name)
        self.tree = os.path.join(self.top, "tree")
        self.rows, self.notes = [], []

    # What is judged, and in which words.

    def place(self, at):
        """src/vfio/group.c:12, as the student knows it."""
        if not at.get("file"):
            return ""
        path = at["file"]
        if path in self.lab.files:
            path = ("start/" if self.untouched else "work/") + path
        return "%s:%d" % (path, at["line"])

    def home(self, text):
        """Compilers' messages, with the student's paths."""
        return re.sub("(%s):" % "|".join(map(re.escape, self.lab.files)),
                      lambda m: ("start/" if self.untouched else "work/") +
                      m.group(0), text)

    def refuse(self, name, shows, text):
        row = Row(name, shows, 0)
        row.text = text
        self.rows.append(row)
        for stage in self.lab.stages:
            for r in stage["rows"]:
                self.rows.append(Row(r["name"], r["shows"], r["points"]))
        return False

    # The steps.

    def prepare(self):
        """The sound tree, with the student's files and the lab's own."""
        if self.untouched:
            files = self.lab.start_files()
        else:
            files, problems = read_work(self.work, self.lab.files)
            headers = rules.headers_of(self.tree, EXPLORE + "/shim/include")
            for path, text in files.items():
                problems += rules.check_text("work/" + path, text, headers)
            if problems:
                return self.refuse("rules", "only what a lab may contain",
                                   "\n".join(problems[:20]))
        shutil.rmtree(self.tree, ignore_errors=True)
        tangle("sound", self.tree)
        for path, text in files.items():
            with open(os.path.join(self.tree, path), "w") as f:
                f.write(text)
        for source, path in self.lab.add.items():
            shutil.copyfile(os.path.join(self.lab.dir, source),
                            os.path.join(self.tree, path))
        return True

    def build(self):
        self.program = os.path.join(self.top, "judge")
        listing = os.path.join(self.top, "objects")
        env = dict(os.environ, LC_ALL="C", SUBJECT_FLAGS=FLAGS,
                   RUNTIME_FLAGS=CALLS, OBJECTS_TO=listing,
                   LIBS="-Wl,--wrap=__tsan_func_entry")
        p = subprocess.run(
            ["timeout", "-k", "5", "120", EXPLORE + "/build.sh", self.tree,
             self.program, "labs/grade/judge.c"], env=env, text=True,
            errors="replace", capture_output=True,
            preexec_fn=lambda: sandbox.limits(100))
        if p.returncode:
            if re.search(r"^(tests|labs)/\S+ (fatal )?error:", p.stderr, re.M):
                raise CannotGrade("the judge does not build:\n" +
                                  p.stderr[-3000:])
            return self.refuse("builds", "the files compile", "\n".join(
                clean(l) for l in self.home(p.stderr).splitlines()[:30]))
        with open(listing) as f:
            every = [line.split() for line in f]
        objects = {path: obj for kind, obj, path in every
                   if kind == "subject" and path.startswith("src/")}
        self.own = {name for kind, obj, _ in every if kind == "runtime"
                    for name, t in rules.nm(obj) if t == "T"}
        said, self.state = rules.check_objects(
            objects, self.lab.files, self.lab.names,
            rules.kernel_functions(EXPLORE + "/shim/include"))
        if said:
            return self.refuse("rules", "only what a lab may contain",
                               self.home("\n".join(said[:20])))
        return True

    def explore(self):
        judge = sandbox.Judge(self.program, self.own)
        rows = [r for stage in self.lab.stages for r in stage["rows"]
                if "scenario" in r]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = dict(zip(
                (r["name"] for r in rows),
                pool.map(lambda r: judge.verdict(
                    r["scenario"], r.get("bound", BOUND),
                    r.get("order", True)), rows)))
        reached, seen = True, {}
        for stage in self.lab.stages:
            passed = True
            for r in stage["rows"]:
                row = Row(r["name"], r["shows"], r["points"])
                self.rows.append(row)
                if "scenario" in r:
                    row.result = results[r["name"]]
                    good = self.proved(row, r.get("bound", BOUND), seen)
                else:
                    good = not self.state
                    row.text = "\n".join(map(clean, self.state))
                if good and not reached:
                    row.text = "passes; counts once all of the above does"
                elif good:
                    row.score = row.points
                passed = passed and good
            reached = reached and passed

    def proved(self, row, bound, seen):
        x = row.result
        if x["class"] == "none":
            if x["claim"] == "bound %d exhausted" % bound or \
                    x["claim"].startswith("complete"):
                return True
            x.update({"class": "gave-up", "text": "too many orders to try: " +
                      x["claim"]})
        what = "%s: %s, in %s" % (x["class"], x["object"], x["function"])
        if x["class"] == "assertion" or x["object"] == "-":
            row.text = "%s: %s" % (x["class"], x["text"])
        elif what in seen:
            row.text = "%s, as in %s" % (what, seen[what])
        else:
            row.text = "%s: %s" % (what, x["text"])
            seen[what] = row.name
        row.text = clean(row.text)
        return False

    def ask_kernel(self):
        """Replay on a booted kernel; it can only take points away."""
        row = Row("kernel", "a booted kernel, under the orders that fail", 0)
        self.rows.append(row)
        if not self.use_vm:
            row.text = "skipped: NOVM=1"
        elif not any(r.score for r in self.rows):
            row.text = "skipped: there is nothing to take away"
        else:
            took, row.text = kernel.ask(self.lab, self.tree, self.top)
            row.text = self.home(row.text)
            row.score = -took

    # The report.

    def hint(self, x):
        for h in self.lab.hints:
            if all(re.fullmatch(h.get(k, ".*"), x[k]) for k in
                   ("class", "object", "function")):
                return h["hint"]
        return ""

    def table(self, x):
        """The interleaving: a column a task, and the line of each step."""
        rows = x["rows"]
        first = next((i for i, r in enumerate(rows) if r["task"] != "-"), 0)
        rows = [r for r in rows[first:] if not r["quiet"]]
        tasks = sorted({r["task"] for r in rows}, key="-ABCDwxi".index)
        title = {"-": "(end)", "w": "worker", "x": "worker 2",
                 "i": "interrupts"}
        lines = ["    " + "".join("%-30s" % title.get(t, t) for t in tasks)]
        for r in rows[-40:]:
            cell = clean("%s %s" % (r["op"], r["object"]), 28)
            lines.append((">>> " if r["failing"] else "    ") + "".join(
                "%-30s" % (cell if t == r["task"] else "") for t in tasks) +
                "%s %s" % (r["function"], self.place(r)))
        if len(rows) > 40:
            lines.insert(1, "    ... (%d rows)" % (len(rows) - 40))
        for key, head in (("stack", "noticed in"), ("other", x["other_title"])):
            lines += ["  %s:" % clean(head)] if x[key] else []
            lines += ["    %-24s %s" % (s["function"], self.place(s))
                      for s in x[key]]
        if x["replay"]:
            lines.append("  schedule: %s, preemptions: %d" %
                         (clean(x["replay"]), x["bound"]))
        return lines

    def report(self):
        lines, seen = [], set()
        for row in self.rows:
            lines.append("  %3d/%-3d  %-18s %s" % (row.score, row.points,
                                                  row.name, row.shows))
            lines += ["           " + t for t in row.text.splitlines()]
        for row in self.rows:
            x = row.result
            if not x or x["class"] == "none":
                continue
            key = (x["class"], x["object"], x["function"])
            if key in seen:
                continue
            seen.add(key)
            lines += ["", "%s: how it fails" % row.name] + self.table(x)
            if self.hint(x):
                lines += ["  think about: " + self.hint(x)]
        return "\n".join(line.rstrip() for line in lines)

    def run(self):
        if self.prepare() and self.build():
            self.explore()
            self.ask_kernel()
        score = max(0, sum(r.score for r in self.rows))
        return score, {
            "score": score,
            "output": self.report(),
            "tests": [{"name": "%s: %s" % (r.name, r.shows),
                       "score": r.score, "max_score": r.points,
                       "output": r.text} for r in self.rows],
        }


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--no-vm", action="store_true")
    p.add_argument("--work")
    p.add_argument("--out")
    p.add_argument("lab")
    a = p.parse_args()
    lab = find_lab(a.lab)
    work = a.work or (lab.work if os.path.lexists(lab.work) else None)
    out = a.out or os.path.join(ROOT, "build/grades", lab.name + ".json")
    os.makedirs(os.path.join(ROOT, "build/grades", lab.name), exist_ok=True)
    with open(os.path.join(ROOT, "build/grades", lab.name, "lock"), "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        score, grade = Grader(lab, work, not a.no_vm).run()
    with open(out, "w") as f:
        json.dump(grade, f, indent=1)
    print("%s, %s\n" % (lab.title, os.path.relpath(work, ROOT) if work else
                        "the start as it is (make start LAB=%s)" % lab.name))
    print(grade["output"])
    print("\nscore: %d/100" % score)


if __name__ == "__main__":
    try:
        main()
    except CannotGrade as e:
        print("grade: cannot grade: %s" % e, file=sys.stderr)
        sys.exit(2)
