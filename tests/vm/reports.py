# SPDX-License-Identifier: GPL-2.0-only
"""Find the kernel's complaints in a console log."""
import bisect
import os
import re
import subprocess

# The first pattern that matches a line names the complaint it begins.
KINDS = [(kind, re.compile(pattern)) for kind, pattern in (
    ('kasan', r'BUG: KASAN: '),
    ('recursion', r'WARNING: possible recursive locking detected'),
    ('lockdep', r'WARNING: possible (circular locking|irq lock inversion)'
                r'|WARNING: (inconsistent lock state|bad unlock balance)'
                r'|WARNING: .*-safe -> .*-unsafe lock order'
                r'|WARNING: (held lock freed|lock held when returning)'
                r'|WARNING: .* still has locks held|WARNING: Nested lock'
                r'|INFO: trying to register non-static key'),
    ('rcu', r'WARNING: suspicious RCU usage'),
    ('hung-task', r'INFO: task .* blocked for more than'),
    ('stall', r'rcu: INFO: .*(stall|expedited)|watchdog: BUG: soft lockup'
              r'|BUG: workqueue lockup'),
    ('sleep-in-atomic', r'BUG: sleeping function called from invalid context'
                        r'|BUG: scheduling while atomic'
                        r'|BUG: Invalid wait context'),
    ('kmemleak', r'^unreferenced object 0x'),
    ('oops', r'BUG: (unable to handle|kernel NULL)|kernel BUG at|Oops: '
             r'|general protection fault|invalid opcode:|Kernel panic'
             r'|stack segment:|double fault:'),
    ('leak', r'\bBUG [\w-]+ \(.*\): Objects remaining'),
    ('warning', r'WARNING: CPU: '),
    ('bug', r'\bBUG: |\bBUG [\w-]+ \(.*\): |list_(add|del) corruption'),
)]
STAMP = re.compile(r'^(<\d+>)?\[ *\d+\.\d+\](\[ *[TC]\d+\])? ?')
ENOUGH = 150		# lines of one complaint

# What people do not need: guesses of the unwinder's, registers, code bytes.
NOISE = re.compile(r'^ \? |^(Code|R[A-Z0-9]{2}(?!: 0010)|FS|CS|CR2|DR[0-9]|PKRU'
                   r'|PGD|Hardware name|Modules linked in): ?')


def kind_of(line):
    for kind, pattern in KINDS:
        if pattern.search(line):
            return kind
    return None


def find(log):
    """The complaints in the order they came: [{kind, title, lines}]."""
    found, now, before = [], None, ''
    for raw in log.splitlines():
        line = STAMP.sub('', raw.rstrip())
        kind = kind_of(line)
        # An oops says so twice: "BUG: unable to..." and "Oops:".
        if kind == 'oops' and now and now['kind'] == 'oops':
            kind = None
        if kind:
            now = {'kind': kind, 'title': line, 'lines': [line]}
            found.append(now)
            # A warning's own words come before its first line.
            if kind == 'warning' and before and 'cut here' not in before:
                now['title'] = before
                now['lines'].insert(0, before)
                if before.startswith('refcount_t: '):
                    now['kind'] = 'refcount'
        elif now:
            leak = now['kind'] == 'kmemleak'
            if leak and line and not line.startswith(' '):
                now = None
                continue
            now['lines'].append(line)
            if ('end trace' in line or line == ' </TASK>' and
                    now['kind'] not in ('oops', 'warning', 'refcount',
                                        'leak') or
                    line.startswith('=====') and len(now['lines']) > 5 or
                    len(now['lines']) >= ENOUGH):
                now = None
        before = line
    return found


def quiet(lines, enough=40):
    lines = [l for l in lines if not NOISE.search(l)]
    return '\n'.join(lines[:enough] + ['...'] * (len(lines) > enough))


def show(found):
    """For people: each complaint, not the whole log."""
    return '\n'.join(f'--- {r["kind"]} ---\n{quiet(r["lines"])}'
                     for r in found)


def unexpected(found, expect):
    """What is wrong with these complaints, given what -e expects."""
    words = [w for w in expect.split(',') if w]
    may = {w.rstrip('?') for w in words}
    must = {w for w in words if not w.endswith('?')}
    kinds = {r['kind'] for r in found}
    return ([f'the kernel complains: {k}' for k in sorted(kinds - may)] +
            [f'expected, and did not come: {k}' for k in sorted(must - kinds)])


def blocked(log):
    """Who waits for what, from the sysrq that the time limit sends."""
    lines = [STAMP.sub('', l.rstrip()) for l in log.splitlines()]
    starts = [i for i, l in enumerate(lines) if 'sysrq: Show Blocked' in l]
    return quiet(lines[starts[-1]:], 60) + '\n' if starts else ''


# A line of a call trace, or where it was when it went wrong.
FRAME = re.compile(r'^( +|RIP: 0010:|Workqueue: \S+ |Allocated in )'
                   r'(?:0x\w+ was )?([\w.]+)'
                   r'\+0x([0-9a-f]+)(?:/0x[0-9a-f]+)? \[(\w+)\]')


def symbols(ko):
    """Of each function in a module: its section and place there."""
    text = subprocess.run(['objdump', '-t', ko], stdout=subprocess.PIPE,
                          text=True).stdout
    found = {}
    for line in text.splitlines():
        m = re.match(r'([0-9a-f]+) .{6}F (\S+)\t[0-9a-f]+ (?:\.hidden )?(\S+)',
                     line)
        if m:
            found[m[3]] = m[2], int(m[1], 16)
    return found


# In a module that is gone the kernel has only an address.
BARE = re.compile(r'^( +|RIP: 0010:|Workqueue: \S+ )0x([0-9a-f]{16})$')


def with_names(lines, loaded):
    """Say at the bare addresses in modules that are gone which function that
    was; `loaded` are lines of /proc/kallsyms from before."""
    table = sorted((int(l.split()[0], 16), *l.split()[2:4]) for l in loaded)
    told = []
    for line in lines:
        m = BARE.match(line)
        n = bisect.bisect(table, (int(m[2], 16), '~')) - 1 if m else -1
        if n >= 0 and int(m[2], 16) < table[-1][0] + 4096:
            start, name, module = table[n]
            line += f' was {name}+{int(m[2], 16) - start:#x} {module}'
        told.append(line)
    return told


def with_source(lines, out):
    """Say at the frames in modules built in `out` which line that is."""
    cache, told = {}, []
    for line in lines:
        m = FRAME.match(line)
        ko = m and os.path.join(out, m[4] + '.ko')
        if m and ko not in cache:
            cache[ko] = symbols(ko) if os.path.exists(ko) else {}
        if m and m[2] in cache[ko]:
            section, start = cache[ko][m[2]]
            # A frame holds the place to return to: the call is before it. So
            # does RIP where the code was gone when it was returned to.
            at = start + int(m[3], 16)
            if m[3] != '0' and (' was ' in line or m[1][:3] != 'RIP'):
                at -= 1
            place = subprocess.run(
                ['addr2line', '-e', ko, '-j', section, hex(at)],
                stdout=subprocess.PIPE, text=True).stdout.split()
            if place and place[0].startswith(out + '/'):
                line = f'{line:<46} src/{place[0][len(out) + 1:]}'
        told.append(line)
    return told
