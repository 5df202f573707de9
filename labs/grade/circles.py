# SPDX-License-Identifier: GPL-2.0-only
"""Circles in the order of locks that no scenario shows alone: what one has
taught, and what another has, put together."""
import subprocess


def unite(results):
    """The edges of all scenarios: from -> to -> (edge, scenario)."""
    after = {}
    for x in results:
        for e in x["edges"] if x["class"] == "none" else ():
            after.setdefault(e["from"], {}).setdefault(
                e["to"], (e, x["scenario"]))
    return after


def way(after, a, b):
    """The shortest way from a to b, as a list of classes; or None."""
    come, queue = {a: None}, [a]
    for at in queue:
        for to in sorted(after.get(at, ())):
            if to == b:
                path = [b]
                while at is not None:
                    path.append(at)
                    at = come[at]
                return path[::-1]
            if to not in come:
                come[to] = at
                queue.append(to)
    return None


def find(results, program):
    """As if it were one scenario's result: a circle, or None."""
    after = unite(results)
    ways = [w for a in sorted(after) for w in [way(after, a, a)] if w]
    if not ways:
        return None
    path = min(ways, key=len)
    links, texts = [], []
    for a, b in zip(path, path[1:]):
        e, scenario = after[a][b]
        texts.append("%s (%s)" % (e["text"], scenario))
        links.append({"title": "%s: %s, in %s" % (e["task"], e["text"], scenario),
                      "stack": places(e["pcs"], program)})
    name = path[-1].split()[0]
    return {"scenario": "", "class": "lock-inversion", "object": name,
            "function": next((s["function"] for s in links[-1]["stack"]), "?"),
            "text": "; ".join(texts), "stack": [], "circle": links,
            "other": [], "other_title": "", "rows": [], "replay": "",
            "bound": -1}


def places(pcs, program):
    said = subprocess.run(
        ["addr2line", "-f", "-e", program, *[hex(pc - 1) for pc in pcs]],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="replace").stdout.splitlines()
    found = []
    for function, at in zip(said[::2], said[1::2]):
        path, _, line = at.partition(":")
        path = path.removeprefix("./").removeprefix("tests/explore/")
        if path.startswith(("src/", "scenarios/")):
            found.append({"function": function.split(".")[0], "file": path,
                          "line": int(line.split()[0])
                          if line[:1].isdigit() else 0})
    return found
