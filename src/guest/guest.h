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

static inline uint64_t interrupts_off(void)
{
	uint64_t flags;

	asm volatile("pushf; pop %0; cli" : "=r" (flags) : : "memory");
	return flags;
}

static inline void interrupts_as(uint64_t flags)
{
	asm volatile("push %0; popf" : : "r" (flags) : "memory", "cc");
}

struct spinlock {
	unsigned int taken;
};

static inline void spin_lock(struct spinlock *lock)
{
	while (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE))
		relax();
}

static inline void spin_unlock(struct spinlock *lock)
{
	__atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}

/* lib.c */
extern struct spinlock console;
void print(const char *format, ...);
_Noreturn void finish(int status);

int main(unsigned int id, uint64_t mib, unsigned int cpus);

#endif
