/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Data in the packet that creates a connection's socket (deferred accept, fast open, a lost final ACK) is filtered on the
 * listening socket, never on the child. Its state is kept by address until the child takes it over.
 */
#ifndef TLSMETER_BPF_WIRE_LISTENER_BPF_H
#define TLSMETER_BPF_WIRE_LISTENER_BPF_H

#include "wire_socket.bpf.h"
#include "wire_walk.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tm_address);
	__type(value, struct socket_state);
} tm_early SEC(".maps");

static const struct socket_state no_state = {};

__u32 tm_early_seen; /* spares every other connection the look-up in tm_early */

static __always_inline void early_key(struct __sk_buff *skb, struct segment *s, struct tm_address *a)
{
	struct bpf_sock *sk = skb->sk;

	tm_fill_address(skb, s, a);
	if (sk) {
		struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

		if (tp)
			a->netns = BPF_CORE_READ((struct sock *)tp, __sk_common.skc_net.net, ns.inum);
	}
}

static __noinline int on_listener(struct __sk_buff *skb, struct segment *s)
{
	struct tm_address key = {};
	struct socket_state *st;
	struct direction_state *d;
	__u8 b[8] = {};

	if (!s->length)
		return 0;
	early_key(skb, s, &key);
	st = bpf_map_lookup_elem(&tm_early, &key);
	if (st && s->seq == st->direction[TM_IN].base)
		return 0; /* the same segment again */
	if (!tm_opens_handshake(b, load_prefix(skb, s->payload, s->length, b)))
		return 0;
	bpf_map_update_elem(&tm_early, &key, &no_state, BPF_ANY);
	st = bpf_map_lookup_elem(&tm_early, &key);
	if (!st)
		return 0;
	tm_early_seen = 1;
	count(TM_LISTENER_DATA);
	count(TM_OPENED);
	st->flow = 1ULL << 63 | (bpf_ktime_get_ns() << 7 & ~(1ULL << 63)) | (bpf_get_smp_processor_id() & 127);
	st->flags = SOCK_OPENED | SOCK_ACCEPTED;
	d = &st->direction[TM_IN];
	d->base = s->seq;
	d->flags = DIR_HAS_BASE | DIR_OPENED;
	d->next = s->length;
	tm_emit_open(skb, st, s, TM_IN);
	tm_walk(skb, st, s);
	return 0;
}

/* A new child takes over what the listener saw. */
__noinline int tm_adopt(struct __sk_buff *skb, struct socket_state *st, struct segment *s)
{
	struct tm_address key = {};
	struct socket_state *early;

	if (!st || !s)
		return -1;
	early_key(skb, s, &key);
	early = bpf_map_lookup_elem(&tm_early, &key);
	if (!early)
		return 0;
	st->flow = early->flow;
	st->direction[TM_IN] = early->direction[TM_IN];
	st->direction[TM_OUT].flags |= DIR_OPENED;
	st->flags |= SOCK_OPENED;
	bpf_map_delete_elem(&tm_early, &key);
	tm_await_reader(skb, st);
	tm_emit_open(skb, st, s, TM_IN);
	return 0;
}

#endif /* TLSMETER_BPF_WIRE_LISTENER_BPF_H */
