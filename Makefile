# SPDX-License-Identifier: GPL-2.0-only
# Twill: `make help` says what there is to make.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
ARCH ?= x86
export TWILL_CACHE ?= $(HOME)/.cache/twill

# A blank or a colon ends a name in the kernel's makefiles, and a blank in ours.
ends_early = $(word 2,$(1))$(findstring :,$(1))
ifneq ($(call ends_early,$(CURDIR)),)
$(error a blank or a colon in a folder's name: please move $(CURDIR))
endif
ifneq ($(call ends_early,$(TWILL_CACHE)),)
$(error a blank or a colon in a folder's name: TWILL_CACHE is $(TWILL_CACHE))
endif

# A lab's name as it was given: nothing in it is run, by make or by the shell.
# It stands first, since make 4.4 gives what it exports to $(shell) too.
override LAB := $(value LAB)
export LAB

# What each part knows of its own making. src/ is tangled from the book, and
# so is the part that builds the VMM and the guests.
include book/weave/weave.mk
include tests/vm/vm.mk
include tests/explore/explore.mk
include labs/labs.mk
include tests/unit/unit.mk
include tests/bench/bench.mk
include src/vmm/build.mk
VMM := build/vmm/twill
GUESTS := build/guest/hello16.bin $(patsubst %,build/guest/%.elf, \
	hello32 hello64 memory smp kernel absent user wait)

##@ Read, build, run
.PHONY: help run check check-fast soak check-tangle check-weave check-programs \
	check-lives lives-debug lives-stock lives-memory lives-power check-fuzz \
	fuzz-debug fuzz-stock fuzz-answers check-failures reference clean
help: ## this table
	@awk -F ':.*## ' '/^##@/ { if (!text[at = substr($$0, 5)]) title[++n] = at } \
		/^[a-z-]+:.*## / { text[at] = text[at] \
			sprintf("  make %-10s %s\n", $$1, $$2) } \
		END { for (i = 1; i <= n; i++) \
			printf "\n%s\n%s", title[i], text[title[i]] }' \
		$(MAKEFILE_LIST)

# The book is the source: what is not up to date is tangled first.
build/tangled: $(wildcard book/*.nw) tangle.sh | build/stamps/need-tangle
	@./tangle.sh
	@mkdir -p $(@D) && touch $@
src/vmm/build.mk: build/tangled ;
build/stamps/need-tangle: Makefile
	@tests/need.sh noweb
	@mkdir -p $(@D) && touch $@

ifeq ($(ARCH),x86)
run: build/stamps/need-vm build/tangled $(VMM) $(GUESTS) ## load the module in QEMU, run guests, unload it
	@tests/vm/guests.sh build/run $(VMM) $(GUESTS)
	@echo "run: ok"
else
run:
	@echo "run: there is no ARCH=$(ARCH); try ARCH=x86" >&2; exit 2
endif
# What the guests print, for the book: one run of them all, a file for each.
build/recorded/guests.txt: build/tangled $(VMM) $(GUESTS) tests/vm/guests.sh \
		| build/stamps/need-vm
	@mkdir -p $(@D)
	@tests/vm/guests.sh build/run-recorded $(VMM) $(GUESTS) >$@.new
	@tr -d '\r' <$@.new >$@ && rm $@.new
build/recorded/guest-%.txt: build/recorded/guests.txt
	@awk '/^--- / { on = $$NF == "$*"; $$1 = "$$" } on' $< >$@.new
	@grep -q . $@.new && mv $@.new $@

##@ Check
build/stamps/need-check: Makefile
	@tests/need.sh gcc libc6-dev check pkg-config
	@mkdir -p $(@D) && touch $@
build/check: tests/check.c | build/stamps/need-check
	@echo "  CC      $@"
	@$(CC) -O1 -Wall -Wextra -o $@ $< $$(pkg-config --cflags --libs check)

# What a check needs is made by the check, with its own make; what is made
# here is only what many of them would wait for one another to make.
check: build/check build/stamps/need-vm ## every test there is; some of them: build/check NAME... (tests/check.c)
	@build/check
check-fast: build/check ## those that take seconds, without QEMU
	@build/check fast
soak: build/check build/stamps/need-vm ## what chance may decide, for hours: each order 20 times, a million requests
	@SOAK=20 TRIES=20 CALLS=1000000 KILLED=1000 build/check lives fuzz \
		replay replay-pgd replay-gift

check-tangle: | build/stamps/need-tangle
	@tests/tangle/tangle-test.sh
check-weave: | build/stamps/need-book
	@tests/book/weave-test.sh
check-programs: build/tangled | build/stamps/need-debug
	@tests/try/check.sh
	@tests/vm/nmi.sh stock

# What `make soak` does more of; SOAK is how many times as long it may take.
SOAK ?= 1
KILLED ?= 50

# A machine is busy on one CPU or two: the parts of a check run side by side.
SIDE_BY_SIDE = @$(MAKE) --no-print-directory -k -j2 -Otarget
check-lives: build/tangled | build/stamps/need-debug
	$(SIDE_BY_SIDE) lives-debug lives-stock lives-memory lives-power
lives-debug:
	@tests/vm/lives.sh debug $$((900 * $(SOAK))) 'lives 1000 7' 'shared 2' \
		'absent $(KILLED)'
lives-stock:
	@tests/vm/lives.sh stock 900 'lives 1000' 'shared 10' 'absent 200'
lives-memory:
	@tests/try/check.sh debug
lives-power:
	@tests/vm/power.sh

# By chance, but the same each time; another SEED makes others.
SEED ?= 1
CALLS ?= 100000
check-fuzz: build/tangled | build/stamps/need-debug
	$(SIDE_BY_SIDE) fuzz-debug fuzz-stock fuzz-answers
fuzz-debug:
	@tests/vm/lives.sh debug $$((900 * $(SOAK))) \
		'fuzz -s $(SEED) -n $(CALLS)'
fuzz-stock:
	@tests/vm/lives.sh stock $$((900 * $(SOAK))) \
		'fuzz -s $(SEED) -n $(CALLS)'
fuzz-answers:
	@tests/vm/answers.sh -s $(SEED) -n 10000
check-failures: build/tangled | build/stamps/need-debug
	@tests/vm/lives.sh debug 300 failures

##@ Look things up
reference: build/tangled build/stamps/need-reference ## functions and their contracts, by Doxygen
	@tests/reference.sh build/reference
build/stamps/need-reference: Makefile
	@tests/need.sh doxygen
	@mkdir -p $(@D) && touch $@

clean: ## remove what was generated (kernels stay in $TWILL_CACHE)
	rm -rf build
