# SPDX-License-Identifier: GPL-2.0-only
"""What a submission may be made of.

It is compiled into the program that judges it, so it must not be able to do
anything but call the kernel's functions: no assembly, no attributes, no
sections, no symbols that the kernel would not give it. What counts is what the
compiler sees. So each file is read three times:

- as tokens: the words that the student wrote, in whichever disguise;
- preprocessed: whether the compiler reads these tokens and no others, and what
  the kernel's macros have made of them;
- compiled: what it calls and defines; and whether the files that are not the
  student's are still the same code, though they include the student's headers.

A line that stands in the book's own file, too, is welcome whatever it says.
judge.c has what these leave open.
"""
import difflib
import os
import re
import subprocess
import tokens

# Identifiers that begin with two underscores and are still welcome.
UNDERSCORED = set("""__user __rcu __force __init __exit __must_check
	__maybe_unused __always_unused __read_mostly __func__ __VA_ARGS__
	__acquires __releases __must_hold __acquire __release
	__u8 __u16 __u32 __u64 __s8 __s16 __s32 __s64
	__GFP_ZERO __GFP_NOWARN __module_get __LINE__ __FILE__""".split())

FORBIDDEN = {
    "asm": "assembly",
    "extern": "extern (include the header that declares it)",
    "##": "pasting of tokens (##)",
    "_Pragma": "pragmas",
    "_Thread_local": "thread-local variables",
    "_Atomic": "C11 atomic variables",
    "TRACE_EVENT": "trace events",
    "\\": "a backslash outside of strings and at the end of a line",
    **{d: "digraphs (%s)" % d for d in ("%:", "%:%:", "<:", ":>", "<%", "%>")},
}
DIRECTIVES = {"include", "define", "undef", "if", "ifdef", "ifndef", "elif",
              "else", "endif"}

# What the kernel's macros may make of a student's line: attributes, assembly,
# and words that they have pasted.
ATTRIBUTES = re.compile(
    r"\(\((unused|noinline|fallthrough|packed|aligned\(\w+\)|"
    r"format\(printf,\d+,\d+\)|used,section\(\"twill_exports\"\))\)\)")
BARRIER = '__asm____volatile__("":::"memory")'
PASTED = re.compile(r"shim_export_\w+|module_twill(_vfio)?|trace_\w+")

# What no header declares: data of the kernel's, what gcc calls by itself.
COMPILERS = re.compile(r"""
	module_twill(_vfio)? | system(_unbound)?_wq | shim_mem_map | twill_step |
	__x86_indirect_thunk_r\w+ |
	__tsan_(init|func_entry|func_exit|(read|write)_range) |
	__tsan_(unaligned_)?(volatile_)?(read|write)(1|2|4|8|16)""", re.X)
# What a header declares, and writes where nobody looks.
UNCHECKED = {"snprintf"}
# A guest's code has its own kernel around it, and nothing of the host's: what
# guest/os.h offers, as it is called when macros have been expanded.
GUEST_HEADERS = {"<guest/os.h>", '"async_pf.h"', '"rcu.h"'}
GUEST = set("""this_task this_reader this_cpu may_block set_blocked wake_task
	kick_cpu halt cli sti hlt interrupts_off interrupts_as
	guest_schedule guest_rcu_read_lock guest_rcu_read_unlock rcu_preempt
	shim_alloc kfree shim_marked shim_lock shim_trylock shim_unlock
	memcpy memmove memset memcmp""".split())

SECTIONS = re.compile(r"""
	\.(text|data|bss)(\.unlikely|\.rel\.ro(\.local)?)? | \.rodata(\..*)? |
	twill_(exports|modules) | \.init_array\.00099 | \.comment | \.eh_frame |
	\.note\.(GNU-stack|gnu\.property) | \.debug_\w+""", re.X)


# ---- The tokens.

def booked(text, book):
    """The numbers of those lines that stand in the book's file, too."""
    known = set(book.split("\n"))
    return {n for n, line in enumerate(text.split("\n"), 1) if line in known}


class Said:
    """What is wrong with one file: lines "PATH:LINE: not allowed: WHAT"."""

    def __init__(self, shown, welcome):
        self.shown, self.welcome, self.lines = shown, welcome, []

    def bad(self, line, what):
        if line not in self.welcome:
            self.lines.append("%s:%d: not allowed: %s" % (
                self.shown, line, what))


def check_words(said, every):
    after = None
    for t in every:
        what = FORBIDDEN.get(t.text)
        if t.text.startswith("__") and t.text not in UNDERSCORED:
            what = t.text
        elif re.match(r"(shim|SHIM)_\w", t.text):
            what = "the names of the explorer's own parts"
        elif t.text == "#" and not t.directive:
            what = "# inside a line"
        elif re.match(r"(u8|u|U|L)?R\"$", t.text):
            what = "raw strings"
        elif re.search(r"[^\x00-\x7f]", t.text) and t.text[0] not in "\"'":
            what = "letters that are not ASCII, but in strings and comments"
        elif after == ("goto", "*"):
            what = "computed goto"
        elif after and after[1] == "[" == t.text:
            what = "attributes ([[...]])"
        if what:
            said.bad(t.line, what)
        after = (after[1] if after else None, t.text)


def known_headers(tree, include):
    """What may be included: the shim's kernel headers and the tree's own."""
    names = {'"twill.h"', '"arch.h"', '"step.h"', '"group.h"',
             '"vfio/group.h"', "<linux/kvm.h>", "<linux/vfio.h>",
             "<linux/ioctl.h>", "<linux/fcntl.h>"}
    for top in ("linux", "uapi/linux"):
        for folder, _, files in os.walk(os.path.join(include, top)):
            names |= {"<%s>" % os.path.relpath(os.path.join(folder, f),
                                               include) for f in files}
    for name in os.listdir(os.path.join(tree, "src")):
        if name.endswith(".h"):
            names.add('"%s"' % name)
    return names


def check_directives(said, every, headers, is_header):
    of = {}
    for t in every:
        if t.directive:
            of.setdefault(t.directive, []).append(t)
    guard = guard_of(of) if is_header else None
    for line in of.values():
        name = line[1].text if len(line) > 1 else ""
        if name not in DIRECTIVES:
            said.bad(line[0].line, "#" + name)
        elif name == "include":
            what = "".join(t.text for t in line[2:])
            if what not in headers:
                near = difflib.get_close_matches(what, headers, 3)
                said.bad(line[0].line, "#include %s: %s does not have it%s" % (
                    what, "a guest" if headers is GUEST_HEADERS else
                    "the explorer", "; it has " + ", ".join(near)
                    if near else ""))
        elif (name in ("define", "undef") and is_header and
              (len(line) < 3 or line[2].text != guard)):
            said.bad(line[0].line, "#%s in a header, but the guard's: it "
                     "would be in force in files that are not yours" % name)


def guard_of(directives):
    """A header's: the name of #ifndef NAME, #define NAME, at its beginning."""
    first = [[t.text for t in directives.get(n, ())] for n in (1, 2)]
    if (len(first[0]) == 3 and first[0][1] == "ifndef" and
            first[1] == ["#", "define", first[0][2]]):
        return first[0][2]
    return None


def check_text(shown, text, book, headers):
    """book: what this file is in the book."""
    said, every = Said(shown, booked(text, book)), tokens.lex(text)
    if "\0" in text:
        said.bad(text[:text.index("\0")].count("\n") + 1, "a null character")
    check_words(said, every)
    check_directives(said, every, headers, shown.endswith(".h"))
    return said.lines


# ---- The preprocessed files.

def defined(text):
    """(name, line) of each #define and #undef."""
    of = {}
    for t in tokens.lex(text):
        if t.directive:
            of.setdefault(t.directive, []).append(t)
    return [(line[2].text, line[0].line) for line in of.values()
            if len(line) > 2 and line[1].text in ("define", "undef")]


class View:
    """What the compiler sees of the student's files."""

    def __init__(self, tree, files, book, shown):
        """files, book: the student's and the book's, path -> text."""
        self.tree, self.files, self.shown = tree, files, shown
        self.texts, self.mine, self.taken, self.welcome = {}, {}, {}, {}
        for path, text in files.items():
            self.welcome[path] = booked(text, book[path])
            at = self.mine[path] = {}
            for t in tokens.lex(text):
                at.setdefault(t.line, set()).add(t.text)

    def text_of(self, path):
        if path not in self.texts:
            try:
                with open(os.path.join(self.tree, path), "rb") as f:
                    self.texts[path] = f.read().decode(errors="replace")
            except OSError:
                self.texts[path] = ""
        return self.texts[path]

    def check(self, path, flags):
        """What is wrong with one .c file of the student's."""
        try:
            seen = tokens.expanded(flags, self.tree, path)
        except OSError:
            return []		# it does not build, and the compiler says why
        said = []

        def bad(where, line, what):
            if line not in self.welcome[where]:
                said.append("%s:%d: not allowed: %s" % (
                    self.shown(where), line, what))
        self.check_names(seen, bad)
        self.check_tokens(seen, bad)
        return said

    def check_names(self, seen, bad):
        """No macro has a name that a header uses for something else."""
        used = {}
        for reads in {s[0] for s in seen}:
            if reads in self.files or reads.startswith("<"):
                continue
            if reads not in self.taken:
                self.taken[reads] = tokens.words(self.text_of(reads))
            used.update(dict.fromkeys(self.taken[reads], reads))
        for path, text in self.files.items():
            for name, line in defined(text):
                if name in used:
                    bad(path, line, "a macro called %s: %s uses that name" % (
                        name, os.path.relpath(used[name], self.tree)
                        if used[name].startswith(self.tree) else
                        re.sub(r".*/include/", "", used[name])))

    def check_tokens(self, seen, bad):
        near = 1		# the line in the student's file
        for i, (reads, where, line, text) in enumerate(seen):
            if reads not in self.files:
                near = 1
                continue
            near = line if where == reads else near
            if text.startswith("#"):
                bad(reads, line, "pragmas" if "pragma" in text else text)
            elif where in self.files:
                # Strings and numbers that the preprocessor makes are harmless.
                if (text not in self.mine[where].get(line, ()) and
                        not re.match(r"[\"\d]", text) and
                        not PASTED.fullmatch(text)):
                    bad(where, line, "%s, which the compiler sees there and "
                        "nobody else" % text)
            elif text in ("__attribute__", "__attribute"):
                if not ATTRIBUTES.match(follows(seen, i + 1, 30)):
                    bad(reads, near, "the attribute " +
                        follows(seen, i + 1, 9)[:40])
            elif text in ("asm", "__asm__", "__asm"):
                if not follows(seen, i, 20).startswith(BARRIER):
                    bad(reads, near, "assembly")


def follows(seen, i, n):
    return "".join(s[3] for s in seen[i:i + n])


# ---- The compiled files.

def kernel_functions(include):
    """The functions that the shim's headers declare as the kernel's: not those
    by which a scenario makes a guest."""
    names = set()
    for folder, folders, files in os.walk(include):
        folders[:] = [d for d in folders if d != "guest"]
        for f in files:
            with open(os.path.join(folder, f)) as header:
                names |= set(re.findall(
                    r"^\w[\w \t*]*?\b(\w+)\([^;{}#]*\)[^;{}]*;",
                    header.read(), re.M))
    return names - UNCHECKED


def output(*command):
    return subprocess.run(command, capture_output=True, text=True,
                          check=True).stdout


def nm(*objects):
    """object -> (name, type) of each of its symbols. To start a program takes
    longer than to read an object: one for them all."""
    found = {obj: [] for obj in objects}
    for line in output("nm", "-A", "-P", *objects).splitlines():
        obj, _, rest = line.rpartition(": ")
        found[obj].append(tuple(rest.split()[:2]))
    return found


class Objects:
    """The compiled core: path of a source -> path of its object."""

    def __init__(self, objects, files, place):
        """files: the student's, path -> text; place: (path, line) -> as the
        student knows it."""
        self.objects, self.files, self.place = objects, files, place

    def at(self, path, name):
        for t in tokens.lex(self.files[path]):
            if t.text == name:
                return self.place({"file": path, "line": t.line})
        return self.place({"file": path, "line": 1})

    def check(self, names, kernel):
        """(what is wrong, writable variables: name -> place). names: what
        functions that other files can see may be called; kernel: the kernel's
        functions."""
        said, state, given = [], {}, set(kernel)
        symbols = nm(*self.objects.values())
        for every in symbols.values():
            given |= {n for n, t in every if t.isupper() and t != "U"}
        for path in self.files:
            if path not in self.objects:
                continue
            for name, kind in symbols[self.objects[path]]:
                what = self.wrong_symbol(name, kind, names, given)
                if what:
                    said.append("%s: %s" % (self.at(path, name), what))
                if kind in "bBdD":
                    state[name] = self.at(path, name)
            said += ["%s: %s" % (self.at(path, ""), what)
                     for what in self.wrong_sections(self.objects[path])]
        return said, state

    @staticmethod
    def wrong_symbol(name, kind, names, given):
        if kind == "U":
            if name not in given and not COMPILERS.fullmatch(name):
                return ("uses %s, which is not a function that the lab's code "
                        "may call" % name)
        elif kind.upper() not in "TRDB":
            return "%s is a symbol of a strange kind (%s)" % (name, kind)
        elif kind.isupper() and not re.match(names, name):
            return "defines %s for other files to see: make it static" % name
        return None

    @staticmethod
    def wrong_sections(obj):
        said = ["has a section %s" % section for section in re.findall(
            r"^ +\d+ (\S+)", output("objdump", "-h", obj), re.M)
            if not SECTIONS.fullmatch(section)]
        if output("objdump", "-r", "-j", ".init_array.00099",
                  obj).count("R_X86_64_64") > 1:
            said.append("has a constructor")
        return said

    def changed(self, pristine):
        """Files that are not the student's, and are other code than with the
        headers as they were: what they call, function by function."""
        return sorted(
            path for path, obj in self.objects.items()
            if path not in self.files and obj != pristine.get(path, obj) and
            calls(obj) != calls(pristine[path]))


def calls(obj):
    """For each function: what it calls or refers to, and how often."""
    found, now = {}, None
    for line in output("objdump", "-dr", "--no-show-raw-insn",
                       obj).splitlines():
        m = re.match(r"[0-9a-f]+ <([\w.]+)>:", line)
        if m:
            now = found.setdefault(m[1], {})
            continue
        m = re.search(r"R_X86_64_\w+\s+([\w.]+)", line)
        if m and not m[1].startswith(("__tsan_", ".")):
            now[m[1]] = now.get(m[1], 0) + 1
    return found
