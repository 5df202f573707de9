/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the VMM know of one another. */
#ifndef TWILL_VMM_H
#define TWILL_VMM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAILED 125	/* our exit status when it is not the guest's */
#define MAX_VCPUS 16

/**
 * struct machine - all there is
 * @vm: its descriptor
 * @run_size: bytes of a vCPU's run pages
 * @size: bytes of memory, from guest-physical 0 up
 * @memory: where they are in this process, for the loader
 * @guest: where the guest has them: in the same place, unless they come late
 * @late: the milliseconds that a page takes to come; 0, all are there
 * @bits: the mode that the guest begins in: 16, real; 32, protected
 * @entry: the guest's first instruction
 * @vcpus: how many, each in a thread of its own
 * @watchdog: the seconds that the guest has; 0, as many as it likes
 */
struct machine {
	int vm;
	int run_size;
	size_t size;
	uint8_t *memory;
	uint8_t *guest;
	unsigned int late;
	int bits;
	uint32_t entry;
	unsigned int vcpus;
	unsigned int watchdog;
};

unsigned long long where(int vcpu);
int ask(int fd, const char *what, unsigned long request, void *arg);
#define ASK(fd, request, arg) \
	ask(fd, #request, request, (void *)(uintptr_t)(arg))

void load(struct machine *machine, const char *path);	/* load.c */
void port_io(struct kvm_run *run);			/* ports.c */
void interrupt_begin(unsigned int id, struct kvm_run *run);	/* interrupt.c */
void clock_set(uint32_t value);
void bell_ring(uint32_t value);
void interrupt_deliver(int vcpu);
void interrupt_wait(void);
void watch(unsigned int vcpus, unsigned int seconds);
void come_late(const struct machine *machine);		/* lazy.c */
void come_now(uint32_t ms);

#endif
