# SPDX-License-Identifier: GPL-2.0-only
# The labs: starting files, grades, and the tests of the grader.

##@ Learn
# A guest's code needs a machine, the module's a debug kernel.
grade_needs := build/stamps/need-$(if $(filter 3 %guest-wait,$(LAB)),vm,debug)
.PHONY: start grade check-grade check-grade-vm
start: | build/stamps/need-grade ## LAB=...: a lab's starting files, into labs/LAB/work/
	@python3 -B labs/grade/start.py "$$LAB"

grade: build/tangled | build/stamps/need-grade $(if $(NOVM),,$(grade_needs)) ## LAB=... [NOVM=1]: what the work there is worth
	@python3 -B labs/grade/grade.py $(if $(NOVM),--no-vm) "$$LAB"

build/stamps/need-grade: labs/labs.mk
	@tests/need.sh noweb gcc libc6-dev binutils bubblewrap python3 patch
	@mkdir -p $(@D) && touch $@

check-grade: build/tangled | build/stamps/need-grade
	@tests/grade-test

check-grade-vm: build/tangled | build/stamps/need-grade build/stamps/need-debug
	@tests/grade-test --vm
