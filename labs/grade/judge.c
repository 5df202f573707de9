// SPDX-License-Identifier: GPL-2.0-only
/*
 * The explorer's main, for grading: one scenario, one verdict.
 *
 * usage: judge FD SCENARIO BOUND order|no-order
 *
 * The verdict goes to FD, between two lines that repeat the first line of
 * stdin. What follows there are the addresses of the functions that may be
 * called by a pointer: Twill's own, and those that the explorer itself calls so.
 *
 * A submission runs in this program, and could call or overwrite what judges
 * it. By name it can call only what the grader lets through; its accesses to
 * memory are the explorer's to check. Here are its calls by pointers, those
 * that the explorer makes for it, and the stacks, where it may write to its
 * functions' variables and not to the addresses that they will return to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "engine/runtime.h"

#define MAX_FUNCTIONS 4096

static unsigned long *functions;
static size_t nfunctions;
static struct { uintptr_t low, high; } frames[NR_TASKS][MAX_FRAMES];

static int by_address(const void *a, const void *b)
{
	unsigned long x = *(unsigned long *)a, y = *(unsigned long *)b;

	return (x > y) - (x < y);
}

/* Called by the thunks below. Functions that have an address begin so. */
void judge_call(unsigned long to, unsigned long pc);
void judge_call(unsigned long to, unsigned long pc)
{
	static const char endbr64[] = "\xf3\x0f\x1e\xfa";

	if (to < 65536)
		fail("null-dereference", "NULL", pc, NULL, NULL,
		     "calls a function at address %#lx", to);
	if (!bsearch(&to, functions, nfunctions, sizeof(to), by_address) ||
	    memcmp((void *)to, endbr64, 4))
		fail("wild-call", "?", pc, NULL, NULL,
		     "calls %#lx, where no function of Twill's begins", to);
}

/* gcc -mindirect-branch=thunk-extern makes "call *%rax" a call of these. */
#define THUNK(reg)							\
	asm(".text\n.globl __x86_indirect_thunk_" #reg "\n"		\
	    "__x86_indirect_thunk_" #reg ":\n"				\
	    "	push %rax\n	push %rcx\n	push %rdx\n"		\
	    "	push %rsi\n	push %rdi\n	push %r8\n"		\
	    "	push %r9\n	push %r10\n	push %r11\n"		\
	    "	mov %" #reg ", %rdi\n	mov 72(%rsp), %rsi\n"		\
	    "	call judge_call\n"					\
	    "	pop %r11\n	pop %r10\n	pop %r9\n"		\
	    "	pop %r8\n	pop %rdi\n	pop %rsi\n"		\
	    "	pop %rdx\n	pop %rcx\n	pop %rax\n"		\
	    "	jmp *%" #reg "\n")
THUNK(rax);
THUNK(rbx);
THUNK(rcx);
THUNK(rdx);
THUNK(rsi);
THUNK(rdi);
THUNK(rbp);
THUNK(r8);
THUNK(r9);
THUNK(r10);
THUNK(r11);
THUNK(r12);
THUNK(r13);
THUNK(r14);
THUNK(r15);

/*
 * In place of __tsan_func_entry(pc), which each of the submission's functions
 * calls first: note where its variables are. They lie between the stack
 * pointer and the frame pointer; no register is saved there (gcc -ffixed-rbx).
 */
asm(".globl __wrap___tsan_func_entry\n__wrap___tsan_func_entry:\n"
    "	mov %rbp, %rsi\n	lea 8(%rsp), %rdx\n	jmp judge_enter\n");
void __real___tsan_func_entry(void *pc);
void judge_enter(void *pc, uintptr_t high, uintptr_t low);
void judge_enter(void *pc, uintptr_t high, uintptr_t low)
{
	if (cur->depth < MAX_FRAMES) {
		frames[cur->id][cur->depth].low = low;
		frames[cur->id][cur->depth].high = high;
	}
	__real___tsan_func_entry(pc);
}

static bool in_a_frame(uintptr_t addr, size_t size)
{
	int i, j;

	for (i = 0; i < NR_TASKS; i++)
		for (j = 0; j < tasks[i].depth; j++)
			if (addr >= frames[i][j].low &&
			    addr + size <= frames[i][j].high)
				return true;
	return false;
}

int main(int argc, char **argv)
{
	const struct scenario *s;
	struct options o = {};
	struct result *r;
	char *nonce = malloc(100);
	FILE *f;

	if (argc != 5 || !fgets(nonce, 100, stdin))
		die("usage: judge FD SCENARIO BOUND order|no-order");
	functions = malloc(MAX_FUNCTIONS * sizeof(*functions));
	while (nfunctions < MAX_FUNCTIONS &&
	       scanf("%lx", &functions[nfunctions]) == 1)
		nfunctions++;
	qsort(functions, nfunctions, sizeof(*functions), by_address);
	f = fdopen(atoi(argv[1]), "w");
	s = find_scenario(argv[2]);
	stack_guard = in_a_frame;
	o.bound = atoi(argv[3]);
	o.no_order = !strcmp(argv[4], "no-order");
	if (!f || !s)
		die("no such file or scenario: %s %s", argv[1], argv[2]);
	r = explore(s, &o);
	name_finding(r);
	fputs(nonce, f);
	print_json(f, s, r);
	fputs(nonce, f);
	return fclose(f) != 0;
}
