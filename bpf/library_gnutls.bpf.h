/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Probes in GnuTLS. gnutls_handshake is the state machine: the program calls it until it is done. */
#ifndef TLSMETER_BPF_LIBRARY_GNUTLS_BPF_H
#define TLSMETER_BPF_LIBRARY_GNUTLS_BPF_H

#include "library_certificate.bpf.h"
#include "library_gnutls_name.bpf.h"
#include "library_step.bpf.h"

/* GnuTLS: gnutls/gnutls.h. Results of gnutls_handshake after which it is called again, and others of interest. */
enum {
	GNUTLS_E_FATAL_ALERT_RECEIVED = -12,
	GNUTLS_E_WARNING_ALERT_RECEIVED = -16,
	GNUTLS_E_AGAIN = -28,
	GNUTLS_E_REHANDSHAKE = -37,
	GNUTLS_E_INTERRUPTED = -52,
	GNUTLS_E_HEARTBEAT_PONG_RECEIVED = -292,
	GNUTLS_E_HEARTBEAT_PING_RECEIVED = -293,
	GNUTLS_E_REAUTH_REQUEST = -424,
};

/* gnutls_handshake_description_t: the last message sent by a side whose Certificate is still to come. A success leaves none.
 */
enum {
	GNUTLS_HANDSHAKE_NONE = -1,
	GNUTLS_HANDSHAKE_HELLO_REQUEST = 0,
	GNUTLS_HANDSHAKE_CLIENT_HELLO = 1,
	GNUTLS_HANDSHAKE_SERVER_HELLO = 2,
	GNUTLS_HANDSHAKE_HELLO_VERIFY_REQUEST = 3,
	GNUTLS_HANDSHAKE_END_OF_EARLY_DATA = 5,
	GNUTLS_HANDSHAKE_ENCRYPTED_EXTENSIONS = 8,
	GNUTLS_HANDSHAKE_CERTIFICATE_REQUEST = 13,
	GNUTLS_HANDSHAKE_HELLO_RETRY_REQUEST = 256,
};

/* Alerts that end nothing. */
enum {
	GNUTLS_A_CLOSE_NOTIFY = 0,
	GNUTLS_A_USER_CANCELED = 90,
	GNUTLS_A_NO_RENEGOTIATION = 100,
};

/* gnutls_pcert_st (gnutls/abstract.h), of which programs make arrays. */
struct gnutls_pcert {
	__u64 key;
	struct gnutls_datum certificate;
	__u32 type;
	__u32 pad;
};

/* The program calls gnutls_handshake until it succeeds or fails for good. A call after that is no handshake of its own: a
 * renegotiation, or a program that does not take no for an answer. */
static __always_inline int on_gnu_entry(struct pt_regs *ctx, __u32 slot)
{
	__u64 object = PT_REGS_PARM1(ctx), random = 0, at;
	struct library_state *st = state_of(object);

	if (st)
		return st->end_ns ? 0 : begin_step(ctx, slot, st, 0);
	/* Sessions are made of zeros; the random is there once a ClientHello is. */
	at = tm_field_address(slot, TM_FIELD_CLIENT_RANDOM, object);
	if (at && bpf_probe_read_user(&random, sizeof(random), (void *)at))
		count(TM_LIBRARY_UNREADABLE);
	return begin_step(ctx, slot, st, STATE_GNUTLS | (random ? STATE_MET_LATE : 0));
}

/* An array of structs in the process, each with the datum of a certificate. */
struct chain {
	__u64 object;
	__u64 first; /* address of the first datum */
	__u64 stride;
	__u64 length;
	__u8 flags; /* enum tm_certificate_flags */
};

/* Callback of bpf_loop. Returns 1 behind the last one. */
static long take_from_chain(__u32 index, struct chain *c)
{
	struct gnutls_datum datum = {};

	if (index >= c->length)
		return 1;
	if (bpf_probe_read_user(&datum, sizeof(datum), (void *)(c->first + index * c->stride))) {
		count(TM_LIBRARY_UNREADABLE);
		return 1;
	}
	copy_certificate(c->object, datum.data, datum.size, c->flags);
	return 0;
}

static __always_inline void take_peer_chain(__u64 object, __u32 slot)
{
	struct chain c = {.object = object, .stride = sizeof(struct gnutls_datum)};

	if (tm_field_number(slot, TM_FIELD_CREDENTIALS, object) != GNUTLS_CRD_CERTIFICATE)
		return;
	c.first = tm_field_number(slot, TM_FIELD_PEER_CERTIFICATES, object);
	c.length = tm_field_number(slot, TM_FIELD_PEER_CERTIFICATE_COUNT, object);
	if (c.first)
		bpf_loop(TM_CHAIN + 1, take_from_chain, &c, 0);
}

/* A chain is chosen before it is sent, and it may not come to that. */
static __always_inline bool may_have_shown(__u64 object, __u32 slot)
{
	switch ((int)tm_field_number(slot, TM_FIELD_LAST_MESSAGE, object)) {
	case GNUTLS_HANDSHAKE_NONE:
	case GNUTLS_HANDSHAKE_HELLO_REQUEST:
	case GNUTLS_HANDSHAKE_CLIENT_HELLO:
	case GNUTLS_HANDSHAKE_SERVER_HELLO:
	case GNUTLS_HANDSHAKE_HELLO_VERIFY_REQUEST:
	case GNUTLS_HANDSHAKE_END_OF_EARLY_DATA:
	case GNUTLS_HANDSHAKE_ENCRYPTED_EXTENSIONS:
	case GNUTLS_HANDSHAKE_CERTIFICATE_REQUEST:
	case GNUTLS_HANDSHAKE_HELLO_RETRY_REQUEST:
		return false;
	}
	return true;
}

static __always_inline void take_own_chain(__u64 object, __u32 slot)
{
	struct chain c = {.object = object, .stride = sizeof(struct gnutls_pcert), .flags = TM_CERTIFICATE_OWN};
	__u64 list = tm_field_number(slot, TM_FIELD_OWN_CERTIFICATES, object);

	c.first = list + offsetof(struct gnutls_pcert, certificate);
	c.length = tm_field_number(slot, TM_FIELD_OWN_CERTIFICATE_COUNT, object);
	if (list)
		bpf_loop(TM_CHAIN + 1, take_from_chain, &c, 0);
}

static __always_inline int on_gnu_return(struct pt_regs *ctx)
{
	__u64 object = 0;
	struct library_state *st = end_step(ctx, &object);
	int result = PT_REGS_RC(ctx);

	if (!st)
		return 0;
	switch (result) {
	case GNUTLS_E_WARNING_ALERT_RECEIVED:
	case GNUTLS_E_AGAIN:
	case GNUTLS_E_REHANDSHAKE:
	case GNUTLS_E_INTERRUPTED:
	case GNUTLS_E_HEARTBEAT_PONG_RECEIVED:
	case GNUTLS_E_HEARTBEAT_PING_RECEIVED:
	case GNUTLS_E_REAUTH_REQUEST:
		return 0;
	}
	/* A resumed session has the certificates of the first one. */
	if (!tm_field_number(st->slot, TM_FIELD_RESUMED, object)) {
		take_peer_chain(object, st->slot);
		if (result >= 0 || may_have_shown(object, st->slot))
			take_own_chain(object, st->slot);
	}
	st->alert_received = tm_field_number(st->slot, TM_FIELD_RECEIVED_ALERT, object);
	if (result >= 0) {
		note_leaf(object, st);
		return tm_end(object, st, TM_LIBRARY_SUCCESS);
	}
	st->reason = -result;
	if (result == GNUTLS_E_FATAL_ALERT_RECEIVED)
		st->flags |= STATE_ALERT_RECEIVED;
	return tm_end(object, st, TM_LIBRARY_FAILURE);
}

/* The program says what is wrong when gnutls_handshake has told it; close_notify is sent by gnutls_bye. */
static __always_inline int on_gnu_alert(struct pt_regs *ctx)
{
	__u64 object = PT_REGS_PARM1(ctx);
	__u32 level = PT_REGS_PARM2(ctx), description = PT_REGS_PARM3(ctx);
	struct library_state *st = state_of(object);

	if (!st)
		return 0;
	if (!st->end_ns)
		note_alert(st, level, description);
	else if (level > ALERT_WARNING && st->alert_level <= ALERT_WARNING)
		emit_late(object, st, TM_LATE_ALERT_SENT, description);
	else if (description == ALERT_CLOSE_NOTIFY && is_doubted(st))
		emit_late(object, st, TM_LATE_CLOSED, 0);
	return 0;
}

/* Called by the program, or for it within gnutls_handshake. */
static __always_inline int on_gnu_verify_entry(struct pt_regs *ctx)
{
	struct place frame = place_of(PT_REGS_SP(ctx));
	struct verification v = {.object = PT_REGS_PARM1(ctx), .status = PT_REGS_PARM4(ctx)};

	if (v.status && state_of(v.object))
		bpf_map_update_elem(&tm_verifications, &frame, &v, BPF_ANY);
	return 0;
}

static __always_inline int on_gnu_verify_return(struct pt_regs *ctx)
{
	struct place frame = place_of(PT_REGS_SP(ctx));
	struct verification *kept = bpf_map_lookup_elem(&tm_verifications, &frame), v;
	struct library_state *st;
	__u32 status;

	if (!kept || !kept->status)
		return 0;
	v = *kept;
	bpf_map_delete_elem(&tm_verifications, &frame);
	st = state_of(v.object);
	if (!st || st->flags & STATE_FAILED || (int)PT_REGS_RC(ctx) < 0)
		return 0;
	if (bpf_probe_read_user(&status, sizeof(status), (void *)v.status)) {
		count(TM_LIBRARY_UNREADABLE);
		return 0;
	}
	if (st->end_ns) {
		emit_late(v.object, st, status ? TM_LATE_DOUBTED : TM_LATE_TRUSTED, status);
		return 0;
	}
	st->verify_result = status;
	st->flags |= STATE_JUDGED;
	return 0;
}

/* A refusal by a TLS 1.3 server is met when the program reads, which is not probed; the session remembers the alert. */
static __always_inline int on_gnu_free(struct pt_regs *ctx)
{
	__u64 object = PT_REGS_PARM1(ctx);
	struct place key = place_of(object);
	struct library_state *st = bpf_map_lookup_elem(&tm_objects, &key);
	__u8 alert;

	if (st && st->end_ns && !(st->flags & STATE_FAILED)) {
		alert = tm_field_number(st->slot, TM_FIELD_RECEIVED_ALERT, object);
		if (alert != st->alert_received && alert != GNUTLS_A_CLOSE_NOTIFY && alert != GNUTLS_A_USER_CANCELED &&
		    alert != GNUTLS_A_NO_RENEGOTIATION)
			emit_late(object, st, TM_LATE_ALERT_RECEIVED, alert);
		if (is_doubted(st))
			emit_late(object, st, TM_LATE_CLOSED, 0);
		forget_leaf(st);
	}
	if (!st)
		return 0;
	if (!st->end_ns && st->steps)
		tm_end(object, st, TM_LIBRARY_ABANDONED);
	bpf_map_delete_elem(&tm_objects, &key);
	return 0;
}

#endif /* TLSMETER_BPF_LIBRARY_GNUTLS_BPF_H */
