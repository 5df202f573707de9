# SPDX-License-Identifier: GPL-2.0-only
"""What a booted kernel says of a tree, under the orders that fail elsewhere.

Code inside a machine can forge what the machine says, so this can only take
points away: for a report of the kernel's, a task that hangs, a module that
cannot be unloaded. What the explorer has seen already is not taken twice.
"""
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from lab import ROOT, CannotGrade, clean

VM = os.path.join(ROOT, "tests/vm")
MODULES = "gate", "twill", "twill_vfio"
MOST = 30
# What happened: (what it costs, the explorer's classes that mean the same).
REPORTS = {
    "kasan": (30, "use-after-free double-free bad-free out-of-bounds "
              "held-lock-freed module-text"),
    "oops": (30, "null-dereference oops wild-access wild-call module-text "
             "use-after-free bug"),
    "bug": (30, "bug oops use-after-free double-free"),
    "stall": (30, "livelock time-limit not-run gave-up"),
    "hung-task": (30, "deadlock livelock time-limit"),
    "recursion": (20, "deadlock"),
    "lockdep": (20, "lock-inversion deadlock bad-unlock held-on-return "
                "not-held held-lock-freed"),
    "refcount": (20, "refcount use-after-free"),
    "sleep-in-atomic": (20, "sleep-in-atomic"),
    "rcu": (20, "data-race use-after-free"),
    "kmemleak": (10, "leak"),
    "leak": (10, "leak"),
    "warning": (10, "warning refcount"),
}
# ... and how else a run can go wrong, by the line that says so.
ELSE = (
    (r"machine: (time limit|the machine)", MOST, "does not come to an end",
     "deadlock livelock time-limit"),
    (r"assertion: ", 20, "a scenario does not get what it was promised",
     "assertion"),
    (r"insmod: ", MOST, "a module does not come up", "livelock time-limit"),
    (r"rmmod: ", 10, "a module cannot be unloaded", "leak deadlock"),
    (r"", 20, "a scenario did not end as it should",
     "deadlock livelock time-limit assertion"),
)


def run(*words, **more):
    return subprocess.run(words, cwd=ROOT, text=True, errors="replace",
                          stdout=subprocess.PIPE, **more)


def progress(text):
    print("grade: " + text, file=sys.stderr, flush=True)


def variants(lab):
    with open(os.path.join(ROOT, "tests/variants.tsv")) as f:
        names = [line.split("\t")[0] for line in f]
    return [n for n in names if n.startswith(lab.name + "/")]


def ask(lab, tree, top, known):
    """(points to take away, why). known: classes that have cost points."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    progress("asking a booted kernel, which takes a minute: building")
    p = run("make", "-s", "build/explore", "build/scenarios",
            *["build/variants/%s/explore" % v for v in variants(lab)],
            env=env, stderr=subprocess.STDOUT)
    if p.returncode:
        raise CannotGrade("make:\n" + p.stdout[-2000:])
    kernel = run(VM + "/kernel.sh", "debug", env=env)
    kdir = re.search(r"kdir=(\S+)", kernel.stdout)
    if kernel.returncode or not kdir:
        raise CannotGrade("there is no debug kernel (make kernel)")
    p = build(tree, top + "/module", kdir[1])
    if p.returncode:
        return MOST, "does not build for the kernel:\n" + "\n".join(
            clean(l) for l in p.stderr.splitlines()
            if not l.startswith("make"))[:2000]
    progress("booting")
    tries = replay(lab, top + "/module", top + "/replay.json", env)
    return judge([t for t in tries if not t["ok"]], known)


def build(tree, out, kdir):
    """The tree's modules, in a folder of their own. All trees are built in the
    same folder, one after the other: so only what is not as it was in the one
    before is compiled."""
    here = os.path.join(ROOT, "build/module/graded")
    os.makedirs(here, exist_ok=True)
    os.makedirs(out, exist_ok=True)
    with open(here + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        p = run(VM + "/module.sh", tree, here, kdir, "STEPS=1",
                stderr=subprocess.PIPE)
        for name in MODULES if not p.returncode else ():
            shutil.copy(os.path.join(here, name + ".ko"), out)
    return p


def replay(lab, modules, summary, env):
    p = subprocess.Popen(
        [sys.executable, "-B", VM + "/replay.py", lab.name, "--modules",
         modules, "--progress", "--json", summary], cwd=ROOT, env=env, text=True,
        errors="replace", stdout=subprocess.PIPE)
    try:
        said = p.communicate()[0]
    finally:
        p.terminate()
        shutil.rmtree(os.path.join(ROOT, "build/replays", "modules-%d" % p.pid),
                      ignore_errors=True)
    if p.returncode not in (0, 1):
        raise CannotGrade("the replay failed:\n" + said[-2000:])
    with open(summary) as f:
        return [t for r in json.load(f) for t in r["tries"]]


def judge(bad, known):
    """What it costs, and in which words it is told."""
    if not bad:
        return 0, "silent"
    happened = {}		# what -> (how often, what it costs, means, title)
    for t in bad:
        for kind, title in zip(t["kinds"], t["titles"]):
            worth, means = REPORTS.get(kind, (20, ""))
            n = happened.get(kind, (0,))[0]
            happened[kind] = n + 1, worth, means, title
        if not t["kinds"]:
            for line in t["why"][:1] or [""]:
                _, worth, what, means = next(
                    e for e in ELSE if re.match(e[0], line))
                happened[what] = 1, worth, means, line
    took, lines = 0, []
    for what, (n, worth, means, title) in sorted(
            happened.items(), key=lambda h: -h[1][1]):
        seen = known & set(means.split())
        lines.append("%s%s: %s%s" % (
            what, " (%d times)" % n if n > 1 else "", clean(title, 120),
            ", for which there are no points above already" if seen else ""))
        took = max(took, 0 if seen else worth)
    return took, "the kernel reports " + "\n".join(lines)
