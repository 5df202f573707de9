/* SPDX-License-Identifier: GPL-2.0-only */
/* What every 64-bit guest has. */
#ifndef TWILL_GUEST_H
#define TWILL_GUEST_H

#include <stdint.h>

#define MIB (1ULL << 20)
#define STACKS (16 * 0x10000)	/* at the end of memory; the VMM's choice */

extern char _end[];		/* of the program, in memory */

static inline void outb(uint16_t port, uint8_t value)
{
	asm volatile("outb %0, %1" : : "a" (value), "Nd" (port));
}

static inline void outl(uint16_t port, uint32_t value)
{
	asm volatile("outl %0, %1" : : "a" (value), "Nd" (port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	asm volatile("inb %1, %0" : "=a" (value) : "Nd" (port));
	return value;
}

static inline void relax(void)
{
	asm volatile("pause" : : : "memory");
}

/* lib.c */
void print(const char *format, ...);
_Noreturn void finish(int status);

int main(unsigned int id, uint64_t mib, unsigned int cpus);

#endif
