# SPDX-License-Identifier: GPL-2.0-only
"""Run the judge where it can do no harm, and read its verdict.

The judge is alone with its C library in an empty root; judge.c gives up all
system calls but those that compute, read and write. What it needs to know of
itself (addr2line, nm, readelf) it asks for, and we run it out here.
"""
import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import threading
from lab import CannotGrade

SECONDS = 10		# of computing
WAIT = 90		# for them, on a machine that has other things to do
MAX_LATE = 2
MEGABYTES = 1024
MAX_VERDICT = 8 << 20
# Functions of the explorer's that others see, and that it calls by a pointer.
CALLED = {"execution_run"}
TOOLS = re.compile(r"addr2line -f -e ((0x[0-9a-f]+ ?)*)|nm -n |"
                   r"readelf --debug-dump=info ")
BWRAP = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session",
         "--cap-drop", "ALL", "--clearenv", "--chdir", "/"]
# Inside of a chroot there is no room for another root. Whoever is root there
# can still take away the network, other processes and every right to write.
NOBODY = ["unshare", "--net", "--ipc", "--uts", "--pid", "--fork",
          "--kill-child", "setpriv", "--no-new-privs", "--bounding-set=-all",
          "--inh-caps=-all", "--reuid=65534", "--regid=65534",
          "--clear-groups", "env", "-i", "-C", "/"]


def limits(seconds=SECONDS):
    """Words before a command's: not without end. With preexec_fn for it, all
    of Python would be copied each time."""
    return ["prlimit", "--cpu=%d" % seconds, "--as=%d" % (MEGABYTES << 20),
            "--fsize=%d" % (64 << 20), "--core=0", "--nofile=64"]


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
        self.program = program
        self.late, self.told = 0, {}
        self.lock = threading.Lock()
        self.shared = tempfile.TemporaryDirectory()
        os.chmod(self.shared.name, 0o755)
        copy = shutil.copy(program, self.shared.name + "/judge")
        why = []
        for words in (BWRAP + self.bind() + ["/judge"],
                      NOBODY + [copy]):
            try:
                p = subprocess.run(words + ["--here"], capture_output=True,
                                   text=True, errors="replace")
            except OSError as e:
                why.append("%s: %s" % (words[0], e.strerror))
                continue
            if not p.returncode:
                self.judge = words
                return
            why.append(p.stderr.strip())
        raise CannotGrade("there is no sandbox here: " + "; ".join(why))

    def bind(self):
        """bwrap's words for what the judge cannot do without."""
        text = subprocess.run(["ldd", self.program], capture_output=True,
                              text=True).stdout
        words = ["--ro-bind", self.program, "/judge"]
        for library in re.findall(r"(/\S+) \(0x", text):
            words += ["--ro-bind", library, library]
        return words

    def verdict(self, scenario, bound, order, retries):
        """What it says of one scenario; where it says nothing, why."""
        if self.late >= MAX_LATE:
            return no_verdict(scenario, "not-run",
                              "%d others did not come to an end" % self.late)
        nonce = secrets.token_hex(16) + "\n"
        text, said, status, timed_out = self.run(
            nonce, [scenario, str(bound), str(retries),
                    "order" if order else "no-order"])
        if timed_out or status in (-9, 128 + 9, 128 + 24):
            self.late += 1
            return no_verdict(scenario, "time-limit",
                              "did not come to an end in %d s" % SECONDS)
        if not status and text.startswith(nonce) and text.endswith(nonce):
            verdict, _, edges = text[len(nonce):-len(nonce)].partition(nonce)
            return dict(json.loads(verdict), edges=json.loads(edges))
        if said.startswith(("bwrap:", "unshare:", "setpriv:", "prlimit:")):
            raise CannotGrade("the sandbox failed: " + said)
        return no_verdict(scenario, "gave-up", said.strip() or
                          "the explorer ended without a verdict (%d)" % status)

    def run(self, nonce, words):
        ours, theirs = os.pipe()
        p = subprocess.Popen(
            limits() + self.judge + [str(theirs)] + words,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, pass_fds=[theirs])
        os.close(theirs)
        late = threading.Timer(WAIT, p.kill)
        late.start()
        with open(ours, "rb") as result, p:
            try:
                p.stdin.write((nonce + self.functions + "\n.\n").encode())
                p.stdin.flush()
                text = self.listen(result, p.stdin)
                p.stdin.close()
            except BrokenPipeError:
                text = ""	# why, it says on stderr
            said = p.stderr.read(2000).decode(errors="replace")
            p.kill()
        timed_out = not late.is_alive()
        late.cancel()
        return text, said, p.returncode, timed_out

    def listen(self, result, to):
        """Take the verdict down; answer what is asked meanwhile."""
        text = b""
        while len(text) < MAX_VERDICT:
            line = result.readline(MAX_VERDICT)
            if not line:
                break
            if line.startswith(b"tool "):
                answer = self.ask(line[5:-1].decode(errors="replace"))
                to.write(b"%d\n" % len(answer) + answer)
                to.flush()
            else:
                text += line
        return text.decode(errors="replace")

    def ask(self, command):
        m = TOOLS.fullmatch(command)
        if not m:
            return b""
        words = command.split()
        at = 3 if words[0] == "addr2line" else 2
        with self.lock:
            if command not in self.told:
                self.told[command] = subprocess.run(
                    words[:at] + [self.program] + words[at:],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL).stdout
        return self.told[command]


def no_verdict(scenario, kind, why):
    return {"scenario": scenario, "verdict": "fails", "class": kind,
            "object": "-", "function": "-", "text": why, "claim": "",
            "stack": [], "other": [], "other_title": "", "rows": [],
            "replay": "", "bound": -1, "order": [], "edges": []}
