/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A handshake of either library: how its end, and what comes after it, is told. */
#ifndef TLSMETER_BPF_LIBRARY_HANDSHAKE_BPF_H
#define TLSMETER_BPF_LIBRARY_HANDSHAKE_BPF_H

#include "descriptor.bpf.h"
#include "library.bpf.h"
#include <bpf/bpf_endian.h>

/* A beginning that repeats the last one of this object within this time is the same one, probed twice. */
#define TWICE_NS 5000

#define BIO_TYPE_SOCKET 0x505 /* openssl/bio.h */
#define ALERT_WARNING 1
#define ALERT_CLOSE_NOTIFY 0
#define S_IFMT 0170000
#define S_IFSOCK 0140000

/* The descriptor of the socket that an object of OpenSSL reads from; -1 when it reads from something else. */
static __always_inline int descriptor_of(__u32 slot, __u64 object)
{
	__u64 bio = tm_field_number(slot, TM_FIELD_READ_BIO, object);

	if (!bio || tm_field_number(slot, TM_FIELD_BIO_TYPE, bio) != BIO_TYPE_SOCKET)
		return -1;
	return tm_field_number(slot, TM_FIELD_BIO_NUMBER, bio);
}

/* The open file behind descriptor `fd` of the current process if it is a socket, else null. */
static __always_inline struct file *socket_file(int fd)
{
	struct file *file = fd >= 0 ? current_file(fd) : 0;

	return file && (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK ? file : 0;
}

/* The inode of the socket that an object of OpenSSL reads from; 0 when it reads from none. */
__noinline __u64 tm_socket_inode(__u32 slot, __u64 object)
{
	struct file *file = socket_file(descriptor_of(slot, object));

	return file ? BPF_CORE_READ(file, f_inode, i_ino) : 0;
}

/* The ends of the socket behind file descriptor `fd` of the current process. Leaves `a` as it is when there is none. */
__noinline int tm_socket_address(int fd, struct tm_address *a)
{
	struct socket *socket;
	struct file *file;
	struct sock *sk;
	__u16 family;

	if (!a)
		return -1;
	file = socket_file(fd);
	if (!file)
		return -1;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (!sk)
		return -1;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family == AF_INET6) {
		BPF_CORE_READ_INTO(&a->local_ip, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&a->remote_ip, sk, __sk_common.skc_v6_daddr);
	} else if (family == AF_INET) {
		__u32 local = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		__u32 remote = BPF_CORE_READ(sk, __sk_common.skc_daddr);

		a->local_ip[10] = a->local_ip[11] = a->remote_ip[10] = a->remote_ip[11] = 0xff;
		__builtin_memcpy(a->local_ip + 12, &local, 4);
		__builtin_memcpy(a->remote_ip + 12, &remote, 4);
	} else {
		return -1;
	}
	a->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	a->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	a->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	return 0;
}

static __always_inline void read_random(__u32 slot, __u32 name, __u64 object, __u8 *out)
{
	__u64 at = tm_field_address(slot, name, object);

	if (at && bpf_probe_read_user(out, 32, (void *)at))
		count(TM_LIBRARY_UNREADABLE);
}

static __always_inline void read_alpn(__u32 slot, __u64 object, struct tm_library_end_event *e)
{
	__u64 name = tm_field_number(slot, TM_FIELD_ALPN, object);
	__u64 length = tm_field_number(slot, TM_FIELD_ALPN_LENGTH, object);

	if (!name)
		return;
	if (length > TM_ALPN_BYTES)
		length = TM_ALPN_BYTES;
	barrier_var(length);
	if (length > TM_ALPN_BYTES || bpf_probe_read_user(e->alpn, length, (void *)name))
		return;
	e->alpn_length = length;
}

/* Fills in what the connection object says; `e` is zero but for its header. */
__noinline int tm_read_object(__u32 slot, __u64 object, struct tm_library_end_event *e)
{
	__u64 name, fd;

	if (!e)
		return -1;
	e->verify_result = tm_field_number(slot, TM_FIELD_VERIFY_RESULT, object);
	e->version = tm_field_number(slot, TM_FIELD_VERSION, object);
	e->cipher = tm_field_number(slot, TM_FIELD_CIPHER_ID, object);
	e->group = tm_field_number(slot, TM_FIELD_GROUP, object);
	if (!e->group)
		e->group = tm_field_number(slot, TM_FIELD_SESSION_GROUP, object);
	if (tm_field_number(slot, TM_FIELD_SERVER, object) == 1)
		e->flags |= TM_LIBRARY_SERVER;
	if (tm_field_number(slot, TM_FIELD_RESUMED, object))
		e->flags |= TM_LIBRARY_RESUMED;
	if (tm_field_number(slot, TM_FIELD_PEER, object))
		e->flags |= TM_LIBRARY_JUDGED;
	read_random(slot, TM_FIELD_CLIENT_RANDOM, object, e->client_random);
	read_random(slot, TM_FIELD_SERVER_RANDOM, object, e->server_random);
	read_alpn(slot, object, e);
	name = tm_field_number(slot, TM_FIELD_SERVER_NAME, object);
	if (name && bpf_probe_read_user_str(e->server_name, sizeof(e->server_name), (void *)name) < 0)
		count(TM_LIBRARY_UNREADABLE);
	tm_socket_address(descriptor_of(slot, object), &e->address);
	/* A program with a transport of its own keeps a pointer there, or nothing. */
	fd = tm_field_number(slot, TM_FIELD_FILE_DESCRIPTOR, object);
	if (fd && fd >> 31 == 0)
		tm_socket_address(fd, &e->address);
	return 0;
}

__noinline int tm_end(__u64 object, struct library_state *st, __u32 outcome)
{
	struct tm_library_end_event *e;

	if (!st)
		return -1;
	st->end_ns = bpf_ktime_get_ns();
	if (outcome == TM_LIBRARY_SUCCESS)
		st->flags &= ~STATE_FAILED;
	else
		st->flags |= STATE_FAILED;
	e = bpf_ringbuf_reserve(&tm_library_ring, sizeof(*e), 0);
	if (!e) {
		count(TM_LIBRARY_LOST);
		return -1;
	}
	__builtin_memset(e, 0, sizeof(*e));
	fill_library_header(&e->library, TM_EVENT_LIBRARY_END, object, st);
	fill_owner(&e->owner, bpf_get_current_task_btf());
	e->outcome = outcome;
	/* What a success met on its way, such as an error that a callback raised and forgave, is none of its own. */
	if (outcome != TM_LIBRARY_SUCCESS)
		e->reason = st->reason;
	e->alert_level = st->alert_level;
	e->alert_description = st->alert_description;
	if (st->flags & STATE_TENTATIVE)
		e->flags |= TM_LIBRARY_TENTATIVE;
	if (st->flags & STATE_MET_LATE)
		e->flags |= TM_LIBRARY_MET_LATE;
	if (st->flags & STATE_GNUTLS)
		e->stack = TM_STACK_GNUTLS;
	if (st->flags & STATE_ALERT_RECEIVED) {
		e->flags |= TM_LIBRARY_ALERT_RECEIVED;
		e->alert_received = st->alert_received;
	}
	tm_read_object(st->slot, object, e);
	if (st->flags & STATE_FREED && tm_socket_inode(st->slot, object) != st->socket)
		__builtin_memset(&e->address, 0, sizeof(e->address));
	if (st->flags & STATE_JUDGED) {
		e->flags |= TM_LIBRARY_JUDGED;
		e->verify_result = st->verify_result;
	}
	if (st->name == NAME_DIFFERS) {
		e->flags |= TM_LIBRARY_JUDGED;
		e->verify_result |= TM_GNUTLS_NAME_DIFFERS;
	}
	bpf_ringbuf_submit(e, library_submit_flags());
	return 0;
}

/* Tells what came after the end, the first of each kind. */
static __always_inline void emit_late(__u64 object, struct library_state *st, __u8 what, __u32 value)
{
	struct tm_library_late_event *e;

	if (st->late & 1 << what || bpf_ktime_get_ns() - st->end_ns > TM_LATE_NS)
		return;
	st->late |= 1 << what;
	e = bpf_ringbuf_reserve(&tm_library_ring, sizeof(*e), 0);
	if (!e) {
		count(TM_LIBRARY_LOST);
		return;
	}
	fill_library_header(&e->library, TM_EVENT_LIBRARY_LATE, object, st);
	e->value = value;
	e->what = what;
	__builtin_memset(e->pad, 0, sizeof(e->pad));
	bpf_ringbuf_submit(e, library_submit_flags());
}

/* An alert is sent within the handshake. The first fatal one is the cause, what follows is its echo. */
static __always_inline void note_alert(struct library_state *st, __u8 level, __u8 description)
{
	if (description == ALERT_CLOSE_NOTIFY || st->alert_level > ALERT_WARNING)
		return;
	st->alert_level = level;
	st->alert_description = description;
}

#endif /* TLSMETER_BPF_LIBRARY_HANDSHAKE_BPF_H */
