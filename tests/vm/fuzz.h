/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the ioctl fuzzer know of one another. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kinds of file descriptors; of each, some are kept. */
enum kind { SYSTEM, MACHINE, VCPU, DEVICE, GROUP, PASSED, OTHER, KINDS };
#define KEPT 4

#define PAGE 4096UL
#define ARENA_PAGES 64UL
#define ARENA ((uint8_t *)0x10000000000)	/* guest memory, nothing near */
#define TABLES (ARENA + (2UL << 30))		/* the guest's page tables */
#define TABLES_PAGES 4UL
#define TABLES_AT 0x800000UL			/* where the guest has them */
#define SCRATCH_SIZE (4 * PAGE)			/* and no page after it */
#define RUN_SIZE (2 * PAGE)

struct shape;

/**
 * struct request - an ioctl that the fuzzer knows
 * @shape: makes an argument that may well be accepted; else the argument is a
 *	number, below @size
 * @size: of the structure
 * @makes: the kind of descriptor that it returns, or KINDS
 */
struct request {
	const char *name;
	unsigned long nr;
	enum kind kind;
	void (*shape)(struct shape *s);
	size_t size;
	enum kind makes;
};

extern const struct request requests[];
extern const unsigned int request_count;

/* One thread's source of chance, and where its arguments are made. */
struct shape {
	uint64_t state;
	uint8_t *scratch;
	uint8_t *at;		/* the argument */
	int *fds;		/* [KINDS][KEPT] */
	int fd;			/* that the request goes to */
	bool alike;		/* the same, whatever the answers are */
};

uint64_t chance(struct shape *s);		/* 64 random bits */
uint64_t below(struct shape *s, uint64_t n);
bool one_in(struct shape *s, unsigned int n);
uint64_t odd_value(struct shape *s);		/* what is often mistaken */
void fill(struct shape *s, uint8_t *at, size_t size);
void soup(struct shape *s, uint8_t *page);	/* instructions, by and large */

/* Make requests[WHICH]'s argument, or something that is none. */
uint64_t make_argument(struct shape *s, unsigned int which);

/* What ends badly for reasons that are not Twill's is taken out again. */
void defuse(unsigned long nr, void *argument);

/* A program's answers, to be compared with another's. */
struct answer {
	uint16_t what;		/* of requests[], or one of the below */
	int16_t error;		/* 0: it went well */
	uint32_t exit_reason;	/* of KVM_RUN */
};

enum { NO_REQUEST = 1000, A_MMAP, NOTHING };

int compare(const char *twill, const char *kvm, unsigned int calls);

#endif
