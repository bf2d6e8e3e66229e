// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Probes in TLS libraries: what TLS 1.3 hides on the wire. One program serves every probe of every image; the cookie says
 * which it is.
 *
 * All probes are of the entry kind. A return probe replaces the return address, which kills a program that switches stacks
 * inside the probed function (fibers, OpenSSL's async jobs); instead a probe at the end of a step pairs with the entry by
 * {process, stack pointer at the entry}. What is read are fields of the connection object and certificates: never a buffer
 * of SSL_read or SSL_write, never a key or a ticket.
 *
 * Uprobe programs are preempted: what is staged per CPU is taken and given back by its user.
 *
 * Below are the probes in OpenSSL and the dispatch; library_gnutls.bpf.h has those in GnuTLS.
 */
#include "cgroup.bpf.h"
#include "library_certificate.bpf.h"
#include "library_gnutls.bpf.h"
#include "library_handshake.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* OpenSSL: ssl/statem/statem_local.h and ssl.h. The same from 1.1.0 on. */
enum {
	MSG_FLOW_UNINITED = 0,
	MSG_FLOW_ERROR = 1,
	MSG_FLOW_READING = 2,
	MSG_FLOW_WRITING = 3,
	MSG_FLOW_FINISHED = 4,
	TLS_ST_OK = 1,
	SSL_READING = 3,
	BIO_FLAGS_SHOULD_RETRY = 8,
	ERR_LIB_SSL = 20,
	SSL_AD_REASON_OFFSET = 1000, /* reasons above it: the alert of this number was received */
};

/* ---- steps ---- */

static __always_inline int on_entry(struct pt_regs *ctx, __u32 slot)
{
	__u64 object = PT_REGS_PARM1(ctx);
	struct library_state *st = state_of(object);
	__u32 flow = tm_field_number(slot, TM_FIELD_STATE_MACHINE, object);

	if (flow != MSG_FLOW_UNINITED) {
		/* A ticket, a key update, a renegotiation: not the handshake. */
		if (st ? st->end_ns != 0 : flow != MSG_FLOW_READING && flow != MSG_FLOW_WRITING)
			return 0;
		/* Failed between two steps: the state machine returns at once. */
		if (flow == MSG_FLOW_ERROR)
			return tm_end(object, st, TM_LIBRARY_FAILURE);
	}
	return begin_step(ctx, slot, st, flow != MSG_FLOW_UNINITED ? STATE_MET_LATE : 0);
}

/* Did a step that returned without success end the handshake? An error is not always marked: 3.5 does not for bytes that are
 * no TLS, 1.1.1 raises none at the end of the stream, and no version does when the connection is reset. */
static __always_inline bool has_failed(const struct library_state *st, __u64 object, __u32 flow)
{
	__u64 bio;

	if (st->step_errors || flow == MSG_FLOW_ERROR)
		return true;
	if (tm_field_number(st->slot, TM_FIELD_WAITING, object) != SSL_READING)
		return false;
	bio = tm_field_number(st->slot, TM_FIELD_READ_BIO, object);
	return bio && !(tm_field_number(st->slot, TM_FIELD_BIO_FLAGS, bio) & BIO_FLAGS_SHOULD_RETRY);
}

static __always_inline int on_return(struct pt_regs *ctx, __u32 depth)
{
	__u64 object = 0;
	struct library_state *st = end_step(ctx, depth, &object);
	__u32 flow;

	if (!st)
		return 0;
	flow = tm_field_number(st->slot, TM_FIELD_STATE_MACHINE, object);
	if (flow == MSG_FLOW_FINISHED) {
		/* With early data the state machine pauses as if it had finished. */
		if (tm_field_number(st->slot, TM_FIELD_HANDSHAKE_STATE, object) == TLS_ST_OK)
			tm_end(object, st, TM_LIBRARY_SUCCESS);
	} else if (has_failed(st, object, flow)) {
		tm_end(object, st, TM_LIBRARY_FAILURE);
	}
	return 0;
}

/* ---- errors and alerts ---- */

/*
 * The object that raised an error outside a step. The functions that read a late alert keep it in a register which calls
 * preserve; a value that is no known object of this process finds nothing.
 */
static __always_inline __u64 object_in_registers(struct pt_regs *ctx)
{
#if defined(__TARGET_ARCH_x86)
	__u64 candidate[6] = {ctx->rbx, ctx->rbp, ctx->r12, ctx->r13, ctx->r14, ctx->r15};
#else
	__u64 candidate[10];
	struct user_pt_regs *regs = (void *)ctx;

#pragma unroll
	for (int i = 0; i < 10; i++)
		candidate[i] = regs->regs[19 + i];
#endif

#pragma unroll
	for (unsigned int i = 0; i < sizeof(candidate) / sizeof(candidate[0]); i++)
		if (state_of(candidate[i]))
			return candidate[i];
	return 0;
}

static __always_inline int on_error(struct pt_regs *ctx, __u32 library, __u32 reason)
{
	struct library_state *st;
	__u64 object;

	if (library != ERR_LIB_SSL || !reason)
		return 0;
	object = current_object(ctx);
	if (!object)
		object = object_in_registers(ctx);
	st = object ? state_of(object) : 0;
	if (!st)
		return 0;
	if (st->end_ns) {
		if (reason > SSL_AD_REASON_OFFSET && !(st->flags & STATE_FAILED))
			emit_late(object, st, TM_LATE_ALERT_RECEIVED, reason - SSL_AD_REASON_OFFSET);
		return 0;
	}
	st->step_errors++;
	if (!st->reason)
		st->reason = reason;
	return 0;
}

static __always_inline int on_alert(struct pt_regs *ctx, __u32 slot)
{
	__u64 object = PT_REGS_PARM1(ctx);
	struct library_state *st = state_of(object);
	__u8 alert[2];
	__u64 at;

	if (!st || st->end_ns)
		return 0;
	at = tm_field_address(slot, TM_FIELD_SEND_ALERT, object);
	if (!at)
		return 0;
	if (bpf_probe_read_user(alert, sizeof(alert), (void *)at)) {
		count(TM_LIBRARY_UNREADABLE);
		return 0;
	}
	note_alert(st, alert[0], alert[1]);
	return 0;
}

/* ---- certificates ---- */

static __always_inline int on_peer_certificate(struct pt_regs *ctx)
{
	__u64 object = current_object(ctx), from = 0;

	if (!object)
		return 0;
	if (bpf_probe_read_user(&from, sizeof(from), (void *)PT_REGS_PARM2(ctx)))
		count(TM_LIBRARY_UNREADABLE);
	return copy_certificate(object, from, PT_REGS_PARM3(ctx), 0);
}

/* The function has advanced the caller's pointer, which lies on the stack, past what it wrote. */
static __always_inline int on_own_certificate(struct pt_regs *ctx, __u32 stack_offset)
{
	__s64 length = (int)PT_REGS_RC(ctx);
	__u64 object = current_object(ctx), end = 0;

	if (!object || length <= 0)
		return 0;
	/* A null pointer makes the function allocate, and is left at the start: no certificate lies before it. */
	if (bpf_probe_read_user(&end, sizeof(end), (void *)(PT_REGS_SP(ctx) + stack_offset)) ||
	    !is_sequence(end - length, length)) {
		count(TM_LIBRARY_UNREADABLE);
		return 0;
	}
	return copy_certificate(object, end - length, length, TM_CERTIFICATE_OWN);
}

/* ---- dispatch ---- */

/* Attached by the image manager, as one uprobe_multi link an image (since 6.6) or a perf uprobe a place. */
SEC("uprobe")
int tm_library(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	__u32 slot = (__u32)cookie >> TM_COOKIE_SLOT_SHIFT;

	if (!is_current_target())
		return 0;
	switch ((__u8)cookie) {
	case TM_PROBE_CONNECT_ENTRY:
	case TM_PROBE_ACCEPT_ENTRY:
		return on_entry(ctx, slot);
	case TM_PROBE_STATE_RETURN:
		return on_return(ctx, cookie >> TM_COOKIE_STACK_SHIFT);
	case TM_PROBE_ALERT_DISPATCH:
		return on_alert(ctx, slot);
	case TM_PROBE_ERROR_SET:
		return on_error(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
	case TM_PROBE_ERROR_PUT:
		return on_error(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM3(ctx));
	case TM_PROBE_PEER_CERTIFICATE:
		return on_peer_certificate(ctx);
	case TM_PROBE_OWN_CERTIFICATE:
		return on_own_certificate(ctx, cookie >> TM_COOKIE_STACK_SHIFT);
	case TM_PROBE_FREE:
		return on_free(ctx);
	case TM_PROBE_GNU_HANDSHAKE_ENTRY:
		return on_gnu_entry(ctx, slot);
	case TM_PROBE_GNU_HANDSHAKE_RETURN:
		return on_gnu_return(ctx);
	case TM_PROBE_GNU_FREE:
		return on_gnu_free(ctx);
	case TM_PROBE_GNU_ALERT:
		return on_gnu_alert(ctx);
	case TM_PROBE_GNU_VERIFY_ENTRY:
		return on_gnu_verify_entry(ctx);
	case TM_PROBE_GNU_VERIFY_RETURN:
		return on_gnu_verify_return(ctx);
	case TM_PROBE_GNU_IMPORT:
		return on_gnu_import(ctx);
	case TM_PROBE_GNU_NAME_ENTRY:
		return on_gnu_name_entry(ctx);
	case TM_PROBE_GNU_NAME_RETURN:
		return on_gnu_name_return(ctx);
	}
	return 0;
}
