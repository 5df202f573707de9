// SPDX-License-Identifier: GPL-2.0-only
/* A descriptor that is closed before its number is known. */
#include "machine.h"

static int vm, guess;

static void setup(void)
{
	vm = make_vm();
	guess = vm - 1;	/* the number that the next descriptor gets */
}

static void create_vcpu(void)
{
	u_ioctl(vm, KVM_CREATE_VCPU, 0);
}

static void close_guess(void)
{
	u_close(guess);
}

static void close_both(void)
{
	u_close(vm);
	u_close(guess);
}

SCENARIO("vcpu-vs-guess", "a vCPU's descriptor is closed before its number is known",
	 setup, close_both, create_vcpu, close_guess);
