# SPDX-License-Identifier: GPL-2.0-only
"""What a submission may be made of.

It is compiled into the program that judges it, so it must not be able to do
anything but call the kernel's functions: no assembly, no attributes, no
sections, no symbols that the kernel would not give it. The text is looked at
first; then, for what the text could hide, the compiled objects. judge.c has
what these two leave open.
"""
import os
import re
import subprocess

# Identifiers that begin with two underscores and are still welcome.
UNDERSCORED = set("""__user __rcu __force __init __exit __must_check
	__maybe_unused __always_unused __read_mostly __func__ __VA_ARGS__
	__acquires __releases __must_hold __acquire __release
	__u8 __u16 __u32 __u64 __s8 __s16 __s32 __s64
	__GFP_ZERO __GFP_NOWARN __module_get""".split())

FORBIDDEN = [
    (r"\basm\b", "assembly"),
    (r"\bextern\b", "extern (include the header that declares it)"),
    (r"##|%:", "pasting of tokens (##)"),
    (r"\?\?[=/'()!<>-]", "trigraphs"),
    (r"\[\s*\[", "attributes ([[...]])"),
    (r"\b_Pragma\b", "pragmas"),
    (r"\b(shim|SHIM)_\w+", "the names of the explorer's own parts"),
    (r"\bgoto\s*\*", "computed goto"),
    (r"\b_(Thread_local|Atomic)\b", "thread-local and C11 atomic variables"),
]
DIRECTIVES = {"include", "define", "undef", "if", "ifdef", "ifndef", "elif",
              "else", "endif"}

# What no header declares: data of the kernel's, what gcc calls by itself.
COMPILERS = re.compile(r"""
	module_twill(_vfio)? | system(_unbound)?_wq | twill_step |
	__x86_indirect_thunk_r\w+ |
	__tsan_(init|func_entry|func_exit|(read|write)_range) |
	__tsan_(unaligned_)?(volatile_)?(read|write)(1|2|4|8|16)""", re.X)
# What a header declares, and writes where nobody looks.
UNCHECKED = {"snprintf"}

SECTIONS = re.compile(r"""
	\.(text|data|bss)(\.unlikely|\.rel\.ro(\.local)?)? | \.rodata(\..*)? |
	twill_exports | \.init_array\.00099 | \.comment | \.eh_frame |
	\.note\.(GNU-stack|gnu\.property) | \.debug_\w+""", re.X)


def plain(text):
    """Without comments, and with strings emptied; lines stay where they are."""
    text = text.replace("\\\n", " \n")
    keep = r'("(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')|(/\*.*?\*/|//[^\n]*)'

    def swap(m):
        if m.group(1):
            return m.group(1)[0] * 2
        return " " + "\n" * m.group(2).count("\n")
    return re.sub(keep, swap, text, flags=re.S)


def check_text(path, text, headers):
    """What is wrong with one file: lines "PATH:LINE: what"."""
    said = []
    raw = text.split("\n")
    lines = plain(text).split("\n")
    if "\r" in text or "\0" in text or "\f" in text or "\v" in text:
        said.append("%s: control characters" % path)
    for n, line in enumerate(lines, 1):
        def bad(what):
            said.append("%s:%d: not allowed: %s" % (path, n, what))
        for pattern, what in FORBIDDEN:
            if re.search(pattern, line):
                bad(what)
        for word in re.findall(r"(?<!\w)__\w+", line):
            if word not in UNDERSCORED:
                bad(word)
        m = re.match(r"\s*#\s*(\w*)", line)
        if not m:
            continue
        if m.group(1) not in DIRECTIVES:
            bad("#" + m.group(1))
        if m.group(1) == "include":
            m = re.fullmatch(r'\s*#\s*include\s*(<[\w/.-]+>|"[\w/.-]+")\s*'
                             r'(/\*.*\*/)?\s*', raw[n - 1])
            if not m or m.group(1) not in headers:
                bad("#include of anything but the kernel's headers that the "
                    "explorer has, and Twill's")
    return said


def headers_of(tree, include):
    """What may be included: the shim's kernel headers and the tree's own."""
    names = {'"twill.h"', '"arch.h"', '"step.h"', '"group.h"',
             '"vfio/group.h"', "<linux/kvm.h>", "<linux/vfio.h>",
             "<linux/ioctl.h>", "<linux/fcntl.h>"}
    for top in ("linux", "uapi/linux"):
        for folder, _, files in os.walk(os.path.join(include, top)):
            names |= {"<%s>" % os.path.relpath(os.path.join(folder, f),
                                               include) for f in files}
    return names


def kernel_functions(include):
    """The functions that the shim's headers declare as the kernel's."""
    names = set()
    for folder, _, files in os.walk(include):
        for f in files:
            with open(os.path.join(folder, f)) as header:
                names |= set(re.findall(
                    r"^\w[\w \t*]*?\b(\w+)\([^;{}#]*\)[^;{}]*;",
                    header.read(), re.M))
    return names - UNCHECKED


def nm(path):
    """(name, type) of each symbol of an object."""
    text = subprocess.run(["nm", "-P", path], capture_output=True, text=True,
                          check=True).stdout
    return [tuple(line.split()[:2]) for line in text.splitlines()]


def check_objects(objects, mine, names, kernel):
    """What is wrong with the compiled files, and their writable variables.

    objects: path of the source -> path of the object, of the whole core;
    mine: the sources that the student wrote; names: what functions that other
    files can see may be called; kernel: the kernel's functions.
    """
    said, state, given = [], [], set(kernel)
    for path, obj in objects.items():
        given |= {n for n, t in nm(obj) if t.isupper() and t != "U"}
    for path in mine:
        if path not in objects:
            continue
        for name, kind in nm(objects[path]):
            if kind == "U":
                if name not in given and not COMPILERS.fullmatch(name):
                    said.append("%s uses %s, which is not a function that the "
                                "lab's code may call" % (path, name))
            elif kind.upper() not in "TRDB":
                said.append("%s: %s is a symbol of a strange kind (%s)" %
                            (path, name, kind))
            elif kind.isupper() and not re.match(names, name):
                said.append("%s defines %s for other files to see: make it "
                            "static" % (path, name))
            if kind in "bBdD":
                state.append("%s: %s" % (path, name))
        text = subprocess.run(["objdump", "-h", objects[path]], check=True,
                              capture_output=True, text=True).stdout
        for section in re.findall(r"^ +\d+ (\S+)", text, re.M):
            if not SECTIONS.fullmatch(section):
                said.append("%s has a section %s" % (path, section))
        if len(re.findall(r"R_X86_64_64", subprocess.run(
                ["objdump", "-r", "-j", ".init_array.00099", objects[path]],
                capture_output=True, text=True).stdout)) > 1:
            said.append("%s has a constructor" % path)
    return said, state
