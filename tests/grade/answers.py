# SPDX-License-Identifier: GPL-2.0-only
"""Starts, answers, other sound designs, wrong fixes, mutants: of each lab."""
import os
import re
from tries import LABS, Wrong, case, run, table


# What is right and of less use: it loses points in this row, for this reason.
OF_LESS_USE = {"guest-wait/alt-always-halt":
               ("another task runs", "deadlock: an interrupt, in wait_halt")}


def full_marks(name):
    def test(t):
        t.take(name).grade().gets(100)
    return test


def rejected(name, scenario, why):
    """For the reason that the book's table has, in the scenario of the table
    (where it is a row's first one). If the mistake is in a file that is not
    the lab's, the work is as good as the sound one."""
    def test(t):
        sound = t.take("sound").files()
        if t.take(name).files() == sound:
            t.grade().gets(100)
            return
        t.grade().fails(scenario, why)
        if name.endswith("/bug"):
            t.gets(0)
    return test


def perl(t, path, edit):
    old = t.read(path)
    run("perl", "-0pi", "-e", edit, t.at(path))
    if t.read(path) == old:
        raise Wrong("the edit changes nothing: " + edit)


def mutant(base, path, edit, expected):
    """One that survives does so in every row; for the others one is enough,
    and most of a grade's time goes into the rest."""
    def test(t):
        perl(t.take(base), path, edit)
        if expected.startswith("survives:"):
            t.grade().gets(100)
        else:
            row, _, why = expected.rpartition(" ")
            t.grade_row(row)
            t.fails(row, why)
    return test


def design(path):
    """A patch; its first line says of what, and what must come of it."""
    with open(path) as f:
        base, expected = re.match(r"# of (\S+): (.*)\n", f.readline()).groups()

    def test(t):
        t.take(base)
        p = run("patch", "-s", "-p1", "-d", t.work, "-i", path)
        if p.returncode:
            raise Wrong(p.stdout)
        if expected == "right":
            t.grade().gets(100)
        else:
            row, why = expected.split(": ", 1)
            t.grade_row(row)
            t.fails(row, why)
    return test


def add_answers():
    for lab in LABS:
        at = lab.name + "/"
        case(at + "sound", lab)(full_marks("sound"))
        for v, *_ in lab.variants("alt-"):
            case(v, lab)(rejected(v, *OF_LESS_USE[v]) if v in OF_LESS_USE
                         else full_marks(v))
        for v, scenario, why in lab.variants("bug") + lab.variants("wrong-"):
            case(v, lab)(rejected(v, scenario, why))
        for name, base, path, edit, expected in table(
                lab.answers + "/mutants.tsv"):
            case(at + "mutant-" + name, lab)(mutant(base, path, edit, expected))
        for name in sorted(os.listdir(lab.answers)):
            if name.endswith(".patch"):
                case(at + name[:-6], lab)(design(
                    os.path.join(lab.answers, name)))
