# SPDX-License-Identifier: GPL-2.0-only
# The explorer: build/explore, one for each variant, and what they are to find.

EXPLORE := tests/explore
EXPLORE_SOURCES := $(shell find $(EXPLORE) -name '*.[ch]') $(EXPLORE)/build.sh \
	$(EXPLORE)/objects.py

##@ Explore
.PHONY: explore variants check-explore
explore: build/explore ## the explorer: build/explore --list

build/stamps/need-explore: $(EXPLORE)/explore.mk
	@tests/need.sh gcc libc6-dev binutils check pkg-config python3
	@mkdir -p $(@D) && touch $@

# build.sh knows best what has to be compiled again.
build/explore: build/tangled $(EXPLORE_SOURCES) | build/stamps/need-explore
	@$(EXPLORE)/build.sh . $@

build/variants/%/explore: build/tangled $(EXPLORE_SOURCES) \
		| build/stamps/need-explore
	@./tangle.sh --variant $* build/variants/$*/tree
	@$(EXPLORE)/build.sh build/variants/$*/tree $@

variants: build/explore ## every bug, wrong fix and alternative: what is found
	@$(EXPLORE)/variants.py

.PHONY: mutants
mutants: build/explore ## small mistakes in the core, and which scenario notices
	@$(EXPLORE)/mutate.py

build/test-explore: build/tangled $(EXPLORE_SOURCES) \
		tests/unit/explore.c tests/unit/explore-programs.h \
		| build/stamps/need-explore
	@LIBS="$$(pkg-config --libs check)" \
		$(EXPLORE)/build.sh . $@ tests/unit/explore.c

check-explore: build/test-explore build/explore
	@build/test-explore

# The litmus programs as a module, on the stock kernel.
.PHONY: check-litmus
check-litmus: build/explore | build/stamps/need-vm
	@$(EXPLORE)/booted/compare.py

# What the kernel's memory model says may be seen, and what may not.
build/stamps/need-model: $(EXPLORE)/explore.mk
	@tests/need.sh linux-source xz-utils
	@mkdir -p $(@D) && touch $@

.PHONY: check-model
check-model: build/explore | build/stamps/need-model
	@$(EXPLORE)/memory-model.py

build/recorded/instrument-model.txt: build/explore \
		| build/stamps/need-model
	@mkdir -p $(@D)
	@$(EXPLORE)/memory-model.py >$@.new
	@mv $@.new $@

# Runs that the book shows. The table of a variant is named after it.
build/recorded/explore-%.txt: build/explore
	@mkdir -p $(@D)
	@build/explore $* >$@.new || [ $$? = 1 ]
	@mv $@.new $@

# lock-inversion/bug in its scenario is lock-inversion-bug.txt
define RECORD_VARIANT
build/recorded/$(subst /,-,$(1)).txt: build/variants/$(1)/explore
	@mkdir -p $$(@D)
	@s=$$$$(awk -F '\t' '$$$$1 == "$(1)" { print $$$$2 }' tests/variants.tsv); \
		$$< $$$$s >$$@.new || [ $$$$? = 1 ]
	@mv $$@.new $$@
endef
$(foreach v,$(shell awk -F '\t' '!/^\#/ && $$3 != "none" { print $$1 }' \
	tests/variants.tsv 2>/dev/null),$(eval $(call RECORD_VARIANT,$(v))))

# The accident itself, where the table of the variant shows only the circle.
build/recorded/lock-inversion-wrong-release-deadlock.txt: \
		build/variants/lock-inversion/wrong-release/explore
	@mkdir -p $(@D)
	@$< open-vs-release --no-lock-order >$@.new || [ $$? = 1 ]
	@mv $@.new $@

# The same scenarios as a program for a booted kernel: those that need neither
# the model nor the core's own structures, or say what to do without.
build/scenarios: $(EXPLORE)/booted/scenarios.c $(EXPLORE)/booted/calls.c \
		$(EXPLORE)/scenario.h \
		$(wildcard $(EXPLORE)/scenarios/*.h) \
		$(shell grep -LE 'MODEL_|"twill.h' $(EXPLORE)/scenarios/*.c) \
		$(shell grep -l ON_KERNEL $(EXPLORE)/scenarios/*.c) \
		| build/stamps/need-explore
	@mkdir -p $(@D)
	@$(CC) -O1 -Wall -Wextra -static -pthread -DON_KERNEL -I $(EXPLORE) \
		-o $@ $(filter %.c,$^)

build/recorded/instrument-grid.txt: build/explore
	@mkdir -p $(@D)
	@for a in "2 2" "3 2" "3 3" "4 2" "4 3"; do set -- $$a; \
		echo "$$ build/explore grid --tasks $$1 --sections $$2"; \
		build/explore grid --tasks $$1 --sections $$2 | tail -n 1; \
	done >$@.new
	@mv $@.new $@

# What a kernel shows of some litmus programs, and what it may.
build/recorded/instrument-kernel.txt: build/explore | build/stamps/need-vm
	@mkdir -p $(@D)
	@$(EXPLORE)/booted/compare.py --budget 400 saw-message saw-rwsem \
		saw-cancel saw-buffer-mb saw-buffer >$@.new
	@mv $@.new $@

# The core with the vCPU's reference taken after its descriptor is installed.
build/recorded/instrument-first.txt: build/explore
	@mkdir -p $(@D)
	@$(EXPLORE)/broken.sh first src/vcpu.c \
		'/^static int vcpu_publish/,/^}/{/^\tvm_get(vm);/d;s/^\tfd_install(fd, file);/&\n\tvm_get(vm);/}' \
		vcpu-vs-guess >$@.new
	@mv $@.new $@

# A line put back as it was; the report, without its table.
build/recorded/instrument-finding.txt: build/explore
	@mkdir -p $(@D)
	@$(EXPLORE)/broken.sh finding src/arch/model/arch_types.h \
		's/smp_store_release(entry,/WRITE_ONCE(*entry,/' \
		fault-vs-fault >$@.all
	@sed '/^$$/,$$d' $@.all >$@.new
	@rm $@.all && mv $@.new $@

# A slot's removal that clears the table before it marks the slot.
build/recorded/memory-removal-early.txt: build/explore
	@rm -rf build/early && mkdir -p $(@D) build/early
	@cp -r src build/early
	@awk '/^static void memslot_retire/ { inside = 1 } \
		/memslots_publish\(vm, marked\)|synchronize_srcu/ && inside \
			{ later = later $$0 "\n"; next } \
		/^}/ && inside { printf "%s", later; inside = 0 } { print }' \
		src/memslot.c >build/early/src/memslot.c
	@! cmp -s src/memslot.c build/early/src/memslot.c
	@$(EXPLORE)/build.sh build/early build/early/explore
	@build/early/explore fault-vs-removal >$@.new || [ $$? = 1 ]
	@mv $@.new $@

# A barrier less.
build/recorded/instrument-late.txt: build/explore
	@mkdir -p $(@D)
	@$(EXPLORE)/broken.sh late src/vcpu.c \
		'/^bool guest_enter/,/^}/{/^\tsmp_mb();/d}' \
		event-vs-guest --late-writes 1 >$@.new
	@mv $@.new $@

build/recorded/instrument-list.txt: build/explore
	@mkdir -p $(@D)
	@build/explore --list | sed '/^$$/,$$d' >$@.new
	@mv $@.new $@

build/recorded/instrument-list-files.txt: build/recorded/instrument-list.txt
	@grep -E '^(close-vs-close|create-(fails|vs-create)|map-|run|vcpu-(fails|vs-[cgv]))' $< >$@.new
	@mv $@.new $@

# A scenario, as it stands in its file.
build/recorded/instrument-scenario.txt: $(EXPLORE)/scenarios/files.c
	@mkdir -p $(@D)
	@sed -n '/^static int/,$$p' $< >$@.new
	@mv $@.new $@
