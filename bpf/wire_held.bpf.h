/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The second segment of a ClientHello that arrived before the first. It is kept in the kernel until the first says whether
 * it belongs to a handshake: bytes of a plain connection must not leave.
 */
#ifndef TLSMETER_BPF_WIRE_HELD_BPF_H
#define TLSMETER_BPF_WIRE_HELD_BPF_H

#include "emit.bpf.h"
#include "wire_packet.bpf.h"

static const struct held no_held = {};

__noinline int tm_hold(struct __sk_buff *skb, struct segment *s)
{
	struct held *h;
	__u64 cookie;
	__u32 n;

	if (!s)
		return -1;
	cookie = bpf_get_socket_cookie(skb);
	if (bpf_map_update_elem(&tm_held, &cookie, &no_held, BPF_NOEXIST)) {
		count(TM_HELD_LOST);
		return -1;
	}
	h = bpf_map_lookup_elem(&tm_held, &cookie);
	if (!h)
		return -1;
	n = s->length;
	if (n > TM_PIECE_BYTES)
		n = TM_PIECE_BYTES;
	if (load_bytes(skb, s->payload, h->bytes, n, TM_PIECE_BYTES)) {
		bpf_map_delete_elem(&tm_held, &cookie);
		count(TM_LOAD_FAILED);
		return -1;
	}
	h->offset = s->offset;
	h->length = n;
	count(TM_HELD);
	return 0;
}

/* Follows the first segment: what is held and belongs to its record goes after it. */
__noinline int tm_release_held(struct __sk_buff *skb, struct socket_state *st)
{
	struct direction_state *d;
	__u64 cookie, n;
	struct held *h;

	if (!st)
		return -1;
	d = &st->direction[TM_IN];
	st->flags &= ~SOCK_HELD;
	cookie = bpf_get_socket_cookie(skb);
	h = bpf_map_lookup_elem(&tm_held, &cookie);
	if (!h)
		return -1;
	if (h->offset == d->next && (st->flags & SOCK_OPENED) && d->record > d->next && !d->hidden) {
		struct {
			struct tm_data_event e;
			__u8 room[TM_PIECE_BYTES];
		} *r = bpf_ringbuf_reserve(&tm_ring, sizeof(*r), 0);

		n = d->record - d->next;
		if (n > h->length)
			n = h->length;
		barrier_var(n);
		if (!r) {
			count(TM_LOST_DATA);
		} else if (n == 0 || n > TM_PIECE_BYTES || bpf_probe_read_kernel(r->room, n, h->bytes)) {
			bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
		} else {
			fill_header(&r->e.header, st->flow, TM_EVENT_DATA, TM_IN, 0);
			r->e.offset = d->next;
			r->e.length = n;
			r->e.mark_count = 0;
			r->e.pad = 0;
			__builtin_memset(r->e.marks, 0, sizeof(r->e.marks));
			bpf_ringbuf_submit(r, submit_flags());
		}
		d->next += h->length;
		if (n < h->length && d->next > d->record)
			d->flags |= DIR_LOST; /* more than the record was held: what followed is not known */
	} else if (h->offset == d->next) {
		d->next += h->length;
	}
	bpf_map_delete_elem(&tm_held, &cookie);
	return 0;
}

#endif /* TLSMETER_BPF_WIRE_HELD_BPF_H */
