/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which cgroups are watched. */
#ifndef TLSMETER_BPF_CGROUP_H
#define TLSMETER_BPF_CGROUP_H

#include "maps.bpf.h"
#include <bpf/bpf_core_read.h>

/* Levels of a cgroup's path that are compared with the target. Kubernetes uses 4 to 6. */
#define MAX_CGROUP_DEPTH 16

/* Is `cg` the target or below it? */
static __always_inline bool is_target(struct cgroup *cg)
{
	__u64 target = tm_target_cgroup, id = 0;
	int level, i;

	if (!target)
		return true;
	level = BPF_CORE_READ(cg, level);
	for (i = 0; i < MAX_CGROUP_DEPTH && i <= level; i++) {
		if (bpf_core_field_exists(cg->ancestors)) {
			struct cgroup *up = 0;

			bpf_probe_read_kernel(&up, sizeof(up), &cg->ancestors[i]);
			id = BPF_CORE_READ(up, kn, id);
		} else {
			struct cgroup___v5_15 *old = (void *)cg;

			bpf_probe_read_kernel(&id, sizeof(id), &old->ancestor_ids[i]);
		}
		if (id == target)
			return true;
	}
	return false;
}

#endif /* TLSMETER_BPF_CGROUP_H */
