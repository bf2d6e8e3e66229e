/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which cgroups are watched. */
#ifndef TLSMETER_BPF_CGROUP_H
#define TLSMETER_BPF_CGROUP_H

#include "maps.bpf.h"
#include <bpf/bpf_core_read.h>

/* Levels of a cgroup's path that are compared with the target. Kubernetes uses 4 to 6. */
#define MAX_CGROUP_DEPTH 16

/* The target itself, where there is one. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} tm_target __weak SEC(".maps");

/* Is the current task in the target or below it? One call of a helper; for other tasks and sockets the kernel has none. */
static __always_inline bool is_current_target(void)
{
	return !tm_target_cgroup || bpf_current_task_under_cgroup(&tm_target, 0) == 1;
}

/* The id of the cgroup at `level` of the path of `cg`, which is at least as deep; the root is level 0. */
static __always_inline __u64 ancestor_id(struct cgroup *cg, int level)
{
	struct cgroup *up = 0;
	__u64 id = 0;

	if (bpf_core_field_exists(cg->ancestors)) {
		bpf_probe_read_kernel(&up, sizeof(up), &cg->ancestors[level]);
		return BPF_CORE_READ(up, kn, id);
	}
	bpf_probe_read_kernel(&id, sizeof(id), &((struct cgroup___v5_15 *)cg)->ancestor_ids[level]);
	return id;
}

/* Is `cg` the target or below it? */
static __always_inline bool is_target(struct cgroup *cg)
{
	__u64 target = tm_target_cgroup;
	int level, i, known = tm_target_level;

	if (!target)
		return true;
	level = BPF_CORE_READ(cg, level);
	if (known)
		return level >= known && ancestor_id(cg, known) == target;
	for (i = 1; i < MAX_CGROUP_DEPTH && i <= level; i++) {
		if (ancestor_id(cg, i) == target) {
			tm_target_level = i;
			return true;
		}
	}
	return false;
}

#endif /* TLSMETER_BPF_CGROUP_H */
