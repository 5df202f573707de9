# SPDX-License-Identifier: GPL-2.0-only
# What needs no hardware, as ordinary programs under Check.

.PHONY: check-units
check-units: build/test-decode ## the decoder: encodings, arithmetic, random bytes
	@build/test-decode

# The test pushes and pops where the compiler may have put something.
build/test-decode: tests/unit/decode.c build/tangled | build/stamps/need-check
	@$(CC) -O1 -mno-red-zone -Wall -Wextra -I tests/explore/include -I src \
		-o $@ $< src/arch/x86/decode.c $$(pkg-config --cflags --libs check)
