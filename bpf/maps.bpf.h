/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every map, the configuration and the state of a socket. Shared by all program files: the linker joins the weak
 * definitions. */
#ifndef TLSMETER_BPF_MAPS_H
#define TLSMETER_BPF_MAPS_H

#include "kernel_types.bpf.h"
#include <bpf/bpf_helpers.h>
#include "events.h"
#include "tls_sniff.h"

/* Watch only sockets of this cgroup v2 id and below; 0 = all. cgroup_skb needs no such test, its attach point is the scope.
 */
const volatile __u64 tm_target_cgroup __weak = 0;

/* The target's level in the tree of cgroups, below the root and for ever the same; 0 until the first socket in it is met. */
int tm_target_level __weak;

/* Tell only connections of this family and with one of these server ports; 0 = all. Asked once, when a hello opens. */
const volatile __u8 tm_family __weak = 0;
const volatile __u8 tm_server_port_count __weak = 0;
const volatile __u16 tm_server_ports[TM_SERVER_PORTS] __weak = {};

struct direction_state {
	__u64 header;	  /* bytes of a record header that is split over segments, the first byte highest */
	__u32 base;	  /* sequence number of stream offset 0 */
	__u32 next;	  /* first offset not seen yet */
	__u32 record;	  /* offset of the next record header */
	__u32 from;	  /* offset at which the handshake opened */
	__u16 shipped;	  /* plaintext bytes, at most TM_SHIP_BYTES */
	__u8 header_have; /* bytes in `header` */
	__u8 encrypted;	  /* records of type 23 */
	__u8 hidden;	  /* the body of the current record is not shipped */
	__u8 flags;
	__u8 pad[2];
};

enum direction_flags {
	DIR_HAS_BASE = 1,
	DIR_OPENED = 2, /* records are walked in this direction */
	DIR_CHANGE_CIPHER_SPEC = 4,
	DIR_LOST = 8,	/* a segment is missing: record boundaries are not known */
	DIR_HOLES = 16, /* bytes before `next` are missing and may still come */
};

enum socket_flags {
	SOCK_DONE = 1,	 /* nothing more to see: the early exit */
	SOCK_OPENED = 2, /* a ClientHello opened and the open event is out */
	SOCK_CONNECTED = 4,
	SOCK_ACCEPTED = 8,
	SOCK_LATE = 16,
	SOCK_LOCAL_FIN = 32,
	SOCK_REMOTE_FIN = 64,
	SOCK_HELD = 128,   /* a first segment of this socket lies in tm_held */
	SOCK_UNREAD = 256, /* counted in tm_unread: opened, and nobody has read from it since */
};

struct socket_state {
	__u32 flags;   /* enum socket_flags */
	__u32 packets; /* with payload, while following */
	__u64 flow;    /* what events call this connection; 0 until it opens */
	__u64 syn_ns, established_ns;
	struct tm_owner owner; /* at connect() or by iterator; zero when not known */
	struct direction_state direction[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TM_RING_BYTES);
} tm_ring __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct socket_state);
} tm_sockets __weak SEC(".maps");

/* A segment that waits for the one before it (wire_held.bpf.h). */
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
} tm_held __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tm_counters);
} tm_counts __weak SEC(".maps");

/*
 * Opened sockets that wait for their first reader, by the low bits of their hash: lets tm_read pass by all others for one
 * load, where a look-up in socket storage is most of what it costs. Slots that sockets share, or that are left behind, only
 * cost look-ups.
 */
#define TM_UNREAD_SLOTS 4096
__u32 tm_unread[TM_UNREAD_SLOTS] __weak;

static __always_inline void await_reader(struct socket_state *st, __u32 hash)
{
	st->flags |= SOCK_UNREAD;
	__sync_fetch_and_add(&tm_unread[hash & (TM_UNREAD_SLOTS - 1)], 1);
}

static __always_inline void reader_known(struct socket_state *st, __u32 hash)
{
	st->flags &= ~SOCK_UNREAD;
	__sync_fetch_and_add(&tm_unread[hash & (TM_UNREAD_SLOTS - 1)], -1);
}

/* Atomic although per CPU: all programs but those of softirqs can be interrupted by another one on their CPU. */
static __always_inline void count(enum tm_counter which)
{
	__u32 zero = 0;
	struct tm_counters *c = bpf_map_lookup_elem(&tm_counts, &zero);

	if (c)
		__sync_fetch_and_add(&c->value[which], 1);
}

#endif /* TLSMETER_BPF_MAPS_H */
