# SPDX-License-Identifier: GPL-2.0-only
"""What a booted kernel says of a tree, under the orders that fail elsewhere.

Code inside a machine can forge what the machine says, so this can only take
points away: for a report of the kernel's, a task that hangs, a module that
cannot be unloaded.
"""
import json
import os
import re
import shutil
import subprocess
import sys
from lab import ROOT, CannotGrade

VM = os.path.join(ROOT, "tests/vm")
PENALTY = 30


def run(*words, **more):
    return subprocess.run(words, cwd=ROOT, text=True, errors="replace",
                          stdout=subprocess.PIPE, **more)


def variants(lab):
    with open(os.path.join(ROOT, "tests/variants.tsv")) as f:
        names = [line.split("\t")[0] for line in f]
    return [n for n in names if n.startswith(lab.name + "/")]


def ask(lab, tree, top):
    """(points to take away, why)"""
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    p = run("make", "-s", "build/explore", "build/scenarios",
            *["build/variants/%s/explore" % v for v in variants(lab)],
            env=env, stderr=subprocess.STDOUT)
    if p.returncode:
        raise CannotGrade("make:\n" + p.stdout[-2000:])
    kernel = run(VM + "/kernel.sh", "debug", env=env)
    kdir = re.search(r"kdir=(\S+)", kernel.stdout)
    if kernel.returncode or not kdir:
        raise CannotGrade("there is no debug kernel (make kernel)")
    p = run(VM + "/module.sh", tree, top + "/module", kdir[1], "STEPS=1",
            stderr=subprocess.PIPE)
    if p.returncode:
        return PENALTY, "does not build for the kernel:\n" + p.stderr[:2000]
    return replay(lab, tree, top + "/replay.json", env)


def replay(lab, tree, summary, env):
    p = subprocess.Popen(
        [sys.executable, "-B", VM + "/replay.py", lab.name, "--tree", tree,
         "--json", summary], cwd=ROOT, env=env, text=True, errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = p.communicate()[0]
    shutil.rmtree(os.path.join(ROOT, "build/replays", "tree-%d" % p.pid),
                  ignore_errors=True)
    if p.returncode not in (0, 1):
        raise CannotGrade("the replay failed:\n" + said[-2000:])
    with open(summary) as f:
        tries = [t for r in json.load(f) for t in r["tries"]]
    bad = [t for t in tries if not t["ok"]]
    if not bad:
        return 0, "silent"
    return PENALTY, "\n".join(
        ["the kernel reports: " + (", ".join(bad[0]["kinds"]) or "nothing")] +
        [re.sub(r"[^ -~]", "?", w)[:200] for w in bad[0]["why"][:10]])
