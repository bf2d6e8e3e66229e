/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Putting events into the ring. A program calls the emit_ functions and nothing below them. */
#ifndef TLSMETER_BPF_EMIT_H
#define TLSMETER_BPF_EMIT_H

#include "maps.bpf.h"
#include <bpf/bpf_core_read.h>

/* When the reader of tm_ring was woken last. */
__u64 tm_woken_ns __weak;

/*
 * Waking the reader for each event costs the watched programs several times what the event does (16 % of the handshakes
 * against 3 %), so it is woken only when the ring fills faster than the reader polls; and not again at once, for a reader
 * that gets no CPU is not helped by it.
 */
static __always_inline __u64 flags_above(void *ring, __u64 bytes, __u64 *woken_ns)
{
	__u64 now;

	if (bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) <= bytes)
		return BPF_RB_NO_WAKEUP;
	now = bpf_ktime_get_ns();
	if (now - *woken_ns < TM_WAKE_INTERVAL_NS)
		return BPF_RB_NO_WAKEUP;
	*woken_ns = now;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline __u64 submit_flags(void)
{
	return flags_above(&tm_ring, TM_RING_WAKE_BYTES, &tm_woken_ns);
}

static __always_inline void fill_header(struct tm_event_header *h, __u64 flow, __u8 kind, __u8 direction, __u8 flags)
{
	h->time_ns = bpf_ktime_get_ns();
	h->flow = flow;
	h->version = TM_EVENTS_VERSION;
	h->kind = kind;
	h->direction = direction;
	h->flags = flags;
	h->pad = 0;
}

static __always_inline void emit_stop(const struct socket_state *st, __u32 reason, __u8 direction, __u8 flags)
{
	struct tm_stop_event *e = bpf_ringbuf_reserve(&tm_ring, sizeof(*e), 0);

	if (!e) {
		count(TM_LOST_STOP);
		return;
	}
	fill_header(&e->header, st->flow, TM_EVENT_STOP, direction, flags);
	e->reason = reason;
	e->pad = 0;
	bpf_ringbuf_submit(e, submit_flags());
}

/*
 * comm and start time of the group leader: a thread's own comm says little ("worker-3", "iou-sqp-41"). `task` is one that
 * the verifier knows as such, so its fields are plain loads; kernels that tell RCU pointers want these compared with null.
 */
static __always_inline void fill_owner(struct tm_owner *o, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	const struct cred *cred = task->cred;
	struct css_set *cgroups = task->cgroups;

	o->tgid = task->tgid;
	o->uid = cred ? cred->uid.val : 0;
	o->start_time_ns = leader->start_boottime;
	o->cgroup_id = cgroups ? cgroups->dfl_cgrp->kn->id : 0;
	bpf_probe_read_kernel(o->comm, sizeof(o->comm), leader->comm);
}

static __always_inline void emit_owner(__u64 flow, struct task_struct *task)
{
	struct tm_owner_event *e = bpf_ringbuf_reserve(&tm_ring, sizeof(*e), 0);

	if (!e) {
		count(TM_LOST_OWNER);
		return;
	}
	fill_header(&e->header, flow, TM_EVENT_OWNER, 0, 0);
	fill_owner(&e->owner, task);
	bpf_ringbuf_submit(e, submit_flags());
}

#endif /* TLSMETER_BPF_EMIT_H */
