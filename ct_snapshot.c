// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots: a flow as it was at one moment, for who shows it or tells of it.
 *
 * Context
 *	A flow is looked at with its lock held. What was copied is the caller's.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <linux/siphash.h>
#include <linux/string.h>

#include "ct_compat.h"
#include "ct_hash.h"
#include "ct_proto.h"

/**
 * ct_flow_snapshot() - what a flow is at this moment
 * @flow: the flow, its lock held
 * @now: the moment
 * @snap: to be filled
 */
void ct_flow_snapshot(const struct ct_flow *flow, u32 now,
		      struct ct_snapshot *snap)
{
	const struct ct_ext *ext = ct_flow_rare(flow);
	enum ip_conntrack_dir dir;

	snap->proto = ct_proto_find(ct_flow_family(flow),
				    flow->node.key.protonum);
	for (dir = IP_CT_DIR_ORIGINAL; dir < IP_CT_DIR_MAX; dir++) {
		ct_flow_tuple(flow, dir, &snap->tuple[dir]);
		snap->packets[dir] = ct_flow_packets(flow, dir);
		snap->bytes[dir] = flow->bytes[dir];
	}
	snap->state = flow->state;
	snap->status = flow->status;
	snap->mark = READ_ONCE(flow->mark);
	snap->left = ct_left(flow->expires, now);
	snap->start = ext ? ext->start : 0;
	snap->has_labels = ext && ext->has_labels;
	if (snap->has_labels)
		memcpy(snap->labels, ext->labels, sizeof(snap->labels));
	snap->hash = flow->hash;
	snap->flow = flow;
}
EXPORT_SYMBOL_CT(ct_flow_snapshot);

/**
 * ct_flow_id() - a number by which tools tell flows apart
 * @snap: the flow
 *
 * It says nothing of where the flow is in memory.
 *
 * Context: any but hard interrupts.
 *
 * Return: the number, as it stands in messages and rules.
 */
u32 ct_flow_id(const struct ct_snapshot *snap)
{
	static siphash_key_t key __read_mostly;

	net_get_random_once(&key, sizeof(key));
	return siphash_2u64((unsigned long)snap->flow, snap->hash, &key);
}
EXPORT_SYMBOL_CT(ct_flow_id);
