/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * GnuTLS: programs that check the name in the peer's certificate themselves. They do so with a certificate object, which
 * knows no session. It is known by the bytes that it is made of: those that the session keeps. An object that is made of a
 * copy belongs to no session, and what is asked of it is left out.
 */
#ifndef TLSMETER_BPF_LIBRARY_GNUTLS_NAME_BPF_H
#define TLSMETER_BPF_LIBRARY_GNUTLS_NAME_BPF_H

#include "library_step.bpf.h"

#define GNUTLS_CRD_CERTIFICATE 1 /* gnutls/gnutls.h */

struct gnutls_datum {
	__u64 data;
	__u32 size;
	__u32 pad;
};

/* Address of the bytes of the peer's own certificate; 0 when it has shown none. */
static __always_inline __u64 leaf_of(__u32 slot, __u64 object)
{
	struct gnutls_datum leaf = {};
	__u64 first;

	if (tm_field_number(slot, TM_FIELD_CREDENTIALS, object) != GNUTLS_CRD_CERTIFICATE ||
	    !tm_field_number(slot, TM_FIELD_PEER_CERTIFICATE_COUNT, object))
		return 0;
	first = tm_field_number(slot, TM_FIELD_PEER_CERTIFICATES, object);
	if (first && bpf_probe_read_user(&leaf, sizeof(leaf), (void *)first))
		count(TM_LIBRARY_UNREADABLE);
	return leaf.data;
}

/* The handshake has succeeded: the program may look at the certificate now. */
static __always_inline void note_leaf(__u64 object, struct library_state *st)
{
	struct place leaf = place_of(leaf_of(st->slot, object));

	st->leaf = leaf.address;
	if (leaf.address)
		bpf_map_update_elem(&tm_leaves, &leaf, &object, BPF_ANY);
}

/* The session is freed. */
static __always_inline void forget_leaf(const struct library_state *st)
{
	struct place leaf = place_of(st->leaf);

	if (leaf.address && bpf_map_delete_elem(&tm_leaves, &leaf))
		count(TM_LIBRARY_FORGOTTEN);
}

/* The session whose peer has shown the certificate at `bytes`: one whose handshake has succeeded, or the one whose step asks
 * the program here. */
static __always_inline __u64 session_of_leaf(struct pt_regs *ctx, __u64 bytes)
{
	struct place leaf = place_of(bytes);
	__u64 *session = bpf_map_lookup_elem(&tm_leaves, &leaf);

	return session ? *session : current_object(ctx);
}

static __always_inline int on_gnu_import(struct pt_regs *ctx)
{
	struct place certificate = place_of(PT_REGS_PARM1(ctx));
	struct gnutls_datum datum = {};
	struct library_state *st;
	struct import import;

	if (bpf_probe_read_user(&datum, sizeof(datum), (void *)PT_REGS_PARM2(ctx)))
		count(TM_LIBRARY_UNREADABLE);
	import.object = session_of_leaf(ctx, datum.data);
	st = import.object ? state_of(import.object) : 0;
	/* Addresses are used again: does it still keep these bytes? */
	if (st && datum.data && leaf_of(st->slot, import.object) == datum.data) {
		import.start_ns = st->start_ns;
		bpf_map_update_elem(&tm_imports, &certificate, &import, BPF_ANY);
	} else {
		bpf_map_delete_elem(&tm_imports, &certificate);
	}
	return 0;
}

static __always_inline int on_gnu_name_entry(struct pt_regs *ctx)
{
	struct place certificate = place_of(PT_REGS_PARM1(ctx)), frame = place_of(PT_REGS_SP(ctx));
	struct import *import = bpf_map_lookup_elem(&tm_imports, &certificate);
	struct verification v = {};
	struct library_state *st;

	if (!import)
		return 0;
	v.object = import->object;
	st = state_of(v.object);
	if (st && st->start_ns == import->start_ns)
		bpf_map_update_elem(&tm_verifications, &frame, &v, BPF_ANY);
	return 0;
}

static __always_inline int on_gnu_name_return(struct pt_regs *ctx)
{
	struct place frame = place_of(PT_REGS_SP(ctx));
	struct verification *kept = bpf_map_lookup_elem(&tm_verifications, &frame);
	bool differs = (int)PT_REGS_RC(ctx) == 0;
	struct library_state *st;
	__u64 object;

	if (!kept || kept->status)
		return 0;
	object = kept->object;
	bpf_map_delete_elem(&tm_verifications, &frame);
	st = state_of(object);
	if (!st || st->flags & STATE_FAILED)
		return 0;
	if (!st->end_ns) {
		if (st->name != NAME_MATCHES)
			st->name = differs ? NAME_DIFFERS : NAME_MATCHES;
	} else if (differs) {
		emit_late(object, st, TM_LATE_NAME_DIFFERS, TM_GNUTLS_NAME_DIFFERS);
	} else {
		emit_late(object, st, TM_LATE_NAME_MATCHES, 0);
	}
	return 0;
}

/* The program has found the peer wanting after the handshake. */
static __always_inline bool is_doubted(const struct library_state *st)
{
	return st->late & (1 << TM_LATE_DOUBTED | 1 << TM_LATE_NAME_DIFFERS);
}

#endif /* TLSMETER_BPF_LIBRARY_GNUTLS_NAME_BPF_H */
