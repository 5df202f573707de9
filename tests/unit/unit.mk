# SPDX-License-Identifier: GPL-2.0-only
# What needs no hardware, as ordinary programs under Check.

.PHONY: check-units
check-units: build/test-decode build/test-core build/test-segments \
		build/test-switch build/test-events
	@build/test-decode
	@build/test-core
	@build/test-segments
	@build/test-switch
	@build/test-events

# The test pushes and pops where the compiler may have put something.
build/test-decode: tests/unit/decode.c build/tangled | build/stamps/need-check
	@$(CC) -O1 -mno-red-zone -Wall -Wextra -I tests/explore/shim/include -I src \
		-o $@ $< src/arch/x86/decode.c $$(pkg-config --cflags --libs check)

# Against models, in one task.
build/test-core: tests/unit/core.c build/tangled | build/stamps/need-check
	@$(CC) -O1 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
		-I tests/explore/shim/include -I src -I src/arch/model \
		-o $@ $< src/memslot.c src/stage2.c \
		$$(pkg-config --cflags --libs check)

# Of regs.c, which needs a kernel, one chunk.
build/test-segments: tests/unit/segments.c build/tangled | build/stamps/need-check
	@mkdir -p build/unit
	@notangle -t8 -R"segments, for the VMM" book/11-vcpu.nw \
		>build/unit/segments.h
	@$(CC) -O1 -Wall -Wextra -I build/unit -I tests/explore/shim/include \
		-o $@ $< $$(pkg-config --cflags --libs check)

# Of the files that load registers, the chunks that do.
CHUNK = notangle -t8 -R"$(1)" book/1[12]-*.nw >build/unit/$(2).h
build/test-switch: tests/unit/switch.c build/tangled | build/stamps/need-check
	@mkdir -p build/unit
	@$(call CHUNK,change what VMRUN does not,crossing)
	@$(call CHUNK,sleep and wake up,sleep)
	@$(call CHUNK,differences between kernels,compat)
	@$(call CHUNK,put back what the VMM has asked for,put-back)
	@{ notangle -t8 -R"keep the caches on" book/11-vcpu.nw && \
		notangle -t8 -R"look at a value for CR0" book/11-vcpu.nw && \
		notangle -t8 -R"look at a value for CR4" book/11-vcpu.nw && \
		notangle -t8 -R"let CR4 be written" book/11-vcpu.nw && \
		notangle -t8 -R"read and write a control register" \
			book/11-vcpu.nw; } >build/unit/control.h
	@$(CC) -O1 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
		-I build/unit -o $@ $< $$(pkg-config --cflags --libs check)

# All of event.c, and of window.c, but what they include.
build/test-events: tests/unit/events.c build/tangled | build/stamps/need-check
	@mkdir -p build/unit
	@notangle -t8 -R"struct [[events]]" book/14-events.nw \
		>build/unit/events.h
	@grep -hv '^#include' src/arch/x86/window.c src/arch/x86/event.c \
		>build/unit/event.h
	@$(CC) -O1 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
		-I build/unit -o $@ $< $$(pkg-config --cflags --libs check)
