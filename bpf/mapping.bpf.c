// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which process of the watched cgroup begins to run code from a file that user space does not know yet. Both programs only
 * make it look sooner than it would by itself.
 */
#include "cgroup.bpf.h"
#include "descriptor.bpf.h"
#include "library.h"
#include <asm/unistd.h>
#include <bpf/bpf_tracing.h>
#include <linux/mman.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define MINOR_BITS 20 /* linux/kdev_t.h */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TM_MAPPING_RING_BYTES);
} tm_mapping_ring SEC(".maps");

/* Files of which user space was told. It deletes those of which it wants to be told again, and notes those that it found by
 * itself. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TM_KNOWN_FILES);
	__type(key, struct tm_file);
	__type(value, __u8);
} tm_known_files SEC(".maps");

/* Arguments of the system call that the current task is in. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs___call {
	unsigned long dx, r10, r8, orig_ax;
} __attribute__((preserve_access_index));
#define CALL_NUMBER(regs) ((regs)->orig_ax)
#define CALL_FLAGS(regs) ((regs)->r10)
#define CALL_DESCRIPTOR(regs) ((regs)->r8)
#else
struct pt_regs___call {
	__u64 regs[31];
	__s32 syscallno;
} __attribute__((preserve_access_index));
#define CALL_NUMBER(regs) ((regs)->syscallno)
#define CALL_FLAGS(regs) ((regs)->regs[3])
#define CALL_DESCRIPTOR(regs) ((regs)->regs[4])
#endif

static __always_inline struct tm_file identify(const struct file *file)
{
	__u32 device = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	struct tm_file id = {
	    .inode = BPF_CORE_READ(file, f_inode, i_ino),
	    .major = device >> MINOR_BITS,
	    .minor = device & ((1 << MINOR_BITS) - 1),
	};

	return id;
}

/* Tells of `file`; the reader is woken when it is told so. */
static __always_inline void emit(const struct tm_file *file, bool wake, __u8 exec)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct tm_mapping_event *e = bpf_ringbuf_reserve(&tm_mapping_ring, sizeof(*e), 0);

	if (!e) {
		count(TM_LOST_MAPPING);
		bpf_map_delete_elem(&tm_known_files, file);
		return;
	}
	e->file = *file;
	e->tgid = BPF_CORE_READ(task, tgid);
	e->exec = exec;
	e->pad[0] = e->pad[1] = e->pad[2] = 0;
	bpf_ringbuf_submit(e, wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* Is this the first that is heard of `file`? */
static __always_inline bool is_new(const struct tm_file *file)
{
	__u8 yes = 1;

	if (bpf_map_lookup_elem(&tm_known_files, file))
		return false;
	bpf_map_update_elem(&tm_known_files, file, &yes, BPF_ANY);
	return true;
}

/*
 * vm_unmapped_area, room was found for a mapping (since 5.7): the one tracepoint that dynamic loaders reach with each
 * library, at its first segment, for which they leave the address to the kernel. It has no file, but the task is in mmap(2),
 * whose arguments have. Memory without a file is let go after two loads.
 */
SEC("tp_btf/vm_unmapped_area")
int BPF_PROG(tm_mapping)
{
	struct pt_regs___call *regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct tm_file id;
	struct file *file;

	if (CALL_NUMBER(regs) != __NR_mmap || (CALL_FLAGS(regs) & (MAP_ANONYMOUS | MAP_PRIVATE)) != MAP_PRIVATE)
		return 0;
	if (!is_current_target())
		return 0;
	file = current_file(CALL_DESCRIPTOR(regs));
	if (!file)
		return 0;
	id = identify(file);
	if (is_new(&id))
		emit(&id, true, 0);
	return 0;
}

/* sched_process_exec, another program runs in this process (since 3.4). */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(tm_exec, struct task_struct *task, int old_pid, struct linux_binprm *program)
{
	struct tm_file id;

	if (!is_current_target())
		return 0;
	id = identify(BPF_CORE_READ(program, file));
	emit(&id, is_new(&id), 1);
	return 0;
}
