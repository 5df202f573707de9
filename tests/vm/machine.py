#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Run a payload in the tests' machine: a folder with a program `run` in it.

The machine boots once; it is saved when it is ready, and restored for each
run (tests/vm/init is what runs inside). Its console goes to a file and is
searched for the kernel's complaints; what the payload prints comes back over a
second serial port and is printed here.

Exit status: 0 fine; the payload's own; 124 time limit; 125 trouble with the
harness itself; 3 the kernel complained and -e does not expect it, or -e
expects a complaint that did not come.
"""
import argparse
import ctypes
import fcntl
import glob
import hashlib
import json
import os
import secrets
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
import tty

import reports

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.environ.get('TWILL_CACHE') or os.path.expanduser('~/.cache/twill')
DISK = 64 << 20		# the payload disk's size is part of the saved machine
MEMORY = {'stock': '512M', 'debug': '640M', 'next': '512M'}
BOOT_LIMIT = 180	# seconds; and for the harness to end after a payload


# In the order in which they are loaded; the debug kernel has them built in.
DISK_DRIVER = ('virtio_ring', 'virtio', 'virtio_pci_modern_dev',
               'virtio_pci_legacy_dev', 'virtio_pci', 'virtio_blk')


class Trouble(Exception):
    """The harness itself failed: exit status 125."""


def note(verbose, text):
    if verbose:
        print('machine: ' + text, file=sys.stderr)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)	# PR_SET_PDEATHSIG


class Qemu:
    """A QEMU process: its monitor on a pipe, the guest's second serial port
    on a socket that both ends inherit, so that no two runs share a name."""

    def __init__(self, args, console, limit):
        self.channel, theirs = socket.socketpair()
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            ['qemu-system-x86_64', *args,
             '-chardev', f'file,id=console,path={console}',
             '-serial', 'chardev:console',
             '-chardev', f'socket,id=channel,fd={theirs.fileno()}',
             '-serial', 'chardev:channel',
             '-chardev', 'stdio,id=monitor,signal=off',
             '-mon', 'chardev=monitor,mode=control'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
            bufsize=0, pass_fds=[theirs.fileno()], preexec_fn=die_with_parent)
        theirs.close()
        # Whatever happens, not for ever.
        self.watchdog = threading.Timer(limit, self.process.kill)
        self.watchdog.daemon = True
        self.watchdog.start()
        self.monitor('qmp_capabilities')

    def monitor(self, command, **arguments):
        request = {'execute': command, 'arguments': arguments}
        self.process.stdin.write(json.dumps(request).encode() + b'\n')
        for line in self.process.stdout:
            answer = json.loads(line)
            if 'error' in answer:
                raise Trouble(f'{command}: {answer["error"]["desc"]}')
            if 'return' in answer:
                return answer['return']
        raise Trouble(self.complaint())

    def shut_down(self):
        """Is what QEMU has to say, that its guest has shut down or reset?"""
        line = self.process.stdout.readline()
        if not line:
            print('machine: ' + self.complaint(), file=sys.stderr)
            return True
        event = json.loads(line)
        if event.get('event') != 'SHUTDOWN':
            return False
        print('machine: qemu was stopped: ' + event['data']['reason'],
              file=sys.stderr)
        return True

    def complaint(self):
        """How QEMU ended, and what it said of it: registers may follow."""
        try:
            status = self.process.wait(5)
        except subprocess.TimeoutExpired:
            how = 'qemu runs, but its pipes are closed'
        else:
            how = (f'qemu ended with status {status}' if status >= 0 else
                   f'qemu was ended by {signal.Signals(-status).name}')
        self.errors.seek(0)
        words = self.errors.read(500).decode(errors='replace').strip()
        return how + (': ' + words if words else '')

    def end(self):
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait()
        for pipe in self.process.stdin, self.process.stdout:
            try:
                pipe.close()
            except BrokenPipeError:
                pass
        self.channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


class Machine:
    def __init__(self, kind, verbose):
        self.kind, self.verbose = kind, verbose
        found = subprocess.run([os.path.join(HERE, 'kernel.sh'), kind],
                               stdout=subprocess.PIPE, text=True)
        if found.returncode:
            raise Trouble('no kernel')
        words = dict(w.split('=', 1) for w in shlex.split(found.stdout))
        self.kernel = words['kernel']
        self.ko = {f[:-3]: os.path.join(d, f)
                   for d, _, files in os.walk(words['kmods']) for f in files
                   if f.endswith('.ko') and f[:-3] in DISK_DRIVER}
        self.modules = [m for m in DISK_DRIVER if m in self.ko]
        # Of a table that is left behind, it says who allocated it.
        more = ' slub_debug=U,twill_stage2' if kind == 'debug' else ''
        self.args = [
            '-nodefaults', '-no-user-config', '-nic', 'none', '-no-reboot',
            '-display', 'none', '-M', 'q35', '-accel', 'tcg,thread=multi',
            '-cpu', 'max,la57=off', '-smp', '4', '-m', MEMORY[kind],
            '-kernel', self.kernel, '-append',
            'console=ttyS0 loglevel=8 rdinit=/init no_hash_pointers' + more,
        ]
        self.dir = os.path.join(CACHE, f'machine-{kind}-{self.key()}')

    def key(self):
        """What the saved machine depends on."""
        h = hashlib.sha256(repr((self.args, DISK)).encode())
        for path in [self.kernel, os.path.join(HERE, 'init'),
                     '/bin/busybox', '/usr/bin/qemu-system-x86_64',
                     *map(self.ko.get, self.modules)]:
            with open(path, 'rb') as f:
                h.update(hashlib.file_digest(f, 'sha256').digest())
        return h.hexdigest()[:12]

    def qemu(self, disk, console, limit, *more):
        return Qemu([*self.args, '-initrd', os.path.join(self.dir, 'initrd'),
                     '-drive', f'if=none,id=payload,format=raw,readonly=on,'
                     f'file={disk}',
                     '-device', 'virtio-blk-pci,drive=payload', *more],
                    console, limit)

    def make_initrd(self, path):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(root + '/bin')
            os.makedirs(root + '/dev')
            os.makedirs(root + '/modules')
            shutil.copy('/bin/busybox', root + '/bin')
            os.symlink('busybox', root + '/bin/sh')
            shutil.copy(os.path.join(HERE, 'init'), root + '/init')
            for m in self.modules:
                shutil.copy(self.ko[m], root + '/modules')
            with open(root + '/modules/order', 'w') as f:
                f.write(' '.join(self.modules))
            subprocess.run(
                'find . | cpio -o -H newc --quiet -R 0:0 | gzip -1',
                shell=True, cwd=root, stdout=open(path, 'wb'), check=True)

    def save(self):
        """Boot, wait until it is ready, save."""
        os.makedirs(self.dir, exist_ok=True)
        with open(self.dir + '.lock', 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.exists(self.dir + '/state'):
                return
            self.make_initrd(self.dir + '/initrd')
            console = self.dir + '/boot.log'
            start = time.monotonic()
            with open(self.dir + '/empty', 'wb') as disk:
                disk.truncate(DISK)
            with self.qemu(self.dir + '/empty', console,
                           2 * BOOT_LIMIT) as q:
                self.wait_ready(q, start + BOOT_LIMIT, console)
                booted = time.monotonic()
                q.monitor('migrate-set-parameters', **{'max-bandwidth': 1 << 40})
                q.monitor('migrate', uri=f'exec:cat >{self.dir}/state.new')
                while (m := q.monitor('query-migrate'))['status'] in (
                        'setup', 'active', 'device'):
                    if time.monotonic() > booted + BOOT_LIMIT:
                        raise Trouble('saving the machine takes too long')
                    time.sleep(0.05)
                if m['status'] != 'completed':
                    raise Trouble(f'saving the machine: {m}')
            complaints = reports.find(open(console, errors='replace').read())
            if complaints:
                raise Trouble('the kernel complained while it booted: '
                              f'{console}\n' + reports.show(complaints))
            os.rename(self.dir + '/state.new', self.dir + '/state')
            self.forget_old()
            note(self.verbose, f'{self.kind}: booted in {booted - start:.1f} s,'
                 f' saved in {time.monotonic() - booted:.1f} s')

    def forget_old(self):
        """A saved machine of this kind that nobody used for a week."""
        for d in glob.glob(os.path.join(CACHE, f'machine-{self.kind}-*/')):
            used = max(e.stat().st_atime for e in os.scandir(d))
            if used < time.time() - 7 * 86400:
                shutil.rmtree(d, ignore_errors=True)

    @staticmethod
    def wait_ready(q, deadline, console):
        got = b''
        while b'ready' not in got:
            if not select.select([q.channel], [], [],
                                 max(0, deadline - time.monotonic()))[0]:
                raise Trouble(f'the machine does not boot: {console}')
            more = q.channel.recv(4096)
            if not more:
                raise Trouble(q.complaint())
            got += more

    def run(self, payload, out, limit, shell=False):
        """Restore, run, and return (status, what the payload printed)."""
        self.save()
        os.utime(self.dir + '/state')
        console = os.path.join(out, 'console.log')
        disk = os.path.join(out, 'payload.tar')
        start = time.monotonic()
        subprocess.run(['tar', '-C', payload, '--owner=0', '--group=0', '-cf',
                        disk, '.'], check=True)
        size = os.path.getsize(disk)
        if size > DISK:
            raise Trouble(f'the payload is larger than {DISK} bytes')
        os.truncate(disk, DISK)
        try:
            # A guest that falls over is stopped, so that it can be looked at.
            with self.qemu(disk, console, limit + BOOT_LIMIT, '-no-shutdown',
                           '-incoming', f'exec:cat {self.dir}/state') as q:
                while q.monitor('query-status')['status'] == 'inmigrate':
                    time.sleep(0.02)
                restored = time.monotonic()
                status, output = self.talk(q, console, limit, shell,
                                           -(-size // 65536))
                if status in (124, 125) and q.process.poll() is None:
                    with open(out + '/registers', 'w') as f:
                        f.write(q.monitor('human-monitor-command', **{
                            'command-line': 'info registers -a'}))
        finally:
            os.unlink(disk)
        note(self.verbose, f'{self.kind}: restored in {restored - start:.1f} s'
             f', ran for {time.monotonic() - restored:.1f} s')
        return status, output

    def talk(self, q, console, limit, shell, blocks):
        nonce = secrets.token_hex(8)
        last_line = b'\0' + nonce.encode() + b' '
        what = 'shell' if shell else 'run'
        q.channel.sendall(f'go {nonce} {limit} {what} {blocks}\n'.encode())
        # The guest gives up at its limit and says so; if it cannot even do
        # that, we do, a little later (leaks are looked for in that time too).
        deadline = time.monotonic() + limit + 30
        inputs = [q.channel, q.process.stdout] + [sys.stdin] * shell
        log = open(console, 'rb')
        got, shown, said = b'', 0, b''
        while True:
            left = deadline - time.monotonic()
            ready = select.select(inputs, [], [], max(
                0, min(left, 0.2 if shell else 1)))[0]
            said = said[-200:] + log.read()
            if shell:
                self.print(said.replace(b'\n', b'\r\n'))
                said = b''
            elif self.lost(said):	# a little time, to say how
                deadline = min(deadline, time.monotonic() + 3)
            if sys.stdin in ready:
                typed = os.read(0, 4096)
                if not typed:
                    inputs.remove(sys.stdin)
                q.channel.sendall(typed or b'\x04')
            if q.channel in ready:
                more = q.channel.recv(65536)
                if not more:
                    print('machine: ' + q.complaint(), file=sys.stderr)
                    return 125, got
                got += more
            elif q.process.stdout in ready and q.shut_down():
                return 125, got
            at = got.find(last_line)
            # Hold back what may be the beginning of the last line.
            end = at if at >= 0 else max(shown, len(got) - len(last_line))
            if b'\0' not in got[end:] and at < 0:
                end = len(got)
            self.print(got[shown:end])
            shown = max(shown, end)
            if at >= 0 and got.endswith(b'\n'):
                return int(got[at + len(last_line):]), got[:at]
            if left <= 0:
                return 124, got

    def lost(self, said):
        """Is there no use in waiting for this machine?"""
        return b'Kernel panic - not syncing' in said or (
            self.impatient and b'watchdog: BUG: soft lockup' in said)

    @staticmethod
    def print(text):
        if text:
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()


def keep(scratch, out):
    """Two runs may have the same folder: the later one's files stay, whole."""
    if not out:
        return
    os.makedirs(out, exist_ok=True)
    for name in 'console.log', 'output', 'reports.json', 'registers':
        if os.path.exists(os.path.join(scratch, name)):
            new = os.path.join(out, f'.{name}.{os.getpid()}')
            shutil.copyfile(os.path.join(scratch, name), new)
            os.replace(new, os.path.join(out, name))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.
                                RawDescriptionHelpFormatter)
    p.add_argument('-k', dest='kind', choices=MEMORY, default='stock')
    p.add_argument('-t', dest='limit', type=int, default=60,
                   help='seconds that the payload may take')
    p.add_argument('-o', dest='out', help='folder for console.log, output, '
                   'reports.json')
    p.add_argument('-e', dest='expect', default='', help='kinds of complaint '
                   'that must come, comma-separated; KIND? may come')
    p.add_argument('-s', dest='shell', action='store_true',
                   help='the payload talks to this terminal')
    p.add_argument('-v', dest='verbose', action='store_true')
    p.add_argument('-i', dest='impatient', action='store_true',
                   help='do not wait for a machine with a stuck CPU')
    p.add_argument('-b', dest='boot', action='store_true',
                   help='only boot and save the machine, if need be')
    p.add_argument('payload', nargs='?')
    a = p.parse_args()
    for s in signal.SIGTERM, signal.SIGHUP:
        signal.signal(s, lambda *_: sys.exit(125))

    machine = Machine(a.kind, a.verbose)
    machine.impatient = a.impatient
    if a.boot:
        machine.save()
        return 0
    if not a.payload or not os.access(a.payload + '/run', os.X_OK):
        p.error('the payload is a folder with a program `run` in it')
    with tempfile.TemporaryDirectory() as scratch:
        terminal = a.shell and sys.stdin.isatty()
        old = termios.tcgetattr(0) if terminal else None
        try:
            if terminal:
                tty.setraw(0)
            status, output = machine.run(a.payload, scratch, a.limit, a.shell)
        finally:
            if terminal:
                termios.tcsetattr(0, termios.TCSADRAIN, old)
            keep(scratch, a.out)
        log = open(scratch + '/console.log', errors='replace').read()
        found = reports.find(log)
        with open(scratch + '/output', 'wb') as f:
            f.write(output)
        with open(scratch + '/reports.json', 'w') as f:
            json.dump(found, f, indent=1)
        keep(scratch, a.out)
    wrong = reports.unexpected(found, a.expect)
    if status == 125:
        wrong.append('the machine went away')
        print(log[-2000:], file=sys.stderr)
    if status == 124:
        wrong.append('the machine is lost' if machine.lost(log.encode())
                     else f'time limit of {a.limit} s')
        print(reports.blocked(log), file=sys.stderr, end='')
    unwanted = [r for r in found if r['kind'] not in a.expect.replace(
        '?', '').split(',')]
    if unwanted:
        print(reports.show(unwanted), file=sys.stderr)
    for w in wrong:
        print('machine: ' + w, file=sys.stderr)
    if status:
        return status
    return 3 if wrong else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except (Trouble, OSError, subprocess.CalledProcessError) as e:
        print(f'machine: {e}', file=sys.stderr)
        sys.exit(125)
    except KeyboardInterrupt:
        sys.exit(130)
