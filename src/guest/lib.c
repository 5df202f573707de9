// SPDX-License-Identifier: GPL-2.0-only
/* A console, and an end. */
#include <stdarg.h>
#include "guest.h"

#define SERIAL 0x3f8
#define LINE_STATUS (SERIAL + 5)
#define EXIT_PORT 0xf4

static void put(char c)
{
	while (!(inb(LINE_STATUS) & 0x20))
		relax();
	outb(SERIAL, c);
}

static void put_string(const char *s)
{
	while (*s)
		put(*s++);
}

static void put_number(uint64_t n, unsigned int base)
{
	char digits[21];
	char *p = digits + sizeof(digits);

	*--p = 0;
	do
		*--p = "0123456789abcdef"[n % base];
	while (n /= base);
	put_string(p);
}

struct spinlock console;

/* %u: an unsigned int; %x: 64 bits, in hexadecimal; %s: a string. */
void print(const char *format, ...)
{
	uint64_t flags = interrupts_off();
	va_list args;

	spin_lock(&console);
	va_start(args, format);
	for (; *format; format++) {
		if (*format != '%') {
			put(*format);
			continue;
		}
		format++;
		if (*format == 'u')
			put_number(va_arg(args, unsigned int), 10);
		else if (*format == 'x')
			put_number(va_arg(args, uint64_t), 16);
		else
			put_string(va_arg(args, const char *));
	}
	va_end(args);
	spin_unlock(&console);
	interrupts_as(flags);
}

_Noreturn void finish(int status)
{
	outb(EXIT_PORT, status);
	for (;;)
		asm volatile("hlt");
}
