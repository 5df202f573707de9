// SPDX-License-Identifier: GPL-2.0-only
/* A kernel agrees to be told of absent pages, and is told. */
#include <asm/kvm_para.h>
#include "async_pf.h"
#include "told.h"

#define VECTOR 32

static struct {
	volatile struct kvm_vcpu_pv_apf_data said;
} __attribute__((aligned(128))) news[MAX_CPUS];

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

void agree(bool always)
{
	if (!offered()) {
		print("nobody here tells of absent pages\n");
		finish(1);
	}
	wrmsr(MSR_KVM_ASYNC_PF_INT, VECTOR);
	wrmsr(MSR_KVM_ASYNC_PF_EN, (uintptr_t)&news[this_cpu()].said |
	      KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT |
	      (always ? KVM_ASYNC_PF_SEND_ALWAYS : 0));
}

struct told told;
void (*wait_for_page)(unsigned int token) = async_pf_task_wait;

static void page_absent(const struct frame *frame, uint32_t token)
{
	unsigned int on_their_way = ++told.absent - told.come;

	if (!(frame->rflags & 0x200)) {
		print("told of token 0x%x at 0x%x, with interrupts off\n",
		      (uint64_t)token, frame->rip);
		finish(1);
	}
	if (told.most < on_their_way)
		told.most = on_their_way;
	if (!(frame->cs & 3))
		told.in_kernel++;
	wait_for_page(token);
}

static void page_come(void)
{
	uint32_t token = news[this_cpu()].said.token;

	if (token == ALL_TOKENS)
		told.all++;
	else
		told.come++;
	async_pf_task_wake(token);
	news[this_cpu()].said.token = 0;
	wrmsr(MSR_KVM_ASYNC_PF_ACK, 1);
}

bool news_waits(void)
{
	return news[this_cpu()].said.token;
}

static atomic_flag spoken = ATOMIC_FLAG_INIT;

static _Noreturn void last_words(void)
{
	unsigned int n, token;
	struct task *task;

	while (atomic_flag_test_and_set(&spoken))
		relax();
	console.taken = 0;
	for (n = 0; async_pf_waits(n, &token, &task); n++)
		print("nobody woke token 0x%x, task %u waits\n",
		      (uint64_t)token, number(task));
	if (!n)
		print("nobody waits for a token that was not woken\n");
	finish(2);
}

/* Returns: whether it was news. */
bool take_news(const struct frame *frame)
{
	unsigned int me = this_cpu();
	uint64_t token;

	asm volatile("mov %%cr2, %0" : "=r" (token));
	if (frame->number == PAGE_FAULT &&
	    news[me].said.flags & KVM_PV_REASON_PAGE_NOT_PRESENT) {
		news[me].said.flags = 0;
		page_absent(frame, token);
		return true;
	}
	if (frame->number == VECTOR) {
		page_come();
		return true;
	}
	if (frame->number == NMI)
		last_words();
	return false;
}
