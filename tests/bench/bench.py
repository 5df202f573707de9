#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Twill and KVM side by side in one boot of the tests' machine; the explorer.

Every round loads Twill, measures, unloads it, then the bare loop (floor/),
then KVM, so that whatever else the host does hits all of them alike. Meanwhile
each holds a machine, so that none of those measured is the first or the last:
what is switched on and off then is not measured, and KVM's part of it can hang
under QEMU (tests/vm/hold.c, which is why one CPU is online then). Prints a
table; writes build/bench.json, and book/bench.tsv, which the book shows.
QUICK=1 runs everything and measures nothing worth keeping.
"""
import datetime
import json
import os
import re
import shutil
import statistics
import subprocess
import sys

import explorer

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
VM = os.path.join(ROOT, 'tests/vm')

US, MS, KIB = (1e3, 'µs'), (1e6, 'ms'), (1024, 'KiB')
ROWS = [
    ('cpuid', 'CPUID exit', US),
    ('msr', 'MSR read', US),
    ('io', 'I/O exit to user space', US),
    ('device', 'device-page read, to user space', US),
    ('fault-4k', '4 KiB stage-2 fault, alone', US),
    ('read-write-4k', '4 KiB page, read and then written', US),
    ('fault-4k-row', '4 KiB stage-2 fault, in a row', US),
    ('fault-2m', '2 MiB stage-2 fault', US),
    ('fault-2m-next', '  another page of the same 2 MiB', US),
    ('touch-64m', 'touch and tear down 64 MiB', MS),
    ('teardown-64m', '  of it: tear down', MS),
    ('take-back-64m', 'the host takes 64 MiB back', MS),
    ('take-back-64m-unused', '  from nobody', MS),
    ('absent-told', 'absent page, told: the guest goes on', US),
    ('absent-1000', '1,000 absent pages, waited for', MS),
    ('absent-1000-told', '  while the guest is told, and goes on', MS),
    ('create-destroy', 'create + destroy', MS),
    ('create-run-destroy', 'create + run + destroy', MS),
    ('slot', 'slot add + delete', MS),
    ('slot-running', '  while a guest runs', MS),
    ('memory-vm', 'kernel memory of a machine', KIB),
    ('memory-vcpu', 'kernel memory of a vCPU', KIB),
]
SCRIPT = '''#!/bin/sh
set -e
# A host with so little memory has it off.
echo madvise >/sys/kernel/mm/transparent_hugepage/enabled
for m in irqbypass ccp; do
	[ ! -e $m.ko ] || insmod ./$m.ko
done
cpus() {{
	for c in /sys/devices/system/cpu/cpu[1-9]*/online; do
		echo $1 >$c
	done
}}
hold() {{
	./hold $1
	cpus 1
}}
let_go() {{
	cpus 0
	killall hold
	while pidof hold >/dev/null; do sleep 0.1; done
}}
cpus 0
for round in $(seq {rounds}); do
	insmod ./twill.ko
	hold /dev/twill
	echo @ twill
	./bench /dev/twill {samples} {divisor}
	let_go
	rmmod twill
	cpus 1
	echo @ floor
	insmod ./floor.ko samples={zeros}
	sed 's/,/\\n/g' /sys/module/floor/parameters/samples | sed 's/^/cpuid /'
	rmmod floor
	cpus 0
	insmod ./kvm.ko
	insmod ./kvm-amd.ko
	hold /dev/kvm
	echo @ kvm
	./bench /dev/kvm {samples} {divisor}
	let_go
	rmmod kvm-amd
	rmmod kvm
done
'''


def payload(out, rounds, samples, divisor):
    """Put everything the machine needs into a folder."""
    found = subprocess.run([VM + '/kernel.sh', 'stock'], check=True,
                           stdout=subprocess.PIPE, text=True).stdout
    kernel = dict(w.split('=', 1) for w in found.split())
    module = os.path.join(ROOT, 'build/module/stock')
    floor = os.path.join(ROOT, 'build/module/floor')
    for source, to in (ROOT, module), (HERE + '/floor', floor):
        subprocess.run([VM + '/module.sh', source, to, kernel['kdir']],
                       check=True)
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    files = [module + '/twill.ko', floor + '/floor.ko']
    files += [f'{kernel["kmods"]}/{m}.ko'
              for m in ('irqbypass', 'ccp', 'kvm', 'kvm-amd')]
    for f in files:
        subprocess.run(['strip', '-g', '-o', f'{out}/{os.path.basename(f)}',
                        f], check=True)
    for program in HERE + '/bench', VM + '/hold':
        subprocess.run(['cc', '-O2', '-Wall', '-Wextra', '-static', '-o',
                        f'{out}/{os.path.basename(program)}', program + '.c'],
                       check=True)
    with open(out + '/run', 'w') as f:
        f.write(SCRIPT.format(rounds=rounds, samples=samples, divisor=divisor,
                              zeros=','.join(['0'] * min(10 * samples, 128))))
    os.chmod(out + '/run', 0o755)


def measure(rounds, samples, divisor):
    """{row: {who: [sample, ...]}}, from one boot."""
    out = os.path.join(ROOT, 'build/bench')
    payload(out + '/payload', rounds, samples, divisor)
    status = subprocess.run([VM + '/run.sh', '-k', 'stock', '-t',
                             str(60 + 60 * rounds), '-o', out,
                             out + '/payload'], stdout=subprocess.DEVNULL)
    text = open(out + '/output', errors='replace').read()
    if status.returncode:
        sys.exit(f'bench: the machine ends with status {status.returncode}: '
                 + text[-500:])
    got, who = {}, None
    for line in text.splitlines():
        if line.startswith('@'):
            who = line.split()[1]
            continue
        row, value = line.split()
        got.setdefault(row, {}).setdefault(who, []).append(float(value))
    return got


def summary(values):
    q = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return {'median': statistics.median(values), 'q1': q[0], 'q3': q[2],
            'min': min(values), 'max': max(values), 'samples': len(values)}


def show(s, unit):
    """The median, half of the distance between the quartiles, the best."""
    if not s:
        return ''
    spread = 50 * (s['q3'] - s['q1']) / s['median'] if s['median'] else 0
    return (f'{s["median"] / unit[0]:9.4g} {unit[1]:3} ±{spread:3.0f} %'
            f'{s["min"] / unit[0]:9.4g}  ')


def table(got):
    record = []
    print(f'{"":34}{"Twill":>9}{"":11}{"best":>8}  {"KVM":>9}{"":11}{"best":>8}'
          f'   Twill/KVM  best{"floor":>10}{"":11}{"best":>8}')
    for row, title, unit in ROWS:
        s = {who: summary(v) for who, v in got[row].items()}
        ratio, best = (s['twill'][k] / max(s['kvm'][k], 1)
                       for k in ('median', 'min'))
        print(f'{title:34}{show(s["twill"], unit)}{show(s["kvm"], unit)}'
              f'{ratio:11.2f} {best:5.2f}  {show(s.get("floor"), unit)}'
              .rstrip())
        record.append({'name': row, 'unit': 'bytes' if unit is KIB else 'ns',
                       'ratio': round(ratio, 3), 'ratio_of_best':
                       round(best, 3), **s})
    last = {r['name']: r for r in record}
    over, best = (last['cpuid']['twill'][k] / last['cpuid']['floor'][k]
                  for k in ('median', 'min'))
    print(f'\nan exit over the bare loop: {over:.2f} (best {best:.2f})')
    for row in 'io', 'fault-4k', 'fault-2m':
        share = [last['cpuid']['floor'][k] / last[row]['kvm'][k]
                 for k in ('median', 'min')]
        last[row]['floor_of_kvm'] = [round(x, 3) for x in share]
        print(f'the bare loop alone, {row}: {share[0]:.2f} of KVM '
              f'(best {share[1]:.2f})')
    for who in 'twill', 'kvm':
        leaf = ('2 MiB' if 4 * last['fault-2m-next'][who]['median'] <
                last['fault-2m'][who]['median'] else '4 KiB')
        last['fault-2m'][who]['leaf'] = leaf
        print(f'leaf of a 2 MiB fault, {who}: {leaf}')
    last['cpuid']['over_floor'] = [round(over, 3), round(best, 3)]
    return record


def for_the_book(record):
    """What chapter "The world switch" shows: medians of this run."""
    units = {row: unit for row, _, unit in ROWS}
    found = subprocess.run([VM + '/kernel.sh', 'stock'], check=True,
                           stdout=subprocess.PIPE, text=True).stdout
    release = re.search(r'kernel-stock-(.*)-[0-9a-f]+/bzImage', found).group(1)
    qemu = subprocess.run(['qemu-system-x86_64', '--version'], check=True,
                          stdout=subprocess.PIPE, text=True).stdout.split()[3]
    with open(os.path.join(ROOT, 'book/bench.tsv'), 'w') as f:
        print(f'# Medians of one run, {datetime.date.today()}: Linux '
              f'{release}, QEMU {qemu}', file=f)
        print('', 'Twill', 'KVM', 'Twill/KVM', sep='\t', file=f)
        for row, (_, title, _) in zip(record, ROWS):
            scale, name = units[row['name']]
            print(title, *(f'{row[who]["median"] / scale:.3g} {name}'
                           for who in ('twill', 'kvm')),
                  f'{row["ratio"]:.2f}', sep='\t', file=f)


def main():
    quick = os.environ.get('QUICK')
    record = {'machine': table(measure(1, 1, 16) if quick else
                               measure(5, 3, 1))}
    print()
    record['explorer'] = explorer.measure(quick)
    if not quick:
        with open(os.path.join(ROOT, 'build/bench.json'), 'w') as f:
            json.dump(record, f, indent=1)
        for_the_book(record['machine'])


if __name__ == '__main__':
    main()
