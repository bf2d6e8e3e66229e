/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Certificates: from the process into the ring, and each only once. */
#ifndef TLSMETER_BPF_LIBRARY_CERTIFICATE_BPF_H
#define TLSMETER_BPF_LIBRARY_CERTIFICATE_BPF_H

#include "library.bpf.h"

/* A certificate on its way into the ring. */
struct copy {
	__u64 from; /* in the process */
	__u64 length;
	__u64 object;
	struct library_state *st;
	__u8 index, flags;
};

struct piece {
	struct tm_certificate_event e;
	__u64 words[TM_PIECE_BYTES / 8];
};

/* Where a certificate is read to see whether it was sent before, which most were: memory that stays in the cache. */
struct scratch {
	__u32 busy; /* by a program that was preempted */
	__u32 pad;
	__u64 words[TM_PIECE_BYTES / 8];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} tm_scratch SEC(".maps");

/* Reads `size` bytes at `from` in the process into `words`, which have room for TM_PIECE_BYTES, and returns their keyed
 * hash; 0 when they cannot be read. */
static __always_inline __u64 read_and_hash(__u64 *words, __u64 size, __u64 from)
{
	__u64 last = (size - 1) / 8, hash = tm_certificate_key ^ size;
	int i;

	barrier_var(last);
	barrier_var(size);
	if (last >= TM_PIECE_BYTES / 8 || size == 0 || size > TM_PIECE_BYTES)
		return 0;
	words[last] = 0;
	if (bpf_probe_read_user(words, size, (void *)from))
		return 0;
#pragma clang loop unroll(disable)
	for (i = 0; i < TM_PIECE_BYTES / 8; i++) {
		if ((__u64)i * 8 >= size)
			break;
		hash = (hash ^ words[i]) * 0xff51afd7ed558ccdULL; /* the multiplier of MurmurHash3's finalizer */
		hash ^= hash >> 32;
	}
	return hash ? hash : 1;
}

/* The hash of the certificate at `from` if its bytes were sent before; else 0, also when there is no scratch to read it
 * into. A function of its own, so that the verifier walks through the loop only once. */
__noinline __u64 tm_known_hash(__u64 from, __u64 length)
{
	struct scratch *scratch;
	__u64 hash;
	__u32 zero = 0;

	if (length > TM_PIECE_BYTES)
		return 0;
	scratch = bpf_map_lookup_elem(&tm_scratch, &zero);
	if (!scratch || __sync_lock_test_and_set(&scratch->busy, 1))
		return 0;
	hash = read_and_hash(scratch->words, length, from);
	__sync_lock_test_and_set(&scratch->busy, 0);
	return hash && bpf_map_lookup_elem(&tm_certificates, &hash) ? hash : 0;
}

/* Names a certificate whose bytes were sent before. */
static __always_inline void emit_repeated(const struct copy *c, __u64 hash)
{
	struct tm_certificate_event *e = bpf_ringbuf_reserve(&tm_library_ring, sizeof(*e), 0);

	if (!e) {
		count(TM_LIBRARY_LOST);
		return;
	}
	count(TM_CERTIFICATE_REPEATED);
	__builtin_memset(e, 0, sizeof(*e));
	fill_library_header(&e->library, TM_EVENT_CERTIFICATE, c->object, c->st);
	e->hash = hash;
	e->length = c->length;
	e->index = c->index;
	e->flags = c->flags;
	bpf_ringbuf_submit(e, library_submit_flags());
}

/* Callback of bpf_loop: ships the piece number `number`. Returns 1 when it was the last. */
static long ship_piece(__u32 number, struct copy *c)
{
	__u64 offset = (__u64)number * TM_PIECE_BYTES, size, hash;
	struct piece *p;
	__u8 yes = 1;

	if (offset >= c->length)
		return 1;
	size = c->length - offset;
	if (size > TM_PIECE_BYTES)
		size = TM_PIECE_BYTES;
	p = bpf_ringbuf_reserve(&tm_library_ring, sizeof(*p), 0);
	if (!p) {
		count(TM_LIBRARY_LOST);
		return 1;
	}
	hash = read_and_hash(p->words, size, c->from + offset);
	if (!hash) {
		count(TM_LIBRARY_UNREADABLE);
		bpf_ringbuf_discard(p, BPF_RB_NO_WAKEUP);
		return 1;
	}
	if (c->length <= TM_PIECE_BYTES)
		bpf_map_update_elem(&tm_certificates, &hash, &yes, BPF_ANY);
	else
		hash = 0;
	__builtin_memset(&p->e, 0, sizeof(p->e));
	fill_library_header(&p->e.library, TM_EVENT_CERTIFICATE, c->object, c->st);
	p->e.hash = hash;
	p->e.length = c->length;
	p->e.offset = offset;
	p->e.size = size;
	p->e.index = c->index;
	p->e.flags = c->flags;
	bpf_ringbuf_submit(p, library_submit_flags());
	return 0;
}

/* Takes a certificate of the handshake that `object` is in. */
static __always_inline int copy_certificate(__u64 object, __u64 from, __s64 length, __u8 flags)
{
	struct copy c = {.from = from, .length = length, .object = object, .flags = flags};
	__u64 hash;

	if (!from || length <= 0)
		return 0;
	c.st = state_of(c.object);
	if (!c.st || is_over(c.st))
		return 0;
	c.index = c.st->certificates[flags & TM_CERTIFICATE_OWN]++;
	if (c.index >= TM_CHAIN || length > TM_CERTIFICATE_BYTES) {
		if (c.index >= TM_CHAIN)
			c.st->certificates[flags & TM_CERTIFICATE_OWN] = TM_CHAIN;
		count(TM_CERTIFICATE_LIMIT);
		return 0;
	}
	hash = tm_known_hash(from, length);
	if (hash)
		emit_repeated(&c, hash);
	else
		bpf_loop(TM_CERTIFICATE_BYTES / TM_PIECE_BYTES, ship_piece, &c, 0);
	return 0;
}

/* A DER SEQUENCE (X.690 8.9) of `length` bytes in all begins at `from`. */
static __always_inline bool is_sequence(__u64 from, __u64 length)
{
	__u8 head[5];
	__u32 two, three;

	if (bpf_probe_read_user(head, sizeof(head), (void *)from) || head[0] != 0x30)
		return false;
	two = (__u32)head[2] << 8 | head[3];
	three = two << 8 | head[4];
	switch (head[1]) {
	case 0x81:
		return length == 3ULL + head[2];
	case 0x82:
		return length == 4ULL + two;
	case 0x83:
		return length == 5ULL + three;
	}
	return head[1] < 0x80 && length == 2ULL + head[1];
}

#endif /* TLSMETER_BPF_LIBRARY_CERTIFICATE_BPF_H */
