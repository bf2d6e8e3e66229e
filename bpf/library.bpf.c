// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Probes in TLS libraries: what TLS 1.3 hides on the wire. One program serves every probe of every image; the cookie says
 * which it is.
 *
 * All probes are of the entry kind. A return probe replaces the return address, which kills a program that switches stacks
 * inside the probed function (fibers, OpenSSL's async jobs); instead a probe at the end of a step pairs with the entry by
 * {process, stack pointer at the entry}. What is read are fields of the connection object and certificates: never a buffer
 * of SSL_read or SSL_write, never a key or a ticket.
 *
 * Uprobe programs are preempted, so nothing is staged per CPU: bytes go straight into the ring.
 *
 * Order of the file, bottom up: end, steps, errors and alerts, certificates, GnuTLS, dispatch.
 */
#include "cgroup.bpf.h"
#include "library.bpf.h"
#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* OpenSSL: ssl/statem/statem_local.h and ssl.h. The same from 1.1.0 on. */
enum {
	MSG_FLOW_UNINITED = 0,
	MSG_FLOW_ERROR = 1,
	MSG_FLOW_READING = 2,
	MSG_FLOW_WRITING = 3,
	MSG_FLOW_FINISHED = 4,
	TLS_ST_OK = 1,
	SSL_READING = 3,
	BIO_FLAGS_SHOULD_RETRY = 8,
	BIO_TYPE_SOCKET = 0x505,
	ERR_LIB_SSL = 20,
	SSL_AD_REASON_OFFSET = 1000, /* reasons above it: the alert of this number was received */
	ALERT_WARNING = 1,
	ALERT_CLOSE_NOTIFY = 0,
};

/* GnuTLS: gnutls/gnutls.h. Results of gnutls_handshake after which it is called again, and others of interest. */
enum {
	GNUTLS_E_FATAL_ALERT_RECEIVED = -12,
	GNUTLS_E_WARNING_ALERT_RECEIVED = -16,
	GNUTLS_E_AGAIN = -28,
	GNUTLS_E_REHANDSHAKE = -37,
	GNUTLS_E_INTERRUPTED = -52,
	GNUTLS_E_HEARTBEAT_PONG_RECEIVED = -292,
	GNUTLS_E_HEARTBEAT_PING_RECEIVED = -293,
	GNUTLS_E_REAUTH_REQUEST = -424,
};

/* An entry that repeats the last one of this object and stack within this time is the same entry, probed twice. */
#define TWICE_NS 5000

#define S_IFMT 0170000
#define S_IFSOCK 0140000

/* ---- end ---- */

/* The ends of the socket behind file descriptor `fd` of the current process. Leaves `a` as it is when there is none. */
__noinline int tm_socket_address(__u32 fd, struct tm_address *a)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table;
	struct file **files, *file = 0;
	struct socket *socket;
	struct sock *sk;
	__u16 family;

	if (!a)
		return -1;
	table = BPF_CORE_READ(task, files, fdt);
	if (fd >= BPF_CORE_READ(table, max_fds))
		return -1;
	files = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
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
	__u64 bio, name, fd;

	if (!e)
		return -1;
	e->verify_result = tm_field_number(slot, TM_FIELD_VERIFY_RESULT, object);
	e->handshake_state = tm_field_number(slot, TM_FIELD_HANDSHAKE_STATE, object);
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
		e->flags |= TM_LIBRARY_PEER;
	read_random(slot, TM_FIELD_CLIENT_RANDOM, object, e->client_random);
	read_random(slot, TM_FIELD_SERVER_RANDOM, object, e->server_random);
	read_alpn(slot, object, e);
	name = tm_field_number(slot, TM_FIELD_SERVER_NAME, object);
	if (name && bpf_probe_read_user_str(e->server_name, sizeof(e->server_name), (void *)name) < 0)
		count(TM_LIBRARY_UNREADABLE);
	bio = tm_field_number(slot, TM_FIELD_READ_BIO, object);
	if (bio && tm_field_number(slot, TM_FIELD_BIO_TYPE, bio) == BIO_TYPE_SOCKET)
		tm_socket_address(tm_field_number(slot, TM_FIELD_BIO_NUMBER, bio), &e->address);
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
	if (outcome != TM_LIBRARY_SUCCESS)
		st->flags |= STATE_FAILED;
	e = bpf_ringbuf_reserve(&tm_library_ring, sizeof(*e), 0);
	if (!e) {
		count(TM_LIBRARY_LOST);
		return -1;
	}
	__builtin_memset(e, 0, sizeof(*e));
	fill_library_header(&e->library, TM_EVENT_LIBRARY_END, object, st);
	fill_owner(&e->owner, bpf_get_current_task_btf());
	e->inside_ns = st->inside_ns;
	e->steps = st->steps;
	e->outcome = outcome;
	/* What a success met on its way, such as an error that a callback raised and forgave, is none of its own. */
	if (outcome != TM_LIBRARY_SUCCESS)
		e->reason = st->reason;
	e->alert_level = st->alert_level;
	e->alert_description = st->alert_description;
	if (st->flags & STATE_MET_LATE)
		e->flags |= TM_LIBRARY_MET_LATE;
	if (st->flags & STATE_GNUTLS) {
		e->stack = TM_STACK_GNUTLS;
		if (st->reason == -GNUTLS_E_FATAL_ALERT_RECEIVED) {
			e->flags |= TM_LIBRARY_ALERT_RECEIVED;
			e->alert_received = tm_field_number(st->slot, TM_FIELD_RECEIVED_ALERT, object);
		}
	}
	tm_read_object(st->slot, object, e);
	bpf_ringbuf_submit(e, library_submit_flags());
	return 0;
}

/* ---- steps ---- */

/* A step of the object in arg1 begins; `st` is its state or null, `flags` those of a handshake that begins with it. */
static __always_inline int begin_step(struct pt_regs *ctx, __u32 slot, struct library_state *st, __u8 flags)
{
	__u64 id = bpf_get_current_pid_tgid(), object = PT_REGS_PARM1(ctx), now = bpf_ktime_get_ns();
	struct place key = place_of(object), frame = place_of(PT_REGS_SP(ctx));
	struct step step = {.object = object, .entry_ns = now};
	struct step *old;

	old = bpf_map_lookup_elem(&tm_steps, &frame);
	if (old && old->object == object && now - old->entry_ns < TWICE_NS) {
		count(TM_LIBRARY_TWICE);
		return 0;
	}
	if (!st || st->end_ns) {
		struct library_state fresh = {.start_ns = now, .slot = slot, .flags = flags};

		bpf_map_update_elem(&tm_objects, &key, &fresh, BPF_ANY);
	} else {
		st->step_errors = 0;
	}
	bpf_map_update_elem(&tm_steps, &frame, &step, BPF_ANY);
	bpf_map_update_elem(&tm_current, &id, &object, BPF_ANY);
	return 0;
}

/* The step that ends here: its object, and that one's state; null when none is known. */
static __always_inline struct library_state *end_step(struct pt_regs *ctx, __u32 depth, __u64 *object)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct place frame = place_of(PT_REGS_SP(ctx) + depth);
	struct step *step = bpf_map_lookup_elem(&tm_steps, &frame);
	struct library_state *st;
	__u64 entry_ns;

	if (!step)
		return 0;
	*object = step->object;
	entry_ns = step->entry_ns;
	bpf_map_delete_elem(&tm_steps, &frame);
	bpf_map_delete_elem(&tm_current, &id);
	st = state_of(*object);
	if (!st) {
		count(TM_LIBRARY_FORGOTTEN);
		return 0;
	}
	st->steps++;
	st->inside_ns += bpf_ktime_get_ns() - entry_ns;
	return st;
}

static __always_inline int on_entry(struct pt_regs *ctx, __u32 slot)
{
	__u64 object = PT_REGS_PARM1(ctx);
	struct library_state *st = state_of(object);
	__u32 flow = tm_field_number(slot, TM_FIELD_STATE_MACHINE, object);

	if (flow != MSG_FLOW_UNINITED) {
		/* A ticket, a key update, a renegotiation: not the handshake. */
		if (st ? st->end_ns != 0 : flow != MSG_FLOW_READING && flow != MSG_FLOW_WRITING)
			return 0;
		/* Failed between two steps: the state machine returns at once. */
		if (flow == MSG_FLOW_ERROR)
			return tm_end(object, st, TM_LIBRARY_FAILURE);
	}
	return begin_step(ctx, slot, st, flow != MSG_FLOW_UNINITED ? STATE_MET_LATE : 0);
}

/* Did a step that returned without success end the handshake? An error is not always marked: 3.5 does not for bytes that are
 * no TLS, 1.1.1 raises none at the end of the stream, and no version does when the connection is reset. */
static __always_inline bool has_failed(const struct library_state *st, __u64 object, __u32 flow)
{
	__u64 bio;

	if (st->step_errors || flow == MSG_FLOW_ERROR)
		return true;
	if (tm_field_number(st->slot, TM_FIELD_WAITING, object) != SSL_READING)
		return false;
	bio = tm_field_number(st->slot, TM_FIELD_READ_BIO, object);
	return bio && !(tm_field_number(st->slot, TM_FIELD_BIO_FLAGS, bio) & BIO_FLAGS_SHOULD_RETRY);
}

static __always_inline int on_return(struct pt_regs *ctx, __u32 depth)
{
	__u64 object = 0;
	struct library_state *st = end_step(ctx, depth, &object);
	__u32 flow;

	if (!st)
		return 0;
	flow = tm_field_number(st->slot, TM_FIELD_STATE_MACHINE, object);
	if (flow == MSG_FLOW_FINISHED) {
		/* With early data the state machine pauses as if it had finished. */
		if (tm_field_number(st->slot, TM_FIELD_HANDSHAKE_STATE, object) == TLS_ST_OK)
			tm_end(object, st, TM_LIBRARY_SUCCESS);
	} else if (has_failed(st, object, flow)) {
		tm_end(object, st, TM_LIBRARY_FAILURE);
	}
	return 0;
}

static __always_inline int on_free(struct pt_regs *ctx)
{
	struct place key = place_of(PT_REGS_PARM1(ctx));
	struct library_state *st = bpf_map_lookup_elem(&tm_objects, &key);

	if (!st)
		return 0;
	if (!st->end_ns && st->steps)
		tm_end(key.address, st, TM_LIBRARY_ABANDONED);
	bpf_map_delete_elem(&tm_objects, &key);
	return 0;
}

/* ---- errors and alerts ---- */

static __always_inline void emit_late(__u64 object, struct library_state *st, __u32 description)
{
	struct tm_library_late_event *e;

	if (st->flags & (STATE_FAILED | STATE_LATE) || bpf_ktime_get_ns() - st->end_ns > TM_LATE_NS)
		return;
	st->flags |= STATE_LATE;
	e = bpf_ringbuf_reserve(&tm_library_ring, sizeof(*e), 0);
	if (!e) {
		count(TM_LIBRARY_LOST);
		return;
	}
	fill_library_header(&e->library, TM_EVENT_LIBRARY_LATE, object, st);
	e->alert_description = description;
	e->pad = 0;
	bpf_ringbuf_submit(e, library_submit_flags());
}

/*
 * The object that raised an error outside a step. The functions that read a late alert keep it in a register which calls
 * preserve; a value that is no known object of this process finds nothing.
 */
static __always_inline __u64 object_in_registers(struct pt_regs *ctx)
{
#if defined(__TARGET_ARCH_x86)
	__u64 candidate[6] = {ctx->rbx, ctx->rbp, ctx->r12, ctx->r13, ctx->r14, ctx->r15};
#else
	__u64 candidate[10];
	struct user_pt_regs *regs = (void *)ctx;

#pragma unroll
	for (int i = 0; i < 10; i++)
		candidate[i] = regs->regs[19 + i];
#endif

#pragma unroll
	for (unsigned int i = 0; i < sizeof(candidate) / sizeof(candidate[0]); i++)
		if (state_of(candidate[i]))
			return candidate[i];
	return 0;
}

static __always_inline int on_error(struct pt_regs *ctx, __u32 library, __u32 reason)
{
	__u64 id = bpf_get_current_pid_tgid(), object;
	struct library_state *st;
	__u64 *current;

	if (library != ERR_LIB_SSL || !reason)
		return 0;
	current = bpf_map_lookup_elem(&tm_current, &id);
	object = current ? *current : object_in_registers(ctx);
	st = object ? state_of(object) : 0;
	if (!st)
		return 0;
	if (st->end_ns) {
		if (reason > SSL_AD_REASON_OFFSET)
			emit_late(object, st, reason - SSL_AD_REASON_OFFSET);
		return 0;
	}
	st->step_errors++;
	if (!st->reason)
		st->reason = reason;
	return 0;
}

static __always_inline int on_alert(struct pt_regs *ctx, __u32 slot)
{
	__u64 object = PT_REGS_PARM1(ctx);
	struct library_state *st = state_of(object);
	__u8 alert[2];
	__u64 at;

	if (!st || st->end_ns)
		return 0;
	at = tm_field_address(slot, TM_FIELD_SEND_ALERT, object);
	if (!at)
		return 0;
	if (bpf_probe_read_user(alert, sizeof(alert), (void *)at)) {
		count(TM_LIBRARY_UNREADABLE);
		return 0;
	}
	/* The first fatal one is the cause, what follows is its echo. */
	if (alert[1] != ALERT_CLOSE_NOTIFY && st->alert_level <= ALERT_WARNING) {
		st->alert_level = alert[0];
		st->alert_description = alert[1];
	}
	return 0;
}

/* ---- certificates ---- */

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

/* Hashes the piece's first `size` bytes, the last word filled up with zeros. */
static __always_inline __u64 hash_piece(const struct piece *p, __u64 size)
{
	__u64 hash = tm_certificate_key ^ size;
	int i;

#pragma clang loop unroll(disable)
	for (i = 0; i < TM_PIECE_BYTES / 8; i++) {
		if ((__u64)i * 8 >= size)
			break;
		hash = (hash ^ p->words[i]) * 0xff51afd7ed558ccdULL; /* the multiplier of MurmurHash3's finalizer */
		hash ^= hash >> 32;
	}
	return hash ? hash : 1;
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
	__u64 offset = (__u64)number * TM_PIECE_BYTES, size, last, hash = 0;
	struct piece *p;

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
	last = (size - 1) / 8;
	barrier_var(last);
	barrier_var(size);
	if (last >= TM_PIECE_BYTES / 8 || size == 0 || size > TM_PIECE_BYTES)
		goto discard;
	p->words[last] = 0;
	if (bpf_probe_read_user(p->words, size, (void *)(c->from + offset))) {
		count(TM_LIBRARY_UNREADABLE);
		goto discard;
	}
	if (c->length <= TM_PIECE_BYTES) {
		__u8 yes = 1;

		hash = hash_piece(p, size);
		if (bpf_map_lookup_elem(&tm_certificates, &hash)) {
			bpf_ringbuf_discard(p, BPF_RB_NO_WAKEUP);
			emit_repeated(c, hash);
			return 1;
		}
		bpf_map_update_elem(&tm_certificates, &hash, &yes, BPF_ANY);
	}
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
discard:
	bpf_ringbuf_discard(p, BPF_RB_NO_WAKEUP);
	return 1;
}

/* Takes a certificate of the handshake whose step this thread runs. */
static __always_inline int take_certificate(__u64 from, __s64 length, __u8 flags)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u64 *object = bpf_map_lookup_elem(&tm_current, &id);
	struct copy c = {.from = from, .length = length, .flags = flags};

	if (!object || !from || length <= 0)
		return 0;
	c.object = *object;
	c.st = state_of(c.object);
	if (!c.st || c.st->end_ns)
		return 0;
	c.index = c.st->certificates[flags & TM_CERTIFICATE_OWN]++;
	if (c.index >= TM_CHAIN || length > TM_CERTIFICATE_BYTES) {
		if (c.index >= TM_CHAIN)
			c.st->certificates[flags & TM_CERTIFICATE_OWN] = TM_CHAIN;
		count(TM_CERTIFICATE_LIMIT);
		return 0;
	}
	bpf_loop(TM_CERTIFICATE_BYTES / TM_PIECE_BYTES, ship_piece, &c, 0);
	return 0;
}

static __always_inline int on_peer_certificate(struct pt_regs *ctx)
{
	__u64 from = 0;

	bpf_probe_read_user(&from, sizeof(from), (void *)PT_REGS_PARM2(ctx));
	return take_certificate(from, PT_REGS_PARM3(ctx), 0);
}

/* The function advances the caller's pointer, so the place is kept from the entry; the bytes are there at the return. */
static __always_inline int on_own_certificate_entry(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), out = PT_REGS_PARM2(ctx), to = 0;
	struct place frame = place_of(PT_REGS_SP(ctx));

	if (!out || !bpf_map_lookup_elem(&tm_current, &id))
		return 0;
	bpf_probe_read_user(&to, sizeof(to), (void *)out);
	if (to)
		bpf_map_update_elem(&tm_own_certificates, &frame, &to, BPF_ANY);
	return 0;
}

static __always_inline int on_own_certificate_return(struct pt_regs *ctx)
{
	struct place frame = place_of(PT_REGS_SP(ctx));
	__u64 *kept = bpf_map_lookup_elem(&tm_own_certificates, &frame), from;

	if (!kept)
		return 0;
	from = *kept;
	bpf_map_delete_elem(&tm_own_certificates, &frame);
	return take_certificate(from, (int)PT_REGS_RC(ctx), TM_CERTIFICATE_OWN);
}

/* ---- GnuTLS ---- */

/* The program calls gnutls_handshake until it succeeds or fails for good. A call after that is no handshake of its own: a
 * renegotiation, or a program that does not take no for an answer. */
static __always_inline int on_gnu_entry(struct pt_regs *ctx, __u32 slot)
{
	__u64 object = PT_REGS_PARM1(ctx), random = 0, at;
	struct library_state *st = state_of(object);

	if (st)
		return st->end_ns ? 0 : begin_step(ctx, slot, st, 0);
	/* Sessions are made of zeros; the random is there once a ClientHello is. */
	at = tm_field_address(slot, TM_FIELD_CLIENT_RANDOM, object);
	if (at && bpf_probe_read_user(&random, sizeof(random), (void *)at))
		count(TM_LIBRARY_UNREADABLE);
	return begin_step(ctx, slot, st, STATE_GNUTLS | (random ? STATE_MET_LATE : 0));
}

static __always_inline int on_gnu_return(struct pt_regs *ctx)
{
	__u64 object = 0;
	struct library_state *st = end_step(ctx, 0, &object);
	int result = PT_REGS_RC(ctx);

	if (!st)
		return 0;
	switch (result) {
	case GNUTLS_E_WARNING_ALERT_RECEIVED:
	case GNUTLS_E_AGAIN:
	case GNUTLS_E_REHANDSHAKE:
	case GNUTLS_E_INTERRUPTED:
	case GNUTLS_E_HEARTBEAT_PONG_RECEIVED:
	case GNUTLS_E_HEARTBEAT_PING_RECEIVED:
	case GNUTLS_E_REAUTH_REQUEST:
		return 0;
	}
	if (result >= 0)
		return tm_end(object, st, TM_LIBRARY_SUCCESS);
	st->reason = -result;
	return tm_end(object, st, TM_LIBRARY_FAILURE);
}

/* Called for each certificate of the peer's message, and for what a program loads while no handshake runs. */
static __always_inline int on_gnu_peer_certificate(struct pt_regs *ctx)
{
	struct {
		__u64 data;
		__u32 size;
		__u32 pad;
	} datum = {};

	if (bpf_probe_read_user(&datum, sizeof(datum), (void *)PT_REGS_PARM2(ctx)))
		return 0;
	return take_certificate(datum.data, datum.size, 0);
}

/* ---- dispatch ---- */

/* Attached by the image manager, as one uprobe_multi link an image (since 6.6) or a perf uprobe a place. */
SEC("uprobe")
int tm_library(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	__u32 slot = (__u32)cookie >> TM_COOKIE_SLOT_SHIFT;

	if (!is_target(BPF_CORE_READ(bpf_get_current_task_btf(), cgroups, dfl_cgrp)))
		return 0;
	switch ((__u8)cookie) {
	case TM_PROBE_CONNECT_ENTRY:
	case TM_PROBE_ACCEPT_ENTRY:
		return on_entry(ctx, slot);
	case TM_PROBE_STATE_RETURN:
		return on_return(ctx, cookie >> TM_COOKIE_DEPTH_SHIFT);
	case TM_PROBE_ALERT_DISPATCH:
		return on_alert(ctx, slot);
	case TM_PROBE_ERROR_SET:
		return on_error(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
	case TM_PROBE_ERROR_PUT:
		return on_error(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM3(ctx));
	case TM_PROBE_PEER_CERTIFICATE:
		return on_peer_certificate(ctx);
	case TM_PROBE_OWN_CERTIFICATE_ENTRY:
		return on_own_certificate_entry(ctx);
	case TM_PROBE_OWN_CERTIFICATE_RETURN:
		return on_own_certificate_return(ctx);
	case TM_PROBE_FREE:
	case TM_PROBE_GNU_FREE:
		return on_free(ctx);
	case TM_PROBE_GNU_HANDSHAKE_ENTRY:
		return on_gnu_entry(ctx, slot);
	case TM_PROBE_GNU_HANDSHAKE_RETURN:
		return on_gnu_return(ctx);
	case TM_PROBE_GNU_PEER_CERTIFICATE:
		return on_gnu_peer_certificate(ctx);
	}
	return 0;
}
