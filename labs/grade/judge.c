// SPDX-License-Identifier: GPL-2.0-only
/*
 * The explorer's main, for grading: one scenario, one verdict.
 *
 * usage: judge FD SCENARIO BOUND order|no-order
 *
 * The verdict goes to FD, between two lines that repeat the first line of
 * stdin. What follows there are the addresses of all functions: a submission
 * may call one of Twill's own by a pointer, and nothing else. Its accesses to
 * memory are the explorer's to check; its calls by name, the grader's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "runtime.h"

#define MAX_FUNCTIONS 4096

static unsigned long *functions;
static size_t nfunctions;

static int by_address(const void *a, const void *b)
{
	unsigned long x = *(unsigned long *)a, y = *(unsigned long *)b;

	return (x > y) - (x < y);
}

/* Called by the thunks below. Twill's functions begin with endbr64. */
void judge_call(unsigned long to, unsigned long pc);
void judge_call(unsigned long to, unsigned long pc)
{
	if (to < 65536)
		fail("null-dereference", "NULL", pc, NULL, NULL,
		     "calls a function at address %#lx", to);
	if (!bsearch(&to, functions, nfunctions, sizeof(to), by_address) ||
	    memcmp((void *)to, "\xf3\x0f\x1e\xfa", 4))
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
