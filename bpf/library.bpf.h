/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the probes of TLS libraries share: their maps, reading fields of a process, and their ring. */
#ifndef TLSMETER_BPF_LIBRARY_BPF_H
#define TLSMETER_BPF_LIBRARY_BPF_H

#include <linux/ptrace.h>
#include "emit.bpf.h"
#include "library.h"
#include <bpf/bpf_tracing.h>

/* Key of the hash of certificates, random in each run: nobody can make two certificates meet. */
const volatile __u64 tm_certificate_key = 0;

/* An address in a process: of a connection object, or of a place on a stack. */
struct place {
	__u64 address;
	__u32 tgid;
	__u32 pad;
};

/* A handshake, from its first step until the object is freed. */
struct library_state {
	__u64 start_ns;
	__u64 end_ns; /* 0 while it goes on */
	__u64 leaf;   /* GnuTLS: under which it is in tm_leaves */
	__u64 socket; /* OpenSSL: inode of the one that it reads from, when it began; 0 none */
	__u32 slot;
	__u32 steps;  /* GnuTLS: calls that have returned */
	__u32 reason; /* the first error of the TLS library */
	__u32 verify_result;
	__u8 alert_level, alert_description; /* of the one sent */
	__u8 alert_received;		     /* GnuTLS: the last one when the handshake ended */
	__u8 certificates[2];		     /* by TM_CERTIFICATE_OWN */
	__u8 flags;			     /* enum state_flags */
	__u8 late;			     /* by enum tm_late: the events that are out */
	__u8 name;			     /* enum name_check: GnuTLS, within the handshake */
	__u8 ends_told;			     /* OpenSSL: after errors, which may be forgiven */
	__u8 pad[7];
};

enum state_flags {
	STATE_MET_LATE = 1,
	STATE_FAILED = 2,
	STATE_GNUTLS = 4,
	STATE_ALERT_RECEIVED = 8, /* alert_received ended the handshake */
	STATE_JUDGED = 16,	  /* verify_result is that of GnuTLS, which keeps it nowhere */
	STATE_TENTATIVE = 32,	  /* OpenSSL: failed, unless it is seen to go on */
	STATE_FREED = 64,	  /* OpenSSL: the object goes; its descriptor may be another socket's by now */
};

/* Whether the peer's certificate is of the names that the program has asked for: one is enough. */
enum name_check {
	NAME_NOT_CHECKED = 0,
	NAME_DIFFERS,
	NAME_MATCHES,
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TM_LIBRARY_RING_BYTES);
} tm_library_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TM_IMAGES);
	__type(key, __u32);
	__type(value, struct tm_image);
} tm_images SEC(".maps");

/* Live connection objects by their address. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct place);
	__type(value, struct library_state);
} tm_objects SEC(".maps");

/* GnuTLS: the session whose peer is verified, and where the verdict will stand, 0: in the return register; by the stack
 * pointer at the entry of the function. */
struct verification {
	__u64 object;
	__u64 status;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct place);
	__type(value, struct verification);
} tm_verifications SEC(".maps");

/* GnuTLS: sessions by the address of the bytes of their peer's own certificate, once the handshake has succeeded. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct place);
	__type(value, __u64);
} tm_leaves SEC(".maps");

/* GnuTLS: what a program has made of those bytes, a gnutls_x509_crt_t, by its address. */
struct import {
	__u64 object; /* the session */
	__u64 start_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct place);
	__type(value, struct import);
} tm_imports SEC(".maps");

/* Hashes of certificates whose bytes were sent. User space deletes those whose bytes it no longer has. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TM_CERTIFICATES_KNOWN);
	__type(key, __u64);
	__type(value, __u8);
} tm_certificates SEC(".maps");

/* When the reader of tm_library_ring was woken last. */
__u64 tm_library_woken_ns;

static __always_inline __u64 library_submit_flags(void)
{
	return flags_above(&tm_library_ring, TM_LIBRARY_WAKE_BYTES, &tm_library_woken_ns);
}

static __always_inline struct place place_of(__u64 address)
{
	struct place p = {.address = address, .tgid = bpf_get_current_pid_tgid() >> 32};

	return p;
}

static __always_inline struct library_state *state_of(__u64 object)
{
	struct place key = place_of(object);

	return bpf_map_lookup_elem(&tm_objects, &key);
}

/* Nothing can come any more that would change how the handshake ended. */
static __always_inline bool is_over(const struct library_state *st)
{
	return st->end_ns && !(st->flags & STATE_TENTATIVE);
}

static __always_inline void fill_library_header(struct tm_library_header *h, __u8 kind, __u64 object,
						const struct library_state *st)
{
	fill_header(&h->header, object, kind, 0, 0);
	h->start_ns = st->start_ns;
	h->tgid = bpf_get_current_pid_tgid() >> 32;
	h->slot = st->slot;
}

/* Where the field lies in the process; 0 when the build has none or a pointer on the way is null or cannot be read. */
__noinline __u64 tm_field_address(__u32 slot, __u32 name, __u64 object)
{
	struct tm_image *image = bpf_map_lookup_elem(&tm_images, &slot);
	struct tm_field *field;
	__u64 at = object;
	int hop;

	if (!image || name >= TM_FIELDS)
		return 0;
	field = &image->field[name];
	if (field->hops == 0 || field->hops > TM_HOPS)
		return 0;
	for (hop = 0; hop < TM_HOPS && at; hop++) {
		at += field->offset[hop];
		if (hop + 1 == field->hops)
			return at;
		if (bpf_probe_read_user(&at, sizeof(at), (void *)at)) {
			count(TM_LIBRARY_UNREADABLE);
			return 0;
		}
	}
	return 0;
}

/* A field of up to 8 bytes as a number; 0 when it is not there. */
__noinline __u64 tm_field_number(__u32 slot, __u32 name, __u64 object)
{
	struct tm_image *image = bpf_map_lookup_elem(&tm_images, &slot);
	__u64 at = tm_field_address(slot, name, object), value = 0;
	__u32 size;

	if (!at || !image || name >= TM_FIELDS)
		return 0;
	size = image->field[name].size;
	/* Little endian: the first bytes of `value` are its low ones. */
	if (bpf_probe_read_user(&value, size == 8 ? 8 : size == 4 ? 4 : size == 2 ? 2 : 1, (void *)at))
		count(TM_LIBRARY_UNREADABLE);
	return value;
}

#endif /* TLSMETER_BPF_LIBRARY_BPF_H */
