# SPDX-License-Identifier: GPL-2.0-only
"""What a guest of Twill's says, which tries the work on a booted machine.

The work is the guest's own code, and could say what it likes. So this can only
take points away. What the explorer has seen already is not taken twice.
"""
import os
import re
import shutil
from kernel import MOST, VM, progress, run
from lab import ROOT, CannotGrade, clean

SECONDS = 60		# that the guest has, each time
BASE = 0x100000		# where build.mk puts a guest
RIGHT = "that is as it should be"
PAYLOAD = """#!/bin/sh
insmod ./twill.ko || exit
trace=/sys/kernel/tracing
run() {
	./twill run --watchdog=%d --lazy=1 -c $1 guest.elf 2>&1
}
# Once more, for the record.
record() {
	echo 1 >$trace/events/twill/enable
	run $1 >again
	echo 0 >$trace/events/twill/enable
	awk '/page_absent|page_ready|guest_halts/ { last[$NF] = one[$NF] " " $(NF - 1)
		one[$NF] = $(NF - 1)
	} END { for (vcpu in last) print "host: " last[vcpu] }' $trace/trace
	echo >$trace/trace
}
for cpus in 1 2; do
	echo "guest: $cpus"
	run $cpus >said
	cat said
	echo "guest: ended"
	! grep -qE "nobody is left to wake|not ended in" said || record $cpus
	echo "host: ended"
done
""" % SECONDS
# How the host's record of a processor ends, which says why it hangs.
RECORD = {
    "page_ready guest_halts":
        "the host had told it that the page had come, and then it halted",
    "page_absent guest_halts":
        "the host had told it that the page was absent, and then it halted",
    "guest_halts guest_halts":
        "the host had nothing to tell it when it halted",
}
# Lines that say what went wrong, and the explorer's classes that mean the same.
SIGNS = (
    (r".*: wrong$", "assertion use-after-free livelock deadlock data-race"),
    (r".*(no memory is left|memory was given back).*",
     "bad-free double-free leak use-after-free"),
    (r"(.* )?exception \d+.*", "null-dereference wild-access wild-call oops "
     "use-after-free data-race bad-free"),
    (r".*(nobody is left to wake|not ended in|no news, for).*",
     "deadlock livelock time-limit"),
)
HANGS = SIGNS[-1][1]


def ask(lab, tree, top, known):
    """(points to take away, why). known: classes that have cost points."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    progress("asking a guest on a booted machine, which takes a minute: building")
    p = run("make", "-s", "build/vmm/twill", env=env)
    kernel = run(VM + "/kernel.sh", "stock", env=env)
    kdir = re.search(r"kdir=(\S+)", kernel.stdout)
    if p.returncode or not kdir:
        raise CannotGrade("there is no machine:\n" + p.stdout[-2000:])
    module = os.path.join(ROOT, "build/module/stock")
    p = run(VM + "/module.sh", ROOT, module, kdir[1], env=env)
    if p.returncode:
        raise CannotGrade("module.sh:\n" + p.stdout[-2000:])
    p = run("make", "-s", "-C", tree, "-f", "src/vmm/build.mk",
            "build/guest/wait.elf", "build/guest/user.elf", env=env, stderr=-2)
    if p.returncode:
        return MOST, "does not build as a guest's:\n" + "\n".join(
            clean(l) for l in p.stdout.splitlines()
            if not l.startswith("make"))[:2000]
    payload = os.path.join(top, "payload")
    shutil.rmtree(payload, ignore_errors=True)
    os.makedirs(payload)
    shutil.copy(module + "/twill.ko", payload)
    shutil.copy(ROOT + "/build/vmm/twill", payload)
    shutil.copy(fitting(tree + "/build/guest/"), payload + "/guest.elf")
    with open(payload + "/run", "w") as f:
        f.write(PAYLOAD)
    os.chmod(payload + "/run", 0o755)
    progress("booting")
    said = run(VM + "/run.sh", "-v", "-k", "stock", "-t", str(5 * SECONDS),
               "-o", top + "/machine", payload, env=env, stderr=-2).stdout.replace("\r", "")
    if "guest: 1\n" not in said:
        raise CannotGrade("the machine does not begin:\n" + said[-2000:])
    return judge(said, known)


def fitting(guests):
    """The guest for work that wants to hear of the kernel's own touches; or
    the one for work that does not."""
    whole, flat = guests + "wait.elf.64", guests + "wait.flat"
    run("objcopy", "-O", "binary", whole, flat, check=True)
    at = {name: int(where, 16) for where, name in re.findall(
        r"^(\w+) . (\w+)$", run("nm", whole, check=True).stdout, re.M)}
    with open(flat, "rb") as f:
        f.seek(at["async_pf_always"] - BASE)
        return guests + ("wait.elf" if f.read(1) != b"\0" else "user.elf")


def hanged(record):
    """What the host has recorded of the processors of a guest that hangs."""
    record, _, _ = record.partition("host: ended\n")
    return "".join("\n  " + RECORD[l[6:]] for l in sorted(set(record.splitlines()))
                   if l[:6] == "host: " and l[6:] in RECORD)


def judge(said, known):
    """What it costs, and in which words it is told."""
    took, told = 0, []
    for cpus in "12":
        _, _, text = said.partition("guest: %s\n" % cpus)
        text, ended, record = text.partition("guest: ended\n")
        lines = text.splitlines()
        if ended and RIGHT in lines:
            continue
        line, means = next(
            ((l, means) for sign, means in SIGNS for l in lines
             if re.fullmatch(sign, l)), ("it does not come to an end", HANGS))
        seen = known & set(means.split())
        told.append("on %s processor%s: %s%s%s" % (
            cpus, "s" * (cpus > "1"), clean(line, 120),
            hanged(record) if means == HANGS else "",
            ", for which there are no points above already" if seen else ""))
        took = max(took, 0 if seen else MOST)
    return took, "the guest says\n" + "\n".join(told) if told else "silent"
