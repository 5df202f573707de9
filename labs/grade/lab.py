# SPDX-License-Identifier: GPL-2.0-only
"""A lab, by its name: what lab.json says, what the student has written."""
import json
import os
import re
import stat
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
LABS = os.path.join(ROOT, "labs")
MAX_FILE = 64 * 1024
# What editors, tag programs and patch leave behind; nobody reads it.
LEFT_OVER = re.compile(r"""
	^\. | ~$ | ^\#.*\#$ | ^(tags|TAGS|GTAGS|GRTAGS|GPATH|cscope\..*)$ |
	\.(orig|rej|bak|old|tmp|swp|swo|save|o|patch|diff)$ |
	^(__pycache__|compile_commands\.json)$""", re.X)


class CannotGrade(Exception):
    """Something is wrong that is not the student's doing."""


def find_lab(wanted):
    """The lab called 5-lock-inversion, lock-inversion or 5."""
    if not re.fullmatch(r"[\w-]+", wanted, re.A):
        wanted = clean(wanted, 60)
    folders = sorted(d for d in os.listdir(LABS)
                     if re.match(r"[0-9]+-", d) and
                     os.path.exists(os.path.join(LABS, d, "lab.json")))
    for folder in folders:
        number, name = folder.split("-", 1)
        if wanted in (folder, name, number):
            return Lab(folder, name)
    raise CannotGrade("there is no lab %r; LAB= is one of: %s" % (
        wanted, ", ".join(d.split("-", 1)[1] for d in folders)))


def clean(text, width=200):
    """Words of somebody else's, harmless on a terminal."""
    return re.sub(r"[^ -~]", "?", text)[:width]


class Lab:
    KEYS = {"title": str, "start": str, "files": list, "add": dict,
            "names": str, "stages": list, "hints": list}

    def __init__(self, folder, name):
        self.name = name
        self.dir = os.path.join(LABS, folder)
        self.work = os.path.join(self.dir, "work")
        path = os.path.join(self.dir, "lab.json")
        try:
            with open(path) as f:
                said = json.load(f)
            for key, kind in self.KEYS.items():
                if not isinstance(said.get(key), kind):
                    raise ValueError("%r is missing, or is no %s" % (
                        key, kind.__name__))
            for stage in said["stages"]:
                for row in stage["rows"]:
                    row["name"], row["shows"], row["points"] + 0
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise CannotGrade("%s: %s" % (
                os.path.relpath(path, ROOT), e if not isinstance(e, KeyError)
                else "%s is missing in a row" % e)) from e
        self.__dict__.update(said)

    def start_files(self, top):
        """What the student begins with: path -> text."""
        tree = tangle(self.start, os.path.join(top, "start"))
        return {path: read(tree, path)[0] for path in self.files}


def tangle(variant, tree):
    os.makedirs(tree, exist_ok=True)
    p = subprocess.run([os.path.join(ROOT, "tangle.sh"), "--variant", variant,
                        tree], capture_output=True, text=True)
    if p.returncode:
        raise CannotGrade("the book cannot be tangled:\n" + p.stderr)
    return tree


def read(top, path):
    """(text, None) or (None, why not): a plain, small file, no links."""
    at = top
    for part in path.split("/"):
        at = os.path.join(at, part)
        if os.path.islink(at):
            return None, "%s: links are not followed" % path
    try:
        fd = os.open(at, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as e:
        return None, "%s: %s" % (path, e.strerror)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return None, "%s is not a plain file" % path
    with open(fd, "rb") as f:
        data = f.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        return None, "%s has more than %d bytes" % (path, MAX_FILE)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None, "%s is not text" % path
    # What editors of other systems make of a text.
    return text.lstrip("\ufeff").replace("\r\n", "\n"), None


def read_work(work, paths):
    """The student's files, path -> text; and what is wrong with work/."""
    files, problems = {}, []
    if os.path.islink(work):
        return files, ["work/ itself is a link; links are not followed"]
    for path in paths:
        text, why = read(work, path)
        if why:
            problems.append(why)
        else:
            files[path] = text
    for folder, dirs, names in os.walk(os.path.join(work, "src")):
        dirs[:] = [d for d in dirs if not LEFT_OVER.search(d)]
        for name in dirs + names:
            at = os.path.join(folder, name)
            path = os.path.relpath(at, work)
            if path in paths or LEFT_OVER.search(name):
                continue
            if os.path.islink(at):
                problems.append("%s: links are not followed" % path)
            elif name in names:
                problems.append("%s is not one of the files of this lab" %
                                path)
    return files, sorted({"work/" + clean(p) for p in problems})
