/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Steps of GnuTLS, each a call of gnutls_handshake that may return unfinished: whose code runs where nothing else tells. */
#ifndef TLSMETER_BPF_LIBRARY_STEP_BPF_H
#define TLSMETER_BPF_LIBRARY_STEP_BPF_H

#include "library_handshake.bpf.h"

/* Who runs on a stretch of stack. */
struct current {
	__u64 object;
	__u64 stack; /* pointer at the entry of its step */
};

/* One step that has not returned. */
struct step {
	__u64 object;
	__u64 entry_ns;
	struct current outer; /* the step of the same block that this one interrupts, by a callback; object 0: none */
};

/* Steps by the stack pointer at their entry. It is the same at the return, whichever thread or fiber runs then. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct place);
	__type(value, struct step);
} tm_steps SEC(".maps");

/* What runs within STEP_STACK bytes below the entry of a step runs in it: no stack on which a handshake runs has less, so
 * that is not another stack. What is probed is called from less (measured: GnuTLS 3.7 up to 3,460). */
#define STEP_STACK 6144
#define BLOCK_BITS 13 /* a block is not smaller than STEP_STACK */

/* Steps by the block of stack that their entry lies in. Not by thread: a program may switch stacks within a step, and a
 * stack threads. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct place);
	__type(value, struct current);
} tm_current SEC(".maps");

/* The object whose step the code runs that was probed here; 0 when it is in none. */
static __always_inline __u64 current_object(struct pt_regs *ctx)
{
	__u64 sp = PT_REGS_SP(ctx);
	struct place block = place_of(sp >> BLOCK_BITS);
	struct current *current = bpf_map_lookup_elem(&tm_current, &block);

	if (!current || current->stack <= sp) {
		block.address++;
		current = bpf_map_lookup_elem(&tm_current, &block);
	}
	return current && current->stack > sp && current->stack - sp <= STEP_STACK ? current->object : 0;
}

/* A step of the object in arg1 begins; `st` is its state or null, `flags` those of a handshake that begins with it. */
static __always_inline int begin_step(struct pt_regs *ctx, __u32 slot, struct library_state *st, __u8 flags)
{
	__u64 object = PT_REGS_PARM1(ctx), now = bpf_ktime_get_ns();
	struct place key = place_of(object), frame = place_of(PT_REGS_SP(ctx)),
		     block = place_of(frame.address >> BLOCK_BITS);
	struct current current = {.object = object, .stack = frame.address};
	struct step step = {.object = object, .entry_ns = now};
	struct current *outer;
	struct step *old;

	old = bpf_map_lookup_elem(&tm_steps, &frame);
	if (old && old->object == object && now - old->entry_ns < TWICE_NS) {
		count(TM_LIBRARY_TWICE);
		return 0;
	}
	if (!st) {
		struct library_state fresh = {.start_ns = now, .slot = slot, .flags = flags};

		bpf_map_update_elem(&tm_objects, &key, &fresh, BPF_ANY);
	}
	outer = bpf_map_lookup_elem(&tm_current, &block);
	if (outer && outer->stack > frame.address)
		step.outer = *outer;
	bpf_map_update_elem(&tm_steps, &frame, &step, BPF_ANY);
	bpf_map_update_elem(&tm_current, &block, &current, BPF_ANY);
	return 0;
}

/* Leaves the block to the step that the ended one has interrupted, if that goes on still. */
static __always_inline void resume_outer(const struct place *block, const struct current *outer)
{
	struct place frame = place_of(outer->stack);
	struct step *step = outer->object ? bpf_map_lookup_elem(&tm_steps, &frame) : 0;

	if (step && step->object == outer->object)
		bpf_map_update_elem(&tm_current, block, outer, BPF_ANY);
	else
		bpf_map_delete_elem(&tm_current, block);
}

/* The step that ends here: its object, and that one's state; null when none is known. */
static __always_inline struct library_state *end_step(struct pt_regs *ctx, __u64 *object)
{
	struct place frame = place_of(PT_REGS_SP(ctx)), block = place_of(frame.address >> BLOCK_BITS);
	struct step *kept = bpf_map_lookup_elem(&tm_steps, &frame), step;
	struct library_state *st;

	if (!kept)
		return 0;
	step = *kept;
	*object = step.object;
	bpf_map_delete_elem(&tm_steps, &frame);
	resume_outer(&block, &step.outer);
	st = state_of(*object);
	if (!st) {
		count(TM_LIBRARY_FORGOTTEN);
		return 0;
	}
	st->steps++;
	return st;
}

#endif /* TLSMETER_BPF_LIBRARY_STEP_BPF_H */
