# SPDX-License-Identifier: GPL-2.0-only
"""Cheats: a sound answer with something added. The rules are the same for all
labs; here they are tried on the one that has a header."""
import os
import re
from tries import CIRCLE, GIFT, WAIT, case, run

GROUP, HEADER, DEVICE = "src/vfio/group.c", "src/vfio/group.h", "src/device.c"
SLEEP = "src/guest/async_pf.c"


def refused(name, row, words, spoil, lab=CIRCLE):
    """After the edit the grade is 0, in this row, with words like these."""
    def test(t):
        spoil(t.take("sound"))
        t.grade().gets(0)
        t.fails(row, words)
    case(name, lab)(test)


def add(text, path=GROUP):
    return lambda t: t.edit(path, lambda old: old + text + "\n")


def before_end(text):
    """In the header, before its guard's end."""
    return lambda t: t.edit(HEADER, lambda old: text.join(
        old.rpartition("\n#endif")[::2]).replace(text, "\n" + text +
                                                 "\n#endif", 1))


def in_open(text):
    """Statements where a device is opened."""
    return lambda t: t.edit(GROUP, lambda old: re.sub(
        r"(step\(pt_device_open, device\);\n)",
        lambda m: m[1] + text + "\n", old))


def add_cheats():
    f = "int group_x(void); int group_x(void) { return 0; }\n"
    no_sanitize = '__attribute__((no_sanitize("thread")))'
    for name, words, spoil in (
            ("asm", "group.c:[0-9]+: .*assembly", in_open('asm("nop");')),
            ("asm-in-header", "group.h:[0-9]+: .*__asm__", before_end(
                'static inline void cheat(void) { __asm__("nop"); }')),
            ("pasted-asm", "pasting", add("#define P(a, b) a##b")),
            ("spliced-asm", "assembly", in_open('as\\\nm("nop");')),
            ("spliced-asm-blanks", "assembly", in_open('as\\ \t\nm("nop");')),
            ("shim-pasted-asm", "explorer's own parts", in_open(
                'SHIM_PASTE(as, m)("nop");')),
            ("exported-asm", "explorer's own parts",
             in_open('SHIM_LISTED(twill_exports, as, m);')),
            ("attribute", "__attribute__", add(no_sanitize + f)),
            ("attribute-brackets", "attributes", add(
                '[[gnu::no_sanitize("thread")]] ' + f)),
            ("attribute-over-lines", "attributes", add(
                '[\n[gnu::no_sanitize("thread")\n]\n] ' + f)),
            ("attribute-digraphs", "digraphs", add(
                '<:<:gnu::no_sanitize("thread"):>:> ' + f)),
            ("attribute-by-macro", "a macro called unused: .* uses that name",
             add('#define unused no_sanitize("thread")\n__maybe_unused ' + f)),
            ("attribute-by-event", "trace events", add(
                "TRACE_EVENT(x(int a) { } static inline void y, int b)")),
            ("not-in-comment", "__attribute__", add(
                "#if 0\ndon't /*\n#endif\n%s %s#if 0\n*/\n#endif" % (
                    no_sanitize, f))),
            ("not-in-string", "__attribute__|raw strings", add(
                'const char *group_y = R"(");\n%s %s//)";' % (no_sanitize, f))),
            ("over-lines", "computed goto", in_open("goto\n* (void *)0;")),
            ("macro-of-the-shim", "a macro called mutex_lock", add(
                "#undef mutex_lock\n#define mutex_lock(m) ((void)0)\n" + f)),
            ("macro-keyword", "a macro called if", add("#define if while")),
            ("header-undef", "#undef in a header", before_end(
                "#undef mutex_lock\n#define mutex_lock(m) ((void)0)")),
            ("header-define", "#define in a header", before_end(
                "#define u_assert(c) ((void)0)")),
            ("header-spliced", "#define in a header", before_end(
                "#de\\\nfine u_assert(c) ((void)0)")),
            ("header-function", "probe.c: what it calls has changed",
             before_end("static inline void u_failed(const char *c) { }")),
            ("exit", "group.c:[0-9]+: uses exit,", add(
                "void exit(int); void group_x(void); "
                "void group_x(void) { exit(0); }")),
            ("write", "uses write,", add(
                "long write(int, const void *, unsigned long);\n"
                'static long f(void) { return write(3, "x", 1); }\n'
                "long group_x(void); long group_x(void) { return f(); }")),
            ("extern", "extern", add("extern struct task *cur;")),
            ("runtime", "uses order_reset", add(
                "void order_reset(void); void group_x(void);\n"
                "void group_x(void) { order_reset(); }")),
            ("snprintf", "uses snprintf", in_open(
                'snprintf((char *)0x404000, 8, "x");')),
            ("scenario-api", "uses u_failed", add(
                "void u_failed(const char *c); void group_x(void);\n"
                'void group_x(void) { u_failed("x"); }')),
            ("define-libc", "defines strcmp", add(
                "int strcmp(const char *a, const char *b) { return 0; }")),
            ("shim", "explorer's own parts", in_open(
                "shim_unlock(&group->lock.shim, false);")),
            ("constructor", "__attribute__", add(
                "__attribute__((constructor)) static void f(void) { }")),
            ("section", "__attribute__", add(
                '__attribute__((section("twill_scenarios"))) int x;')),
            ("pragma", "#pragma", add('#pragma GCC optimize ("O0")')),
            ("pragma-word", "pragmas", add('_Pragma("GCC optimize (0)")')),
            ("include", '#include "runtime.h": the explorer does not have it',
             add('#include "runtime.h"')),
            ("include-near", "it has .*<linux/spinlock.h>", add(
                "#include <linux/spinlok.h>")),
            ("include-file", "does not have it", add(
                '#include "/etc/passwd"')),
            ("include-by-macro", "does not have it", add(
                "#define GROUP_X <linux/list.h>\n#include GROUP_X")),
            ("line", "#line", add('#line 1 "src/vm.c"')),
            ("module-init", "shim_init_at_, which the compiler sees there", add(
                "static int f(void) { return 0; } module_init(f);")),
            ("warning", "#error", add("#error score: 100/100")),
            ("links", "work/src/device.c: links are not followed", link_file),
            ("linked-folder", "links are not followed", link_folder),
            ("folder", "device.c", folder_for_file),
            ("pipe", "not a plain file", pipe_for_file),
            ("other-file", "work/src/vm.c is not one", other_file("src/vm.c")),
            ("new-file", "x.c is not one", other_file("src/arch/model/x.c")),
            ("binary-name", r"src/\?\?\[31m.c is not one", other_file(
                b"src/\xff\x1b[31m.c")),
            ("missing", "work/src/vfio/group.h: No such file", no_file)):
        refused("cheat-" + name, "rules", words, spoil)
    refused("cheat-line-of-another-file", "rules",
            "vm.c:[0-9]+: not allowed: shim_init_at_", add(
                "static int __init twill_init(void) { return 0; }\n"
                "module_init(twill_init);", "src/vm.c"), GIFT)
    for name, words, text in (
            ("event", "uses guest_event,", "void async_pf_x(void);\n"
             "void async_pf_x(void) { guest_event(guest_this(), 0); }"),
            ("init", "uses guest_init,", "void async_pf_x(void);\n"
             "void async_pf_x(void) { guest_init((void *)0x404000, NULL, "
             "NULL); }"),
            ("host", "uses vcpu_kick,", "void vcpu_kick(void *v);\n"
             "void async_pf_x(void);\n"
             "void async_pf_x(void) { vcpu_kick(NULL); }"),
            ("sleep", "#include <linux/mutex.h>: a guest does not have it",
             "#include <linux/mutex.h>"),
            ("define", "defines rcu_x for other files to see",
             "void rcu_x(void);\nvoid rcu_x(void) { }"),
            ("asm", "assembly", "void async_pf_x(void);\n"
             'void async_pf_x(void) { asm("cli"); }'),
            ("macro", "a macro called halt", "#define halt hlt")):
        refused("cheat-guest-" + name, "rules", words, add(text, SLEEP), WAIT)
    refused("cheat-machine", "rules", "uses guest_init,", add(
        "void guest_init(void *c, void *handler, void *rule);\n"
        "void vm_x(void);\n"
        "void vm_x(void) { guest_init((void *)0x404000, NULL, NULL); }",
        "src/vm.c"), GIFT)
    for name, words, spoil in (
            ("cheat-override", "multiple definition of", add(
                "struct { int bound; } opts;")),
            ("does-not-compile", "work/src/vfio/group.c:[0-9]+:[0-9]+: "
             "error: expected", add("int;x")),
            ("others-do-not-compile", "has no member named", lambda t: t.edit(
                HEADER, lambda s: s.replace("\tstruct pt_device *device;\n",
                                            ""))),
            ("undeclared", "implicit declaration", in_open(
                "no_such_function(device);")),
            ("big-array", "frame size", in_open(
                "char a[100000]; strcmp(a, a);"))):
        refused(name, "builds", words, spoil)


def link_file(t):
    os.rename(t.at(DEVICE), t.dir + "/elsewhere.c")
    os.symlink(t.dir + "/elsewhere.c", t.at(DEVICE))


def link_folder(t):
    os.rename(t.at("src/vfio"), t.dir + "/elsewhere")
    os.symlink(t.dir + "/elsewhere", t.at("src/vfio"))


def folder_for_file(t):
    os.remove(t.at(DEVICE))
    os.mkdir(t.at(DEVICE))


def pipe_for_file(t):
    os.remove(t.at(DEVICE))
    os.mkfifo(t.at(DEVICE))


def no_file(t):
    os.remove(t.at(HEADER))


def other_file(path):
    def spoil(t):
        at = os.path.join(os.fsencode(t.work), os.fsencode(path))
        os.makedirs(os.path.dirname(at), exist_ok=True)
        with open(at, "w") as f:
            f.write("int x;\n")
    return spoil


# ---- what is cut short, and says so in a row

def cut(name, words, text):
    def test(t):
        in_open(text)(t.take("sound"))
        t.grade().gets(0)
        t.fails("close-last", words)
    case(name)(test)


def add_cuts():
    cut("cheat-call-by-address", "wild-call",
        "((void (*)(void))((unsigned long)strcmp + 16))();")
    cut("cheat-write-anywhere", "wild-access",
        "*(volatile int *)0x404000 = 0;")
    cut("cheat-return-address", "wild-access",
        "unsigned long x; void smash(unsigned long *p) {\n"
        "int i; for (i = 0; i < 8; i++) p[i] = 0x400000; } smash(&x);")
    cut("cheat-array", "oops", "int a[2]; volatile long i = 1L << 20; "
        "a[i] = 1; r = a[i + 1];")
    cut("endless-loop", "time-limit", "for (;;) ;")
    cut("endless-locking", "livelock", "for (;;) { spin_lock(&group->vm_lock); "
        "spin_unlock(&group->vm_lock); }")
    cut("endless-memory", "gave-up", "while (kzalloc(64, GFP_KERNEL)) ;")


@case("cheat-prints")
def nothing_said(t):	# the score that it prints is not the grade
    in_open('pr_err("score: 100/100\\n"); step(score, "score: 100/100");')(
        t.take(CIRCLE.name + "/bug"))
    t.grade().gets(0)


def false_pointer(function):
    """One of the judge's own, where the kernel would call the submission's."""
    def test(t):
        at = "0x0400000"
        t.take("sound").edit(GROUP, lambda s: s.replace(
            ".release = pt_device_release", ".release = (void *)" + at))
        t.grade()
        for line in run("nm", t.dir + "/scratch/judge").stdout.splitlines():
            if line.endswith(" " + function):
                to = "0x%07x" % int(line.split()[0], 16)
        t.edit(GROUP, lambda s: s.replace(at, to))
        t.grade().gets(0)
        t.fails("close-last", "wild-call: .*calls 0x%x" % int(to, 16))
    return test


for function in ("order_reset", "leave_execution"):
    case("cheat-pointer-" + function)(false_pointer(function))
