# SPDX-License-Identifier: GPL-2.0-only
# The tests' machine: Debian's stock kernel or the debug kernel, in QEMU.

KERNEL_KIND ?= stock
VM_PACKAGES := qemu-system-x86 busybox-static cpio python3 gcc make libc6-dev \
	linux-headers-amd64 xz-utils
DEBUG_PACKAGES := $(VM_PACKAGES) linux-source bc bison flex libelf-dev \
	libssl-dev

build/stamps/need-vm: tests/vm/vm.mk
	@tests/need.sh $(VM_PACKAGES)
	@mkdir -p $(@D) && touch $@
build/stamps/need-debug: tests/vm/vm.mk
	@tests/need.sh $(DEBUG_PACKAGES)
	@mkdir -p $(@D) && touch $@
vm-needs = build/stamps/need-$(if $(filter debug,$(KERNEL_KIND)),debug,vm)

##@ The machine
.PHONY: shell try kernel replay check-vm
shell: build/tangled | $(vm-needs) ## a prompt in the machine, the module loaded (KERNEL_KIND=stock|debug|next)
	@KERNEL_KIND=$(KERNEL_KIND) MODULE=$(MODULE) \
		FILES="$(wildcard $(VMM) $(GUESTS))" tests/vm/try.sh --shell
try: build/tangled | $(vm-needs) ## run a static program there: PROG=./prog [ARGS=…] [MODULE=twill|kvm]
	@$(if $(PROG),,echo "make try PROG=./prog [ARGS=…]" >&2; exit 2;) \
		KERNEL_KIND=$(KERNEL_KIND) MODULE=$(MODULE) \
		tests/vm/try.sh $(PROG) $(ARGS)
kernel: | build/stamps/need-debug ## the debug kernel, from this Debian's linux-source
	@eval "$$(tests/vm/kernel.sh debug)"; echo "$$kernel"

# A lab's failing orders on the debug kernel; with SCHEDULE, that one alone.
TRIES ?= 3
replay: build/explore build/scenarios build/tangled | build/stamps/need-debug ## what the booted kernel says of a lab's orders: LAB=… [VARIANT=… SCHEDULE=…]
	@$(if $(LAB),,echo "make replay LAB=lock-inversion [SCHEDULE=…]" >&2; exit 2;) \
		$(MAKE) -s $$(awk -F '\t' '$$1 ~ "^$(LAB)/" \
			{ print "build/variants/" $$1 "/explore" }' \
			tests/variants.tsv)
	@tests/vm/replay.py $(LAB) --tries $(TRIES) --show \
		$(if $(SCHEDULE),--schedule '$(SCHEDULE)') \
		$(if $(VARIANT),--variant $(VARIANT))

# What the kernel says, for the book; lock-inversion/bug's report goes to
# lock-inversion-bug-kernel.txt.
define RECORD_KERNEL
build/recorded/$(subst /,-,$(1))-kernel.txt: build/variants/$(1)/explore \
		build/scenarios | build/stamps/need-debug
	@mkdir -p $$(@D)
	@tests/vm/replay.py $(patsubst %/,%,$(dir $(1))) --variant $(1) --tries 1 \
		--record $$@.new
	@mv $$@.new $$@
endef
$(foreach v,$(shell awk -F '\t' '!/^\#|^guest-wait/ && $$7 != "silence" \
	{ print $$1 }' tests/variants.tsv 2>/dev/null),$(eval $(call RECORD_KERNEL,$(v))))

# What a running guest says of its own variants.
.PHONY: check-waits
check-waits: build/tangled | build/stamps/need-vm
	@tests/vm/waits.py
build/recorded/guest-wait-%-guest.txt: build/tangled | build/stamps/need-vm
	@mkdir -p $(@D)
	@tests/vm/waits.py guest-wait/$* --record $@.new
	@mv $@.new $@

# The instruments see what they must see; the harness fails when it must.
check-vm: | build/stamps/need-debug
	@tests/vm/proofs/prove.sh
	@tests/vm/selftest.sh
