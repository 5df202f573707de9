/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the core know of one another. */
#ifndef TWILL_H
#define TWILL_H

#include <linux/cpumask.h>
#include <linux/kvm_types.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rcuwait.h>
#include <linux/refcount.h>
#include <linux/signal_types.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/types.h>
#include "bus.h"

#define MAX_VCPUS 16
#define MAX_MEMSLOTS 32

/*
 * The kernel's own names for three kinds of number:
 * gpa_t: guest physical address, in bytes
 * gfn_t: guest frame number: gpa_t >> PAGE_SHIFT
 * hva_t: host virtual address: the VMM's own, in bytes
 */

struct kvm_run;
struct kvm_userspace_memory_region;
struct kvm_create_device;
struct file;

/**
 * struct memslot - a piece of guest memory
 * @id: the VMM's name for it
 * @dying: it is being removed: nothing new may be mapped from it
 * @base_gfn: its first guest frame
 * @npages: its size
 * @hva: where it lies in the VMM's address space
 */
struct memslot {
	u32 id;
	bool dying;
	gfn_t base_gfn;
	u64 npages;
	hva_t hva;
};

/* All slots of a machine. Never changed once it can be seen: replaced. */
struct memslots {
	unsigned int n;
	struct memslot slot[MAX_MEMSLOTS];
};

#define STAGE2_LEVELS 4
#define STAGE2_ENTRIES 512
#define STAGE2_SIZE (1ULL << (PAGE_SHIFT + 9 * STAGE2_LEVELS))

/* How many frames an entry of the root leads to. */
#define STAGE2_TOP (1ULL << (9 * (STAGE2_LEVELS - 1)))

/* The second translation. All of it is guarded by vm->mmu_lock. */
struct stage2 {
	u64 *root;	/* NULL once it has been freed */
	u64 *dead;	/* taken out under the lock, linked by their entry 0 */
};

/* Tables allocated before a lock is taken, to be used under it. */
struct table_pool {
	unsigned int n;
	u64 *table[STAGE2_LEVELS - 1];
};

#include "arch_types.h"

/**
 * struct vm - a virtual machine
 * @users: who holds it: the VM fd, each vCPU fd, each device fd, each open
 *	pass-through device. At zero the machine is destroyed.
 * @lock: guards @vcpus, @devices and changes of @bus. Taken inside a group's lock,
 *	never outside one.
 * @mm: the address space that is the guest's memory; kept by mmgrab(), which
 *	keeps the structure, not what is mapped in it
 */
struct vm {
	refcount_t users;
	struct mutex lock;
	struct mm_struct *mm;
	struct vcpu *vcpus[MAX_VCPUS];	/* by id; grows only, freed with the VM */
	cpumask_var_t called;		/* CPUs that vm_flush() calls; under mmu_lock */
	struct mutex slots_lock;	/* one change of slots at a time */
	struct srcu_struct srcu;	/* readers of memslots */
	struct memslots __rcu *memslots;

	struct mmu_notifier mn;
	spinlock_t mmu_lock;		/* guards all below */
	struct stage2 stage2;
	unsigned long invalidate_seq;	/* invalidations that have ended */
	long invalidating;		/* and those that have only begun: */
	hva_t invalid_start, invalid_end;	/* their addresses lie in this range */
	struct list_head devices;	/* those that have not ended */
	struct list_head bus[NR_BUSES];	/* what answers the guest's accesses */
	struct arch_vm arch;
};

enum {
	REQUEST_FLUSH,		/* forget where pages are */
	REQUEST_EVENT,		/* an event for the guest may have come */
};

/**
 * struct vcpu - one virtual processor
 * @vm: its machine; the vCPU's file holds a reference to it
 * @id: its number, below MAX_VCPUS
 * @lock: held while a request on the vCPU's file runs
 * @run: two pages shared with the VMM: what KVM_RUN came back for, and
 *	in the second page the data of port I/O
 * @guest_cpu: the CPU on which its guest runs at this moment; else -1
 * @requests: what is asked of it, a bit each
 * @wait: where its thread sleeps in vcpu_sleep()
 * @async_pfs: pages that its guest waits for, guarded by @lock
 * @nr_async_pfs: how many
 * @has_sigset: @sigset takes the place of the thread's signal mask in KVM_RUN
 */
struct vcpu {
	struct vm *vm;
	unsigned int id;
	struct mutex lock;
	struct kvm_run *run;
	int guest_cpu;
	unsigned long requests;
	struct rcuwait wait;
	sigset_t sigset;
	bool has_sigset;
	struct list_head async_pfs;
	unsigned int nr_async_pfs;
	struct table_pool pool;		/* for its next fault */
	gfn_t next_gfn;			/* where a guest that goes on will fault */
	unsigned int around;		/* how many frames the last fault asked for */
	struct arch_vcpu arch;
};

#define VCPU_MMAP_SIZE (2 * PAGE_SIZE)

struct vm_device;
struct kvm_device_attr;

/**
 * struct vm_device_ops - what a kind of device can do
 * @name: what its file is called in /proc
 * @create: make the device's own state, in dev->private; vm->lock is held
 * @release: the device's file has been closed: free the device, dev included.
 *	vm->lock is held. A kind that has this does not live longer than its file
 * @destroy: the machine is being destroyed, which may be long after the file
 *	was closed: free the device, dev included. No lock is held, and
 *	the machine has no references
 * @set_attr: the VMM configures the device
 * @has_attr: the VMM asks whether it could
 *
 * A kind has either @release or @destroy.
 */
struct vm_device_ops {
	const char *name;
	int (*create)(struct vm_device *dev);
	void (*release)(struct vm_device *dev);
	void (*destroy)(struct vm_device *dev);
	int (*set_attr)(struct vm_device *dev,
			const struct kvm_device_attr *attr);
	int (*has_attr)(struct vm_device *dev,
			const struct kvm_device_attr *attr);
};

/**
 * struct vm_device - a device that the kernel plays
 * @ops: its kind
 * @vm: its machine; the device's file holds a reference to it
 * @private: its kind's own state
 * @node: in vm->devices, guarded by vm->lock
 */
struct vm_device {
	const struct vm_device_ops *ops;
	struct vm *vm;
	void *private;
	struct list_head node;
};

/* main.c */
long check_extension(unsigned long cap);

/* vm.c */
int vm_create_fd(void);
void vm_get(struct vm *vm);
bool vm_get_safe(struct vm *vm);
void vm_put(struct vm *vm);

/* vcpu.c */
int vcpu_create_fd(struct vm *vm, unsigned long id);
void vcpus_destroy(struct vm *vm);
bool guest_enter(struct vcpu *vcpu);
void guest_leave(struct vcpu *vcpu);
void vm_flush(struct vm *vm);
void vcpu_kick(struct vcpu *vcpu);
void vcpu_request(struct vcpu *vcpu, unsigned int request);
void vcpu_sleep(struct vcpu *vcpu);

/* memslot.c */
int memslots_init(struct vm *vm);
void memslots_free(struct vm *vm);
hva_t memslot_hva(const struct memslot *slot, gfn_t gfn);
const struct memslot *memslot_find(const struct memslots *slots, gfn_t gfn);
int memslot_set(struct vm *vm, const struct kvm_userspace_memory_region *region);

/* stage2.c */
int stage2_init_cache(void);
void stage2_exit_cache(void);
int stage2_fill_pool(struct table_pool *pool);
void stage2_empty_pool(struct table_pool *pool);
int stage2_init(struct vm *vm);
void stage2_free(struct vm *vm);
u64 *stage2_map(struct vm *vm, gfn_t gfn, u64 pfn, int level, bool writable,
		struct table_pool *pool);
void stage2_map_more(struct vm *vm, u64 *entry, struct page **page,
		     unsigned int n, bool writable);
void stage2_unlock(struct vm *vm, bool may_sleep) __releases(&vm->mmu_lock);
bool stage2_unmap(struct vm *vm, gfn_t first, gfn_t end);
void stage2_clear_top(struct vm *vm, gfn_t gfn);
bool stage2_age(struct vm *vm, gfn_t first, gfn_t end, bool clear);

/* fault.c */
int fault_handle(struct vcpu *vcpu, gpa_t gpa, bool write);

/* notifier.c */
int notifier_register(struct vm *vm);
void notifier_unregister(struct vm *vm);

/* device.c */
int device_create_fd(struct vm *vm, struct kvm_create_device *args);
void devices_destroy(struct vm *vm);

/* vfio_dev.c */
extern const struct vm_device_ops vfio_dev_ops;

/* async_pf.c */
#define ASYNC_PF_ALL (~0U)	/* a token: every page */
int async_pf_wait(struct vcpu *vcpu, gfn_t gfn, hva_t hva, bool write);
void async_pf_check(struct vcpu *vcpu);
bool async_pf_told(const struct vcpu *vcpu);
int async_pf_wake_all(struct vcpu *vcpu);
void async_pf_forget(struct vcpu *vcpu);
void async_pf_destroy(struct vcpu *vcpu);

#include "arch.h"
#include "step.h"

#endif
