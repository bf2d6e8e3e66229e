/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Following a direction from record to record. */
#ifndef TLSMETER_BPF_WIRE_WALK_BPF_H
#define TLSMETER_BPF_WIRE_WALK_BPF_H

#include "wire_ship.bpf.h"

/* Record headers that one segment is followed through; a GRO segment of 64 KiB holds 4 full records or 32 of 2 KiB. */
#define WALK_RECORDS 32

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

#endif /* TLSMETER_BPF_WIRE_WALK_BPF_H */
