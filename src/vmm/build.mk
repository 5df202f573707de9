# SPDX-License-Identifier: GPL-2.0-only
# The VMM and its guests.
VMM_CFLAGS := -Os -static -pthread -Wall -Wextra
GUEST_CC := $(CC) -m32 -nostdlib -static -Wl,--build-id=none

.PHONY: vmm
vmm: build/vmm/twill build/guest/hello16.bin build/guest/hello32.elf

build/vmm/twill: $(addprefix src/vmm/,twill.c load.c ports.c vmm.h)
	@mkdir -p $(@D)
	$(CC) $(VMM_CFLAGS) -o $@ $(filter %.c,$^)

build/guest/hello16.bin: src/guest/hello.S
	@mkdir -p $(@D)
	$(GUEST_CC) -DBITS=16 -Wl,-Ttext=0x1000,--oformat=binary -o $@ $<

build/guest/hello32.elf: src/guest/hello.S
	@mkdir -p $(@D)
	$(GUEST_CC) -DBITS=32 -Wl,-Ttext=0x100000 -o $@ $<
