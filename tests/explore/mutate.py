#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Mutants of the core: small mistakes, each of which a scenario must notice.

usage: mutate.py [WORD]...	only mutants whose name has one of the words

A mutant drops a get, a put, a lock with its unlocks, an unlock, a flush, a
wake-up, a write that others read, a check of the sequence count, or swaps two
steps of destruction. Survivors must be listed in tests/explore/survivors.tsv,
with the reason, which begins with "same:" where the mutant cannot make a
difference in this tree. Writes build/mutants.json; fails when one survives
that is not listed, or when fewer than 97 in a hundred of those that could
make one are killed.
"""
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
FILES = ["src/vm.c", "src/vcpu.c", "src/memslot.c", "src/stage2.c",
         "src/fault.c", "src/notifier.c", "src/bus.c", "src/device.c", "src/vfio_dev.c",
         "src/vfio/group.c", "src/vfio/null.c", "src/main.c"]
DROP = {
    "get": r"(vm_get|mmgrab|get_page|vf->file = get_file)\(",
    "put": r"(vm_put|mmdrop|put_page|fput|symbol_put|kfree|release_vm|"
           r"put_unused_fd|free_pages_exact|kmem_cache_free|memslots_free|"
           r"stage2_free|stage2_empty_pool|notifier_unregister|vcpus_destroy|"
           r"devices_destroy|vcpu_destroy|cleanup_srcu_struct|pt_device_close|"
           r"device_unmake|drop_file|list_del|list_del_rcu|arch_vcpu_destroy|"
           r"free_cpumask_var|vm_destroy|free_below|bury|clear_entry|"
           r"stage2_clear_top|memslot_retire|mmu_notifier_unregister|"
           r"release_device|leave|group_unregister|misc_deregister|"
           r"stage2_exit_cache|dev->ops->\w+|device->ops->close|"
           r"device->put_vm|follow_pfnmap_end)\(",
    "flush": r"(vm_flush|smp_call_function_many|smp_mb|"
             r"smp_mb__after_atomic|synchronize_srcu_expedited)\(",
    "call": r"(set_bit|vcpu_kick|rcuwait_wake_up|smp_send_reschedule|"
            r"test_and_clear_bit|__cpumask_set_cpu|cpumask_clear|"
            r"arch_vcpu_flush|preempt_enable|local_irq_restore|"
            r"fd_install|hold_vm|fn)\(",
    "count": r"(vm->invalidating--|WRITE_ONCE\(vm->invalidate_seq|"
             r"vm->invalid_\w+ = (min|max)\()",
    "set": r"(set_vm|list_add|list_add_rcu|rcu_assign_pointer|smp_store_release|"
           r"SetPageDirty|WRITE_ONCE|arch_stage2_write|memslots_publish|"
           r"write_entries)\((?!vm->invalidate_seq)",
}
LOCKS = [("mutex_lock", "mutex_unlock"), ("spin_lock", "spin_unlock"),
         ("srcu_read_lock", "srcu_read_unlock")]
REPLACE = {
    "sequence": [("vm->invalidate_seq == fault->seq &&", ""),
                 ("!being_invalidated(vm, fault->hva, n)", "true"),
                 ("start + n * PAGE_SIZE", "start + PAGE_SIZE"),
                 ("start < vm->invalid_end &&", ""),
                 ("if (!vm->invalidating++)", "if (vm->invalidating++, 0)"),
                 ("if (fault->slot->dying)", "if (0)")],
    "test": [("refcount_inc_not_zero(&vm->users)",
              "(refcount_inc(&vm->users), true)"),
             ("smp_load_acquire(&vcpu->guest_cpu)",
              "READ_ONCE(vcpu->guest_cpu)"),
             ("test_bit(REQUEST_EVENT, &vcpu->requests))", "false)"),
             ("test_and_clear_bit(REQUEST_FLUSH, &vcpu->requests)", "false"),
             ("if (!--device->open_count)", "--device->open_count; if (0)"),
             ("group->opened || ", ""),
             (" || group->device->open_count", ""),
             ("&& get(vm)", "&& (vm_get(vm), true)"),
             ("vm->vcpus[id] ? -EEXIST : ", "")],
}
ENDS = ["vm_destroy", "vcpu_destroy", "device_release", "release_device",
        "vfio_dev_end", "drop_file", "stage2_free", "devices_destroy",
        "pt_device_close", "release_vm", "memslots_publish", "memslot_retire",
        "null_close", "bus_leave", "memslots_free", "vcpu_publish",
        "fault_find_page", "fault_map", "invalidate_end", "stage2_unlock",
        "stage2_clear_top", "vcpu_request", "guest_leave"]


def functions(lines):
    """(name, first line of the body, line of the closing brace)"""
    start = name = None
    for i, line in enumerate(lines):
        m = re.match(r"[a-z].*?\b(\w+)\(", line)
        if m and not line.rstrip().endswith(";"):
            name = m.group(1)
        if line.startswith("{"):
            start = i + 1
        if line.startswith("}") and start:
            yield name, start, i
            start = None


def statement(lines, i):
    """A whole statement on one line, not the body of an if without braces."""
    return lines[i].rstrip().endswith(";") and not re.match(
        r"\s*(return|goto|break|\w[\w *]*= .*\?)", lines[i])


def body_of_if(lines, i):
    before = lines[i - 1].rstrip()
    return re.match(r"\s*(if|else|for|while)\b", before) and \
        not before.endswith(("{", ";"))


def without(lines, numbers):
    new = list(lines)
    for i in numbers:
        indent = re.match(r"\s*", new[i]).group()
        new[i] = indent + ";\n" if body_of_if(lines, i) else "\n"
    return new


def mutants(file, lines):
    """(name, new lines)"""
    for fn, start, end in functions(lines):
        body = range(start, end)
        for kind, pattern in DROP.items():
            for i in body:
                if re.match(r"\s*" + pattern, lines[i]) and \
                        statement(lines, i):
                    yield ("%s: %s: drop %s: %s" % (file, fn, kind,
                           lines[i].strip()), without(lines, [i]))
        for lock, unlock in LOCKS:
            taken = [i for i in body if re.search(r"\b%s\(" % lock, lines[i])]
            left = [i for i in body if re.search(r"\b%s\(" % unlock, lines[i])]
            for i in taken:
                arg = re.search(lock + r"\((.*?)\)", lines[i]).group(1)
                mine = [j for j in left if arg in lines[j]]
                if not mine:
                    continue
                # srcu_read_lock() is part of a declaration or assignment
                new = without(lines, mine + ([] if "srcu" in lock else [i]))
                new[i] = re.sub(r"= srcu_read_lock\(.*?\)", "= 0", lines[i]) \
                    if "srcu" in lock else new[i]
                yield "%s: %s: without %s(%s)" % (file, fn, lock, arg), new
        # stage2_unlock() does more than to unlock: the lock is taken late.
        for i in body:
            rest = [j for j in range(i, end) if "_unlock(" in lines[j]]
            if "spin_lock(&vm->mmu_lock)" in lines[i] and rest and \
                    "stage2_unlock(vm" in lines[rest[0]]:
                new = without(lines, [i])
                new[rest[0]] = lines[i] + new[rest[0]]
                yield "%s: %s: late: %s" % (file, fn, lines[i].strip()), new
        for i in body:
            for kind, pairs in REPLACE.items():
                for old, to in pairs:
                    if old in lines[i]:
                        new = list(lines)
                        new[i] = lines[i].replace(old, to)
                        yield ("%s: %s: %s: %s" % (file, fn, kind, old), new)
        if fn in ENDS:
            for i in range(start, end - 1):
                a, b = lines[i], lines[i + 1]
                if not (statement(lines, i) and statement(lines, i + 1)) or \
                        body_of_if(lines, i) or "step(" in a + b or \
                        re.match(r"\s*(struct|int|bool|u64|unsigned|gfn_t|long) ", a) or \
                        re.match(r"\s*", a).group() != \
                        re.match(r"\s*", b).group():
                    continue
                new = list(lines)
                new[i], new[i + 1] = b, a
                yield ("%s: %s: swap: %s / %s" % (file, fn, a.strip(),
                                                  b.strip()), new)


def explore(program):
    """The first scenario that notices: (scenario, class, object, function)"""
    text = subprocess.run([program, "--list"], capture_output=True, text=True,
                          check=True).stdout
    names = [line.split()[0] for line in text.split("\n\n")[0].splitlines()]
    for name in names:
        try:
            p = subprocess.run([program, name, "--bound", "2", "--json"],
                               capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired:
            return name, "time", "-", "-"
        if p.returncode not in (0, 1):
            return name, "error", p.stderr.strip()[-60:], "-"
        r = json.loads(p.stdout)
        if r["class"] != "none":
            return name, r["class"], r["object"], r["function"]
    return None


def judge(n, file, new):
    tree = os.path.join(ROOT, "build/mutants/%d" % n)
    shutil.copytree(os.path.join(ROOT, "src"), os.path.join(tree, "src"),
                    dirs_exist_ok=True)
    with open(os.path.join(tree, file), "w") as f:
        f.writelines(new)
    program = os.path.join(tree, "explore")
    p = subprocess.run([os.path.join(ROOT, "tests/explore/build.sh"), tree,
                        program], capture_output=True, text=True)
    found = explore(program) if not p.returncode else "does not build"
    shutil.rmtree(tree)
    return found


def listed():
    with open(os.path.join(ROOT, "tests/explore/survivors.tsv")) as f:
        return dict(line.rstrip("\n").split("\t") for line in f
                    if line.strip() and not line.startswith("#"))


def main():
    record, killed, known, bad, same = [], 0, listed(), 0, 0
    n = 0
    for file in FILES:
        with open(os.path.join(ROOT, file)) as f:
            lines = f.readlines()
        for name, new in mutants(file, lines):
            if sys.argv[1:] and not any(w in name for w in sys.argv[1:]):
                continue
            n += 1
            found = judge(n, file, new)
            if found == "does not build":
                print("%-70s %s" % (name, found))
                continue
            killed += found is not None
            record.append({"mutant": name, "killed": found})
            if found:
                print("%-70s %s: %s %s in %s" % ((name,) + found))
            elif name in known:
                print("%-70s SURVIVES: %s" % (name, known[name]))
                same += known[name].startswith("same:")
            else:
                bad += 1
                print("%-70s SURVIVES" % name)
            sys.stdout.flush()
    if not n:
        sys.exit("mutants: none is named so")
    with open(os.path.join(ROOT, "build/mutants.json"), "w") as f:
        json.dump(record, f, indent=1)
    total = len(record) - same
    print("mutants: %d, of which %d make no difference; of the others %d are "
          "killed, %.1f %%; %d survive that are not listed"
          % (total + same, same, killed, 100.0 * killed / max(total, 1), bad))
    return bad > 0 or killed < 0.97 * total


if __name__ == "__main__":
    sys.exit(main())
