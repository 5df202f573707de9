// SPDX-License-Identifier: GPL-2.0-only
/* What interrupts a processor: its clock, a bell; and a watchdog. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "vmm.h"

static struct cpu {
	pthread_t thread;
	struct kvm_run *run;	/* NULL: there is no thread yet */
	timer_t timer;
	bool on;		/* the clock, which has this vector: */
	uint8_t vector;
	_Atomic uint64_t wanted[4];	/* a bit a vector */
	atomic_bool nmi;
	bool halted;		/* for the watchdog's report */
	bool asleep;		/* only a call can wake it */
} cpus[MAX_VCPUS];

static _Thread_local struct cpu *mine;

static void want(struct cpu *cpu, uint8_t vector)
{
	atomic_fetch_or(&cpu->wanted[vector / 64], 1ULL << vector % 64);
}

static void want_no_more(struct cpu *cpu, uint8_t vector)
{
	atomic_fetch_and(&cpu->wanted[vector / 64], ~(1ULL << vector % 64));
}

/* Returns: the vector, or -1. */
static int next(struct cpu *cpu)
{
	int i;

	for (i = 3; i >= 0; i--) {
		uint64_t w = atomic_load(&cpu->wanted[i]);

		if (w)
			return 64 * i + 63 - __builtin_clzll(w);
	}
	return -1;
}

/* Guards @asleep, and who may be called. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t quiet = PTHREAD_COND_INITIALIZER;
static unsigned int awake;	/* may do something yet */

static bool hears(struct cpu *cpu)
{
	return cpu->nmi || (cpu->run->if_flag && next(cpu) >= 0);
}

static void called(int signal)
{
	if (signal == SIGALRM)
		want(mine, mine->vector);
	mine->run->immediate_exit = 1;
}

/* Holds: lock. */
static void call(struct cpu *cpu)
{
	if (cpu->asleep && hears(cpu)) {
		cpu->asleep = false;
		awake++;
	}
	if (cpu->run)
		pthread_kill(cpu->thread, SIGUSR1);
}

void interrupt_begin(unsigned int id, struct kvm_run *run)
{
	struct sigaction action = { .sa_handler = called };
	struct sigevent to_me = {
		.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM,
		._sigev_un._tid = gettid(),
	};

	mine = &cpus[id];
	if (sigaction(SIGALRM, &action, NULL) ||
	    sigaction(SIGUSR1, &action, NULL) ||
	    timer_create(CLOCK_MONOTONIC, &to_me, &mine->timer))
		err(FAILED, "a processor's clock");
	pthread_mutex_lock(&lock);
	mine->thread = pthread_self();
	mine->run = run;
	pthread_mutex_unlock(&lock);
}

void clock_set(uint32_t value)
{
	unsigned int ms = value >> 8;
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	struct itimerspec every = { t, t };

	mine->on = ms;
	if (ms)
		mine->vector = value;
	if (timer_settime(mine->timer, 0, &every, NULL))
		err(FAILED, "a processor's clock");
	if (!ms)
		want_no_more(mine, mine->vector);
}

void bell_ring(uint32_t value)
{
	uint32_t id = value >> 8;

	if (id >= MAX_VCPUS)
		return;
	pthread_mutex_lock(&lock);
	want(&cpus[id], value);
	call(&cpus[id]);
	pthread_mutex_unlock(&lock);
}

void interrupt_deliver(int vcpu)
{
	struct kvm_interrupt irq;
	int vector;

	mine->run->immediate_exit = 0;
	atomic_thread_fence(memory_order_seq_cst);
	mine->run->request_interrupt_window = 0;
	if (atomic_exchange(&mine->nmi, false)) {
		warnx("vCPU %u %s at 0x%llx, interrupts %s", (unsigned int)(mine - cpus),
		      mine->halted ? "has halted" : "runs", where(vcpu),
		      mine->run->if_flag ? "on" : "off");
		ASK(vcpu, KVM_NMI, 0);
	}
	mine->halted = false;
	vector = next(mine);
	if (vector < 0)
		return;
	if (!mine->run->ready_for_interrupt_injection) {
		mine->run->request_interrupt_window = 1;
		return;
	}
	want_no_more(mine, vector);
	irq.irq = vector;
	ASK(vcpu, KVM_INTERRUPT, &irq);
}

void interrupt_wait(void)
{
	sigset_t calls, before;

	sigemptyset(&calls);
	sigaddset(&calls, SIGALRM);
	sigaddset(&calls, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &calls, &before);
	mine->halted = true;
	pthread_mutex_lock(&lock);
	mine->asleep = !hears(mine) && !(mine->on && mine->run->if_flag);
	if (mine->asleep && !--awake)
		pthread_cond_signal(&quiet);
	pthread_mutex_unlock(&lock);
	while (!hears(mine))
		sigsuspend(&before);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static bool meant_it(unsigned int vcpus)
{
	unsigned int i;

	for (i = 0; i < vcpus && !cpus[i].run->if_flag; i++)
		;
	return i == vcpus;
}

/* Returns if the guest has ended. */
void watch(unsigned int vcpus, unsigned int seconds)
{
	struct timespec until;
	int late = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&lock);
	for (awake += vcpus; awake && !late; )
		late = seconds ? pthread_cond_timedwait(&quiet, &lock, &until) :
				 pthread_cond_wait(&quiet, &lock);
	if (!awake && !seconds && meant_it(vcpus))
		return;
	if (awake)
		warnx("the guest has not ended in %u s", seconds);
	else
		warnx("all vCPUs have halted, and nobody is left to wake one");
	if (seconds) {
		unsigned int i;

		for (i = 0; i < vcpus; i++) {
			atomic_store(&cpus[i].nmi, true);
			call(&cpus[i]);
		}
		pthread_mutex_unlock(&lock);
		sleep(1);
	}
	exit(FAILED);
}
