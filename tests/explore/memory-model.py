#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own litmus tests (tools/memory-model), explored.

usage: memory-model.py [WORD]...	those whose name has one of the words

Each of them is a few tasks, a state in which they may end, and the memory
model's verdict: on some processor that comes to pass Sometimes, or Never. They
are taken from Debian's linux-source, made into programs for the explorer,
and run in all orders: with writes that all tasks see in one order, and with
writes that are late. What is Never must not be seen. What is Sometimes must be
seen, but for the tests in BEYOND, where a processor does what the explorer
cannot.
"""
import glob
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
OUT = os.path.join(ROOT, "build/memory-model")
TESTS = "*/tools/memory-model/litmus-tests/*.litmus"
LATE = "4"		# more than there are reads
READS = "- (reads are in order)"
LOCKS = "- (a lock is taken at once)"
SPREAD = "- (a write reaches all others at once)"
BEYOND = {
    "IRIW+poonceonces+OnceOnce": READS,
    "LB+poonceonces": READS,
    "MP+polockonce+poacquiresilsil": LOCKS,
    "WRC+poonceonces+Once": READS,
    "Z6.0+pooncelock+pooncelock+pombonce": SPREAD,
    "Z6.0+pooncerelease+poacquirerelease+fencembonceonce": SPREAD,
}


def unpack():
    source = sorted(glob.glob("/usr/src/linux-source-*.tar.xz"))[-1]
    to = os.path.join(OUT, "litmus-tests")
    done = os.path.join(to, os.path.basename(source))
    if os.path.exists(done):
        return
    os.makedirs(to, exist_ok=True)
    subprocess.run(["tar", "-C", to, "-xf", source, "--strip-components=4",
                    "--wildcards", TESTS], check=True)
    with open(done, "w"):
        pass


def condition(text):
    """1:r0=x /\\ y=2, in C."""
    def value(v):
        return v if re.fullmatch(r"-?\d+", v) else "&the_" + v
    terms = []
    for term in text.split("/\\"):
        m = re.fullmatch(r"\s*(?:(\d+):)?(\w+)=(\w+)\s*", term)
        where = "r_%s_%s" % (m[1], m[2]) if m[1] else "the_" + m[2]
        terms.append("%s == %s" % (where, value(m[3])))
    return " && ".join(terms)


def program(name, text):
    """A litmus test as a program for the explorer."""
    text = re.sub(r"//.*|\(\*.*?\*\)", "", text)
    begin = re.search(r"^\{([^}]*)\}", text, re.M)[1]
    exists = re.search(r"^exists \((.*)\)\s*$", text, re.M)[1]
    tasks = re.findall(r"^P(\d)\((.*?)\)\s*^\{\n(.*?)^\}", text, re.M | re.S)
    pointers = re.findall(r"(\w+)=(\w+);", begin)
    shared, out = {target: "int " for _, target in pointers}, []
    for n, parameters, body in tasks:
        registers = re.findall(r"^\t(int \*?)(r\d+);", body, re.M)
        head = ""
        for p in parameters.split(", "):
            kind, var = re.fullmatch(r"(\w+ \**)(\w+)", p).groups()
            shared[var] = kind.replace("*", "", 1)
            head += "\t%s%s __maybe_unused = &the_%s;\n" % (kind, var, var)
        out += ["static %sr_%s_%s;" % (kind, n, r) for kind, r in registers]
        out += ["", "static void p%s(void)" % n, "{", head + body +
                "".join("\tr_%s_%s = %s;\n" % (n, r, r)
                        for _, r in registers) + "}", ""]
    return "\n".join(
        ["#include <linux/%s.h>" % h for h in
         ("atomic", "rcupdate", "spinlock")] +
        ['#include "scenario.h"', ""] +
        ["static %s the_%s;" % (kind.strip(), var) for var, kind in
         sorted(shared.items(), key=lambda v: v[1].count("*"))] + out +
        ["static void begin(void)", "{"] +
        ["\tthe_%s = &the_%s;" % pair for pair in pointers] +
        ["}", "", "static void end(void)", "{",
         "\tu_assert(!(%s));" % condition(exists), "}", "",
         'SCENARIO("%s", "the memory model\'s",' % name, "\t begin, end, " +
         ", ".join("p" + n for n, _, _ in tasks) + ");", ""])


def build(words):
    """{name: verdict}, and the explorer that has them."""
    unpack()
    verdicts = {}
    where = OUT + "/tests/explore/litmus"
    os.makedirs(where, exist_ok=True)
    for f in os.listdir(where):
        os.unlink(os.path.join(where, f))
    for f in sorted(os.listdir(OUT + "/litmus-tests")):
        name = f[:-len(".litmus")]
        if not f.endswith(".litmus") or \
                words and not any(w in name for w in words):
            continue
        with open(os.path.join(OUT, "litmus-tests", f)) as source:
            text = source.read()
        verdicts[name] = re.search(r"\* Result: (\w+)", text)[1]
        with open("%s/%s.c" % (where, name), "w") as to:
            to.write(program(name, text))
    subprocess.run([ROOT + "/tests/explore/build.sh", ROOT, OUT + "/explore"],
                   env=dict(os.environ, MORE_LITMUS=OUT), check=True)
    return verdicts


def is_seen(name, *more):
    p = subprocess.run([OUT + "/explore", name, "--complete", "--json", *more],
                       capture_output=True, text=True, check=False)
    r = json.loads(p.stdout)
    if r["class"] == "assertion":
        return True
    if r["class"] != "none" or not r["claim"].startswith("complete"):
        sys.exit("memory-model: %s: %s %s" % (name, r["class"], r["claim"]))
    return False


def wrong(name, verdict, in_order, late):
    """What is wrong with what was seen, if anything."""
    if verdict == "Never":
        return "seen, and may not" if in_order or late else ""
    if name in BEYOND:
        return "seen, and listed as beyond" if late else ""
    return "" if late else "not seen"


def main():
    verdicts = build(sys.argv[1:])
    faults, never, tell = 0, 0, {True: "seen", False: "-"}
    print("%-52s %-10s %s" % ("sometimes", "in order", "writes late"))
    for name, verdict in verdicts.items():
        in_order, late = is_seen(name), is_seen(name, "--late-writes", LATE)
        fault = wrong(name, verdict, in_order, late)
        faults += bool(fault)
        never += verdict == "Never"
        if fault or verdict != "Never":
            print("%-52s %-10s %s" % (name, tell[in_order],
                                      fault or (BEYOND.get(name) or "seen")))
    print("never, and %s: %d others" % ("not seen" if not faults else
                                        "%d faults" % faults, never))
    return faults > 0 or not verdicts


if __name__ == "__main__":
    sys.exit(main())
