/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * OpenSSL: whose handshake the code works at that was probed where no argument says so. Each function on the way from the
 * state machine to the probe keeps the connection object in a register that calls preserve or, where it has another use for
 * that, on its stack. What is found there and is a known object, of which a call of the state machine has not returned, is
 * it: the nearest one, where a callback of one handshake works at another. Stacks are read, never remembered: programs
 * switch them.
 */
#ifndef TLSMETER_BPF_LIBRARY_OBJECT_BPF_H
#define TLSMETER_BPF_LIBRARY_OBJECT_BPF_H

#include "library.bpf.h"

/* How much of the stack is looked through, in words: what is probed is called from at most 960 bytes below the state machine
 * (measured: OpenSSL 1.1.1 to 3.5). */
#define STACK_WORDS 192

#define MANY_CALLS 16 /* of the state machine of one object at a time: in_handshake is no such number */

/* The register of this number in the architecture's instructions, which is one that calls preserve; or TM_FIRST_ARGUMENT. */
static __always_inline __u64 register_of(struct pt_regs *ctx, __u32 number)
{
	__u64 first = PT_REGS_PARM1(ctx);
#if defined(__TARGET_ARCH_x86)
	__u64 rbx = ctx->rbx, rbp = ctx->rbp, r12 = ctx->r12, r13 = ctx->r13, r14 = ctx->r14, r15 = ctx->r15;

	/* All are loaded, so that none is by an address which depends on the number: the verifier refuses that. */
	barrier_var(first);
	barrier_var(rbx);
	barrier_var(rbp);
	barrier_var(r12);
	barrier_var(r13);
	barrier_var(r14);
	barrier_var(r15);
	switch (number) {
	case TM_FIRST_ARGUMENT:
		return first;
	case 3:
		return rbx;
	case 5:
		return rbp;
	case 12:
		return r12;
	case 13:
		return r13;
	case 14:
		return r14;
	case 15:
		return r15;
	}
	return 0;
#else
	const struct user_pt_regs *regs = (const void *)ctx;
	__u64 value = number == TM_FIRST_ARGUMENT ? first : 0;

#pragma unroll
	for (int i = 19; i < 29; i++) {
		__u64 candidate = regs->regs[i];

		barrier_var(candidate);
		if (number == (__u32)i)
			value = candidate;
	}
	return value;
#endif
}

#if defined(__TARGET_ARCH_x86)
#define PRESERVED_REGISTERS                                                                                                 \
	{                                                                                                                   \
		3, 5, 12, 13, 14, 15                                                                                        \
	}
#else
#define PRESERVED_REGISTERS                                                                                                 \
	{                                                                                                                   \
		19, 20, 21, 22, 23, 24, 25, 26, 27, 28                                                                      \
	}
#endif

/* The first known object in a register that calls preserve; 0 when none holds one. */
static __always_inline __u64 object_in_registers(struct pt_regs *ctx)
{
	const __u8 preserved[] = PRESERVED_REGISTERS;

#pragma unroll
	for (unsigned int i = 0; i < sizeof(preserved); i++) {
		__u64 candidate = register_of(ctx, preserved[i]);

		if (state_of(candidate))
			return candidate;
	}
	return 0;
}

/* A call of the state machine works at `candidate`, and its handshake may still end. */
__noinline int tm_is_at_work(__u64 candidate)
{
	struct library_state *st = state_of(candidate);
	__u32 calls;

	if (!st || st->flags & STATE_GNUTLS || is_over(st))
		return 0;
	calls = tm_field_number(st->slot, TM_FIELD_IN_HANDSHAKE, candidate);
	return calls > 0 && calls < MANY_CALLS;
}

struct search {
	__u64 stack;
	__u64 found;
};

/* Callback of bpf_loop. Returns 1 when it is found. */
static long look_on_stack(__u32 word, struct search *search)
{
	__u64 candidate = 0;

	if (bpf_probe_read_user(&candidate, sizeof(candidate), (void *)(search->stack + word * sizeof(candidate))))
		return 1;
	if (!candidate || candidate & (sizeof(candidate) - 1) || !tm_is_at_work(candidate))
		return 0;
	search->found = candidate;
	return 1;
}

/* The object whose handshake the probed code works at; 0 when there is none. */
static __always_inline __u64 object_at_work(struct pt_regs *ctx)
{
	const __u8 preserved[] = PRESERVED_REGISTERS;
	struct search search = {.stack = PT_REGS_SP(ctx)};

#pragma unroll
	for (unsigned int i = 0; i < sizeof(preserved); i++) {
		__u64 candidate = register_of(ctx, preserved[i]);

		if (candidate && tm_is_at_work(candidate))
			return candidate;
	}
	bpf_loop(STACK_WORDS, look_on_stack, &search, 0);
	return search.found;
}

#endif /* TLSMETER_BPF_LIBRARY_OBJECT_BPF_H */
