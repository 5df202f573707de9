// SPDX-License-Identifier: GPL-2.0-only
/* twill: runs a guest. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "vmm.h"

int ask(int fd, const char *what, unsigned long request, void *arg)
{
	int r = ioctl(fd, request, arg);

	if (r < 0)
		err(FAILED, "%s", what);
	return r;
}

unsigned long long where(int vcpu)
{
	int saved = errno;
	struct kvm_regs regs;

	ASK(vcpu, KVM_GET_REGS, &regs);
	errno = saved;
	return regs.rip;
}

#define MIB (1UL << 20)
#define MAX_MIB 3072	/* what lies below a PC's hole for devices */
#define MAX_LATE 60000
#define MAX_WATCHDOG 86400

static int device_fd;

static uint8_t *map_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			    MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		err(FAILED, "%zu MiB of memory", size / MIB);
	return memory;
}

static void add_memory(struct machine *machine)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = machine->size,
	};

	machine->memory = machine->guest = map_memory(machine->size);
	if (machine->late) {
		machine->guest = map_memory(machine->size);
		come_late(machine);
	}
	region.userspace_addr = (uintptr_t)machine->guest;
	ASK(machine->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static void make_machine(struct machine *machine, const char *device)
{
	int version;

	device_fd = open(device, O_RDWR | O_CLOEXEC);
	if (device_fd < 0)
		err(FAILED, "%s", device);
	version = ASK(device_fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION)
		errx(FAILED, "%s: API version %d, not %d", device, version,
		     KVM_API_VERSION);
	machine->run_size = ASK(device_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	machine->vm = ASK(device_fd, KVM_CREATE_VM, 0);
	add_memory(machine);
}

#define ROOM 100

static void describe_processor(int vcpu)
{
	struct kvm_cpuid2 *cpuid;

	cpuid = calloc(1, sizeof(*cpuid) + ROOM * sizeof(cpuid->entries[0]));
	if (!cpuid)
		err(FAILED, "table of CPUID");
	cpuid->nent = ROOM;
	ASK(device_fd, KVM_GET_SUPPORTED_CPUID, cpuid);
	ASK(vcpu, KVM_SET_CPUID2, cpuid);
	free(cpuid);
}

static void enter_real_mode(struct kvm_sregs *sregs)
{
	sregs->cs.base = 0;
	sregs->cs.selector = 0;
}

static void enter_protected_mode(struct kvm_sregs *sregs)
{
	struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 0x8, .type = 0xb,
		.present = 1, .db = 1, .s = 1, .g = 1,
	};
	struct kvm_segment data = code;

	data.selector = 0x10;
	data.type = 0x3;
	sregs->cs = code;
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
	sregs->cr0 |= 1;
}

static void set_registers(const struct machine *machine, int vcpu,
			  unsigned int id)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = {
		.rip = machine->entry,
		.rbx = id,
		.rcx = machine->size / MIB,
		.rdx = machine->vcpus,
		.rflags = 0x2,
	};

	ASK(vcpu, KVM_GET_SREGS, &sregs);
	if (machine->bits == 16) {
		enter_real_mode(&sregs);
		regs.rsp = 0x1000 - id * 0x100;
	} else {
		enter_protected_mode(&sregs);
		regs.rsp = machine->size - id * 0x10000;
	}
	ASK(vcpu, KVM_SET_SREGS, &sregs);
	ASK(vcpu, KVM_SET_REGS, &regs);
}

static void run_vcpu(int vcpu, unsigned int id, struct kvm_run *run)
{
	for (;;) {
		interrupt_deliver(vcpu);
		if (ioctl(vcpu, KVM_RUN, 0) < 0) {
			if (errno == EINTR)
				continue;
			err(FAILED, "KVM_RUN of vCPU %u at 0x%llx", id, where(vcpu));
		}
		switch (run->exit_reason) {
		case KVM_EXIT_IO:
			port_io(run);
			break;
		case KVM_EXIT_MMIO:
			memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
			break;
		case KVM_EXIT_HLT:
			interrupt_wait();
			break;
		case KVM_EXIT_IRQ_WINDOW_OPEN:
			break;
		case KVM_EXIT_SHUTDOWN:
			errx(FAILED, "vCPU %u shut down: a fault in a fault in a fault", id);
		case KVM_EXIT_FAIL_ENTRY:
			errx(FAILED, "vCPU %u cannot be entered: reason 0x%llx", id,
			     run->fail_entry.hardware_entry_failure_reason);
		case KVM_EXIT_INTERNAL_ERROR:
			errx(FAILED, "vCPU %u at 0x%llx: %s (internal error %u: %llx %llx %llx %llx)",
			     id, where(vcpu), run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION ?
			     "no memory there, or an instruction that is not emulated" :
			     "the kernel cannot go on", run->internal.suberror,
			     run->internal.data[0], run->internal.data[1],
			     run->internal.data[2], run->internal.data[3]);
		default:
			errx(FAILED, "vCPU %u at 0x%llx: exit reason %u, which we do not know",
			     id, where(vcpu), run->exit_reason);
		}
	}
}

static struct machine *the_machine;

static void *vcpu_thread(void *arg)
{
	unsigned int id = (uintptr_t)arg;
	int vcpu = ASK(the_machine->vm, KVM_CREATE_VCPU, id);
	struct kvm_run *run = mmap(NULL, the_machine->run_size,
				   PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

	if (run == MAP_FAILED)
		err(FAILED, "run pages of vCPU %u", id);
	describe_processor(vcpu);
	set_registers(the_machine, vcpu, id);
	interrupt_begin(id, run);
	run_vcpu(vcpu, id, run);
	return NULL;
}

static void run_all(struct machine *machine)
{
	pthread_t thread;
	unsigned int i;

	the_machine = machine;
	for (i = 0; i < machine->vcpus; i++) {
		errno = pthread_create(&thread, NULL, vcpu_thread,
				       (void *)(uintptr_t)i);
		if (errno)
			err(FAILED, "thread of vCPU %u", i);
	}
	watch(machine->vcpus, machine->watchdog);
}

static unsigned long parse(const char *text, unsigned long max,
			   const char *what)
{
	char *end;
	unsigned long n = strtoul(text, &end, 0);

	if (*end || end == text || n < 1 || n > max)
		errx(FAILED, "%s: give a number from 1 to %lu, not \"%s\"",
		     what, max, text);
	return n;
}

static void explain(void)
{
	fputs("usage: twill run [-m MiB] [-c vCPUs] [-d DEVICE] [--lazy[=MS]]\n"
	      "                 [--watchdog=S] GUEST\n"
	      "  GUEST  an ELF file for 32-bit x86, started in protected mode,\n"
	      "         or a flat binary, started in real mode at 0:0x1000\n"
	      "  -m     its memory (16)\n"
	      "  -c     its processors (1)\n"
	      "  -d     the device node (/dev/twill)\n"
	      "  --lazy each page comes when it is wanted, MS ms late (20)\n"
	      "  --watchdog  after S seconds, an NMI to each processor\n",
	      stderr);
	exit(FAILED);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "lazy", optional_argument, NULL, 'l' },
		{ "watchdog", required_argument, NULL, 'w' }, { }
	};
	static struct machine machine = { .vcpus = 1, .size = 16 * MIB };
	const char *device = "/dev/twill";
	int option;

	if (argc < 2 || strcmp(argv[1], "run"))
		explain();
	optind = 2;
	while ((option = getopt_long(argc, argv, "m:c:d:", options,
				     NULL)) != -1) {
		if (option == 'm')
			machine.size = parse(optarg, MAX_MIB, "-m") * MIB;
		else if (option == 'c')
			machine.vcpus = parse(optarg, MAX_VCPUS, "-c");
		else if (option == 'd')
			device = optarg;
		else if (option == 'l')
			machine.late = optarg ? parse(optarg, MAX_LATE, "--lazy") : 20;
		else if (option == 'w')
			machine.watchdog = parse(optarg, MAX_WATCHDOG, "--watchdog");
		else
			explain();
	}
	if (optind != argc - 1)
		explain();
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_machine(&machine, device);
	load(&machine, argv[optind]);
	run_all(&machine);
	return 0;
}
