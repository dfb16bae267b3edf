// SPDX-License-Identifier: GPL-2.0
/* local_lock_nested_bh() is there */
#include <linux/preempt.h>
#include <linux/local_lock.h>
#include <linux/percpu.h>
struct probe_cpu {
	local_lock_t lock;
};
static DEFINE_PER_CPU(struct probe_cpu, probe_cpu) = {
	.lock = INIT_LOCAL_LOCK(lock),
};
void probe(void);
void probe(void)
{
	local_lock_nested_bh(&probe_cpu.lock);
	local_unlock_nested_bh(&probe_cpu.lock);
}
