/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table: find, insert, unlink, resize, walk.
 */
#ifndef CT_HASH_H
#define CT_HASH_H

#include "ct_flow.h"
#include "ct_tuple.h"

/* Stripes of bucket locks, and with it the smallest table. */
#define CT_BUCKETS_MIN	1024U
#define CT_BUCKETS_MAX	0x8000000U

/* Each bucket that has flows is looked into at least so often, in jiffies. */
#define CT_VISIT	(120 * HZ)

struct ct_flow *ct_hash_find(struct ct_net *cnet, const struct ct_lookup_key *id,
			     enum ip_conntrack_dir *dir);
struct ct_flow *ct_hash_pick(u32 hash,
			     bool (*fits)(const struct ct_flow *flow,
					  const void *arg),
			     const void *arg);
u32 ct_hash_peek(u32 hash);
void ct_hash_unlink(struct ct_flow *flow);
void ct_hash_expire_sooner(const struct ct_flow *flow);

unsigned int ct_hash_buckets(void);
unsigned int ct_hash_default(void);
int ct_hash_size(unsigned long wanted, unsigned int *buckets);
int ct_hash_resize(unsigned int buckets);

int ct_hash_init(unsigned int buckets);
void ct_hash_exit(void);

/**
 * struct ct_snapshot - a flow as it was at one moment
 * @proto: its protocol
 * @tuple: both directions
 * @packets: counters
 * @bytes: counters
 * @state: protocol state
 * @status: IPS_*
 * @mark: connection mark
 * @left: jiffies until it ends
 * @start: when it began, ns since 1970; 0 if not noted
 * @labels: connection labels
 * @has_labels: it was given some
 * @hash: hash of its key; with @flow what tells it from others
 * @flow: the flow, as an identity only: it may be gone
 */
struct ct_snapshot {
	const struct ct_proto *proto;
	struct ct_tuple tuple[IP_CT_DIR_MAX];
	u64 packets[IP_CT_DIR_MAX];
	u64 bytes[IP_CT_DIR_MAX];
	union ct_state state;
	u32 status;
	u32 mark;
	s32 left;
	u64 start;
	u32 labels[CT_LABEL_WORDS];
	bool has_labels;
	u32 hash;
	const struct ct_flow *flow;
};

void ct_flow_snapshot(const struct ct_flow *flow, u32 now,
		      struct ct_snapshot *snap);
u32 ct_flow_id(const struct ct_snapshot *snap);

#define CT_WALK_BATCH	32
#define CT_WALK_LOOKS	4096	/* buckets and nodes between two pauses */

/**
 * struct ct_walk - a walk through all flows
 * @cnet: flows of this namespace; %NULL for those of all that are ending
 * @family: NFPROTO_*; NFPROTO_UNSPEC for both
 * @rev: bits of the hash, read backwards, of the last flow that was given
 * @addr: its address; together they are the position
 * @done: the batch is the last
 * @next: where the search goes on behind the batch
 * @given: flows that were given
 * @looked: buckets and nodes that were looked at since others could run
 * @n: flows in the batch
 * @i: flows of it that were given
 * @batch: flows collected under a stripe lock, in order
 *
 * The order is that of the bits of the hash read backwards, then of the
 * address. A bucket of a table of any power of two is one stretch of that
 * order, so that resizing neither hides a flow nor shows one twice, and a
 * position means the same after any change: a flow that lives through the
 * walk is given exactly once. (Redis' SCAN goes through its tables like this.)
 */
struct ct_walk {
	struct ct_net *cnet;
	u8 family;
	bool done;
	u32 rev;
	unsigned long addr;
	u64 next;
	unsigned int given;
	unsigned int looked;
	unsigned int n;
	unsigned int i;
	struct {
		struct ct_flow *flow;
		u32 rev;
	} batch[CT_WALK_BATCH];
};

void ct_walk_begin(struct ct_walk *walk, struct ct_net *cnet, u8 family);
void ct_walk_resume(struct ct_walk *walk);
void ct_walk_pause(struct ct_walk *walk);
struct ct_flow *ct_walk_next_locked(struct ct_walk *walk);
bool ct_walk_next(struct ct_walk *walk, struct ct_snapshot *snap);

#endif /* CT_HASH_H */
