# SPDX-License-Identifier: GPL-2.0-only
"""Run the judge where it can do no harm, and read its verdict."""
import json
import os
import re
import resource
import secrets
import shutil
import subprocess
import tempfile
import threading
from lab import CannotGrade

SECONDS = 10
MAX_LATE = 2
MEGABYTES = 1024
# Functions of the explorer's that others see, and that it calls by a pointer.
CALLED = {"run_worker", "run_irqs", "have_work", "have_irq"}
MAX_VERDICT = 8 << 20
BWRAP = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session",
         "--cap-drop", "ALL", "--clearenv", "--setenv", "PATH", "/usr/bin:/bin",
         "--ro-bind", "/", "/", "--tmpfs", "/tmp", "--proc", "/proc",
         "--dev", "/dev", "--chdir", "/"]
# Inside of a chroot there is no room for another root. Whoever is root there
# can still take away the network, other processes and every right to write.
NOBODY = ["unshare", "--net", "--ipc", "--uts", "--pid", "--fork",
          "--kill-child", "setpriv", "--no-new-privs", "--bounding-set=-all",
          "--inh-caps=-all", "--reuid=65534", "--regid=65534",
          "--clear-groups", "env", "-i", "-C", "/", "PATH=/usr/bin:/bin"]


def limits(seconds=SECONDS):
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES << 20,) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


class Judge:
    """A program made of a submission and the explorer."""

    def __init__(self, program, own):
        """own: the names of the explorer's functions that others see."""
        text = subprocess.run(["nm", program], capture_output=True, text=True,
                              check=True).stdout
        self.functions = "\n".join(
            addr for addr, kind, name in re.findall(
                r"^(\w+) ([tT]) (.*)", text, re.M)
            if kind == "t" or name not in own or name in CALLED)
        self.late = 0
        self.shared = tempfile.TemporaryDirectory()
        os.chmod(self.shared.name, 0o755)
        shutil.copy(program, self.shared.name + "/judge")
        why = []
        for box, judge in (
                (BWRAP + ["--ro-bind", program, "/tmp/judge"], "/tmp/judge"),
                (NOBODY, self.shared.name + "/judge")):
            p = subprocess.run(box + ["test", "-x", judge],
                               capture_output=True, text=True)
            if not p.returncode:
                self.judge = box + [judge]
                return
            why.append(p.stderr.strip())
        raise CannotGrade("there is no sandbox here: " + "; ".join(why))

    def verdict(self, scenario, bound, order):
        """What it says of one scenario; where it says nothing, why."""
        if self.late >= MAX_LATE:
            return no_verdict(scenario, "not-run",
                              "%d others did not come to an end" % self.late)
        nonce = secrets.token_hex(16) + "\n"
        text, said, status, timed_out = self.run(
            nonce, [scenario, str(bound), "order" if order else "no-order"])
        if timed_out or status in (-9, 128 + 9, 128 + 24):
            self.late += 1
            return no_verdict(scenario, "time-limit",
                              "did not come to an end in %d s" % SECONDS)
        if not status and text.startswith(nonce) and text.endswith(nonce):
            return json.loads(text[len(nonce):-len(nonce)])
        if said.startswith("bwrap:"):
            raise CannotGrade("the sandbox failed: " + said)
        return no_verdict(scenario, "gave-up", said.strip() or
                          "the explorer ended without a verdict (%d)" % status)

    def run(self, nonce, words):
        ours, theirs = os.pipe()
        p = subprocess.Popen(
            self.judge + [str(theirs)] + words,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, pass_fds=[theirs], preexec_fn=limits)
        os.close(theirs)
        late = threading.Timer(SECONDS, p.kill)
        late.start()
        with open(ours, "rb") as result, p:
            try:
                p.stdin.write((nonce + self.functions).encode())
                p.stdin.close()
            except BrokenPipeError:
                pass		# why, it says on stderr
            text = result.read(MAX_VERDICT).decode(errors="replace")
            said = p.stderr.read(2000).decode(errors="replace")
            p.kill()
        timed_out = not late.is_alive()
        late.cancel()
        return text, said, p.returncode, timed_out


def no_verdict(scenario, kind, why):
    return {"scenario": scenario, "verdict": "fails", "class": kind,
            "object": "-", "function": "-", "text": why, "claim": "",
            "stack": [], "other": [], "other_title": "", "rows": [],
            "replay": "", "bound": -1, "order": []}
