# SPDX-License-Identifier: GPL-2.0-only
"""Run the judge where it can do no harm, and read its verdict."""
import json
import os
import re
import resource
import secrets
import subprocess
import threading

SECONDS = 20
MEGABYTES = 1024
MAX_VERDICT = 8 << 20
BWRAP = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session",
         "--cap-drop", "ALL", "--clearenv", "--setenv", "PATH", "/usr/bin:/bin",
         "--ro-bind", "/", "/", "--tmpfs", "/tmp", "--proc", "/proc",
         "--dev", "/dev", "--chdir", "/"]


def limits(seconds=SECONDS):
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES << 20,) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def functions_of(program):
    text = subprocess.run(["nm", program], capture_output=True, text=True,
                          check=True).stdout
    return "\n".join(re.findall(r"^(\w+) [tT] ", text, re.M)) + "\n"


def judge(program, functions, scenario, bound):
    """The verdict, a dict; where there is none, one that says why."""
    nonce = secrets.token_hex(16) + "\n"
    ours, theirs = os.pipe()
    with open(ours, "rb") as result:
        p = subprocess.Popen(
            BWRAP + [program, str(theirs), scenario, str(bound)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, pass_fds=[theirs], preexec_fn=limits)
        os.close(theirs)
        late = threading.Timer(SECONDS, p.kill)
        late.start()
        try:
            p.stdin.write((nonce + functions).encode())
            p.stdin.close()
            text = result.read(MAX_VERDICT).decode(errors="replace")
            said = p.stderr.read(2000).decode(errors="replace")
        except BrokenPipeError:
            text, said = "", p.stderr.read(2000).decode(errors="replace")
        timed_out = not late.is_alive()
        late.cancel()
        p.kill()
        status = p.wait()
    if timed_out or status in (-9, 137, 152):
        return no_verdict(scenario, "time-limit",
                          "did not come to an end within %d s" % SECONDS)
    if text.startswith(nonce) and text.endswith(nonce) and not status:
        return json.loads(text[len(nonce):-len(nonce)])
    return no_verdict(scenario, "gave-up", said.strip() or
                      "the explorer ended without a verdict (%d)" % status)


def no_verdict(scenario, kind, why):
    return {"scenario": scenario, "verdict": "fails", "class": kind,
            "object": "-", "function": "-", "text": why, "claim": "",
            "stack": [], "other": [], "other_title": "", "rows": [],
            "replay": "", "bound": -1, "order": []}
