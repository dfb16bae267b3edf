/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table's inside, for the files that are the table (ct_hash.c, ct_resize.c,
 * ct_walk.c), for those that put flows there and take them out (ct_create.c, ct_gc.c),
 * and for the way of every packet (ct_find.h, ct_fast.c).
 */
#ifndef CT_TABLE_H
#define CT_TABLE_H

#include <linux/rcupdate.h>
#include <linux/spinlock.h>

#include "ct_hash.h"

/* Jiffies: an empty bucket's next visit */
#define CT_NEVER	0x40000000U

/**
 * struct ct_table - an array of buckets
 * @mask: buckets less one
 * @generation: tells the end markers of neighbouring tables apart
 * @next: the table that is taking this one's place, while it does
 * @due: by bucket, no later than when its first flow ends (low 32 bits of
 *	jiffies); lowered by anyone, raised under [S] only
 * @head: buckets; [S]
 */
struct ct_table {
	u32 mask;
	u32 generation;
	struct ct_table __rcu *next;
	u32 *due;
	struct ct_node __rcu *head[];
};

extern struct ct_table __rcu *ct_table;

/**
 * ct_stripe() - the lock of a hash's bucket, in whatever table
 * @hash: the hash
 *
 * A table has at least as many buckets as there are stripes, so a bucket is in
 * one stripe, and so are all buckets that its flows have in other tables.
 *
 * Return: the lock.
 */
spinlock_t *ct_stripe(u32 hash);
void ct_stripes_lock(u32 a, u32 b);
void ct_stripes_unlock(u32 a, u32 b);
void ct_stripes_init(void);

bool ct_hash_tend(void (*visit)(struct ct_table *t, u32 now), u32 now);

/* A chain ends in a number that says where: bit 0, generation, bucket. */
static inline struct ct_node *ct_end_marker(const struct ct_table *t, u32 b)
{
	return (struct ct_node *)((unsigned long)b << 2 |
				  (t->generation & 1) << 1 | 1);
}

static inline bool ct_is_end(const struct ct_node *node)
{
	return (unsigned long)node & 1;
}

/* Callers are in an RCU read-side section or hold the stripe. */
#define ct_node_next(p) rcu_dereference_raw(p)

#define ct_for_each_node(node, t, b)					\
	for (node = ct_node_next((t)->head[b]); !ct_is_end(node);	\
	     node = ct_node_next((node)->next))

/* The node is the first thing in both that it can be. */
static_assert(!offsetof(struct ct_flow, node));
static_assert(!offsetof(struct ct_alias, node));

static inline struct ct_alias *ct_node_alias(const struct ct_node *node)
{
	return unlikely(READ_ONCE(node->key.kind) & CT_KEY_ALIAS) ?
	       (struct ct_alias *)node : NULL;
}

static inline struct ct_flow *ct_node_flow(const struct ct_node *node)
{
	const struct ct_alias *alias = ct_node_alias(node);

	return alias ? READ_ONCE(alias->flow) :
		       container_of(node, struct ct_flow, node);
}

static inline u16 ct_node_net(const struct ct_node *node)
{
	const struct ct_alias *alias = ct_node_alias(node);

	return alias ? READ_ONCE(alias->net) :
		       READ_ONCE(container_of(node, struct ct_flow, node)->net);
}

/* Finding */

static inline bool ct_node_addr6_equal(const struct ct_node *node,
				       const struct in6_addr *addr)
{
	const struct ct_alias *alias = ct_node_alias(node);

	/* The node may become another one. It is looked at again. */
	return data_race(ct_addrs6_equal(alias ? ct_alias6(alias)->addr :
					 container_of(node, struct ct_flow6,
						      flow.node)->addr, addr));
}

/* @addr: two addresses, where the key is of IPv6 */
static __always_inline bool ct_node_matches(const struct ct_node *node,
					    const struct ct_net *cnet,
					    const struct ct_key *key,
					    const struct in6_addr *addr)
{
	return ct_key_equal(&node->key, key) &&
	       ct_node_net(node) == cnet->id &&
	       (likely(!(key->kind & CT_KEY_IPV6)) ||
		ct_node_addr6_equal(node, addr));
}

/* A flow that is dying has left the table already, for all who ask. */
static __always_inline bool ct_node_found(const struct ct_node *node,
					  const struct ct_net *cnet,
					  const struct ct_key *key,
					  const struct in6_addr *addr)
{
	return ct_node_matches(node, cnet, key, addr) &&
	       !(READ_ONCE(ct_node_flow(node)->status) & IPS_DYING);
}

/* Senders that a node stands for, as bits */
#define CT_SENDERS_BOTH	3U

/**
 * ct_node_senders() - whose packets does a node lead to its flow?
 * @node: the node; an estimate, unless its stripe's or its flow's lock is held
 *
 * The two nodes of a flow that we translate ourselves stand for one direction each:
 * what goes the other way between the same ends may be another flow's, as two hosts
 * may have one outside address and port, one of them by translation.
 *
 * Return: bits 1 << sender.
 */
static __always_inline u8 ct_node_senders(const struct ct_node *node)
{
	const struct ct_alias *alias = ct_node_alias(node);
	u32 status = READ_ONCE(ct_node_flow(node)->status);

	if (likely(!(status & CT_FLOW_BOUND)))
		return CT_SENDERS_BOTH;
	return BIT(alias ? alias->sender : !!(status & CT_FLOW_ORIGIN));
}

/*
 * Search one table. Sets @lost if the chain led elsewhere, in which case a
 * miss means nothing.
 */
static __always_inline struct ct_node *
ct_table_search(const struct ct_table *t, struct ct_net *cnet,
		const struct ct_lookup_key *id, bool *lost)
{
	u32 b = id->hash & t->mask;
	struct ct_node *node;
	u32 searched = 0;

	ct_for_each_node(node, t, b) {
		if (ct_node_found(node, cnet, &id->key, id->addr) &&
		    likely(ct_node_senders(node) & BIT(id->sender)))
			goto out;
		searched++;
	}
	*lost = node != ct_end_marker(t, b);
	node = NULL;
out:
	if (unlikely(searched))
		ct_stat_add(cnet, searched, searched);
	return node;
}

/* Lock the flow of a node and check that it still is what was looked for. */
static __always_inline struct ct_flow *
ct_node_lock(struct ct_node *node, struct ct_net *cnet, const struct ct_lookup_key *id,
	     enum ip_conntrack_dir *dir)
{
	struct ct_alias *alias = ct_node_alias(node);
	struct ct_flow *flow = ct_node_flow(node);
	bool original;

	ct_flow_lock(flow);
	if (unlikely(!ct_flow_alive(flow) ||
		     !ct_node_matches(node, cnet, &id->key, id->addr) ||
		     !(ct_node_senders(node) & BIT(id->sender))))
		goto gone;
	if (unlikely(alias)) {
		if (ct_flow_alias(flow) != alias)
			goto gone;
		original = id->sender != alias->sender;
	} else {
		original = id->sender == !!(flow->status & CT_FLOW_ORIGIN);
	}
	*dir = original ? IP_CT_DIR_ORIGINAL : IP_CT_DIR_REPLY;
	return flow;
gone:
	ct_flow_unlock(flow);
	return NULL;
}

/*
 * Where replies look otherwise they have a node of their own, and what looks
 * like a reply to the original packet is not one: no other flow has its place,
 * so it has none. Takes over the flow's lock.
 */
static __always_inline struct ct_flow *
ct_own_way(struct ct_flow *flow, const struct ct_node *node,
	   enum ip_conntrack_dir dir)
{
	if (likely(!ct_flow_alias(flow) ||
		   node != &flow->node || dir == IP_CT_DIR_ORIGINAL))
		return flow;
	ct_flow_unlock(flow);
	return NULL;
}

struct ct_flow *ct_hash_find_slowly(struct ct_net *cnet,
				    const struct ct_lookup_key *id,
				    enum ip_conntrack_dir *dir);

/* What ct_hash_find() does, for those whose every packet comes here. */
static __always_inline struct ct_flow *ct_find(struct ct_net *cnet,
					       const struct ct_lookup_key *id,
					       enum ip_conntrack_dir *dir)
{
	const struct ct_table *t = rcu_dereference_raw(ct_table);
	struct ct_flow *flow;
	struct ct_node *node;
	bool lost = false;

	node = ct_table_search(t, cnet, id, &lost);
	if (likely(node)) {
		flow = ct_node_lock(node, cnet, id, dir);
		if (likely(flow))
			return ct_own_way(flow, node, *dir);
	} else if (likely(!lost)) {
		smp_rmb();	/* as in search_all() */
		if (likely(!rcu_access_pointer(t->next)))
			return NULL;
	}
	return ct_hash_find_slowly(cnet, id, dir);
}

/* Linking */

static inline struct ct_table *ct_table_newest(void)
{
	struct ct_table *t = rcu_dereference_raw(ct_table), *next;

	while ((next = rcu_dereference_raw(t->next)))
		t = next;
	return t;
}

/* Stripe held. Is there another live node of the same identity? */
static __always_inline bool ct_node_is_taken(const struct ct_net *cnet,
					     const struct ct_node *node, u32 hash,
					     const struct in6_addr *addr)
{
	const struct ct_table *t;
	struct ct_node *other;

	for (t = rcu_dereference_raw(ct_table); t;
	     t = rcu_dereference_raw(t->next)) {
		ct_for_each_node(other, t, hash & t->mask) {
			if (ct_node_found(other, cnet, &node->key, addr) &&
			    likely(ct_node_senders(other) & ct_node_senders(node)))
				return true;
		}
	}
	return false;
}

static inline void ct_node_link(struct ct_table *t, struct ct_node *node,
				u32 hash)
{
	struct ct_node __rcu **head = &t->head[hash & t->mask];

	RCU_INIT_POINTER(node->next, ct_node_next(*head));
	rcu_assign_pointer(*head, node);
}

/* Hints */

static inline void ct_due_lower(struct ct_table *t, u32 hash, u32 expires)
{
	u32 *due = &t->due[hash & t->mask];
	u32 old = READ_ONCE(*due), seen;

	while (ct_left(expires, old) < 0) {
		seen = cmpxchg(due, old, expires);
		if (seen == old)
			break;
		old = seen;
	}
}

/* When to look at a flow next */
static inline u32 ct_next_visit(u32 expires, u32 now)
{
	return ct_left(expires, now) < CT_VISIT ? expires : now + CT_VISIT;
}

#endif /* CT_TABLE_H */
