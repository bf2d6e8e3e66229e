/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which cgroups are watched. */
#ifndef TLSMETER_BPF_CGROUP_H
#define TLSMETER_BPF_CGROUP_H

#include "maps.bpf.h"
#include <bpf/bpf_core_read.h>

/* Levels of a cgroup's path that are compared with the target. Kubernetes uses 4 to 6. */
#define MAX_CGROUP_DEPTH 16

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
