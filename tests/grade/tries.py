# SPDX-License-Identifier: GPL-2.0-only
"""Some work, what the grader says of it, and what it should have said."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
GRADE = [sys.executable, "-B", os.path.join(ROOT, "labs/grade/grade.py")]
sys.path.append(os.path.join(ROOT, "labs/grade"))
from grade import Grader
from lab import find_lab

cases = []		# (name, lab, function); the function gets a Try
trees = {}
tangling = threading.Lock()


class Wrong(Exception):
    """The grader has not said what it should."""


def run(*words, **more):
    more = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT,
            "cwd": ROOT, **more}
    return subprocess.run(words, text=True, errors="replace", **more)


def table(path):
    with open(path) as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                yield line.rstrip("\n").split("\t")


class Lab:
    def __init__(self, folder):
        self.folder, self.name = folder, folder.split("-", 1)[1]
        self.answers = os.path.join(ROOT, "tests/answers", folder)
        with open(os.path.join(ROOT, "labs", folder, "lab.json")) as f:
            said = json.load(f)
        self.files = said["files"]
        self.stages = said["stages"]

    def variants(self, kind):
        """(name, scenario, verdict) of each of the book's of this kind."""
        return [(v, scenario, "%s: %s, in %s" % (what, thing, function))
                for v, scenario, what, thing, function, *_ in
                table(os.path.join(ROOT, "tests/variants.tsv"))
                if v.startswith("%s/%s" % (self.name, kind))]


LABS = [Lab(folder) for folder in sorted(os.listdir(ROOT + "/labs"))
        if os.path.exists(os.path.join(ROOT, "labs", folder, "lab.json"))]
GIFT, TABLE, WAIT, CIRCLE = (
    next(lab for lab in LABS if lab.name == name)
    for name in ("async-pf", "stage2-pgd", "guest-wait", "lock-inversion"))


def variant(name, scratch):
    """A tree of the book's: its folder."""
    with tangling:
        if name not in trees:
            tree = os.path.join(scratch, "trees", name)
            os.makedirs(tree)
            p = run("./tangle.sh", "--variant", name, tree)
            if p.returncode:
                raise Wrong(p.stdout)
            trees[name] = tree
        return trees[name]


class Try:
    """Some work, and what it is worth."""

    def __init__(self, base, vm, lab):
        self.base, self.vm, self.lab = base, vm, lab
        self.dir = tempfile.mkdtemp(dir=base)
        self.work = os.path.join(self.dir, "work")
        self.said, self.tests, self.score = "", [], None

    def take(self, name):
        tree = variant(name, self.base)
        for path in self.lab.files:
            os.makedirs(os.path.dirname(self.at(path)), exist_ok=True)
            shutil.copyfile(os.path.join(tree, path), self.at(path))
        return self

    def at(self, path):
        return os.path.join(self.work, path)

    def read(self, path):
        with open(self.at(path)) as f:
            return f.read()

    def files(self):
        return [self.read(path) for path in self.lab.files]

    def write(self, path, text):
        with open(self.at(path), "w") as f:
            f.write(text)

    def edit(self, path, change):
        old = self.read(path)
        new = change(old)
        if new == old:
            raise Wrong("the edit changes nothing: " + path)
        self.write(path, new)

    def grade(self, *more, env=None):
        out = os.path.join(self.dir, "grade.json")
        p = run(*GRADE, *(() if self.vm else ("--no-vm",)), "--work", self.work,
                "--out", out, "--scratch", os.path.join(self.dir, "scratch"),
                *more, self.lab.name, env=env and dict(os.environ, **env))
        self.said, self.status = p.stdout, p.returncode
        with open(out) as f:
            grade = json.load(f)
        self.tests, self.score = grade["tests"], grade["score"]
        self.output = grade["output"]
        if p.returncode == 0 and (
                not self.said.endswith("score: %d/100\n" % self.score) or
                sum(t["max_score"] for t in self.tests) != 100):
            raise Wrong("the table and the JSON do not agree")
        if re.search(r"[^ -~\n]", self.said):
            raise Wrong("something raw has reached the terminal")
        return self

    def grade_row(self, name):
        """In this row alone, as if the lab had no other, unless it is about all
        of them; there is no score."""
        lab = find_lab(self.lab.name)
        row = next(r for stage in lab.stages for r in stage["rows"]
                   if r["name"] == name)
        if not row.get("circles"):
            lab.stages = [{"rows": [row]}]
        scratch = os.path.join(self.dir, "scratch")
        os.mkdir(scratch)
        grade = Grader(lab, self.work, scratch, False).run()
        self.said, self.tests = grade["output"], grade["tests"]
        if re.search(r"[^ -~\n]", self.said):
            raise Wrong("something raw would reach the terminal")

    def row(self, name):
        """SCORE TEXT of a row."""
        for t in self.tests:
            if t["name"].startswith(name + ":"):
                return "%d %s" % (t["score"], t["output"])
        raise Wrong("there is no row " + name)

    # What must be so.

    def gets(self, score):
        if self.score != score:
            raise Wrong("%d points instead of %d" % (self.score, score))

    def fails(self, name, why):
        """Less than 100 points, none for this row, for this reason."""
        if self.score == 100:
            raise Wrong("full marks")
        if not re.search("^0 .*(%s)" % why, self.row(name), re.S):
            raise Wrong("%s should say %s, and says %s" % (
                name, why, self.row(name)))

    def says(self, words):
        if not re.search(words, self.said):
            raise Wrong("it does not say " + words)


def case(name, lab=CIRCLE):
    def add(function):
        cases.append((name, lab, function))
        return function
    return add
