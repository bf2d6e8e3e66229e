/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the socket itself says of a connection, and the event that opens it. */
#ifndef TLSMETER_BPF_WIRE_SOCKET_BPF_H
#define TLSMETER_BPF_WIRE_SOCKET_BPF_H

#include "emit.bpf.h"
#include "wire_packet.bpf.h"

/*
 * Learns the sequence number of a direction's offset 0 from the socket, at any time in its life: what it has received up to
 * rcv_nxt and had acknowledged up to snd_una. A socket's own SYN counts as an acknowledged byte on the side that connected.
 */
__noinline int tm_learn_base(struct __sk_buff *skb, struct socket_state *st, struct segment *s)
{
	struct bpf_sock *sk = skb->sk;
	__u32 rcv_nxt, snd_una, received, acked;
	struct direction_state *d;
	struct bpf_tcp_sock *tp;

	if (!st || !s || !sk)
		return -1;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return -1;
	tp = bpf_tcp_sock(sk);
	if (!tp)
		return -1;
	/* barrier_var keeps clang from computing `tp + variable`, which the verifier refuses */
	rcv_nxt = tp->rcv_nxt;
	barrier_var(rcv_nxt);
	snd_una = tp->snd_una;
	barrier_var(snd_una);
	received = tp->bytes_received;
	barrier_var(received);
	acked = tp->bytes_acked;
	barrier_var(acked);

	if (s->direction == TM_IN) {
		d = &st->direction[TM_IN];
		if (received) {
			d->base = s->seq;
			st->flags |= SOCK_LATE;
		} else {
			d->base = rcv_nxt;
		}
	} else {
		d = &st->direction[TM_OUT];
		if (st->flags & SOCK_CONNECTED) {
			d->base = snd_una - acked + 1;
		} else if (acked && !(st->flags & SOCK_ACCEPTED)) {
			d->base = s->seq;
			st->flags |= SOCK_LATE;
		} else {
			d->base = snd_una - acked;
		}
	}
	d->flags |= DIR_HAS_BASE;
	return 0;
}

__noinline int tm_emit_open(struct __sk_buff *skb, struct socket_state *st, struct segment *s, __u32 hello_direction)
{
	struct tm_open_event *e;
	__u8 flags = 0;

	if (!st || !s)
		return -1;
	e = bpf_ringbuf_reserve(&tm_ring, sizeof(*e), 0);
	if (!e) {
		count(TM_LOST_OPEN);
		return -1;
	}
	if (st->flags & SOCK_CONNECTED)
		flags |= TM_OPEN_CONNECTED;
	if (st->flags & SOCK_ACCEPTED)
		flags |= TM_OPEN_ACCEPTED;
	if (st->flags & SOCK_LATE) {
		flags |= TM_OPEN_LATE;
		count(TM_JOINED_LATE);
	}
	fill_header(&e->header, st->flow, TM_EVENT_OPEN, hello_direction, flags);
	__builtin_memset(&e->address, 0, sizeof(e->address));
	tm_fill_address(skb, s, &e->address);
	e->owner = st->owner;
	e->syn_ns = st->syn_ns;
	e->established_ns = st->established_ns;
	e->from[TM_IN] = st->direction[TM_IN].from;
	e->from[TM_OUT] = st->direction[TM_OUT].from;
	bpf_ringbuf_submit(e, submit_flags());
	return 0;
}

/* From now on the first read from this socket names its owner. */
__noinline int tm_await_reader(struct __sk_buff *skb, struct socket_state *st)
{
	struct bpf_sock *sk = skb->sk;
	struct tcp_sock *tp;

	if (!st || !sk)
		return -1;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return -1;
	await_reader(st, ((struct sock *)tp)->__sk_common.skc_hash);
	return 0;
}

#endif /* TLSMETER_BPF_WIRE_SOCKET_BPF_H */
