# SPDX-License-Identifier: GPL-2.0-only
"""The sandbox, the commands themselves, and what they put up with."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from cheats import add, before_end, in_open
from tries import CIRCLE, GRADE, LABS, ROOT, Wrong, case, run


def judge_of(t):
    """The program that judges the sound tree, built for a test."""
    t.take("sound").grade().gets(100)
    return t.dir + "/scratch/judge"


@case("sandbox")
def sandbox(t):
    """Whoever breaks out of the judge can open nothing, start nothing, and
    reach nobody; and outside of it there is nothing but its library."""
    program = judge_of(t)
    source = t.dir + "/escape.c"
    with open(ROOT + "/labs/grade/judge.c") as f:
        text = f.read()
    # What the judge would do once it were the submission's.
    with open(source, "w") as f:
        f.write(text.replace("	give_up_calls();\n", """	give_up_calls();
	printf("%d %d %d %d\\n", open("/judge", 0), socket(1, 1, 0), fork(),
	       execl("/bin/true", "true", NULL));
	return 0;
""").replace("#include <errno.h>", "#include <errno.h>\n#include <fcntl.h>\n"
             "#include <sys/socket.h>\n"))
    p = run("gcc", "-w", "-D_GNU_SOURCE", "-no-pie", "-O1",
            "-Itests/explore", "-Itests/explore/shim/include", "-c", source,
            "-o", t.dir + "/escape.o")
    t.said = p.stdout
    if p.returncode:
        raise Wrong("it does not compile")
    # Linked against nothing of the explorer's: it returns before it needs it.
    p = run("gcc", "-no-pie", "-Wl,--unresolved-symbols=ignore-all",
            t.dir + "/escape.o", "-o", t.dir + "/escape")
    p = run(t.dir + "/escape")
    t.said = p.stdout
    if p.stdout.split() != ["-1", "-1", "-1", "-1"]:
        raise Wrong("an escaped judge can do something")
    sys.path.insert(0, ROOT + "/labs/grade")
    import sandbox as s
    words = s.Judge(program, set()).judge
    shown = [words[i + 1] for i, w in enumerate(words) if "bind" in w]
    if not all(map(os.path.isfile, shown)) or len(shown) > 4:
        raise Wrong("the sandbox shows " + " ".join(shown))


@case("no-sandbox")
def no_sandbox(t):	# there is a result, and it says whose fault it is
    tools = t.dir + "/bin"
    os.mkdir(tools)
    for folder in os.environ["PATH"].split(":"):
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            at = os.path.join(tools, name)
            if name not in ("bwrap", "unshare") and not os.path.lexists(at):
                os.symlink(os.path.join(folder, name), at)
    t.take("sound").grade(env={"PATH": tools})
    if t.status != 2 or t.score or "Traceback" in t.said:
        raise Wrong("exit status %d" % t.status)
    t.says("cannot grade: there is no sandbox here: bwrap: No such file")
    if "no fault of the work's" not in t.output:
        raise Wrong("the JSON does not say so")


@case("broken-sandbox")
def broken_sandbox(t):
    tools = t.dir + "/bin"
    os.mkdir(tools)
    with open(tools + "/bwrap", "w") as f:
        f.write('#!/bin/sh\ncase "$*" in *--here) exit 0;; esac\n'
                'echo "bwrap: no room" >&2; exit 1\n')
    os.chmod(tools + "/bwrap", 0o755)
    t.take("sound").grade(env={"PATH": tools + ":" + os.environ["PATH"]})
    if t.status != 2 or "bwrap: no room" not in t.output:
        raise Wrong("exit status %d" % t.status)
    t.says("cannot grade: the sandbox failed: bwrap: no room")


# ---- what editors do to files; what only looks forbidden

@case("tolerant")
def tolerant(t):
    t.take("sound")
    for path in t.lab.files:
        t.edit(path, lambda s: "\ufeff" + s.replace("\n", "\r\n"))
    for name in ("group.c~", ".group.c.swp", "#group.c#", "tags", "TAGS",
                 "group.c.orig", "cscope.out", ".#group.c"):
        t.write("src/vfio/" + name, "x")
    os.mkdir(t.at("src/.vscode"))
    t.write("src/.vscode/x.c", "x")
    t.grade().gets(100)


@case("innocent")
def innocent(t):
    t.take("sound")
    add("#define GROUP_LIMIT 8\n"
        "/* asm, __attribute__((x)), [[y]] and ## in a comment: don't mind */\n"
        "static const char *const group_words[] = {\n"
        '\t"asm(", "[[", "__attribute__", "a\\"b", "what??!",\n};\n'
        "static int __maybe_unused group_limit(int a[GROUP_LIMIT])\n"
        "{\n\tBUILD_BUG_ON(ARRAY_SIZE(group_words) > GROUP_LIMIT);\n"
        "\tbarrier();\n\treturn a[min(1, 2)];\n}\n"
        "#if 0\nit doesn't matter what's here\n#endif")(t)
    before_end("static inline bool group_is_idle(struct group *group)\n"
               "{\n\treturn !group->opened;\n}")(t)
    t.grade().gets(100)


# ---- the commands themselves

@case("commands")
def start_and_grade(t):
    at = os.path.join(ROOT, "labs", t.lab.folder, "work")
    if os.path.lexists(at):
        raise Wrong("skipped: there is work in " + at)
    start = [sys.executable, "-B", ROOT + "/labs/grade/start.py"]
    try:
        if run(*start, "5").returncode or not run(*start, t.lab.folder).returncode:
            raise Wrong("start")
        t.said = run(*start, t.lab.name).stdout
        t.says("is not overwritten")
        t.said = run(*GRADE, "--no-vm", t.lab.name).stdout
        t.says(r"work/src/vfio/group.c:\d")
        t.says("score: 0/100$")
        with open(ROOT + "/build/grades/%s.json" % t.lab.name) as f:
            if json.load(f)["score"]:
                raise Wrong("the JSON has points")
    finally:
        shutil.rmtree(at, ignore_errors=True)


@case("handout")
def handout(t):		# its table of points is the grader's
    for lab in LABS:
        with open(os.path.join(ROOT, "labs", lab.folder, "README.md")) as f:
            told = re.findall(r"^\| (\d+) \|", f.read(), re.M)
        real = [str(sum(r["points"] for r in stage["rows"]))
                for stage in lab.stages]
        if told != real:
            raise Wrong("%s: %s, %s" % (lab.name, told, real))


@case("no-such-lab")
def no_such_lab(t):
    for name in ("77", "\x1b[31m", "$(shell touch %s/x)" % t.dir, ""):
        p = run(*GRADE, "--no-vm", name)
        t.said = p.stdout
        t.says("cannot grade: there is no lab .*LAB= is one of")
        if p.returncode != 2 or "\x1b" in p.stdout:
            raise Wrong("exit status %d" % p.returncode)
    p = run("make", "-s", "start", "LAB=$(shell touch %s/y)" % t.dir)
    t.said = p.stdout
    p = run("make", "-s", "start", "LAB=`touch %s/z`\"; touch %s/z; \"" % (
        t.dir, t.dir))
    t.said += p.stdout
    if set(os.listdir(t.dir)) & {"x", "y", "z"}:
        raise Wrong("LAB= is run")


@case("broken-lab")
def broken_lab(t):
    """A key that is missing is named."""
    for words, change in (
            ("'hints' is missing", lambda s: s.replace('"hints"', '"hint"')),
            ("'shows' is missing", lambda s: s.replace('"shows"', '"say"', 1)),
            ("lab.json: Expecting", lambda s: s.replace('",', '"', 1))):
        copy = os.path.join(t.dir, "copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(ROOT + "/labs", copy + "/labs",
                        ignore=shutil.ignore_patterns("work"))
        path = os.path.join(copy, "labs", t.lab.folder, "lab.json")
        with open(path) as f:
            text = change(f.read())
        with open(path, "w") as f:
            f.write(text)
        p = run(sys.executable, "-B", copy + "/labs/grade/grade.py",
                "--no-vm", t.lab.name)
        t.said = p.stdout
        t.says("cannot grade: .*" + words)
        if p.returncode != 2:
            raise Wrong("exit status %d" % p.returncode)


@case("interrupted")
def interrupted(t):
    in_open("for (;;) ;")(t.take("sound"))
    def not_deaf():		# as a job in the background would be
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    p = subprocess.Popen(
        [*GRADE, "--no-vm", "--work", t.work, "--out", t.dir + "/o.json",
         "--scratch", t.dir + "/s", t.lab.name], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=not_deaf)
    while not os.path.exists(t.dir + "/s/judge") and p.poll() is None:
        try:
            p.wait(0.2)
        except subprocess.TimeoutExpired:
            pass
    p.send_signal(signal.SIGINT)
    t.said = p.communicate()[0]
    if p.returncode != 130 or "Traceback" in t.said:
        raise Wrong("exit status %d" % p.returncode)
    t.says("interrupted; there is no grade")
