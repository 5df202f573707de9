# SPDX-License-Identifier: GPL-2.0-only
"""With a booted kernel: it costs points, and earns none."""
import re
from answers import OF_LESS_USE, full_marks
from cheats import GROUP, SLEEP, add
from tries import CIRCLE, GIFT, LABS, TABLE, WAIT, Wrong, case


def kernel_case(name, score, words, spoil, lab=CIRCLE):
    row = "guest" if lab == WAIT else "kernel"

    def test(t):
        spoil(t.take("sound"))
        t.grade().gets(score)
        if not re.search(words, t.row(row), re.S):
            raise Wrong("its row says " + t.row(row))
    case(name, lab)(test)


def in_guest(line, other):
    """Other code where it runs, in place of what the explorer has seen."""
    return lambda t: t.edit(SLEEP, lambda s: s.replace(
        line, "#ifdef TWILL_OS_H\n%s\n#else\n%s#endif\n" % (other, line)))


def on_kernel(text):
    return lambda t: t.edit(GROUP, lambda s: s.replace(
        "\tgroup->device->group = group;\n",
        "\tgroup->device->group = group;\n#ifdef MODULE\n%s\n#endif\n" % text))


def add_kernel_cases():
    for lab in LABS:
        case(lab.name + "/sound", lab)(full_marks("sound"))
        for v, *_ in lab.variants("alt-"):
            if v not in OF_LESS_USE:
                case(v, lab)(full_marks(v))
    kernel_case("guest-sleeps-on", 70, "^-30 .*not ended in",
                in_guest("\t\twake_task(s->task);\n", ";"), WAIT)
    kernel_case("guest-never-halts", 70, "^-30 .*: wrong",
                in_guest("\t\t.halts = !may_block(),\n",
                         ".halts = false,"), WAIT)
    kernel_case("guest-gives-twice", 70, "^-30 .*memory was given back",
                in_guest("\t\tgive_memory(mark);\n",
                         "give_memory(mark); give_memory(mark);"), WAIT)
    kernel_case("guest-does-not-build", 70, "^-30 .*does not build",
                in_guest("const bool async_pf_always = true;\n", "x"), WAIT)
    kernel_case("kernel-no-table", 70, "^-30 .*null-ptr-deref in stage2_walk",
                lambda t: t.edit("src/stage2.c", lambda s: s.replace(
                    "\tif (!vm->stage2.root)\n\t\treturn false;\n"
                    "\tstep(stage2_age",
                    "#ifndef MODULE\n\tif (!vm->stage2.root)\n"
                    "\t\treturn false;\n#endif\n\tstep(stage2_age")),
                TABLE)
    kernel_case("kernel-keeps-items", 90, "^-10 .*leak",
                lambda t: t.edit("src/async_pf.c", lambda s: s.replace(
                    "\tkfree(apf);\n",
                    "#ifndef MODULE\n\tkfree(apf);\n#endif\n")), GIFT)
    kernel_case("kernel-warning", 90, "^-10 .*warning",
                on_kernel("\tWARN_ON(1);"))
    kernel_case("kernel-panic", 70, "^-30 .*panic",
                on_kernel('\tpanic("at once");'))
    kernel_case("kernel-endless", 70, "^-30 .*insmod: twill_vfio does not come back",
                on_kernel("\tfor (;;) ;"))
    kernel_case("kernel-does-not-build", 70, "^-30 .*does not build",
                add("#ifdef MODULE\nint;x\n#endif"))
