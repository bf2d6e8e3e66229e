/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet: where its payload is, its addresses, and how bytes are taken from it. */
#ifndef TLSMETER_BPF_WIRE_PACKET_BPF_H
#define TLSMETER_BPF_WIRE_PACKET_BPF_H

#include "maps.bpf.h"
#include <bpf/bpf_endian.h>

/*
 * Copies 1 to `room` bytes from the packet; fails for any other number. The verifier of 6.1 learns nothing from `n != 0`, so
 * the number is checked, opaque to the compiler, as the one below it.
 */
static __always_inline int load_bytes(struct __sk_buff *skb, __u32 at, void *to, __u64 n, __u32 room)
{
	__u64 last = n - 1;

	barrier_var(last);
	if (last >= room)
		return -1;
	return bpf_skb_load_bytes(skb, at, to, last + 1);
}

struct segment {
	__u32 payload; /* where the TCP payload begins in the packet */
	__u32 length;  /* of the payload */
	__u32 seq;
	__u32 offset; /* stream offset of the payload */
	__u32 direction;
	__u32 ipv6;
};

/* Reads the TCP header `tcp`, which stands at `at` in the packet. */
static __always_inline void read_tcp(struct __sk_buff *skb, const __u8 *tcp, __u32 at, struct segment *s)
{
	s->seq = (__u32)tcp[4] << 24 | (__u32)tcp[5] << 16 | (__u32)tcp[6] << 8 | tcp[7];
	if (tcp[13] & 2) /* SYN takes one number */
		s->seq++;
	s->payload = at + (tcp[12] >> 4) * 4;
	s->length = skb->len > s->payload ? skb->len - s->payload : 0;
}

/* Reads the headers of nearly all packets, IPv4 without options and IPv6 without extension headers, where they stand. False
 * for all others. */
static __always_inline bool parse_in_place(struct __sk_buff *skb, struct segment *s)
{
	const __u8 *b = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;

	if (b + 40 > end)
		return false;
	if (b[0] == 0x45 && b[9] == IPPROTO_TCP) {
		s->ipv6 = 0;
		read_tcp(skb, b + 20, 20, s);
		return true;
	}
	if (b + 60 > end || b[0] >> 4 != 6 || b[6] != IPPROTO_TCP)
		return false;
	s->ipv6 = 1;
	read_tcp(skb, b + 40, 40, s);
	return true;
}

/* Reads the headers of any packet. The first 40 bytes hold an IPv6 header, or an IPv4 header and more. */
__noinline int tm_parse(struct __sk_buff *skb, struct segment *s)
{
	__u8 b[40], tcp[20];
	__u32 off;

	if (!s || bpf_skb_load_bytes(skb, 0, b, sizeof(b)))
		return -1;
	if (b[0] >> 4 == 4) {
		if (b[9] != IPPROTO_TCP)
			return -1;
		s->ipv6 = 0;
		off = (b[0] & 15) * 4;
	} else {
		__u8 next = b[6];
		int i;

		s->ipv6 = 1;
		off = 40;
		for (i = 0; i < 4 && next != IPPROTO_TCP; i++) {
			__u8 extension[2];

			if (next != 0 && next != 43 && next != 60) /* hop-by-hop, routing, destination options */
				return -1;
			if (bpf_skb_load_bytes(skb, off, extension, 2))
				return -1;
			next = extension[0];
			off += (extension[1] + 1) * 8;
		}
		if (next != IPPROTO_TCP)
			return -1;
	}
	if (bpf_skb_load_bytes(skb, off, tcp, sizeof(tcp)))
		return -1;
	read_tcp(skb, tcp, off, s);
	return 0;
}

static __always_inline void map_ipv4(__u8 *to, const __u8 *from)
{
	__builtin_memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, from, 4);
}

__noinline int tm_fill_address(struct __sk_buff *skb, struct segment *s, struct tm_address *a)
{
	__u8 b[40], ports[4], *source, *destination;
	__u16 source_port, destination_port;
	__u32 tcp;

	if (!s || !a || bpf_skb_load_bytes(skb, 0, b, sizeof(b)))
		return -1;
	source = s->direction == TM_IN ? a->remote_ip : a->local_ip;
	destination = s->direction == TM_IN ? a->local_ip : a->remote_ip;
	if (!s->ipv6) {
		map_ipv4(source, b + 12);
		map_ipv4(destination, b + 16);
		tcp = (b[0] & 15) * 4;
	} else {
		__builtin_memcpy(source, b + 8, 16);
		__builtin_memcpy(destination, b + 24, 16);
		tcp = 40;
		if (b[6] != IPPROTO_TCP) { /* extension headers: the socket knows the ports */
			struct bpf_sock *sk = skb->sk;

			if (!sk)
				return -1;
			sk = bpf_sk_fullsock(sk);
			if (!sk)
				return -1;
			a->local_port = sk->src_port;
			a->remote_port = bpf_ntohs(sk->dst_port);
			return 0;
		}
	}
	if (bpf_skb_load_bytes(skb, tcp, ports, 4))
		return -1;
	source_port = (__u16)ports[0] << 8 | ports[1];
	destination_port = (__u16)ports[2] << 8 | ports[3];
	a->local_port = s->direction == TM_IN ? destination_port : source_port;
	a->remote_port = s->direction == TM_IN ? source_port : destination_port;
	return 0;
}

/* Loads the first bytes of the payload: the number loaded, at most 6. */
static __always_inline __u32 load_prefix(struct __sk_buff *skb, __u32 at, __u32 length, __u8 *b)
{
	__u32 n = length < TM_HELLO_PREFIX ? length : TM_HELLO_PREFIX;

	return load_bytes(skb, at, b, n, TM_HELLO_PREFIX) ? 0 : n;
}

#endif /* TLSMETER_BPF_WIRE_PACKET_BPF_H */
