#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Run a payload in the tests' machine; see machine.py, or run.sh --help.
exec python3 -B "$(dirname "$0")/machine.py" "$@"
