/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The only contract between the BPF programs and user space: every record of the ring buffer, the counters and the
 * configuration. Plain C for both sides; only bpf_source.cc and event_decoder.cc include it outside bpf/.
 *
 * All times are CLOCK_MONOTONIC nanoseconds (bpf_ktime_get_ns). Offsets count a direction's stream bytes from 0, modulo
 * 2^32.
 */
#ifndef TLSMETER_BPF_EVENTS_H
#define TLSMETER_BPF_EVENTS_H

#include <linux/types.h>

#ifdef __cplusplus
#define TM_STATIC_ASSERT(e, m) static_assert(e, m)
#else
#define TM_STATIC_ASSERT(e, m) _Static_assert(e, m)
#endif

#define TM_EVENTS_VERSION 2

/* Bytes of the ring; a power of two. At 1,250 handshakes a second and a 50 ms poll it fills to about 2 %. */
#define TM_RING_BYTES (8 * 1024 * 1024)

/* The reader is woken only above this fill; below it polls. */
#define TM_RING_WAKE_BYTES (TM_RING_BYTES / 16)

/* Above it the reader is woken no more often than this. At 10,000 handshakes a second some 30 KiB come meanwhile. */
#define TM_WAKE_INTERVAL_NS 1000000

/* Payload of one data event; a longer run of plaintext becomes several events. */
#define TM_PIECE_BYTES 4096

/* Plaintext that one direction of one connection may ship. Records beyond it are reported by header only. */
#define TM_SHIP_BYTES (16 * 1024)

/* A connection that has not opened a handshake within this many bytes or packets is left alone for good. */
#define TM_SNIFF_BYTES 4096
#define TM_SNIFF_PACKETS 64

/* Encrypted records per direction until the handshake is over for sure: a server's TLS 1.3 flight with client authentication
 * (5), two tickets, and an answer. */
#define TM_ENCRYPTED_RECORDS 12

/* Stream bytes per direction after which a connection is left alone, whatever it was. */
#define TM_FOLLOW_BYTES (256 * 1024)

/* Server ports that can be asked for in the kernel (tm_server_ports). */
#define TM_SERVER_PORTS 16

/* Record headers reported by one data event. */
#define TM_MARKS 8

#define TM_COMM_BYTES 16

enum tm_event_kind {
	TM_EVENT_OPEN = 1,  /* struct tm_open_event */
	TM_EVENT_DATA = 2,  /* struct tm_data_event */
	TM_EVENT_OWNER = 3, /* struct tm_owner_event */
	TM_EVENT_STOP = 4,  /* struct tm_stop_event */
			    /* 16 and above: library.h */
};

enum tm_direction {
	TM_IN = 0,  /* the peer sent it */
	TM_OUT = 1, /* the watched socket sent it */
};

enum tm_open_flags {
	TM_OPEN_CONNECTED = 1, /* the watched socket called connect() */
	TM_OPEN_ACCEPTED = 2,  /* the watched socket came from a listener */
	TM_OPEN_LATE = 4,      /* the connection was already carrying data when it was first seen */
	TM_OPEN_LISTENER = 8,  /* said of data that reached the listener before the connection had a socket */
};

enum tm_data_flags {
	TM_DATA_RECORD = 1, /* a TLS record begins at `offset` */
	TM_DATA_RAW = 2,    /* segments before this one are missing: record boundaries are not known */
};

enum tm_stop_reason {
	TM_STOP_HANDSHAKE_OVER = 1,
	TM_STOP_NOT_TLS = 2, /* `direction` sent bytes that are not TLS records */
	TM_STOP_LIMIT = 3,   /* TM_FOLLOW_BYTES */
	TM_STOP_TCP_END = 4, /* the connection is closed */
};

enum tm_stop_flags {
	TM_STOP_LOCAL_FIN = 1,	  /* the watched socket sent FIN first */
	TM_STOP_REMOTE_FIN = 2,	  /* the peer sent FIN first */
	TM_STOP_LOCAL_RESET = 4,  /* closed by the watched socket without FIN */
	TM_STOP_REMOTE_RESET = 8, /* the peer sent RST */
	TM_STOP_TIMED_OUT = 16,	  /* retransmissions or keep-alive ran out */
};

struct tm_event_header {
	__u64 time_ns;
	__u64
	    flow; /* the connection: socket cookie, or a number with the top bit set for data that came before the socket */
	__u8 version;	/* TM_EVENTS_VERSION */
	__u8 kind;	/* enum tm_event_kind */
	__u8 direction; /* enum tm_direction */
	__u8 flags;	/* enum tm_{open,data,stop}_flags */
	__u32 pad;
};

/* Addresses as the watched socket sees them; IPv4 as ::ffff:a.b.c.d. Network order; ports in host order. */
struct tm_address {
	__u8 local_ip[16];
	__u8 remote_ip[16];
	__u16 local_port;
	__u16 remote_port;
	__u32 netns; /* inode number of the network namespace, 0 when it could not be read */
};

/* The process that uses the socket; all zero when not known. comm and start time are the group leader's. */
struct tm_owner {
	__u64 start_time_ns; /* task_struct.start_boottime */
	__u64 cgroup_id;
	__u32 tgid;
	__u32 uid; /* task_struct.cred->uid: the real user, in the initial user namespace */
	char comm[TM_COMM_BYTES];
};

/* A ClientHello opens: header.direction is who sent it. A second one completes the first with what was not known then. */
struct tm_open_event {
	struct tm_event_header header;
	struct tm_address address;
	struct tm_owner owner;
	__u64 syn_ns;	      /* start of the TCP handshake; 0 when not seen */
	__u64 established_ns; /* end of the TCP handshake; 0 when not seen */
	__u32 from[2];	      /* by direction: the stream offset from which on records are followed */
};

/* A record of which only the header is told: 5 bytes at `offset`, then `length` bytes. */
struct tm_mark {
	__u32 offset;
	__u16 length;
	__u8 type;
	__u8 pad;
};

/* Stream bytes [offset, offset + length) and the records without body of one segment. */
struct tm_data_event {
	struct tm_event_header header;
	__u32 offset;
	__u32 length;
	__u32 mark_count; /* at most TM_MARKS */
	__u32 pad;
	struct tm_mark marks[TM_MARKS];
	/* `length` bytes follow, then room up to the event's size class */
};

struct tm_owner_event {
	struct tm_event_header header;
	struct tm_owner owner;
};

struct tm_stop_event {
	struct tm_event_header header;
	__u32 reason; /* enum tm_stop_reason */
	__u32 pad;
};

/* Per-CPU counters; user space sums them. Names for export stand in source_counters.cc, in this order. */
enum tm_counter {
	/* events that did not fit into the ring, by kind */
	TM_LOST_OPEN,
	TM_LOST_DATA,
	TM_LOST_OWNER,
	TM_LOST_STOP,
	/* facts that could not be taken */
	TM_STORAGE_FAILED, /* socket storage could not be created: connection not watched */
	TM_GAP,		   /* a segment came before an earlier one */
	TM_RECORDS_LIMIT,  /* more records in a segment than the walk follows */
	TM_HELD,	   /* a first segment out of order was held */
	TM_HELD_LOST,	   /* a first segment out of order could not be held */
	TM_LOAD_FAILED,	   /* packet bytes could not be read */
	TM_JOINED_LATE,	   /* the connection was open before the programs were */
	TM_LISTENER_DATA,  /* a ClientHello reached the listener before its socket existed */
	/* connections that never opened a handshake */
	TM_PLAIN_HTTP,	   /* began with an HTTP/1 request */
	TM_PLAIN_OTHER,	   /* TM_SNIFF_BYTES or TM_SNIFF_PACKETS passed */
	TM_PLAIN_CLOSED,   /* carried data, closed before the limits */
	TM_EMPTY_CLOSED,   /* closed without one byte of data */
	TM_CONNECT_FAILED, /* never established */
	/* handshakes */
	TM_OPENED,
	TM_OVER,     /* TM_STOP_HANDSHAKE_OVER */
	TM_FILTERED, /* a hello that nobody asked for: the connection is left alone */
	/* the library sensor (library.h) */
	TM_LIBRARY_LOST,	 /* events that did not fit into its ring */
	TM_LIBRARY_FORGOTTEN,	 /* nothing was known of a handshake at its end */
	TM_LIBRARY_UNREADABLE,	 /* memory of the process was paged out, or not what the image's plan says */
	TM_CERTIFICATE_LIMIT,	 /* certificates longer than TM_CERTIFICATE_BYTES or beyond TM_CHAIN */
	TM_LIBRARY_TWICE,	 /* one beginning was reported by two probes: an image is attached twice */
	TM_CERTIFICATE_REPEATED, /* bytes left out: sent before */
	TM_LOST_MAPPING,	 /* a mapping of a file that is not known: it is found later */
	TM_COUNTERS
};

struct tm_counters {
	__u64 value[TM_COUNTERS];
};

TM_STATIC_ASSERT(sizeof(struct tm_event_header) == 24, "events.h: header");
TM_STATIC_ASSERT(sizeof(struct tm_address) == 40, "events.h: address");
TM_STATIC_ASSERT(sizeof(struct tm_owner) == 40, "events.h: owner");
TM_STATIC_ASSERT(sizeof(struct tm_open_event) == 128, "events.h: open");
TM_STATIC_ASSERT(sizeof(struct tm_mark) == 8, "events.h: mark");
TM_STATIC_ASSERT(sizeof(struct tm_data_event) == 40 + 8 * TM_MARKS, "events.h: data");
TM_STATIC_ASSERT(sizeof(struct tm_owner_event) == 64, "events.h: owner event");
TM_STATIC_ASSERT(sizeof(struct tm_stop_event) == 32, "events.h: stop");

#endif /* TLSMETER_BPF_EVENTS_H */
