// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Packets of watched sockets: finds the ClientHello, then follows record boundaries in both directions. Plaintext records
 * leave the kernel whole, records of application data (type 23) as offset, length and time only.
 *
 * Here is the way of a packet through the sensor. What it passes: wire_packet.bpf.h (headers), wire_socket.bpf.h (offset 0,
 * the open event), wire_walk.bpf.h (records), wire_ship.bpf.h (into the ring); and for hellos that come in an odd way,
 * wire_held.bpf.h and wire_listener.bpf.h.
 *
 * Functions that are not static are verified once each instead of at every call; this keeps the programs within the
 * verifier's budget.
 */
#include "wire_held.bpf.h"
#include "wire_listener.bpf.h"
#include "wire_socket.bpf.h"
#include "wire_walk.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Offsets from here on are not this connection's: a forged or out-of-window segment, or a keep-alive probe at -1. */
#define OFFSET_MAX (1U << 30)

/* Packets of an opened connection whose record boundaries were lost, before it is left alone. */
#define LOST_PACKETS 1024

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
