// SPDX-License-Identifier: GPL-2.0-only
/* Memory whose pages come late. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "vmm.h"

#define PAGE 4096UL

static const struct machine *machine;
static int faults;		/* the userfaultfd */
static unsigned int late;	/* in ms */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define ROOM 1024

static struct {
	uint64_t address;
	int64_t due;		/* as now() counts */
} asked[ROOM];		/* under the lock, and so are: */

static unsigned int first, waiting;

static int64_t now(void)	/* in ms */
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void take_in(void)
{
	struct uffd_msg msg;
	unsigned int last;

	while (waiting < ROOM) {
		if (read(faults, &msg, sizeof(msg)) != sizeof(msg)) {
			if (errno == EAGAIN)
				return;
			if (errno == EINTR)
				continue;
			err(FAILED, "--lazy: no more questions");
		}
		last = (first + waiting++) % ROOM;
		asked[last].address = msg.arg.pagefault.address & -PAGE;
		asked[last].due = now() + late;
	}
}

static int is_zero(const uint8_t *page)
{
	return !page[0] && !memcmp(page, page + 1, PAGE - 1);
}

static void give(uint64_t address)
{
	const uint8_t *from = machine->memory +
			      (address - (uintptr_t)machine->guest);
	struct uffdio_zeropage zero = { .range = { address, PAGE } };
	struct uffdio_copy copy = {
		.dst = address, .src = (uintptr_t)from, .len = PAGE,
	};
	int r = is_zero(from) ? ioctl(faults, UFFDIO_ZEROPAGE, &zero) :
				ioctl(faults, UFFDIO_COPY, &copy);

	if (r < 0 && errno != EEXIST)
		err(FAILED, "--lazy: a page cannot come");
}

static void give_until(int64_t time)
{
	for (; waiting && asked[first].due <= time; waiting--) {
		give(asked[first].address);
		first = (first + 1) % ROOM;
	}
}

static int time_left(void)	/* in ms; -1, as long as you like */
{
	int64_t left = asked[first].due - now();

	if (!waiting)
		return -1;
	return left < 0 ? 0 : left;
}

static void *serve(void *unused)
{
	struct pollfd file = { .fd = faults, .events = POLLIN };
	int room, left;

	for (;;) {
		pthread_mutex_lock(&lock);
		take_in();
		give_until(now());
		room = waiting < ROOM;
		left = time_left();
		pthread_mutex_unlock(&lock);
		poll(&file, room, left);
	}
	return unused;
}

void come_now(uint32_t ms)
{
	struct pollfd file = { .fd = faults, .events = POLLIN };

	if (!machine)
		return;
	pthread_mutex_lock(&lock);
	take_in();
	if (!waiting)
		poll(&file, 1, 20);
	do {
		take_in();
		give_until(INT64_MAX);
	} while (poll(&file, 1, 5) > 0);
	if (ms)
		late = ms;
	pthread_mutex_unlock(&lock);
}

void come_late(const struct machine *late_machine)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (uintptr_t)late_machine->guest, late_machine->size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	pthread_t thread;

	machine = late_machine;
	late = machine->late;
	faults = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (faults < 0)
		err(FAILED, "--lazy: userfaultfd");
	ASK(faults, UFFDIO_API, &api);
	ASK(faults, UFFDIO_REGISTER, &range);
	errno = pthread_create(&thread, NULL, serve, NULL);
	if (errno)
		err(FAILED, "--lazy: thread");
}
