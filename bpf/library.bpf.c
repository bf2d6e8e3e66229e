// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Probes in TLS libraries: what TLS 1.3 hides on the wire. One program serves every probe of every image; the cookie says
 * which it is.
 *
 * All probes are of the entry kind. A return probe replaces the return address, which kills a program that switches stacks
 * inside the probed function (fibers, OpenSSL's async jobs). What is read are fields of the connection object and
 * certificates: never a buffer of SSL_read or SSL_write, never a key or a ticket.
 *
 * Uprobe programs are preempted: what is staged per CPU is taken and given back by its user.
 *
 * Below are the probes in OpenSSL and the dispatch; library_gnutls.bpf.h has those in GnuTLS. A good handshake of OpenSSL
 * comes by one probe where it begins, one for the chain that the peer shows, one for each certificate that it shows itself,
 * and one where it is over.
 */
#include "cgroup.bpf.h"
#include "library_certificate.bpf.h"
#include "library_gnutls.bpf.h"
#include "library_handshake.bpf.h"
#include "library_object.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* OpenSSL: ssl/statem/statem_local.h and ssl.h. The same from 1.1.0 on. */
enum {
	MSG_FLOW_UNINITED = 0,
	MSG_FLOW_ERROR = 1,
	TLS_ST_OK = 1,
	SSL_READING = 3,
	BIO_FLAGS_SHOULD_RETRY = 8,
	ERR_LIB_SSL = 20,
	TLS1_3_VERSION = 0x304,
	SSL_AD_REASON_OFFSET = 1000, /* reasons above it: the alert of this number was received */
};

/* Errors of one handshake after which its end is told. There is one in any failure known. */
#define ENDS_TOLD 4

/* ---- beginning and end ---- */

static __always_inline int on_start(__u64 object, __u32 slot)
{
	struct library_state fresh = {.start_ns = bpf_ktime_get_ns(), .slot = slot}, *st;
	struct place key = place_of(object);

	/* Else a ticket, a key update, a renegotiation; or a later step, in a build where each is met. */
	if (tm_field_number(slot, TM_FIELD_STATE_MACHINE, object) != MSG_FLOW_UNINITED)
		return 0;
	st = bpf_map_lookup_elem(&tm_objects, &key);
	if (st && !st->end_ns && fresh.start_ns - st->start_ns < TWICE_NS) {
		count(TM_LIBRARY_TWICE);
		return 0;
	}
	fresh.socket = tm_socket_inode(slot, object);
	bpf_map_update_elem(&tm_objects, &key, &fresh, BPF_ANY);
	return 0;
}

/* Did a handshake that did not come to its end fail without an error? 1.1.1 raises none at the end of the stream, and no
 * version does when the connection is reset. */
static __always_inline bool has_failed(__u32 slot, __u64 object)
{
	__u64 bio;

	if (tm_field_number(slot, TM_FIELD_STATE_MACHINE, object) == MSG_FLOW_ERROR)
		return true;
	if (tm_field_number(slot, TM_FIELD_WAITING, object) != SSL_READING)
		return false;
	bio = tm_field_number(slot, TM_FIELD_READ_BIO, object);
	return bio && !(tm_field_number(slot, TM_FIELD_BIO_FLAGS, bio) & BIO_FLAGS_SHOULD_RETRY);
}

/* The state of a handshake that goes on, and of which nothing is known: it had begun before the image was probed. Null when
 * that is too long ago, and too many came after it; or when none goes on. */
static __always_inline struct library_state *meet_late(__u64 object, __u32 slot)
{
	struct library_state fresh = {.start_ns = bpf_ktime_get_ns(), .slot = slot, .flags = STATE_MET_LATE};
	struct tm_image *image = bpf_map_lookup_elem(&tm_images, &slot);
	struct place key = place_of(object);

	if (!image || fresh.start_ns - image->since_ns > TM_HANDSHAKE_NS ||
	    !tm_field_number(slot, TM_FIELD_IN_HANDSHAKE, object))
		return 0;
	bpf_map_update_elem(&tm_objects, &key, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&tm_objects, &key);
}

/* What follows a handshake ends as that did. At a client it is told apart by statem.cleanuphand, which follows in_handshake;
 * at a server it is rare. */
static __always_inline int on_unknown_success(__u64 object, __u32 slot)
{
	__u64 at = tm_field_address(slot, TM_FIELD_IN_HANDSHAKE, object);
	struct library_state *st;
	__u32 first = 1;

	if (tm_field_number(slot, TM_FIELD_SERVER, object) != 1 && at)
		bpf_probe_read_user(&first, sizeof(first), (void *)(at + sizeof(first)));
	if (!first)
		return 0;
	st = meet_late(object, slot);
	if (!st) {
		count(TM_LIBRARY_FORGOTTEN);
		return 0;
	}
	return tm_end(object, st, TM_LIBRARY_SUCCESS);
}

static __always_inline int on_write_buffer_freed(__u64 object, __u32 slot)
{
	struct place key = place_of(object);
	struct library_state *st = bpf_map_lookup_elem(&tm_objects, &key);

	if (st && is_over(st)) /* what follows a handshake */
		return 0;
	if (tm_field_number(slot, TM_FIELD_IN_HANDSHAKE, object)) {
		/* With early data the state machine of a server pauses as if it had finished. */
		if (tm_field_number(slot, TM_FIELD_HANDSHAKE_STATE, object) != TLS_ST_OK)
			return 0;
		if (!st)
			return on_unknown_success(object, slot);
		st->flags &= ~STATE_TENTATIVE;
		return tm_end(object, st, TM_LIBRARY_SUCCESS);
	}
	if (!st)
		return 0;
	if (!st->end_ns) {
		st->flags |= STATE_FREED;
		tm_end(object, st, has_failed(slot, object) ? TM_LIBRARY_FAILURE : TM_LIBRARY_ABANDONED);
	}
	bpf_map_delete_elem(&tm_objects, &key);
	return 0;
}

/* ---- errors and alerts ---- */

static __always_inline int on_error(struct pt_regs *ctx, __u32 library, __u32 reason)
{
	struct library_state *st;
	__u64 object;

	if (library != ERR_LIB_SSL || !reason)
		return 0;
	object = object_at_work(ctx);
	st = object ? state_of(object) : 0;
	if (st) {
		if (!st->reason)
			st->reason = reason;
		if (st->ends_told >= ENDS_TOLD)
			return 0;
		st->ends_told++;
		if (reason > SSL_AD_REASON_OFFSET) /* the peer gave up */
			st->flags &= ~STATE_TENTATIVE;
		else
			st->flags |= STATE_TENTATIVE;
		return tm_end(object, st, TM_LIBRARY_FAILURE);
	}
	/* Outside the state machine: an alert that is read after the handshake, a program that does not wait for its end, or
	 * goes on after it without looking. */
	object = object_in_registers(ctx);
	st = object ? state_of(object) : 0;
	if (!st)
		return 0;
	if (!st->end_ns) {
		if (has_failed(st->slot, object))
			return tm_end(object, st, TM_LIBRARY_FAILURE);
		if (!st->reason)
			st->reason = reason;
	} else if (reason > SSL_AD_REASON_OFFSET && !(st->flags & STATE_FAILED)) {
		emit_late(object, st, TM_LATE_ALERT_RECEIVED, reason - SSL_AD_REASON_OFFSET);
	}
	return 0;
}

/* A fatal one ends the handshake; the error that it tells the peer of came before it. */
static __always_inline int on_alert(struct pt_regs *ctx, __u32 slot)
{
	__u64 object = PT_REGS_PARM1(ctx);
	struct library_state *st = state_of(object);
	__u8 alert[2];
	__u64 at;

	if (!st || is_over(st))
		return 0;
	at = tm_field_address(slot, TM_FIELD_SEND_ALERT, object);
	if (!at)
		return 0;
	if (bpf_probe_read_user(alert, sizeof(alert), (void *)at)) {
		count(TM_LIBRARY_UNREADABLE);
		return 0;
	}
	note_alert(st, alert[0], alert[1]);
	if (alert[0] <= ALERT_WARNING)
		return 0;
	if (!st->end_ns)
		return tm_end(object, st, TM_LIBRARY_FAILURE);
	st->flags &= ~STATE_TENTATIVE;
	emit_late(object, st, TM_LATE_ALERT_SENT, alert[1]);
	return 0;
}

/* ---- certificates ---- */

static __always_inline int on_peer_certificate(struct pt_regs *ctx)
{
	__u64 object = object_at_work(ctx), from = 0;

	if (!object)
		return 0;
	if (bpf_probe_read_user(&from, sizeof(from), (void *)PT_REGS_PARM2(ctx)))
		count(TM_LIBRARY_UNREADABLE);
	return copy_certificate(object, from, PT_REGS_PARM3(ctx), 0);
}

/* What is left to read of a struct PACKET (OpenSSL, include/internal/packet.h). */
struct packet {
	__u64 next;
	__u64 left;
};

/* A list of certificates in a message that is read (RFC 8446 4.4.2, RFC 5246 7.4.2), each after its length. */
struct certificate_list {
	struct packet rest;
	__u64 object;
	bool extensions; /* TLS 1.3: each is followed by some */
};

/* Reads the big-endian number of `size` bytes, at most 3, that begins the packet, and goes past it; -1 where there is none.
 */
static __always_inline __s64 take_number(struct packet *p, __u32 size)
{
	__u8 bytes[3] = {};
	__s64 number = 0;

	if (p->left < size)
		return -1;
	if (bpf_probe_read_user(bytes, size, (void *)p->next)) {
		count(TM_LIBRARY_UNREADABLE);
		return -1;
	}
	p->next += size;
	p->left -= size;
#pragma unroll
	for (__u32 i = 0; i < size; i++)
		number = number << 8 | bytes[i];
	return number;
}

/* Goes past `size` bytes; false where there are not as many, or for -1. */
static __always_inline bool skip(struct packet *p, __s64 size)
{
	if (size < 0 || (__u64)size > p->left)
		return false;
	p->next += size;
	p->left -= size;
	return true;
}

/* Callback of bpf_loop. Returns 1 behind the last one, or where the list makes no sense: the library will say so. */
static long take_from_list(__u32 index, struct certificate_list *list)
{
	__s64 size = take_number(&list->rest, 3);
	__u64 from = list->rest.next;

	if (size <= 0 || !skip(&list->rest, size))
		return 1;
	copy_certificate(list->object, from, size, 0);
	return list->extensions && !skip(&list->rest, take_number(&list->rest, 2));
}

static __always_inline int on_peer_chain(struct pt_regs *ctx, __u32 slot, __u32 where)
{
	struct certificate_list list = {.object = register_of(ctx, (__u8)where)};
	__u64 packet = register_of(ctx, (__u8)(where >> 8)), left = packet + (where >> 16);
	struct library_state *st = state_of(list.object);

	if (!st)
		st = meet_late(list.object, slot);
	if (!st || is_over(st))
		return 0;
	if (bpf_probe_read_user(&list.rest.next, sizeof(list.rest.next), (void *)packet) ||
	    bpf_probe_read_user(&list.rest.left, sizeof(list.rest.left), (void *)left)) {
		count(TM_LIBRARY_UNREADABLE);
		return 0;
	}
	list.extensions = tm_field_number(slot, TM_FIELD_VERSION, list.object) == TLS1_3_VERSION;
	/* certificate_request_context */
	if (list.extensions && !skip(&list.rest, take_number(&list.rest, 1)))
		return 0;
	if (take_number(&list.rest, 3) >= 0)
		bpf_loop(TM_CHAIN + 1, take_from_list, &list, 0);
	return 0;
}

/* The function has advanced the caller's pointer, which lies on the stack, past what it wrote. */
static __always_inline int on_own_certificate(struct pt_regs *ctx, __u32 slot, __u32 where)
{
	__u64 object = (__u8)where == TM_NO_REGISTER ? object_at_work(ctx) : register_of(ctx, (__u8)where);
	__u64 above = where >> 8, end = 0;
	__s64 length = (int)PT_REGS_RC(ctx);

	if (!object || length <= 0 || (!state_of(object) && !meet_late(object, slot)))
		return 0;
	/* A null pointer makes the function allocate, and is left at the start: no certificate lies before it. */
	if (bpf_probe_read_user(&end, sizeof(end), (void *)(PT_REGS_SP(ctx) + above)) ||
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
	case TM_PROBE_HANDSHAKE_START:
		return on_start(register_of(ctx, cookie >> TM_COOKIE_WHERE_SHIFT), slot);
	case TM_PROBE_WRITE_BUFFER_FREED:
		return on_write_buffer_freed(register_of(ctx, cookie >> TM_COOKIE_WHERE_SHIFT), slot);
	case TM_PROBE_ALERT_DISPATCH:
		return on_alert(ctx, slot);
	case TM_PROBE_ERROR_SET:
		return on_error(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
	case TM_PROBE_ERROR_PUT:
		return on_error(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM3(ctx));
	case TM_PROBE_PEER_CERTIFICATE:
		return on_peer_certificate(ctx);
	case TM_PROBE_PEER_CHAIN:
		return on_peer_chain(ctx, slot, cookie >> TM_COOKIE_WHERE_SHIFT);
	case TM_PROBE_OWN_CERTIFICATE:
		return on_own_certificate(ctx, slot, cookie >> TM_COOKIE_WHERE_SHIFT);
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
