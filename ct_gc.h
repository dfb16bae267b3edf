/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The reaper.
 */
#ifndef CT_GC_H
#define CT_GC_H

#include <linux/types.h>
#include <linux/workqueue.h>

struct ct_flow;

/**
 * struct ct_sample - a look at some flows
 * @wanted: how many to find, more or less
 * @found: how many of those that were looked at were what is looked for
 * @seen: how many were looked at
 * @visit: is this one? Called with its stripe held, and not its own lock: what
 *	may change is an estimate
 */
struct ct_sample {
	unsigned int wanted;
	unsigned int found;
	unsigned int seen;
	bool (*visit)(struct ct_flow *flow, struct ct_sample *sample);
};

void ct_gc_sample(u32 *hand, struct ct_sample *sample, u32 now);

void ct_gc_kick(void);
void ct_gc_queue(struct delayed_work *work, unsigned long delay);
void ct_gc_follow(bool (*fn)(unsigned long flows));
int ct_gc_init(void);
void ct_gc_exit(void);

#endif /* CT_GC_H */
