# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# For a script of tests that has a folder $work: each is a line, and fails
# where its command does, whose output is shown then.
passed=0
failed=0

ok() {	# ok NAME COMMAND...
	if "${@:2}" >"$work.log" 2>&1; then
		echo "ok: $1"
		passed=$((passed + 1))
	else
		echo "not ok: $1"
		sed 's/^/	/' "$work.log"
		failed=$((failed + 1))
	fi
	rm -f "$work.log"
}

all_ok() {
	echo "$passed passed, $failed failed"
	[ $failed = 0 ]
}
