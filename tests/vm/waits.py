#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a running guest says of each variant of its wait for an absent page.

usage: waits.py [VARIANT]...	all of guest-wait's, and the sound tree
       waits.py VARIANT --record FILE	what it says on one processor

Each variant's wait.elf is run by twill, on one processor and on two, and its
user.elf; side by side, on the stock kernel or KERNEL_KIND. A variant of the
host's is a module of its own. The test that tests/variants.tsv names must be
wrong, or hang until the watchdog looks; what hangs must do so after the host
has told of the page, or, with interrupts off, before. Exit status 0 if all is
as expected.
"""
import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, "build")

# In the machine: a module after the other, and its guests side by side.
RUN = """#!/bin/sh
trace=/sys/kernel/tracing
echo 8192 >$trace/buffer_size_kb
echo 1 >$trace/options/record-tgid
run() {
	./twill run --watchdog=%d $2 $1/$3.elf >$1/said-$3$4 2>&1 &
	echo $! >$1/pid-$3$4
}
# The last three things that the host has done with each vCPU: a process, they.
record() {
	awk '/page_absent|page_ready|guest_halts/ {
		match($0, /\\( *[0-9]+\\)/)
		vcpu = substr($0, RSTART + 1) + 0 " " $NF
		last[vcpu] = two[vcpu] " " $(NF - 1)
		two[vcpu] = one[vcpu] " " $(NF - 1)
		one[vcpu] = " " $(NF - 1)
	} END { for (vcpu in last) print vcpu last[vcpu] }' $trace/trace
}
for module in *.ko; do
	insmod ./$module
	for variant in ${module%%.ko}.d/*; do
		run $variant --lazy=1 wait
		run $variant "--lazy=1 -c 2" wait 2
		run $variant --lazy user
	done
	wait
	# Once more, for the record, those that hang. While all are traced, one
	# guest in some hundreds ends with its host's registers in its VMCB, on
	# QEMU 7.2; why is not known.
	echo 1 >$trace/events/twill/enable
	for variant in ${module%%.ko}.d/*; do
		[ ! -e $variant/hangs ] || run $variant --lazy=1 wait -again
	done
	wait
	echo 0 >$trace/events/twill/enable
	record >>record
	# A worker may be the last to let go of an address space, and of a file.
	n=0
	until rmmod twill; do
		[ $((n += 1)) -lt 50 ] || exit 1
		sleep 0.2
	done
done
for said in */*/said-*; do
	echo "--- $said"
	cat $said; echo
	grep "^$(cat ${said/said/pid}) " record | sed 's/^[^ ]* [^ ]*/the host:/'
done
"""
GUESTS = ["wait", "user"]
WATCHDOG = 40
KIND = os.environ.get("KERNEL_KIND", "stock")

# How the host's record ends where a guest of one processor hangs.
HUNG = {
    "keep hangs": "page_absent guest_halts",
    "steps hangs": "page_ready guest_halts",
    "shadow hangs": "page_ready guest_halts",
}

# What wait.elf tries, and a word for it.
TESTS = {
    "no task of this processor sees what is half done": "keep",
    "a reader that waits reads nothing dead": "reader",
    "news before its wait is not lost": "early",
    "of two that wait for one token, each news wakes one": "token",
    "a task that gives its processor away": "steps",
    "a task that keeps its processor": "steps",
    "a reader": "steps",
    "the loop": "steps",
    "nothing comes between STI and HLT": "shadow",
    "news finds a reader on another processor": "move",
    "a task that is woken runs on a processor that is free": "wake",
}


def rows():
    yield "sound", "silence"
    with open(os.path.join(ROOT, "tests/variants.tsv")) as f:
        for line in f:
            if line.startswith("guest-wait/"):
                fields = line.rstrip("\n").split("\t")
                yield fields[0], fields[6]


def do(*command, **more):
    return subprocess.run(command, cwd=ROOT, check=True, text=True, **more)


def module(tree, to, kdir):
    do("tests/vm/module.sh", tree, to, kdir)
    return os.path.join(ROOT, to, "twill.ko")


def differs(tree, name):
    with open(os.path.join(ROOT, "src", name)) as a, \
            open(os.path.join(ROOT, tree, "src", name)) as b:
        return a.read() != b.read()


def prepare(wanted, payload):
    """The modules; and for each the variants that it runs, MODULE.d/NAME/."""
    kernel = do("bash", "-c", 'eval "$(tests/vm/kernel.sh %s)"; echo "$kdir"' % KIND,
                stdout=subprocess.PIPE).stdout.strip()
    ours = module(".", "build/module/" + KIND, kernel)
    do("make", "-s", "build/vmm/twill")
    do("cp", "build/vmm/twill", payload)
    for variant, expected in wanted:
        name, kind, made = variant.split("/")[-1], "twill", ours
        tree = "build/variants/%s/tree" % variant
        do("./tangle.sh", "--variant", variant, tree)
        do("make", "-s", "-C", tree, "-f", "src/vmm/build.mk",
           *["build/guest/%s.elf" % g for g in GUESTS])
        if differs(tree, "arch/x86/window.c"):
            kind = name
            made = module(tree, "build/module/%s-%s" % (KIND, name), kernel)
        to = os.path.join(payload, kind + ".d", name)
        os.makedirs(to)
        do("cp", made, os.path.join(payload, kind + ".ko"))
        do("cp", *["%s/build/guest/%s.elf" % (tree, g) for g in GUESTS], to)
        if expected in HUNG:
            open(os.path.join(to, "hangs"), "w").close()


def boot(wanted, out):
    payload = os.path.join(out, "payload")
    do("rm", "-rf", out)
    os.makedirs(payload)
    prepare(wanted, payload)
    with open(os.path.join(payload, "run"), "w") as f:
        f.write(RUN % WATCHDOG)
    os.chmod(f.name, 0o755)
    p = subprocess.run([os.path.join(HERE, "run.sh"), "-v", "-k", KIND, "-t", "150",
                        "-o",
                        out, payload], cwd=ROOT, text=True,
                       stdout=subprocess.PIPE)
    if p.returncode:
        sys.exit("waits: the machine failed:\n" + p.stdout)
    return p.stdout


def split(text):
    """What was said: {name: {run: lines}}."""
    said, lines = {}, None
    for line in text.splitlines():
        if line.startswith("--- "):
            name, run = line.split("/")[1:]
            lines = said.setdefault(name, {}).setdefault(run, [])
        elif lines is not None and line:
            lines.append(line)
    return said


def failing(said):
    """The tests that went wrong, and those that did not come back."""
    if "that is not right" in said["said-user"]:
        yield "no overlap"
    for line in said["said-wait"] + said["said-wait2"]:
        what, colon, how = line.partition(": ")
        if what in TESTS and how == "wrong":
            yield TESTS[what] + " wrong"
        elif what in TESTS and how.startswith("memory was given back"):
            yield TESTS[what] + " wrong"
        elif what in TESTS and how.startswith("nobody"):
            yield TESTS[what] + " hangs"


def record(said):
    """What the host did last with the one processor of the guest that hangs."""
    for line in said.get("said-wait-again", []):
        if line.startswith("the host: "):
            return line[10:]
    return ""


def judge(variant, expected, said):
    found = list(dict.fromkeys(failing(said)))
    whole = all("that is as it should be" in lines for lines in said.values())
    right = (expected in found if expected != "silence"
             else not found and whole)
    if right and expected in HUNG:
        right = record(said).endswith(HUNG[expected])
    print("%-36s %s%s" % (variant, ", ".join(found) or
                          ("silence" if whole else "nothing, but no end"),
                          "" if right else "   WRONG: expected %s; the host: %s"
                          % (expected, record(said))))
    return right


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1][7:])
    parser.add_argument("variants", nargs="*")
    parser.add_argument("--record")
    args = parser.parse_args()
    wanted = [r for r in rows() if not args.variants or r[0] in args.variants]
    out = os.path.join(BUILD, "vm/waits")
    said = split(boot(wanted, out))
    if args.record:
        with open(args.record, "w") as f:
            lines = said[wanted[0][0].split("/")[-1]]["said-wait"]
            f.write("\n".join(lines) + "\n")
        return 0
    wrong = [v for v, expected in wanted
             if not judge(v, expected, said[v.split("/")[-1]])]
    print("waits: %s" % ("wrong: " + ", ".join(wrong) if wrong else
                         "all as expected"))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
