/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copies of the stream: plaintext and the headers of other records, on their way into the ring. */
#ifndef TLSMETER_BPF_WIRE_SHIP_BPF_H
#define TLSMETER_BPF_WIRE_SHIP_BPF_H

#include "emit.bpf.h"
#include "wire_packet.bpf.h"

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

/* An event with room for so many bytes of data, a constant; null when the ring is full, which is counted. */
static __always_inline struct tm_data_event *reserve_data(__u32 room)
{
	struct tm_data_event *e = bpf_ringbuf_reserve(&tm_ring, sizeof(*e) + room, 0);

	barrier_var(e); /* keeps clang from making one call of several, with a size that the verifier does not know */
	if (!e)
		count(TM_LOST_DATA);
	return e;
}

static __always_inline void fill_data(struct tm_data_event *e, const struct shipment *s, __u32 offset, __u32 length)
{
	fill_header(&e->header, s->flow, TM_EVENT_DATA, s->direction, s->flags);
	e->offset = offset;
	e->length = length;
	e->mark_count = s->marks_have;
	e->pad = 0;
	__builtin_memcpy(e->marks, s->marks, sizeof(s->marks));
}

__noinline int tm_ship_piece(struct __sk_buff *skb, struct shipment *s, __u32 offset, __u32 length)
{
	struct tm_data_event *e;
	__u32 room = 0;

	if (!s)
		return -1;
	if (length == 0)
		e = reserve_data(room);
	else if (length <= 160) /* ServerHello of TLS 1.3, alerts, ChangeCipherSpec */
		e = reserve_data(room = 160);
	else if (length <= 640) /* ClientHello */
		e = reserve_data(room = 640);
	else if (length <= 2048) /* ClientHello with a post-quantum share */
		e = reserve_data(room = 2048);
	else
		e = reserve_data(room = TM_PIECE_BYTES);
	if (!e)
		return -1;
	fill_data(e, s, offset, length);
	if (length && load_bytes(skb, offset + s->delta, e + 1, length, room)) {
		bpf_ringbuf_discard(e, BPF_RB_NO_WAKEUP);
		count(TM_LOAD_FAILED);
		return -1;
	}
	bpf_ringbuf_submit(e, submit_flags());
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

#endif /* TLSMETER_BPF_WIRE_SHIP_BPF_H */
