# SPDX-License-Identifier: GPL-2.0-only
"""With a booted kernel: it costs points, and earns none."""
import re
from answers import full_marks
from cheats import GROUP, add
from tries import CIRCLE, GIFT, LABS, TABLE, Wrong, case


def kernel_case(name, score, words, spoil, lab=CIRCLE):
    def test(t):
        spoil(t.take("sound"))
        t.grade().gets(score)
        if not re.search(words, t.row("kernel")):
            raise Wrong("the kernel's row says " + t.row("kernel"))
    case(name, lab)(test)


def on_kernel(text):
    return lambda t: t.edit(GROUP, lambda s: s.replace(
        "\tgroup->device->group = group;\n",
        "\tgroup->device->group = group;\n#ifdef MODULE\n%s\n#endif\n" % text))


def add_kernel_cases():
    for lab in LABS:
        case(lab.name + "/sound", lab)(full_marks("sound"))
        for v, *_ in lab.variants("alt-"):
            case(v, lab)(full_marks(v))
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
