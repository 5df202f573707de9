# SPDX-License-Identifier: GPL-2.0-only
"""C files as the compiler reads them: tokens, directives, expansions."""
import collections
import os
import re
import subprocess

Token = collections.namedtuple("Token", "text line first directive")

LEXER = re.compile(r"""
    (?P<blank> [ \t\f\v\r]+ | /\*.*?(?:\*/|\Z) | //[^\n]* )
  | (?P<newline> \n )
  | (?P<raw> (?:u8|u|U|L)?R" )
  | (?P<quoted> (?:u8|u|U|L)?(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*') )
  | (?P<open> (?:"|')[^\n]* )
  | (?P<word> [A-Za-z_$][\w$]* )
  | (?P<number> \.?\d(?:[eEpP][+-]|[\w.])* )
  | (?P<sign> %:%: | %: | <% | %> | <: | :> | \#\# | \.\.\. | -> |
      <<= | >>= | \+\+ | -- | << | >> | <= | >= | == | != | && | \|\| |
      \*= | /= | %= | \+= | -= | &= | \^= | \|= | . )
    """, re.X | re.S | re.A)


def joined(text):
    """The text with its lines joined where they end in a backslash (or in one
    and blanks); and the line that each part of it came from."""
    parts, starts, at, line, size = [], [(0, 1)], 0, 1, 0
    for m in re.finditer(r"\\[ \t\f\v]*\n|\n", text):
        end = m.start() + (m.group() == "\n")
        parts.append(text[at:end])
        size += end - at
        at, line = m.end(), line + 1
        starts.append((size, line))
    parts.append(text[at:])
    return "".join(parts), starts


def lex(text):
    """The tokens of a file, in no order but its own. A token knows its line,
    whether it is the first of a line, and the number of its directive (0:
    it is in none)."""
    text, starts = joined(text)
    tokens, part, fresh, directive, count = [], 0, True, 0, 0
    for m in LEXER.finditer(text):
        kind = m.lastgroup
        if kind == "newline":
            fresh, directive = True, 0
        if kind in ("newline", "blank"):
            continue
        while part + 1 < len(starts) and starts[part + 1][0] <= m.start():
            part += 1
        if fresh and m.group() in ("#", "%:"):
            count += 1
            directive = count
        tokens.append(Token(m.group(), starts[part][1], fresh, directive))
        fresh = False
    return tokens


def words(text):
    return {t.text for t in lex(text) if re.match(r"[A-Za-z_]\w*$", t.text)}


# gcc -E -fdebug-cpp says before each token in which file and line it stood:
# that of a macro's name, or that in the macro's definition.
PLACE = re.compile(r"\{P:([^;]*);F:[^;]*;L:(\d+);C:\d+;S:\d+;M:[^;]*;E:\d+,"
                   r"LOC:\d+,R:\d+\}")
MARKER = re.compile(r'#(?:line)? (\d+) "([^"]*)"')


def expanded(flags, folder, path):
    """What the compiler gets of a file and all that it includes: a list of
    (file that is read, file and line where the token stands, token); the last
    is "#pragma ..." for a pragma. Raises OSError where it cannot be read."""
    p = subprocess.run(
        ["gcc", *flags, "-w", "-E", "-fdebug-cpp", path], cwd=folder,
        capture_output=True, text=True, errors="replace",
        env=dict(os.environ, LC_ALL="C"), timeout=60)
    if p.returncode:
        raise OSError(p.stderr)
    found, reads = [], path
    pieces = PLACE.split("{P:;F:;L:0;C:0;S:0;M:;E:0,LOC:0,R:0}" + p.stdout)
    for i in range(1, len(pieces), 3):
        where, line = pieces[i], int(pieces[i + 1])
        for text in pieces[i + 2].split("\n"):
            text = text.strip()
            m = MARKER.match(text)
            if m:
                reads = m[2]
            elif text:
                found.append((reads, where, line, text))
    return found
