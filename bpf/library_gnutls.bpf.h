/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Probes in GnuTLS. gnutls_handshake is the state machine: the program calls it until it is done. */
#ifndef TLSMETER_BPF_LIBRARY_GNUTLS_BPF_H
#define TLSMETER_BPF_LIBRARY_GNUTLS_BPF_H

#include "library_certificate.bpf.h"
#include "library_handshake.bpf.h"

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

static __always_inline int on_gnu_return(struct pt_regs *ctx)
{
	__u64 object = 0;
	struct library_state *st = end_step(ctx, 0, &object);
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
	if (result >= 0)
		return tm_end(object, st, TM_LIBRARY_SUCCESS);
	st->reason = -result;
	if (result == GNUTLS_E_FATAL_ALERT_RECEIVED)
		st->flags |= STATE_ALERT_RECEIVED;
	return tm_end(object, st, TM_LIBRARY_FAILURE);
}

/* Called for each certificate of the peer's message, and for what a program loads while no handshake runs. */
static __always_inline int on_gnu_peer_certificate(struct pt_regs *ctx)
{
	struct {
		__u64 data;
		__u32 size;
		__u32 pad;
	} datum = {};

	if (bpf_probe_read_user(&datum, sizeof(datum), (void *)PT_REGS_PARM2(ctx)))
		return 0;
	return take_certificate(ctx, datum.data, datum.size, 0);
}

#endif /* TLSMETER_BPF_LIBRARY_GNUTLS_BPF_H */
