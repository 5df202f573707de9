// SPDX-License-Identifier: GPL-2.0-only
/* A kernel that is told of absent pages, and runs another task meanwhile. */
#include <asm/kvm_para.h>
#include <stdatomic.h>
#include "async_pf.h"
#include "tasks.h"

#define TASKS 16
#define PAGES 8			/* of each */

static struct {
	atomic_uint absent, come, all;	/* news of pages: of one, or of all */
	atomic_uint most;		/* on their way at once */
	atomic_uint touched, wrong;	/* pages that tasks had; were not right */
	atomic_uint turns;		/* of the task that computes */
} count;

#define VECTOR 32

static volatile struct kvm_vcpu_pv_apf_data news __attribute__((aligned(64)));

static void wrmsr(uint32_t index, uint64_t value)
{
	asm volatile("wrmsr" : : "c" (index), "a" ((uint32_t)value),
		     "d" ((uint32_t)(value >> 32)) : "memory");
}

static void cpuid(uint32_t leaf, uint32_t r[4])
{
	asm volatile("cpuid" : "=a" (r[0]), "=b" (r[1]), "=c" (r[2]),
		     "=d" (r[3]) : "a" (leaf), "c" (0));
}

static int offered(void)
{
	uint32_t wanted = 1 << KVM_FEATURE_ASYNC_PF |
			  1 << KVM_FEATURE_ASYNC_PF_INT;
	uint32_t r[4];
	unsigned int i;

	cpuid(KVM_CPUID_SIGNATURE, r);
	for (i = 0; i < 12; i++) {
		if (((char *)&r[1])[i] != KVM_SIGNATURE[i])
			return 0;
	}
	cpuid(KVM_CPUID_FEATURES, r);
	return (r[0] & wanted) == wanted;
}

static void agree(void)
{
	if (!offered()) {
		print("nobody here tells of absent pages\n");
		finish(1);
	}
	wrmsr(MSR_KVM_ASYNC_PF_INT, VECTOR);
	wrmsr(MSR_KVM_ASYNC_PF_EN, (uintptr_t)&news | KVM_ASYNC_PF_ENABLED |
	      KVM_ASYNC_PF_DELIVERY_AS_INT |
	      (async_pf_always ? KVM_ASYNC_PF_SEND_ALWAYS : 0));
}

static void page_absent(uint32_t token)
{
	unsigned int on_their_way = ++count.absent - count.come;

	if (count.most < on_their_way)
		count.most = on_their_way;
	async_pf_task_wait(token);
}

static void page_come(void)
{
	uint32_t token = news.token;

	if (token == ALL_TOKENS)
		count.all++;
	else
		count.come++;
	async_pf_task_wake(token);
	news.token = 0;
	wrmsr(MSR_KVM_ASYNC_PF_ACK, 1);
}

void trap(struct frame *frame)
{
	uint64_t token;

	asm volatile("mov %%cr2, %0" : "=r" (token));
	if (frame->number == 14 &&
	    news.flags & KVM_PV_REASON_PAGE_NOT_PRESENT) {
		news.flags = 0;
		page_absent(token);
	} else if (frame->number == VECTOR) {
		page_come();
	} else {
		give_up(frame);
	}
}

static volatile uint64_t *page(unsigned int n)
{
	uintptr_t first = ((uintptr_t)_end + 4095) & -4096UL;

	return (uint64_t *)(first + 4096 * n);
}

static void touch_alone(volatile uint64_t *first)
{
	unsigned int before;

	preempt_disable();
	before = count.touched;
	if (*first || count.touched != before)
		count.wrong++;
	preempt_enable();
}

static void touch(void)
{
	unsigned int i, mine = (current - tasks - 1) * PAGES;

	touch_alone(page(mine));
	for (i = mine; i < mine + PAGES; i++) {
		if (*page(i))
			count.wrong++;
		*page(i) = ~i;
		count.touched++;
	}
	for (i = mine; i < mine + PAGES; i++) {
		if (*page(i) != ~i)
			count.wrong++;
	}
	current->over = 1;
	yield();
}

static void compute(void)
{
	uint64_t n = 0, sum = 0;

	while (count.touched < TASKS * PAGES / 2) {
		if (count.absent != count.come)
			sum += ++n;
		yield();
	}
	count.turns = n;
	if (sum != n * (n + 1) / 2)
		count.wrong++;
	current->over = 1;
	yield();
}

static int agreed(void)
{
	return count.absent > TASKS * PAGES && count.absent == count.come &&
	       count.all == 1 && count.touched == TASKS * PAGES &&
	       !count.wrong && count.most >= 8 && count.turns && !news.flags;
}

static void report(void)
{
	print("%u tasks touched %u pages, %u of them wrong\n", TASKS,
	      count.touched, count.wrong);
	print("%u pages were absent, and %u have come; %u at most at once\n",
	      count.absent, count.come, count.most);
	print("another task counted to %u meanwhile\n", count.turns);
	print(agreed() ? "that is as it should be\n" : "that is not right\n");
}

static void try_without_tasks(void)
{
	asm volatile("sti; nop");
	if (*page(TASKS * PAGES))
		count.wrong++;
	asm volatile("cli");
	async_pf_task_wake(4711);
	async_pf_task_wait(4711);
}

int main(unsigned int id, uint64_t mib, unsigned int cpus)
{
	unsigned int i;

	(void)mib;
	(void)cpus;
	if (id)
		return 0;
	load_table();
	agree();
	try_without_tasks();
	for (i = 0; i < TASKS; i++)
		make(touch);
	make(compute);
	run_tasks();
	report();
	finish(!agreed());
}
