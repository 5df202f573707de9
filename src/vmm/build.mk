# SPDX-License-Identifier: GPL-2.0-only
# The VMM and its guests.
VMM_CFLAGS := -Os -static -pthread -Wall -Wextra
GUEST_CC := $(CC) -m32 -nostdlib -static -Wl,--build-id=none

build/vmm/twill: $(addprefix src/vmm/,twill.c load.c ports.c interrupt.c \
		lazy.c vmm.h)
	@mkdir -p $(@D)
	$(CC) $(VMM_CFLAGS) -o $@ $(filter %.c,$^)

build/guest/hello16.bin: src/guest/hello.S
	@mkdir -p $(@D)
	$(GUEST_CC) -DBITS=16 -Wl,-Ttext=0x1000,--oformat=binary -o $@ $<

build/guest/hello32.elf: src/guest/hello.S
	@mkdir -p $(@D)
	$(GUEST_CC) -DBITS=32 -Wl,-Ttext=0x100000 -o $@ $<

GUEST64_CC := $(CC) -m64 -O2 -Wall -Wextra -ffreestanding -fno-pic \
	-fno-stack-protector -mno-red-zone -mgeneral-regs-only -nostdlib \
	-static -I src -Wno-dangling-pointer \
	-Wl,-N,-Ttext=0x100000,--build-id=none,--no-warn-rwx-segments

KERNELS := $(patsubst %,build/guest/%.elf,kernel absent user wait)
$(KERNELS): src/guest/trap.S \
		$(addprefix src/guest/,tasks.c rcu.c tasks.h rcu.h os.h)
$(filter-out %/kernel.elf,$(KERNELS)): $(addprefix src/guest/,async_pf.c told.c \
		async_pf.h told.h)
build/guest/%.elf: src/guest/boot.S src/guest/%.c src/guest/lib.c \
		src/guest/guest.h
	@mkdir -p $(@D)
	$(GUEST64_CC) -o $@.64 $(filter %.c %.S,$^)
	objcopy -O elf32-i386 $@.64 $@
