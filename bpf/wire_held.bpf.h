/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The second segment of a ClientHello that arrived before the first. It is kept in the kernel until the first says whether
 * it belongs to a handshake: bytes of a plain connection must not leave.
 */
#ifndef TLSMETER_BPF_WIRE_HELD_BPF_H
#define TLSMETER_BPF_WIRE_HELD_BPF_H

#include "wire_ship.bpf.h"

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

/* Ships the first `n` bytes of `h`, which stand at `offset`. */
static __always_inline void ship_held(const struct held *h, __u64 flow, __u32 offset, __u64 n)
{
	struct shipment s = {.flow = flow, .direction = TM_IN};
	struct tm_data_event *e = reserve_data(TM_PIECE_BYTES);

	if (!e)
		return;
	barrier_var(n);
	if (n > TM_PIECE_BYTES || bpf_probe_read_kernel(e + 1, n, h->bytes)) {
		bpf_ringbuf_discard(e, BPF_RB_NO_WAKEUP);
		count(TM_LOAD_FAILED);
		return;
	}
	fill_data(e, &s, offset, n);
	bpf_ringbuf_submit(e, submit_flags());
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
		n = d->record - d->next;
		if (n > h->length)
			n = h->length;
		ship_held(h, st->flow, d->next, n);
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
