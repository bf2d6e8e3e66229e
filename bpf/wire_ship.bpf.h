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

#endif /* TLSMETER_BPF_WIRE_SHIP_BPF_H */
