#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a lab's work is worth.

usage: grade.py [--no-vm] [--work DIR] [--out FILE] [--scratch DIR] LAB

Prints a table that ends in "score: N/100", and writes the same to FILE
(build/grades/LAB.json) in the shape that Gradescope reads. The exit status is
0 when there is a grade, whatever it is; 2 when nothing could be graded, which
FILE says then. The verdicts are the explorer's; what a booted kernel says can
only take points away. Two gradings can run at a time, each with its own
scratch folder.
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
import circles
import guest
import kernel
import rules
import sandbox
from lab import ROOT, CannotGrade, clean, find_lab, read_work
from report import Report, Row, with_errors

EXPLORE = os.path.join(ROOT, "tests/explore")
HEADERS = EXPLORE + "/shim/include"
GUEST = "src/guest/"	# a guest's files, in which no host's may be used
BOUND = 2	# preemptions, where the lab does not say otherwise
RETRIES = 1000	# of a loop that may give up, likewise
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


class Grader:
    def __init__(self, lab, work, scratch, use_vm):
        self.lab, self.use_vm = lab, use_vm
        self.untouched = work is None
        self.work = work
        self.top = scratch
        self.tree = os.path.join(self.top, "tree")
        self.guest = lab.files[0].startswith(GUEST)
        self.rows = []

    # What is judged, and in which words.

    def shown(self, path):
        if path in self.lab.files:
            return ("start/" if self.untouched else "work/") + path
        return path

    def place(self, at):
        """src/vfio/group.c:12, as the student knows it."""
        if not at.get("file"):
            return ""
        return "%s:%d" % (self.shown(at["file"]), at["line"])

    def home(self, text):
        """Compilers' messages, with the student's paths."""
        text = text.replace(self.tree + "/", "")
        return re.sub("(%s):" % "|".join(map(re.escape, self.lab.files)),
                      lambda m: self.shown(m[1]) + ":", text)

    def refuse(self, name, shows, lines):
        row = Row(name, shows, 0)
        row.text = "\n".join(clean(l) for l in lines[:20])
        self.rows.append(row)
        for stage in self.lab.stages:
            for r in stage["rows"]:
                self.rows.append(Row(r["name"], r["shows"], r["points"]))
        return False

    # The steps.

    def prepare(self):
        """The sound tree, with the student's files and the lab's own."""
        if self.untouched:
            self.files = self.lab.start_files(self.top)
        else:
            self.files, problems = read_work(self.work, self.lab.files)
            headers = (rules.GUEST_HEADERS if self.guest else
                       rules.known_headers(ROOT, HEADERS))
            for path, text in self.files.items():
                problems += rules.check_text("work/" + path, text, sound(path),
                                             headers)
            if problems:
                return self.refuse("rules", "only what a lab may contain",
                                   problems)
        self.plant(self.tree, self.files)
        return True

    def plant(self, tree, files):
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(os.path.join(ROOT, "src"), os.path.join(tree, "src"))
        shutil.copyfile(os.path.join(ROOT, "build/linemap"),
                        os.path.join(tree, ".linemap"))
        for path, text in files.items():
            with open(os.path.join(tree, path), "w") as f:
                f.write(text)
        for source, path in self.lab.add.items():
            shutil.copyfile(os.path.join(self.lab.dir, source),
                            os.path.join(tree, path))

    def compile(self, tree, **more):
        """(the compiler's words, or None; what was compiled)"""
        listing = os.path.join(self.top, "objects")
        env = dict(os.environ, LC_ALL="C", SUBJECT_FLAGS=FLAGS,
                   RUNTIME_FLAGS=CALLS, OBJECTS_TO=listing,
                   LIBS="-Wl,--wrap=__tsan_func_entry", **more)
        p = subprocess.run(
            sandbox.limits(100) + ["timeout", "-k", "5", "300",
                                   EXPLORE + "/build.sh", tree, self.program,
                                   "labs/grade/judge.c"],
            env=env, text=True, errors="replace", capture_output=True)
        if p.returncode:
            return p.stderr, None
        with open(listing) as f:
            return None, [line.split() for line in f]

    def look(self):
        """What the preprocessor makes of it."""
        commands = os.path.join(self.top, "commands")
        book = {path: sound(path) for path in self.files}
        view = rules.View(self.tree, self.files, book, self.shown)
        said = []
        with open(commands) as f:
            for line in f:
                kind, _, path, flags = line.rstrip("\n").split("\t")
                if kind == "subject" and path in self.files:
                    said += view.check(path, flags.split())
        return sorted(set(said))

    def build(self):
        self.program = os.path.join(self.top, "judge")
        words, every = self.compile(
            self.tree, COMMANDS_TO=os.path.join(self.top, "commands"))
        said = self.look()
        if said:
            return self.refuse("rules", "only what a lab may contain", said)
        if words:
            if re.search(r"^(tests|labs)/\S+ (fatal )?error:", words, re.M):
                raise CannotGrade("the judge does not build:\n" +
                                  words[-3000:])
            return self.refuse("builds", "the files compile",
                               self.home(words).splitlines())
        objects = {path: obj for kind, obj, path in every
                   if kind == "subject" and path.startswith("src/") and
                   path.startswith(GUEST) == self.guest}
        own = rules.nm(*(obj for kind, obj, _ in every if kind == "runtime"))
        self.own = {name for symbols in own.values()
                    for name, t in symbols if t == "T"}
        mine = rules.Objects(objects, self.files, self.place)
        said, self.state = mine.check(
            self.lab.names, rules.GUEST if self.guest else
            rules.kernel_functions(HEADERS))
        said = said or self.disturbed(mine)
        if said:
            return self.refuse("rules", "only what a lab may contain", said)
        return True

    def disturbed(self, mine):
        """Files that are not the student's, and mean something else under the
        student's headers than under the book's or the start's."""
        headers = {p: t for p, t in self.files.items() if p.endswith(".h")}
        if all(t == sound(p) for p, t in headers.items()):
            return []
        start = self.lab.start_files(self.top)
        if all(t in (start[p], sound(p)) for p, t in headers.items()):
            return []
        tree = os.path.join(self.top, "pristine")
        self.plant(tree, start)
        words, every = self.compile(tree, ONLY_OBJECTS="1")
        if words:
            raise CannotGrade("the start does not build:\n" + words[-3000:])
        return ["%s: what it calls has changed with your headers (%s)" % (
            path, ", ".join(map(self.shown, headers)))
            for path in mine.changed({p: o for _, o, p in every})]

    def explore(self):
        judge = sandbox.Judge(self.program, self.own)
        rows = [r for stage in self.lab.stages for r in stage["rows"]]
        asked = [a for r in rows for a in wanted(r)]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                results = dict(zip(asked, pool.map(
                    lambda a: judge.verdict(*a), asked)))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        reached, seen = True, {}
        for stage in self.lab.stages:
            passed = True
            for r in stage["rows"]:
                row = Row(r["name"], r["shows"], r["points"])
                self.rows.append(row)
                good = self.judged(row, r, results, seen)
                if good and not reached:
                    row.text = "passes; counts once all of the above does"
                elif good:
                    row.score = row.points
                passed = passed and good
            reached = reached and passed

    def judged(self, row, r, results, seen):
        """Is this row as it should be? If not, it says why."""
        more = {n: at for n, at in self.state.items()
                if n not in r.get("state", self.state)}
        if more:
            row.text = "\n".join(clean("%s: %s" % (at, n))
                                 for n, at in more.items())
            return False
        if r.get("circles"):
            found = [circles.find(results.values(), self.program)]
            found = [x for x in found if x]
        else:
            found = [results[a] for a in wanted(r)]
            found = [x for x in found if not proved(x, r.get("bound", BOUND))]
        if not found:
            return True
        x = row.result = found[0]
        what = "%s: %s, in %s" % (x["class"], x["object"], x["function"])
        if x["class"] == "assertion" or x["object"] == "-":
            row.text = "%s: %s" % (x["class"], with_errors(x["text"]))
        elif what in seen:
            row.text = "%s, as in %s" % (what, seen[what])
        else:
            row.text = "%s: %s" % (what, x["text"])
            seen[what] = row.name
        row.text = clean(row.text, 400)
        return False

    def ask_kernel(self):
        """Replay on a booted kernel; it can only take points away."""
        row = (Row("guest", "a guest that waits, on a booted machine", 0)
               if self.guest else
               Row("kernel", "a booted kernel, under the orders that fail", 0))
        self.rows.append(row)
        if not self.use_vm:
            row.text = "skipped: NOVM=1"
        elif not any(r.score for r in self.rows):
            row.text = "skipped: there is nothing to take away"
        else:
            known = {r.result["class"] for r in self.rows if r.result}
            took, row.text = (guest if self.guest else kernel).ask(
                self.lab, self.tree, self.top, known)
            row.text = self.home(row.text)
            row.score = -took

    def run(self):
        if self.prepare() and self.build():
            self.explore()
            self.ask_kernel()
        score = max(0, sum(r.score for r in self.rows))
        return {
            "score": score,
            "output": Report(self.lab, self.place).whole(self.rows),
            "tests": [{"name": "%s: %s" % (r.name, r.shows),
                       "score": r.score, "max_score": r.points,
                       "output": r.text} for r in self.rows],
        }


def wanted(row):
    """What its scenarios are to be run with."""
    return [(s, row.get("bound", BOUND), row.get("order", True),
             row.get("retries", RETRIES)) for s in row.get("scenarios", ())]


def sound(path):
    with open(os.path.join(ROOT, path)) as f:
        return f.read()


def proved(x, bound):
    if x["class"] != "none":
        return False
    if (x["claim"] == "bound %d exhausted" % bound or
            x["claim"].startswith("complete")):
        return True
    x.update({"class": "gave-up",
              "text": "too many orders to try: " + x["claim"]})
    return False


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--no-vm", action="store_true")
    p.add_argument("--work")
    p.add_argument("--out")
    p.add_argument("--scratch")
    p.add_argument("lab")
    a = p.parse_args()
    lab = find_lab(a.lab)
    work = a.work or (lab.work if os.path.lexists(lab.work) else None)
    grades = os.path.join(ROOT, "build/grades")
    scratch = os.path.abspath(a.scratch or os.path.join(grades, lab.name))
    os.makedirs(scratch, exist_ok=True)
    failed = None
    with open(os.path.join(scratch, "lock"), "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        try:
            grade = Grader(lab, work, scratch, not a.no_vm).run()
        except (CannotGrade, OSError, subprocess.SubprocessError) as e:
            failed = e
            grade = {"score": 0, "tests": [], "output": "not graded, through "
                     "no fault of the work's: %s" % e}
    with open(a.out or os.path.join(grades, lab.name + ".json"), "w") as f:
        json.dump(grade, f, indent=1)
    if failed:
        raise CannotGrade(str(failed))
    print("%s, %s\n" % (lab.title, clean(os.path.relpath(work, ROOT)) if work
                        else "the start as it is (make start LAB=%s)" %
                        lab.name))
    sys.stdout.flush()
    print(grade["output"])
    print("\nscore: %d/100" % grade["score"])


if __name__ == "__main__":
    try:
        main()
    except CannotGrade as e:
        print("grade: cannot grade: %s" % e, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("grade: interrupted; there is no grade", file=sys.stderr)
        sys.exit(130)
