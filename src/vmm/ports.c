// SPDX-License-Identifier: GPL-2.0-only
/* The mainboard: what answers on which port. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vmm.h"

#define SERIAL 0x3f8

enum { DATA = 0, INTERRUPT_ID = 2, LINE_CONTROL = 3, LINE_STATUS = 5 };

static uint8_t line_control;

static void serial_out(unsigned int reg, uint8_t value)
{
	if (reg == LINE_CONTROL)
		line_control = value;
	if (reg == DATA && !(line_control & 0x80))
		putchar(value);
}

static uint8_t serial_in(unsigned int reg)
{
	if (reg == LINE_STATUS)
		return 0x60;	/* nothing received; ready to send */
	if (reg == INTERRUPT_ID)
		return 0x01;	/* no interrupt is waiting */
	return reg == LINE_CONTROL ? line_control : 0;
}

#define EXIT_PORT 0xf4

static void guest_exit(uint8_t status)
{
	exit(status);
}

enum { CLOCK_PORT = 0xf8, BELL_PORT = 0xf9, OWED_PORT = 0xfa };

static void out_4(uint16_t port, uint32_t value)
{
	if (port == CLOCK_PORT)
		clock_set(value);
	else if (port == BELL_PORT)
		bell_ring(value);
	else if (port == OWED_PORT)
		come_now(value);
}

void port_io(struct kvm_run *run)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	uint16_t port = run->io.port;
	uint32_t i;

	for (i = 0; i < run->io.count; i++, data += run->io.size) {
		if (run->io.direction == KVM_EXIT_IO_IN) {
			memset(data, 0xff, run->io.size);
			if (port >= SERIAL && port < SERIAL + 8)
				*data = serial_in(port - SERIAL);
		} else if (port >= SERIAL && port < SERIAL + 8) {
			serial_out(port - SERIAL, *data);
		} else if (port == EXIT_PORT) {
			guest_exit(*data);
		} else if (run->io.size == 4) {
			out_4(port, *(uint32_t *)data);
		}
	}
}
