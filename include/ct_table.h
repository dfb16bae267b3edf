/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table's inside, for ct_hash.c and ct_walk.c alone.
 */
#ifndef CT_TABLE_H
#define CT_TABLE_H

#include <linux/rcupdate.h>
#include <linux/spinlock.h>

#include "ct_hash.h"

/**
 * struct ct_table - an array of buckets
 * @mask: buckets less one
 * @generation: tells the end markers of neighbouring tables apart
 * @next: the table that is taking this one's place, while it does
 * @due: by bucket, no later than when its first flow ends (low 32 bits of
 *	jiffies); lowered by anyone, raised by ct_hash_reap() only
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

static inline struct ct_alias *ct_node_alias(const struct ct_node *node)
{
	return node->key.kind & CT_KEY_ALIAS ?
	       container_of(node, struct ct_alias, node) : NULL;
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

#endif /* CT_TABLE_H */
