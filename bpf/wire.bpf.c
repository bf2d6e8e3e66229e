// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Packets of watched sockets: finds the ClientHello, then follows record boundaries in both directions. Plaintext records
 * leave the kernel whole, records of application data (type 23) as offset, length and time only.
 *
 * Order of the file, bottom up: packet, ship, walk, base and addresses, held segments, listener, follow, hooks. Functions
 * that are not static are verified once each instead of at every call; this keeps the programs within the verifier's budget.
 */
#include "emit.bpf.h"
#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Record headers that one segment is followed through; a GRO segment of 64 KiB holds 4 full records or 32 of 2 KiB. */
#define WALK_RECORDS 32

/* Offsets from here on are not this connection's: a forged or out-of-window segment, or a keep-alive probe at -1. */
#define OFFSET_MAX (1U << 30)

/* Packets of an opened connection whose record boundaries were lost, before it is left alone. */
#define LOST_PACKETS 1024

/* ---- packet ---- */

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

/* ---- ship ---- */

/* What one data event is made of. */
struct shipment {
	__u64 flow;
	__u32 from, to; /* stream offsets of the plaintext run */
	__u32 delta;	/* offset in the packet = stream offset + delta */
	__u8 direction, flags;
	__u8 marks_have;
	__u8 pad;
	struct tm_mark marks[TM_MARKS];
};

#define SHIP_CLASS(SIZE)                                                                                                    \
	do {                                                                                                                \
		struct {                                                                                                    \
			struct tm_data_event e;                                                                             \
			__u8 room[SIZE];                                                                                    \
		} *r = bpf_ringbuf_reserve(&tm_ring, sizeof(*r), 0);                                                        \
                                                                                                                            \
		if (!r) {                                                                                                   \
			count(TM_LOST_DATA);                                                                                \
			return -1;                                                                                          \
		}                                                                                                           \
		fill_header(&r->e.header, s->flow, TM_EVENT_DATA, s->direction, s->flags);                                  \
		r->e.offset = offset;                                                                                       \
		r->e.length = length;                                                                                       \
		r->e.mark_count = s->marks_have;                                                                            \
		r->e.pad = 0;                                                                                               \
		__builtin_memcpy(r->e.marks, s->marks, sizeof(s->marks));                                                   \
		if (load_bytes(skb, offset + s->delta, r->room, length, SIZE)) {                                            \
			bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);                                                           \
			count(TM_LOAD_FAILED);                                                                              \
			return -1;                                                                                          \
		}                                                                                                           \
		bpf_ringbuf_submit(r, submit_flags());                                                                      \
	} while (0)

__noinline int tm_ship_piece(struct __sk_buff *skb, struct shipment *s, __u32 offset, __u32 length)
{
	if (!s)
		return -1;
	if (length == 0) {
		struct tm_data_event *e = bpf_ringbuf_reserve(&tm_ring, sizeof(*e), 0);

		if (!e) {
			count(TM_LOST_DATA);
			return -1;
		}
		fill_header(&e->header, s->flow, TM_EVENT_DATA, s->direction, 0);
		e->offset = offset;
		e->length = 0;
		e->mark_count = s->marks_have;
		e->pad = 0;
		__builtin_memcpy(e->marks, s->marks, sizeof(s->marks));
		bpf_ringbuf_submit(e, submit_flags());
	} else if (length <= 160) {
		SHIP_CLASS(160); /* ServerHello of TLS 1.3, alerts, ChangeCipherSpec */
	} else if (length <= 640) {
		SHIP_CLASS(640); /* ClientHello */
	} else if (length <= 2048) {
		SHIP_CLASS(2048); /* ClientHello with a post-quantum share */
	} else {
		SHIP_CLASS(TM_PIECE_BYTES);
	}
	return 0;
}

/* Ships the run and the marks, then empties both. */
__noinline int tm_ship(struct __sk_buff *skb, struct shipment *s)
{
	__u32 at, left;
	int i;

	if (!s)
		return -1;
	at = s->from;
	left = s->to - s->from;
	if (!left && s->marks_have)
		tm_ship_piece(skb, s, at, 0);
	for (i = 0; i < TM_SHIP_BYTES / TM_PIECE_BYTES + 1 && left; i++) {
		__u32 n = left > TM_PIECE_BYTES ? TM_PIECE_BYTES : left;

		tm_ship_piece(skb, s, at, n);
		at += n;
		left -= n;
		s->flags &= ~TM_DATA_RECORD;
		s->marks_have = 0;
	}
	s->from = s->to;
	s->marks_have = 0;
	return 0;
}

/* ---- walk ---- */

/* Reads on in the header of the record at d->record: 1 when its 5 bytes are known, 0 when the segment ends first, -1 when
 * the packet cannot be read. *position moves on by what was read. */
static __always_inline int read_header(struct __sk_buff *skb, struct direction_state *d, __u32 delta, __u32 end,
				       __u32 *position)
{
	__u32 have = d->header_have & 7, at = *position, n;
	__u8 b[8] = {};

	if (have == 0 && end - at >= TM_RECORD_HEADER) {
		if (bpf_skb_load_bytes(skb, at + delta, b, TM_RECORD_HEADER))
			return -1;
		d->header = bpf_be64_to_cpu(*(__u64 *)b) >> 24;
		*position = at + TM_RECORD_HEADER;
		return 1;
	}
	if (have >= TM_RECORD_HEADER)
		return -1;
	n = TM_RECORD_HEADER - have;
	if (n > end - at)
		n = end - at;
	if (load_bytes(skb, at + delta, b, n, TM_RECORD_HEADER))
		return -1;
	d->header = d->header << (8 * n) | bpf_be64_to_cpu(*(__u64 *)b) >> (64 - 8 * n);
	d->header_have = have + n;
	*position = at + n;
	return have + n == TM_RECORD_HEADER;
}

/*
 * Walks the records of the in-order payload of `s`: every byte outside the hidden bodies is shipped, of hidden records the
 * header is told. Returns -1 when the bytes are not TLS records.
 */
__noinline int tm_walk(struct __sk_buff *skb, struct socket_state *st, struct segment *s)
{
	struct shipment out = {};
	struct direction_state *d;
	__u32 end, at;
	int i, result = 0;

	if (!st || !s)
		return -1;
	d = s->direction ? &st->direction[TM_OUT] : &st->direction[TM_IN];
	at = s->offset;
	end = at + s->length;
	out.flow = st->flow;
	out.from = out.to = at;
	out.delta = s->payload - at;
	out.direction = s->direction;
	if (d->record == at && !d->header_have)
		out.flags = TM_DATA_RECORD;

	for (i = 0; i < WALK_RECORDS; i++) {
		__u32 start, length;
		__u8 type;
		int r;

		if (at < d->record) { /* the body of the current record */
			at = d->record < end ? d->record : end;
			if (!d->hidden)
				out.to = at;
		}
		if (at >= end)
			break;
		if (d->encrypted >= TM_ENCRYPTED_RECORDS)
			break;

		start = at - (d->header_have & 7);
		r = read_header(skb, d, out.delta, end, &at);
		if (r < 0) {
			count(TM_LOAD_FAILED);
			d->flags |= DIR_LOST;
			break;
		}
		if (r == 0) { /* what there is of it goes along; a first byte that cannot be TLS ends it here */
			type = d->header >> (8 * ((d->header_have - 1) & 7));
			if (type < TM_CHANGE_CIPHER_SPEC || type > TM_HEARTBEAT) {
				result = -1;
				break;
			}
			if (out.to != start && out.to != out.from)
				tm_ship(skb, &out);
			if (out.to == out.from) {
				out.from = start > s->offset ? start : s->offset;
				out.flags = start == out.from ? TM_DATA_RECORD : 0;
			}
			out.to = end;
			break;
		}
		if (!tm_is_record_header(d->header)) {
			result = -1;
			break;
		}
		d->header_have = 0;
		type = d->header >> 32;
		length = d->header & 0xffff;
		d->record = start + TM_RECORD_HEADER + length;
		d->hidden = type >= TM_APPLICATION_DATA || d->shipped + TM_RECORD_HEADER + length > TM_SHIP_BYTES;
		if (type == TM_CHANGE_CIPHER_SPEC)
			d->flags |= DIR_CHANGE_CIPHER_SPEC;
		if (type == TM_APPLICATION_DATA)
			d->encrypted++;
		if (d->hidden) {
			__u32 k = out.marks_have;

			if (k >= TM_MARKS) {
				tm_ship(skb, &out);
				k = 0;
			}
			out.marks[k & (TM_MARKS - 1)].offset = start;
			out.marks[k & (TM_MARKS - 1)].length = length;
			out.marks[k & (TM_MARKS - 1)].type = type;
			out.marks_have = k + 1;
			continue;
		}
		d->shipped += TM_RECORD_HEADER + length;
		if (out.to != start && out.to != out.from)
			tm_ship(skb, &out); /* a second run of plaintext in one segment */
		if (out.to == out.from) {
			out.from = start > s->offset ? start : s->offset;
			out.flags = start == out.from ? TM_DATA_RECORD : 0;
		}
		out.to = at;
	}
	if (i == WALK_RECORDS) {
		count(TM_RECORDS_LIMIT);
		d->flags |= DIR_LOST;
	}
	if (out.to != out.from || out.marks_have)
		tm_ship(skb, &out);
	return result;
}

/* ---- base and addresses ---- */

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

/* ---- held segments ---- */

/* The second segment of a ClientHello that arrived before the first. It is kept in the kernel until the first says whether
 * it belongs to a handshake: bytes of a plain connection must not leave. */
struct held {
	__u32 offset, length;
	__u8 bytes[TM_PIECE_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 256); /* 1 MiB at most; an entry lives until its first segment comes or its socket closes */
	__type(key, __u64);	  /* socket cookie */
	__type(value, struct held);
} tm_held SEC(".maps");

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

/* ---- listener ---- */

/*
 * Data in the packet that creates a connection's socket (deferred accept, fast open, a lost final ACK) is filtered on the
 * listening socket, never on the child. Its state is kept by address until the child takes it over.
 */
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

/* Loads the first bytes of the payload: the number loaded, at most 6. */
static __always_inline __u32 load_prefix(struct __sk_buff *skb, __u32 at, __u32 length, __u8 *b)
{
	__u32 n = length < TM_HELLO_PREFIX ? length : TM_HELLO_PREFIX;

	return load_bytes(skb, at, b, n, TM_HELLO_PREFIX) ? 0 : n;
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

/* ---- follow ---- */

static __always_inline void dismiss(struct socket_state *st, enum tm_counter why)
{
	st->flags |= SOCK_DONE;
	count(why);
}

static __always_inline void stop(struct socket_state *st, __u32 reason, __u8 direction)
{
	st->flags |= SOCK_DONE;
	emit_stop(st, reason, direction, 0);
	if (reason == TM_STOP_HANDSHAKE_OVER)
		count(TM_OVER);
}

/* Is this the hello of a connection that was asked for? */
static __noinline bool is_wanted(struct __sk_buff *skb, struct segment *s)
{
	struct tm_address a = {};
	__u16 server_port;
	__u32 i;

	if (tm_family && (tm_family == AF_INET6) != s->ipv6)
		return false;
	if (!tm_server_port_count || tm_fill_address(skb, s, &a))
		return true;
	server_port = s->direction == TM_OUT ? a.remote_port : a.local_port;
	for (i = 0; i < TM_SERVER_PORTS && i < tm_server_port_count; i++)
		if (tm_server_ports[i] == server_port)
			return true;
	return false;
}

/* Does this segment open a handshake? If so the open event goes out and both directions are walked from here on. */
__noinline int tm_sniff(struct __sk_buff *skb, struct socket_state *st, struct segment *s)
{
	struct direction_state *d, *other;
	__u32 have, skip = 0;
	__u8 b[8] = {};

	if (!st || !s)
		return 0;
	d = s->direction ? &st->direction[TM_OUT] : &st->direction[TM_IN];
	other = s->direction ? &st->direction[TM_IN] : &st->direction[TM_OUT];
	have = load_prefix(skb, s->payload, s->length, b);
	if (have >= 4 && s->length > TM_MYSQL_SSL_REQUEST && tm_is_mysql_ssl_request(b)) {
		skip = TM_MYSQL_SSL_REQUEST;
		have = load_prefix(skb, s->payload + skip, s->length - skip, b);
	}
	if (!tm_opens_handshake(b, have)) {
		__u32 first = d->next == 0;

		d->next = s->offset + s->length;
		if (first && have >= 4 && !skip && tm_is_http(b))
			dismiss(st, TM_PLAIN_HTTP);
		else if (d->next > TM_SNIFF_BYTES || st->packets > TM_SNIFF_PACKETS)
			dismiss(st, TM_PLAIN_OTHER);
		return 0;
	}
	if (!is_wanted(skb, s)) {
		dismiss(st, TM_FILTERED);
		return 0;
	}
	s->payload += skip;
	s->length -= skip;
	s->offset += skip;
	st->flow = bpf_get_socket_cookie(skb);
	st->flags |= SOCK_OPENED;
	d->record = d->from = s->offset;
	d->flags |= DIR_OPENED;
	other->record = other->from = other->next;
	other->flags |= DIR_OPENED;
	count(TM_OPENED);
	tm_await_reader(skb, st);
	tm_emit_open(skb, st, s, s->direction);
	return 1;
}

/*
 * A segment of a direction in which order was lost: past a gap, or one of those that were missing. Returns 1 when it begins
 * like a record, behind all that was seen: there the walk goes on. Else it is shipped as it is, for user space to put in its
 * place, but only while it cannot hold application data: before the other side has begun to encrypt.
 */
__noinline int tm_disorder(struct __sk_buff *skb, struct socket_state *st, struct segment *s)
{
	struct direction_state *d, *other;
	struct shipment out = {};
	__u8 b[8] = {};
	__u32 end;

	if (!st || !s)
		return 0;
	d = s->direction ? &st->direction[TM_OUT] : &st->direction[TM_IN];
	other = s->direction ? &st->direction[TM_IN] : &st->direction[TM_OUT];
	if (s->offset >= d->next) {
		if (s->length >= TM_RECORD_HEADER && !bpf_skb_load_bytes(skb, s->payload, b, TM_RECORD_HEADER) &&
		    tm_is_record_header(bpf_be64_to_cpu(*(__u64 *)b) >> 24)) {
			d->flags &= ~DIR_LOST;
			d->record = s->offset;
			d->header_have = 0;
			d->hidden = 0;
			return 1;
		}
		d->flags |= DIR_LOST;
	}
	end = s->offset + s->length;
	if (end > d->next)
		d->next = end;
	if (d->encrypted || other->encrypted || other->flags & DIR_CHANGE_CIPHER_SPEC)
		return 0;
	if (d->shipped + s->length > TM_SHIP_BYTES)
		return 0;
	d->shipped += s->length;
	out.flow = st->flow;
	out.from = s->offset;
	out.to = end;
	out.delta = s->payload - s->offset;
	out.direction = s->direction;
	out.flags = TM_DATA_RAW;
	tm_ship(skb, &out);
	return 0;
}

static __always_inline bool enough(const struct direction_state *a, const struct direction_state *b)
{
	return a->encrypted >= TM_ENCRYPTED_RECORDS && (b->encrypted || b->flags & DIR_CHANGE_CIPHER_SPEC);
}

/* The slow path: every packet of a connection that may still become, or is in, a handshake. */
static __noinline int follow(struct __sk_buff *skb, struct socket_state *st, struct segment *s)
{
	struct direction_state *in, *out, *d;
	__u32 direction = s->direction;

	if (!st || direction > TM_OUT)
		return 0;
	if (tm_early_seen && !st->packets && !(st->flags & (SOCK_OPENED | SOCK_CONNECTED)))
		tm_adopt(skb, st, s);
	if (!s->length)
		return 0;
	st->packets++;
	in = &st->direction[TM_IN];
	out = &st->direction[TM_OUT];
	d = &st->direction[direction];
	if (!(d->flags & DIR_HAS_BASE) && tm_learn_base(skb, st, s))
		return 0;
	s->offset = s->seq - d->base;
	if (s->offset > OFFSET_MAX)
		return 0;
	if (s->offset > d->next) {
		count(TM_GAP);
		if (!(st->flags & SOCK_OPENED) && d->next == 0 && direction == TM_IN) {
			if (!tm_hold(skb, s))
				st->flags |= SOCK_HELD;
			return 0;
		}
		d->flags |= DIR_HOLES;
	} else if (s->offset < d->next && !(d->flags & DIR_HOLES)) { /* sent again: only what is new counts */
		__u32 seen = d->next - s->offset;

		if (seen >= s->length)
			return 0;
		s->offset += seen;
		s->payload += seen;
		s->length -= seen;
	}
	if (!(st->flags & SOCK_OPENED)) {
		if (!tm_sniff(skb, st, s)) {
			if (st->flags & SOCK_HELD && direction == TM_IN)
				tm_release_held(skb, st);
			return 0;
		}
	} else if ((d->flags & DIR_LOST || s->offset != d->next) && !tm_disorder(skb, st, s)) {
		if (st->packets > LOST_PACKETS)
			stop(st, TM_STOP_LIMIT, direction);
		return 0;
	}
	d->next = s->offset + s->length;
	if (tm_walk(skb, st, s) < 0) {
		stop(st, TM_STOP_NOT_TLS, direction);
		return 0;
	}
	if (st->flags & SOCK_HELD && direction == TM_IN)
		tm_release_held(skb, st);
	if (enough(in, out) || enough(out, in))
		stop(st, TM_STOP_HANDSHAKE_OVER, direction);
	else if (d->next - d->from > TM_FOLLOW_BYTES)
		stop(st, TM_STOP_LIMIT, direction);
	return 0;
}

/* ---- hooks ---- */

/*
 * cgroup_skb runs for each packet of each socket below the cgroup, with skb->sk set, for both ends on one host: the attach
 * point is the filter. A connection that is over costs one storage look-up.
 */
static __always_inline int hook(struct __sk_buff *skb, __u32 direction)
{
	struct bpf_sock *sk = skb->sk;
	struct segment s = {.direction = direction};
	struct socket_state *st;
	bool parsed;

	if (!sk)
		return 1;
	parsed = parse_in_place(skb, &s);
	/* The first packet of an accepted connection looks for what its listener saw, with or without payload. */
	if (parsed && !s.length && !tm_early_seen)
		return 1;
	st = bpf_sk_storage_get(&tm_sockets, sk, 0, 0);
	if (st) {
		if (st->flags & SOCK_DONE)
			return 1;
	} else {
		sk = bpf_sk_fullsock(sk);
		if (!sk || sk->protocol != IPPROTO_TCP)
			return 1;
	}
	if (!parsed && tm_parse(skb, &s)) {
		count(TM_LOAD_FAILED);
		return 1;
	}
	if (!st) {
		if (sk->state == BPF_TCP_LISTEN) {
			if (direction == TM_IN)
				on_listener(skb, &s);
			return 1;
		}
		st = bpf_sk_storage_get(&tm_sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (!st) /* two CPUs create a socket's first storage at once: one of them gets EAGAIN */
			st = bpf_sk_storage_get(&tm_sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (!st) {
			count(TM_STORAGE_FAILED);
			return 1;
		}
	}
	follow(skb, st, &s);
	return 1;
}

SEC("cgroup_skb/ingress")
int tm_ingress(struct __sk_buff *skb)
{
	return hook(skb, TM_IN);
}

SEC("cgroup_skb/egress")
int tm_egress(struct __sk_buff *skb)
{
	return hook(skb, TM_OUT);
}
