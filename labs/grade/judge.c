// SPDX-License-Identifier: GPL-2.0-only
/*
 * The explorer's main, for grading: one scenario, one verdict.
 *
 * usage: judge FD SCENARIO BOUND RETRIES order|no-order
 *	  judge --here		to see whether it can run
 *
 * The verdict goes to FD, and after it what was learnt of the order of locks:
 * between lines that repeat the first line of stdin. What follows there are the
 * addresses of the functions that may be called by a pointer, up to a dot:
 * Twill's own, and those that the explorer itself calls so. Questions to this
 * program's own debugging information go out by FD, and are answered on stdin.
 *
 * A submission runs in this program, and could call or overwrite what judges
 * it. By name it can call only what the grader lets through; its accesses to
 * memory are the explorer's to check. Here are its calls by pointers, those
 * that the explorer makes for it, and the stacks, where it may write to its
 * functions' variables and not to the addresses that they will return to.
 * If all that fails, there are few system calls left to it: no files, no
 * sockets, no processes.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "detectors/detectors.h"
#include "report/json.h"
#include "report/names.h"

#define MAX_FUNCTIONS 4096
#define OWN_STACK (64 * 1024)	/* there is as much room between two */

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

/* Of its own stack a task may read more: what it was called with, say. */
static bool in_a_frame(uintptr_t addr, size_t size, bool write)
{
	int i, j;

	if (!write && addr - (uintptr_t)__builtin_frame_address(0) < OWN_STACK)
		return true;
	for (i = 0; i < NR_TASKS; i++)
		for (j = 0; j < tasks[i].depth; j++)
			if (addr >= frames[i][j].low &&
			    addr + size <= frames[i][j].high)
				return true;
	return false;
}

#define ALLOW(name)							\
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),		\
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define LOAD(field)							\
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

/* From here on: compute, read and write what is open, end. */
static void give_up_calls(void)
{
	static struct sock_filter filter[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		ALLOW(read), ALLOW(write), ALLOW(close), ALLOW(lseek),
		ALLOW(fstat), ALLOW(newfstatat), ALLOW(fcntl), ALLOW(mmap),
		ALLOW(munmap), ALLOW(mremap), ALLOW(mprotect), ALLOW(madvise),
		ALLOW(brk), ALLOW(rt_sigaction), ALLOW(rt_sigprocmask),
		ALLOW(rt_sigreturn), ALLOW(sigaltstack), ALLOW(futex),
		ALLOW(getpid), ALLOW(gettid), ALLOW(tgkill), ALLOW(getrandom),
		ALLOW(clock_gettime), ALLOW(exit), ALLOW(exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	static struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]), .filter = filter,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		die("there is no seccomp here");
}

static FILE *out;

/* The grader runs the tool, and says how many bytes it has said, and which. */
static FILE *ask(const char *tool, const char *more)
{
	size_t n = 0;
	char *text;

	fprintf(out, "tool %s %s\n", tool, more);
	fflush(out);
	if (scanf("%zu", &n) != 1 || getchar() != '\n' || !n)
		return NULL;
	text = malloc(n);
	return fread(text, 1, n, stdin) == n ? fmemopen(text, n, "r") : NULL;
}

static void read_functions(void)
{
	functions = malloc(MAX_FUNCTIONS * sizeof(*functions));
	while (nfunctions < MAX_FUNCTIONS &&
	       scanf("%lx", &functions[nfunctions]) == 1)
		nfunctions++;
	if (getchar() != '.' || getchar() != '\n')
		die("too many functions");
	qsort(functions, nfunctions, sizeof(*functions), by_address);
}

/* As it was learnt; what to call its places the grader asks if it must. */
static void print_order(FILE *f)
{
	struct json j = { .f = f };
	char key[64];
	struct lock_edge e;
	int i, n;

	json_begin(&j, NULL, '[');
	for (n = 0; n < MAX_CLASSES * MAX_CLASSES; n++) {
		if (!nth_edge(n, &e))
			continue;
		json_begin(&j, NULL, '{');
		snprintf(key, sizeof(key), "%s %p", e.from_name, e.from);
		json_string(&j, "from", key);
		snprintf(key, sizeof(key), "%s %p", e.to_name, e.to);
		json_string(&j, "to", key);
		json_string(&j, "task", (char []){ e.task, 0 });
		json_string(&j, "text", e.text);
		json_begin(&j, "pcs", '[');
		for (i = 0; i < e.stack->depth; i++)
			json_long(&j, NULL, e.stack->pc[i]);
		json_end(&j, ']');
		json_end(&j, '}');
	}
	json_end(&j, ']');
}

int main(int argc, char **argv)
{
	const struct scenario *s;
	struct options o = {};
	struct result *r;
	char *nonce = malloc(100);

	give_up_calls();
	if (argc == 2 && !strcmp(argv[1], "--here"))
		return 0;
	if (argc != 6 || !fgets(nonce, 100, stdin))
		die("usage: judge FD SCENARIO BOUND RETRIES order|no-order");
	read_functions();
	out = fdopen(atoi(argv[1]), "w");
	s = find_scenario(argv[2]);
	stack_guard = in_a_frame;
	o.bound = atoi(argv[3]);
	o.retries = atoi(argv[4]);	/* of who tries for a while, and gives up */
	o.no_order = !strcmp(argv[5], "no-order");
	if (!out || !s)
		die("no such file or scenario: %s %s", argv[1], argv[2]);
	ask_outside = ask;
	r = explore(s, &o);
	name_finding(r);
	fputs(nonce, out);
	print_json(out, s, r);
	fputs(nonce, out);
	print_order(out);
	fputs(nonce, out);
	return fclose(out) != 0;
}
