// SPDX-License-Identifier: GPL-2.0-only
/* A clock for each processor, which interrupts it. */
#define _GNU_SOURCE
#include <err.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "vmm.h"

static _Thread_local struct {
	struct kvm_run *run;
	timer_t timer;
	bool on;
	uint8_t vector;
	volatile sig_atomic_t due;	/* ticks that come meanwhile are one */
} mine;

static void tick(int signal)
{
	(void)signal;
	mine.due = 1;
	mine.run->immediate_exit = 1;
}

void clock_make(struct kvm_run *run)
{
	struct sigaction action = { .sa_handler = tick };
	struct sigevent to_me = {
		.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM,
		._sigev_un._tid = gettid(),
	};

	mine.run = run;
	if (sigaction(SIGALRM, &action, NULL) ||
	    timer_create(CLOCK_MONOTONIC, &to_me, &mine.timer))
		err(FAILED, "a processor's clock");
}

void clock_set(uint32_t value)
{
	unsigned int ms = value >> 8;
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	struct itimerspec every = { t, t };

	mine.on = ms;
	mine.vector = value;
	if (timer_settime(mine.timer, 0, &every, NULL))
		err(FAILED, "a processor's clock");
	if (!ms)
		mine.due = 0;
}

void clock_deliver(int vcpu)
{
	struct kvm_interrupt irq = { .irq = mine.vector };

	mine.run->immediate_exit = 0;
	atomic_signal_fence(memory_order_seq_cst);
	mine.run->request_interrupt_window = 0;
	if (!mine.due)
		return;
	if (!mine.run->ready_for_interrupt_injection) {
		mine.run->request_interrupt_window = 1;
		return;
	}
	mine.due = 0;
	ASK(vcpu, KVM_INTERRUPT, &irq);
}

bool clock_wait(void)
{
	sigset_t ticks, before;

	if (!mine.on || !mine.run->if_flag)
		return false;
	sigemptyset(&ticks);
	sigaddset(&ticks, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &ticks, &before);
	while (!mine.due)
		sigsuspend(&before);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return true;
}
