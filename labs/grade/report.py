# SPDX-License-Identifier: GPL-2.0-only
"""What a grade looks like: rows, interleavings, hints."""
import re
from lab import clean

ROWS = 60		# of a table; more are thinned out
COLUMN = 44
TITLES = {"-": "(end)", "w": "worker", "x": "worker 2", "i": "interrupts"}
ERRORS = {1: "EPERM", 2: "ENOENT", 5: "EIO", 9: "EBADF", 12: "ENOMEM",
          14: "EFAULT", 16: "EBUSY", 17: "EEXIST", 19: "ENODEV",
          22: "EINVAL", 23: "ENFILE", 24: "EMFILE", 25: "ENOTTY"}


class Row:
    """One thing that is judged."""

    def __init__(self, name, shows, points):
        self.name, self.shows, self.points = name, shows, points
        self.score, self.text, self.result = 0, "", None


class Report:
    def __init__(self, lab, place):
        """place: a place as the student knows it, from JSON's."""
        self.lab, self.place = lab, place

    def hint(self, x):
        op = next((r["op"] for r in x["rows"] if r["failing"]), "")
        for h in self.lab.hints:
            if (all(re.fullmatch(h.get(k, ".*"), x[k]) for k in
                    ("class", "object", "function", "scenario")) and
                    re.fullmatch(h.get("op", ".*"), op)):
                return h["hint"]
        return ""

    def matters(self, rows, x):
        """Which rows to keep, when there are too many: those in the student's
        files, those that do something to what failed, locks, and where one
        task leaves off and another goes on; then the last ones."""
        files = set(self.lab.files)
        keep = set(range(len(rows) - 15, len(rows)))
        for i, r in enumerate(rows):
            if (r["failing"] or r["file"] in files or
                    r["object"] and r["object"] == x["object"] or
                    i and r["task"] != rows[i - 1]["task"]):
                keep |= {i - 1, i} if i and r["failing"] else {i}
        for i in range(len(rows) - 1, -1, -1):
            if len(keep) >= ROWS:
                break
            if "lock" in rows[i]["op"] or "step" in rows[i]["op"]:
                keep.add(i)
        keep = sorted(keep)		# a loop may take them all
        return set(keep[:ROWS] + keep[-ROWS:])

    def cell(self, r, x):
        what = r["object"]
        if r["failing"] and not what:
            what = x["object"] + x.get("member", "")
        return clean("%s %s%s" % (r["op"], what, r["state"] and
                                  " [%s]" % r["state"]), COLUMN)

    def table(self, x):
        """The interleaving: a column a task, and the line of each step."""
        rows = x["rows"]
        first = next((i for i, r in enumerate(rows) if r["task"] != "-"), 0)
        rows = [r for r in rows[first:] if not r["quiet"]]
        keep = (self.matters(rows, x) if len(rows) > ROWS else
                range(len(rows)))
        kept = [r for i, r in enumerate(rows) if i in keep]
        width = {}
        for r in kept:
            width[r["task"]] = max(width.get(r["task"], 10),
                                   len(self.cell(r, x)) + 2)
        tasks = sorted(width, key="-ABCDwxi".index)
        lines = ["    " + "".join(TITLES.get(t, t).ljust(width[t])
                                  for t in tasks)]
        left_out = 0
        for i, r in enumerate(rows):
            if i not in keep:
                left_out += 1
                continue
            if left_out:
                lines.append("    ... (%d rows)" % left_out)
                left_out = 0
            lines.append((">>> " if r["failing"] else "    ") + "".join(
                (self.cell(r, x) if t == r["task"] else "").ljust(width[t])
                for t in tasks) + "%s %s" % (r["function"], self.place(r)))
        return lines

    def stack(self, title, places):
        if not places:
            return []
        return ["  %s:" % clean(title)] + [
            "    %-24s %s" % (s["function"], self.place(s)) for s in places]

    def how(self, x):
        """How one scenario fails."""
        lines = self.table(x) if x["rows"] else []
        lines += self.stack("noticed in", x["stack"])
        if x.get("circle"):
            for link in x["circle"]:
                lines += self.stack(link["title"] + (
                    ", in another order of events" if link.get("elsewhere")
                    else ""), link["stack"])
        else:
            lines += self.stack(x["other_title"], x["other"])
        if x["replay"]:
            lines.append("  schedule: %s, preemptions: %d" %
                         (clean(x["replay"]), x["bound"]))
        return lines

    def whole(self, rows):
        lines, seen = [], set()
        for row in rows:
            lines.append("  %3d/%-3d  %-18s %s" % (row.score, row.points,
                                                  row.name, row.shows))
            lines += ["           " + t for t in row.text.splitlines()]
        for row in rows:
            x = row.result
            if not x or x["class"] == "none":
                continue
            key = (x["class"], x["object"], x["function"])
            if key in seen:
                continue
            seen.add(key)
            lines += ["", "%s: how it fails%s" % (
                row.name, x["scenario"] and " (scenario %s)" % x["scenario"])]
            lines += self.how(x)
            if self.hint(x):
                lines += ["  think about: " + self.hint(x)]
        return "\n".join(line.rstrip() for line in lines)


def with_errors(text):
    """-22 is EINVAL."""
    return re.sub(r"-(\d+)\b", lambda m: m[0] + (
        " (%s)" % ERRORS[int(m[1])] if int(m[1]) in ERRORS else ""), text)
