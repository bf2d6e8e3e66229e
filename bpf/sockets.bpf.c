// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The life of a TCP connection and the process that uses it. */
#include "cgroup.bpf.h"
#include "emit.bpf.h"
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline bool is_tcp(const struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	return sk->sk_protocol == IPPROTO_TCP && (family == AF_INET || family == AF_INET6);
}

/* Creates the state of a socket that begins to live. */
static __always_inline struct socket_state *create(struct sock *sk)
{
	struct socket_state *st;

	if (!is_tcp(sk) || !is_target(BPF_CORE_READ(sk, sk_cgrp_data.cgroup)))
		return 0;
	st = bpf_sk_storage_get(&tm_sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!st)
		count(TM_STORAGE_FAILED);
	return st;
}

/* Lets go of what is kept for a socket outside its storage. */
static __always_inline void release(struct sock *sk, struct socket_state *st)
{
	if (st->flags & SOCK_UNREAD)
		reader_known(st, sk->__sk_common.skc_hash);
	if (st->flags & SOCK_HELD) {
		__u64 cookie = bpf_get_socket_cookie(sk);

		bpf_map_delete_elem(&tm_held, &cookie);
	}
}

static __always_inline void closed(struct sock *sk, struct socket_state *st, int oldstate)
{
	__u32 error, flags = st->flags;
	__u8 how = 0;

	release(sk, st);
	if (flags & SOCK_DONE)
		return;
	st->flags |= SOCK_DONE;
	if (!(flags & SOCK_OPENED)) {
		if (!st->established_ns && oldstate == TCP_SYN_SENT)
			count(TM_CONNECT_FAILED);
		else if (st->direction[TM_IN].next | st->direction[TM_OUT].next)
			count(TM_PLAIN_CLOSED);
		else
			count(TM_EMPTY_CLOSED);
		return;
	}
	error = sk->sk_err;
	if (flags & SOCK_LOCAL_FIN)
		how |= TM_STOP_LOCAL_FIN;
	else if (flags & SOCK_REMOTE_FIN)
		how |= TM_STOP_REMOTE_FIN;
	if (error == ETIMEDOUT)
		how |= TM_STOP_TIMED_OUT;
	else if (error)
		how |= TM_STOP_REMOTE_RESET;
	else if (oldstate == TCP_ESTABLISHED || oldstate == TCP_SYN_RECV)
		how |= TM_STOP_LOCAL_RESET;
	emit_stop(st, TM_STOP_TCP_END, TM_IN, how);
}

/*
 * inet_sock_set_state, every change of a TCP state (since 4.16): the only place that tells connect, established and closed
 * for both roles without a kprobe. Only SYN_SENT is in the context of the process that owns the socket; the others run
 * wherever the softirq happened to interrupt, so `current` is read there and nowhere else.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tm_state, struct sock *sk, int oldstate, int newstate)
{
	struct socket_state *st;

	switch (newstate) {
	case TCP_SYN_SENT:
		st = create(sk);
		if (!st)
			return 0;
		st->flags |= SOCK_CONNECTED;
		st->syn_ns = bpf_ktime_get_ns();
		fill_owner(&st->owner, bpf_get_current_task_btf());
		return 0;
	case TCP_ESTABLISHED:
		if (oldstate == TCP_SYN_RECV) {
			/* The child of a listener comes into being with the packet that completes the handshake. */
			st = create(sk);
			if (!st)
				return 0;
			st->flags |= SOCK_ACCEPTED;
			st->established_ns = bpf_ktime_get_ns();
			/* The first sample of the round trip is SYN-ACK to ACK; srtt_us is kept times eight. */
			st->syn_ns = st->established_ns - (BPF_CORE_READ((struct tcp_sock *)sk, srtt_us) >> 3) * 1000ULL;
			return 0;
		}
		st = bpf_sk_storage_get(&tm_sockets, sk, 0, 0);
		if (st)
			st->established_ns = bpf_ktime_get_ns();
		return 0;
	case TCP_FIN_WAIT1:
	case TCP_CLOSE_WAIT:
		st = bpf_sk_storage_get(&tm_sockets, sk, 0, 0);
		if (st && !(st->flags & (SOCK_LOCAL_FIN | SOCK_REMOTE_FIN)))
			st->flags |= newstate == TCP_FIN_WAIT1 ? SOCK_LOCAL_FIN : SOCK_REMOTE_FIN;
		return 0;
	case TCP_CLOSE:
		st = bpf_sk_storage_get(&tm_sockets, sk, 0, 0);
		if (st)
			closed(sk, st, oldstate);
		return 0;
	}
	return 0;
}

/*
 * tcp_rcv_space_adjust runs whenever received bytes are copied to their reader (since 4.16), in that process's context, also
 * for io_uring. The first read after a ClientHello names the process that really uses the socket, where accept() and
 * connect() name the one that opened it.
 */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(tm_read, struct sock *sk)
{
	__u32 hash = sk->__sk_common.skc_hash, tgid;
	struct socket_state *st;

	if (!tm_unread[hash & (TM_UNREAD_SLOTS - 1)])
		return 0;
	st = bpf_sk_storage_get(&tm_sockets, sk, 0, 0);
	if (!st || !(st->flags & SOCK_UNREAD))
		return 0;
	reader_known(st, hash);
	tgid = bpf_get_current_pid_tgid() >> 32;
	if (st->owner.tgid != tgid && !(st->flags & SOCK_DONE))
		emit_owner(st->flow, bpf_get_current_task_btf());
	return 0;
}

/* Names the owners of sockets that were open before the programs were attached. Runs once. */
SEC("iter/task_file")
int tm_open_sockets(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket_state *st;
	struct socket *s;
	struct sock *sk;

	if (!task || !file)
		return 0;
	s = bpf_sock_from_file(file);
	if (!s)
		return 0;
	sk = s->sk;
	if (!sk || !is_tcp(sk) || sk->__sk_common.skc_state != TCP_ESTABLISHED)
		return 0;
	st = create(sk);
	if (st && !st->owner.tgid)
		fill_owner(&st->owner, task);
	return 0;
}
