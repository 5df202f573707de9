#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Replay the explorer's failing orders on a booted kernel (the debug kernel).

usage: replay.py LAB [--tries N] [--variant LAB/NAME] [--schedule S]
       replay.py LAB --modules DIR	those in DIR, under each of the lab's orders
       replay.py LAB --variant V --record FILE	what the kernel says, for the book

Each variant of the lab that fails is run in the scenario, and in the order of
steps, in which the explorer saw it fail: the kernel's own detectors must say
what tests/variants.tsv says they do, each time, about the same function. Then
the sound tree and the alternatives are run under the same orders: silence, all
modules unload, and nothing leaks. The gate (gate/gate.c) keeps the order.

Writes build/replays/LAB.json. Exit status 0 if all is as expected.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import reports

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, 'build')
MODULES = ('gate', 'twill', 'twill_vfio')

# What the kernel must say, and may say because of that.
COMPLAINTS = {
    'silence': '',
    'rmmod': '',
    'warning': 'warning',
    'hung-task': 'hung-task,recursion?,lockdep?',
    'lockdep': 'lockdep',
    'kasan': 'kasan,refcount?,lockdep?,warning?,oops?,bug?,hung-task?',
    'refcount': 'refcount,kasan?,lockdep?,warning?,oops?,bug?,hung-task?',
    'oops': 'oops,kasan?,lockdep?,warning?,sleep-in-atomic?,hung-task?,stall?',
    'leak': 'leak,warning?',
}
# A module that goes too early goes with a machine that has not been destroyed.
LEFT_BEHIND = ',leak?'

# In the guest: each scenario under its order. A task that hangs, and one that
# waits for a task that died, cannot be waited for: the kernel's log tells.
RUN = '''#!/bin/sh
for m in gate twill twill_vfio; do
	insmod $m.ko $(cat $m-options 2>/dev/null) &
	n=0
	while kill -0 $! 2>/dev/null; do
		n=$((n + 1))
		[ $n -lt 40 ] || { echo "insmod: $m does not come back"; exit 2; }
		# Beside a CPU that spins, each look takes a while, too.
		if [ $n -lt 20 ]; then sleep 0.1; else sleep 1; fi
	done
	wait $! || exit 2
done
[ ! -e gate-options ] ||
	sed -n 's/.* [tT] .*\\[twill.*/loaded: &/p' /proc/kallsyms
while read -r scenario order; do
	[ -d /sys/module/twill ] || insmod twill.ko || exit 2
	./scenarios $scenario $order >said 2>&1 &
	while kill -0 $! 2>/dev/null; do
		! dmesg | grep -q 'blocked for more than' || lost=hung
		# A task has died; hung ones are not reported any more.
		[ $(($(cat /proc/sys/kernel/tainted) & 128)) = 0 ] || lost=died
		[ -z "$lost" ] || break
		sleep 0.1
	done
	cat said
	# The steps that a task waited at until another one died come then.
	[ "$lost" != died ] || sleep 1
	# Somebody may wait for ever inside of open(), with what all opens need.
	cat /dev/twill-gate >verdict &
	if [ -n "$lost" ]; then sleep 1; else wait $!; fi
	sed 's/^/replayed: /' verdict
	[ -z "$lost" ] || break
done <orders
'''
# Nobody waits for a worker that hangs: the kernel tells, after five seconds.
HANG = '''n=0
while [ $n -lt 15 ] && ! dmesg | grep -q 'blocked for more than'; do
	n=$((n + 1))
	sleep 1
done
'''
UNLOAD = '''[ -z "$lost" ] || exit 1
for m in twill_vfio twill gate; do
	[ -d /sys/module/$m ] || continue
	rmmod $m || { grep "^$m " /proc/modules; exit 1; }
done
'''
# What the kernel notices when all processes have ended, or not at all.
AT_THE_END = 'silence', 'leak', 'rmmod'


class Failed(Exception):
    """Something could not be done at all."""


def command(*words, **more):
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, **more)
    if done.returncode:
        raise Failed(f'{" ".join(words)}: exit status {done.returncode}')
    return done.stdout


def rows(lab):
    with open(os.path.join(ROOT, 'tests/variants.tsv')) as f:
        names = f.readline().lstrip('# ').split()
        every = [dict(zip(names, l.rstrip('\n').split('\t'))) for l in f]
    return [r for r in every if r['variant'].startswith(lab + '/')]


def explore(row, schedule):
    """What the explorer says of the variant in its scenario; with a schedule,
    of that execution alone."""
    words = [os.path.join(BUILD, 'variants', row['variant'], 'explore'),
             row['scenario'], '--json']
    if schedule is not None:
        words += ['--replay', schedule]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1):
        raise Failed(f'{" ".join(words)}: exit status {done.returncode}')
    return json.loads(done.stdout)


def show_execution(args):
    for row in rows(args.lab):
        if row['variant'] == args.variant:
            subprocess.run([os.path.join(
                BUILD, 'variants', args.variant, 'explore'), row['scenario'],
                '--replay', args.schedule])


# Operations that nobody else can tell from not having happened yet.
HARMLESS = ('read', 'alloc', 'free', 'symbol_get', 'srcu_read_lock')


def order_of(seen):
    """The order for the gate. There a step's turn is over only when its task
    has come to its next step, or sleeps. So a task that the explorer stopped
    after a step, before anything that others could notice, must there be
    stopped at the step: the step moves to where the task went on, and to the
    end if it never did. A task has a step added, before the first thing that it
    does: others may notice that. Where something failed (in the replay string a
    !) no order decides: each allocation fails in turn. Steps that only the model
    has, a booted kernel's guest does not take."""
    if '!' in seen['replay']:
        return []
    rows = [r for r in seen['rows'] if r['task'] != '-']
    turns = []
    for i, row in enumerate(rows):
        if row['op'] != 'step' or row['file'].startswith('src/arch/model/'):
            continue
        at = i
        for j in range(i + 1, len(rows)):
            if rows[j]['task'] == row['task']:
                if rows[j]['op'] in HARMLESS:
                    continue
                between = rows[i + 1:j]
                if any(r['op'] == 'step' and r['task'] != row['task']
                       for r in between) and rows[j]['op'] != 'step':
                    at = j
                break
        if all(r['task'] != row['task'] for r in rows[i + 1:]):
            at = len(rows)
        turns.append((at, i, f'{row["task"]} {row["object"]}'))
    for task in {r['task'] for r in rows if r['task'] in 'ABCD'}:
        at = [r['task'] for r in rows].index(task)
        turns.append((at, at, task + ' begin'))
    if seen['class'] == 'module-text':
        turns += unloading(seen, rows)
    return [text for _, _, text in sorted(turns)]


def unloading(seen, rows):
    """The explorer looks whether a task is in a module as soon as nothing keeps
    it. A kernel looks when the module goes: so, when nothing keeps it, it goes.
    A worker that is in it then must still be when it has gone: at its next
    step, whichever that is."""
    puts = [i for i, r in enumerate(rows) if r['op'] == 'module_put'
            and r['object'] == seen['object']]
    turns = [(puts[-1], len(rows) + n, 'U ' + step)
             for n, step in enumerate(('unload', 'unloaded'))]
    if puts[-1] == len(rows) - 1 and any(r['task'] == 'w' for r in rows):
        turns.append((len(rows), len(rows), 'w *'))
    return turns


def places(row, seen):
    """The functions that a complaint may be about. Steps are further apart than
    the explorer's stops: who is stopped there may have come back to a caller."""
    inside = seen['other'] or seen['stack']
    return {row['function']} | (
        {p['function'] for p in inside} if seen['class'] == 'module-text'
        else set())


def in_use(done):
    """What rmmod says of a module in use, as a complaint: then that is how the
    run must end. It has no stack to tell one reason from another; the count
    does, which must be one. All descriptors are closed, so the one file is the
    vCPU's, which the mapping of the run pages holds; so the address space is
    there, without a process; and vm_create() is where the machine took it."""
    m = re.search(r"^rmmod: can't unload module 'twill': .*\ntwill \d+ 1 .*$",
                  done.stdout, re.M)
    if not m or done.returncode != 1:
        return []
    done.returncode = 0
    done.stdout = done.stdout.replace(m[0], '')
    lines = m[0].split('\n')
    return [{'kind': 'rmmod', 'title': lines[0], 'lines': lines}]


class Tree:
    """A tangled tree, and its modules with steps for the debug kernel; with no
    kernel to build for, a folder that they are in already."""

    progress = False

    def __init__(self, name, path, kdir):
        self.name, self.keep = name, os.path.join(BUILD, 'replays', name)
        if not kdir:
            self.out = path
            return
        self.out = os.path.join(self.keep, 'module')
        command(os.path.join(HERE, 'module.sh'), path, self.out, kdir,
                'STEPS=1')

    def payload(self, d, runs, expect, leaks, goes_early):
        for m in MODULES:
            command('strip', '-g', '-o', f'{d}/{m}.ko', f'{self.out}/{m}.ko')
        shutil.copy(os.path.join(BUILD, 'scenarios'), d)
        with open(d + '/orders', 'w') as orders:
            for i, (row, seen) in enumerate(runs):
                orders.write(f'{row["scenario"]} order-{i}\n')
                with open(f'{d}/order-{i}', 'w') as f:
                    f.writelines(o + '\n' for o in order_of(seen))
        with open(d + '/run', 'w') as f:
            f.write(RUN + (UNLOAD if expect in AT_THE_END else
                           HANG if expect == 'hung-task' else ''))
        os.chmod(d + '/run', 0o755)
        if goes_early:
            with open(d + '/gate-options', 'w') as f:
                f.write('lockdep_ends=1')
        if not leaks:
            open(d + '/no-leak-check', 'w').close()

    def machine(self, words, runs):
        """Run it, and say how far it has come, if that is wanted."""
        p = subprocess.Popen(
            [os.path.join(HERE, 'run.sh'), *words], text=True,
            errors='replace', stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        said, n = [], 0
        with p:
            for line in p.stdout:
                said.append(line)
                if self.progress and line.startswith('replayed: '):
                    n += 1
                    print(f'  order {n} of {len(runs)} has run: '
                          f'{runs[n - 1][0]["scenario"]}', file=sys.stderr,
                          flush=True)
        return subprocess.CompletedProcess(words, p.returncode, ''.join(said))

    def replay(self, runs, expect, leaks, keep):
        """One try, in one machine: {ok, why, kinds, title, gate, report}."""
        silent = expect == 'silence'
        early = not silent and runs[0][1]['class'] == 'module-text'
        os.makedirs(keep, exist_ok=True)
        with tempfile.TemporaryDirectory() as d:
            payload = d + '/payload'
            os.mkdir(payload)
            self.payload(payload, runs, expect, leaks, early)
            done = self.machine(
                ['-k', 'debug', '-t', '300', '-o', d + '/out', '-e',
                 COMPLAINTS[expect] + LEFT_BEHIND * early,
                 *(['-i'] if self.progress else []), payload], runs)
            if not os.path.exists(d + '/out/reports.json'):
                raise Failed(done.stdout[-1000:])
            with open(d + '/out/reports.json') as f:
                found = json.load(f)
            shutil.copytree(d + '/out', keep, dirs_exist_ok=True)
        if expect == 'rmmod':
            found += in_use(done)
        loaded = re.findall(r'^loaded: (.*)', done.stdout, re.M)
        for r in found:
            r['lines'] = reports.with_names(r['lines'], loaded)
        gates = re.findall(r'replayed: (.*)', done.stdout)
        why = [l for l in done.stdout.splitlines() if re.match(
            r'machine: |assertion: |insmod: |rmmod: |failed, |/dev/', l)]
        if done.returncode and not why:
            why = [f'exit status {done.returncode}', done.stdout[-300:]]
        for gate in gates:
            # Other code takes other steps; but it must have come to the first.
            if gate != 'done' and (not silent or ' at 1 of' in gate or
                                   gate.startswith(('at 1 ', 'idle'))):
                why.append('gate: ' + gate)
        if len(gates) != len(runs):
            why.append(f'{len(gates)} of {len(runs)} scenarios ended')
        right = [r for r in found if silent or r['kind'] == expect]
        if expect == 'rmmod' and not right:
            why.append('the module is not in use')
        if right and expect not in ('silence', 'rmmod'):
            where = places(*runs[0])
            about = [r for r in right if any(
                re.search(rf'\b({"|".join(where)})\b', l)
                for l in r['lines'])]
            right = about or right
            if not about:
                why.append(f'{expect}, but not in {" or ".join(where)}')
        return {
            'ok': not done.returncode and not why, 'why': why,
            'kinds': [r['kind'] for r in found],
            'titles': [r['title'] for r in found],
            'title': right[0]['title'] if right else '', 'gate': gates,
            'report': '\n'.join(reports.with_source(
                reports.quiet(right[0]['lines'], 60).split('\n'),
                self.out)) if right else '',
        }


def plan(args, kdir):
    """What to do: (tree, [(row, what the explorer saw)], expected, tries)."""
    failing, quiet = [], []
    for row in rows(args.lab):
        path = os.path.join(BUILD, 'variants', row['variant'], 'tree')
        if row['kernel'] == 'silence':
            quiet.append((row['variant'], path))
        elif args.variant in (None, row['variant']):
            failing.append((row, path, explore(row, args.schedule)))
    if not failing:
        raise Failed(f'{args.variant} is not a variant that a kernel notices')
    orders = [(row, seen) for row, _, seen in failing]
    if args.modules:
        kdir = None
        quiet = [(f'modules-{os.getpid()}', os.path.abspath(args.modules))]
    else:
        for row, path, seen in failing:
            yield ((row['variant'], path, kdir), [(row, seen)],
                   row['kernel'], args.tries)
        quiet.insert(0, ('sound', ROOT))
    if args.record:
        return
    for name, path in quiet:
        yield ((name, path, kdir), orders, 'silence',
               args.tries if name == 'sound' else 1)


def one(job):
    where, runs, expect, tries = job
    tree = Tree(*where)
    row, seen = runs[0]
    alone = len(runs) == 1
    # Whether anything leaks does not depend on luck: once is enough.
    results = [tree.replay(runs, expect, expect == 'silence' and n == 1,
                           os.path.join(tree.keep, str(n)))
               for n in range(1, tries + 1)]
    return {'tree': tree.name, 'expected': expect,
            'scenario': row['scenario'] if alone else f'those {len(runs)}',
            'replay': seen['replay'] if alone else '',
            'tries': results, 'ok': all(r['ok'] for r in results)}


def main():
    p = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('lab')
    p.add_argument('--tries', type=int, default=3)
    p.add_argument('--variant')
    p.add_argument('--schedule', help='the explorer\'s replay string')
    p.add_argument('--modules')
    p.add_argument('--json', help='where to write the summary')
    p.add_argument('--record')
    p.add_argument('--progress', action='store_true',
                   help='say how far it is; do not wait for a stuck CPU')
    p.add_argument('--show', action='store_true',
                   help='show the first report of each')
    args = p.parse_args()
    Tree.progress = args.progress
    if not rows(args.lab):
        raise Failed(f'no lab {args.lab} in tests/variants.tsv')
    kdir = re.search(r'kdir=(\S+)', command(HERE + '/kernel.sh', 'debug'))[1]
    command(HERE + '/run.sh', '-k', 'debug', '-b')
    summary = []
    if args.schedule is not None:
        args.variant = args.variant or args.lab + '/bug'
        show_execution(args)
    print('%-38s %-16s %-10s %s' % ('tree', 'scenario', 'expected', 'tries'))
    # A hung task is mostly waiting: two machines at a time.
    sys.stdout.flush()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for r in pool.map(one, plan(args, kdir)):
            summary.append(r)
            print('%-38s %-16s %-10s %s' % (
                r['tree'], r['scenario'], r['expected'],
                ' '.join('ok' if t['ok'] else 'WRONG' for t in r['tries'])),
                flush=True)
            for t in r['tries']:
                if not t['ok']:
                    print('\n'.join('    ' + w for w in t['why']))
                    print('    the kernel said: ' +
                          (' '.join(t['kinds']) or 'nothing'))
            if args.show and r['tries'][0]['report']:
                print('\n' + r['tries'][0]['report'] + '\n')
    if args.record:
        with open(args.record, 'w') as f:
            f.write(summary[0]['tries'][0]['report'] + '\n')
        return not summary[0]['ok']
    out = args.json or os.path.join(BUILD, 'replays', args.lab + '.json')
    with open(out, 'w') as f:
        json.dump(summary, f, indent=1)
    if args.modules:
        shutil.rmtree(os.path.join(BUILD, 'replays',
                                   f'modules-{os.getpid()}'))
    wrong = sum(not r['ok'] for r in summary)
    print('replay: ' + (f'{wrong} wrong' if wrong else 'all as expected'))
    return wrong != 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except Failed as e:
        print(f'replay: {e}', file=sys.stderr)
        sys.exit(2)
