# SPDX-License-Identifier: GPL-2.0-only
def ask(lab, tree, top):
    return 0, "not yet"
