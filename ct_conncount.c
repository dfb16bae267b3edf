// SPDX-License-Identifier: GPL-2.0
/*
 * Counting for rules: how many of the connections that a rule saw there are
 * (connlimit of iptables, "ct count" of nft).
 *
 * Overview
 *	A connection is counted when a rule sees a packet of it, and until
 *	somebody finds it gone from the table, or closed: TCP in TIME_WAIT or
 *	CLOSE holds nothing any more that a server could run out of. What was
 *	counted is in a list, and in one hash table, for a rule to find in one
 *	step whether it counted this one already.
 *
 *	A first packet's flow is made at the packet's last hook, after the rules:
 *	a connection is not missed in the table before CT_CONNCOUNT_GRACE has passed.
 *	If the flow comes later, its next packet counts it again.
 *
 *	Each packet looks for CT_CONNCOUNT_LOOKS connections that are gone, beginning
 *	with those that were not looked at for longest. So a list of that length
 *	is exact at each packet, and a longer one is behind by a few packets.
 *
 *	Lists and their locks are of one rule each. The hash table is one for all
 *	namespaces: it grows with what they count, its hash has a secret, and who
 *	looks something up walks one short chain. Whoever collects looks at
 *	CT_CONNCOUNT_PART of a list at a time, and goes on later: a list may have as
 *	many connections as its namespace.
 *
 * Context
 *	Counting: hooks, RCU read-side section; bottom halves are turned off
 *	here. A list's lock is taken before a stripe's and a flow's. Collecting:
 *	the same, from a work item. The rest: process.
 */
#include <linux/module.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "ct_compat.h"
#include "ct_conncount.h"
#include "ct_expire.h"
#include "ct_gc.h"
#include "ct_packet.h"
#include "ct_tcp.h"

#define CT_CONNCOUNT_LOOKS	64U
#define CT_CONNCOUNT_GRACE	2U		/* jiffies */
#define CT_CONNCOUNT_GC	(30 * HZ)	/* between two looks at all keys */
#define CT_CONNCOUNT_PART	1024U		/* looks of one list in a row */

/**
 * struct conn_key - by which a counted connection is found
 * @count: where it is counted
 * @key: its ends
 * @addr: their IPv6 addresses; zero for IPv4
 *
 * Has no padding.
 */
struct conn_key {
	struct ct_conncount *count;
	struct ct_key key;
	struct in6_addr addr[2];
};

/**
 * struct conn - a counted connection
 * @node: its place in the hash table
 * @key: what it is found by
 * @hash: the tracker's hash of it
 * @since: when it was counted; jiffies
 * @list: in its count
 * @rcu: for its end
 */
struct conn {
	struct rhash_head node;
	struct conn_key key;
	u32 hash;
	u32 since;
	struct list_head list;
	struct rcu_head rcu;
};

static const struct rhashtable_params conn_params = {
	.key_len = offsetofend(struct conn_key, addr),
	.key_offset = offsetof(struct conn, key),
	.head_offset = offsetof(struct conn, node),
	.automatic_shrinking = true,
};

/**
 * struct group - a key's count
 * @node: its place in struct ct_conncounts
 * @key: the key
 * @dead: it is no longer there; under the lock of @count
 * @left: connections to be looked at before the next pause of CT_CONNCOUNT_GC; the
 *	collector's alone
 * @count: the count
 * @rcu: for its end
 */
struct group {
	struct rhash_head node;
	struct ct_conncount_key key;
	bool dead;
	unsigned int left;
	struct ct_conncount count;
	struct rcu_head rcu;
};

static const struct rhashtable_params group_params = {
	.key_len = sizeof(struct ct_conncount_key),
	.key_offset = offsetof(struct group, key),
	.head_offset = offsetof(struct group, node),
	.automatic_shrinking = true,
};

static struct rhashtable conns;

/* Lists */

static bool is_closed(const struct ct_flow *flow)
{
	u8 state = flow->state.tcp.state;

	return flow->node.key.protonum == IPPROTO_TCP &&
	       (state == CT_TCP_TIME_WAIT || state == CT_TCP_CLOSE);
}

static bool is_gone(const struct conn *conn, struct ct_net *cnet, u32 now)
{
	enum ip_conntrack_dir dir;
	struct ct_flow *flow;
	struct ct_lookup_key id;
	bool closed;

	id.key = conn->key.key;
	memcpy(id.addr, conn->key.addr, sizeof(id.addr));
	id.hash = conn->hash;
	id.sender = 0;
	flow = ct_hash_find(cnet, &id, &dir);
	if (!flow)
		return now - conn->since > CT_CONNCOUNT_GRACE;
	closed = is_closed(flow);
	ct_flow_unlock(flow);
	return closed;
}

/* List's lock held */
static void drop(struct ct_conncount *count, struct conn *conn)
{
	list_del(&conn->list);
	rhashtable_remove_fast(&conns, &conn->node, conn_params);
	WRITE_ONCE(count->n, count->n - 1);
	kfree_rcu(conn, rcu);
}

static void collect(struct ct_conncount *count, struct ct_net *cnet)
{
	unsigned int looks = min(count->n, CT_CONNCOUNT_LOOKS);
	u32 now = ct_now();
	struct conn *conn;

	while (looks--) {
		conn = list_first_entry(&count->conns, struct conn, list);
		if (is_gone(conn, cnet, now))
			drop(count, conn);
		else
			list_move_tail(&conn->list, &count->conns);
	}
}

static int add(struct ct_conncount *count, const struct conn_key *key, u32 hash)
{
	struct conn *conn;

	conn = rhashtable_lookup_fast(&conns, key, conn_params);
	if (conn) {
		conn->since = ct_now();
		return 0;
	}
	conn = kmalloc(sizeof(*conn), GFP_ATOMIC | __GFP_NOWARN);
	if (!conn)
		return -ENOMEM;
	conn->key = *key;
	conn->hash = hash;
	conn->since = ct_now();
	if (rhashtable_insert_fast(&conns, &conn->node, conn_params)) {
		kfree(conn);
		return -ENOMEM;
	}
	list_add_tail(&conn->list, &count->conns);
	WRITE_ONCE(count->n, count->n + 1);
	return 0;
}

/* The packet's connection; @key->count is left. Returns false without one. */
static bool identify(const struct sk_buff *skb,
		     const struct nf_hook_state *state, struct conn_key *key,
		     u32 *hash)
{
	struct ct_snapshot snap;
	struct ct_lookup_key id;

	if (!ct_info_has_flow(ct_skb_snapshot(skb, state, &snap)))
		return false;
	ct_tuple_identify(&snap.tuple[IP_CT_DIR_ORIGINAL], ct_net(state->net),
			  &id);
	memset(key, 0, sizeof(*key));
	key->key = id.key;
	if (id.key.kind & CT_KEY_IPV6)
		memcpy(key->addr, id.addr, sizeof(key->addr));
	*hash = id.hash;
	return true;
}

/* List's lock held. Returns the count, or -ENOMEM. */
static int count_conn(struct ct_conncount *count, struct ct_net *cnet,
		      const struct conn_key *key, u32 hash)
{
	int err = add(count, key, hash);

	if (err)
		return err;
	collect(count, cnet);
	return min_t(unsigned int, count->n, INT_MAX);
}

/**
 * ct_conncount_init() - begin to count
 * @count: the count
 */
void ct_conncount_init(struct ct_conncount *count)
{
	spin_lock_init(&count->lock);
	INIT_LIST_HEAD(&count->conns);
	count->n = 0;
}
EXPORT_SYMBOL_CT(ct_conncount_init);

/* Returns true if there may be more. */
static bool drop_some(struct ct_conncount *count)
{
	unsigned int n = CT_CONNCOUNT_LOOKS;

	spin_lock_bh(&count->lock);
	for (; n && !list_empty(&count->conns); n--)
		drop(count, list_first_entry(&count->conns, struct conn, list));
	spin_unlock_bh(&count->lock);
	return !n;
}

/**
 * ct_conncount_exit() - end to count
 * @count: the count; no packet comes to it any more
 *
 * Context: any.
 */
void ct_conncount_exit(struct ct_conncount *count)
{
	while (drop_some(count))
		;	/* bottom halves run meanwhile */
}
EXPORT_SYMBOL_CT(ct_conncount_exit);

/**
 * ct_conncount_packet() - count a packet's connection, if it is not counted already
 * @count: where
 * @skb: the packet
 * @state: the hook
 *
 * A packet without a connection is not counted.
 *
 * Context: hooks, RCU read-side section.
 *
 * Return: how many connections are counted, or -ENOMEM.
 */
int ct_conncount_packet(struct ct_conncount *count, const struct sk_buff *skb,
			const struct nf_hook_state *state)
{
	struct conn_key key;
	u32 hash;
	int n;

	if (!identify(skb, state, &key, &hash))
		return READ_ONCE(count->n);
	key.count = count;
	spin_lock_bh(&count->lock);
	n = count_conn(count, ct_net(state->net), &key, hash);
	spin_unlock_bh(&count->lock);
	return n;
}
EXPORT_SYMBOL_CT(ct_conncount_packet);

/*
 * Look at @wanted, but no more than CT_CONNCOUNT_PART, those first that were not looked
 * at for longest; CT_CONNCOUNT_LOOKS at a time. The namespace may be on its way out, and
 * its tracker with it: then nothing is looked at. Returns how many are to be looked
 * at yet.
 */
static unsigned int collect_part(struct ct_conncount *count, const struct net *net,
				 unsigned int wanted)
{
	unsigned int done, most = min(wanted, CT_CONNCOUNT_PART);
	struct ct_net *cnet;

	rcu_read_lock();
	cnet = ct_net_alive(net);
	for (done = 0; cnet && done < most; done += CT_CONNCOUNT_LOOKS) {
		spin_lock_bh(&count->lock);
		collect(count, cnet);
		spin_unlock_bh(&count->lock);
	}
	rcu_read_unlock();
	return cnet ? wanted - most : 0;
}

/**
 * ct_conncount_gc() - look for connections that are gone
 * @count: the count
 * @net: its namespace
 *
 * Called again and again, comes by all of them.
 *
 * Context: process.
 *
 * Return: true if none is left.
 */
bool ct_conncount_gc(struct ct_conncount *count, struct net *net)
{
	collect_part(count, net, READ_ONCE(count->n));
	return !READ_ONCE(count->n);
}
EXPORT_SYMBOL_CT(ct_conncount_gc);

/* By key */

static struct group *group_make(struct ct_conncounts *counts,
				const struct ct_conncount_key *key)
{
	struct group *group, *other;

	group = kmalloc(sizeof(*group), GFP_ATOMIC | __GFP_NOWARN);
	if (!group)
		return NULL;
	group->key = *key;
	group->dead = false;
	group->left = 0;
	ct_conncount_init(&group->count);
	other = rhashtable_lookup_get_insert_fast(&counts->groups, &group->node,
						  group_params);
	if (!other)
		return group;
	kfree(group);
	return IS_ERR(other) ? NULL : other;
}

/**
 * ct_conncounts_packet() - ct_conncount_packet() among those with the same key
 * @counts: the counts
 * @addr: the key; the connection's zone belongs to it as well
 * @skb: the packet
 * @state: the hook
 *
 * Context: hooks, RCU read-side section.
 *
 * Return: as ct_conncount_packet().
 */
int ct_conncounts_packet(struct ct_conncounts *counts, const union nf_inet_addr *addr,
			 const struct sk_buff *skb,
			 const struct nf_hook_state *state)
{
	struct ct_net *cnet = ct_net(state->net);
	struct ct_conncount_key key = { .addr = *addr };
	struct conn_key conn;
	struct group *group;
	int n = -EAGAIN;
	bool has_conn;
	u32 hash;

	has_conn = identify(skb, state, &conn, &hash);
	if (has_conn)
		key.zone = conn.key.zone;
	while (n == -EAGAIN) {
		group = rhashtable_lookup_fast(&counts->groups, &key,
					       group_params);
		if (!has_conn)
			return group ? READ_ONCE(group->count.n) : 0;
		if (!group)
			group = group_make(counts, &key);
		if (!group)
			return -ENOMEM;
		conn.count = &group->count;
		spin_lock_bh(&group->count.lock);
		if (!group->dead)	/* or else there is another soon */
			n = count_conn(&group->count, cnet, &conn, hash);
		spin_unlock_bh(&group->count.lock);
	}
	return n;
}
EXPORT_SYMBOL_CT(ct_conncounts_packet);

/*
 * One that is empty goes. Returns true if there is more to look at; @first: all of it
 * is to be.
 */
static bool group_collect(struct ct_conncounts *counts, struct group *group,
			  bool first)
{
	if (first)
		group->left = READ_ONCE(group->count.n);
	else if (!group->left)
		return false;
	group->left = collect_part(&group->count, counts->net, group->left);
	spin_lock_bh(&group->count.lock);
	if (!group->count.n && !group->dead) {
		group->dead = true;
		rhashtable_remove_fast(&counts->groups, &group->node,
				       group_params);
		kfree_rcu(group, rcu);
	}
	spin_unlock_bh(&group->count.lock);
	return group->left;
}

static void counts_gc(struct work_struct *work)
{
	struct ct_conncounts *counts = container_of(to_delayed_work(work),
						    struct ct_conncounts, gc);
	struct rhashtable_iter iter;
	struct group *group;
	bool more = false;

	rhashtable_walk_enter(&counts->groups, &iter);
	rhashtable_walk_start(&iter);
	while ((group = rhashtable_walk_next(&iter))) {
		if (IS_ERR(group))
			continue;	/* the table changed: it goes on */
		more |= group_collect(counts, group, !counts->more);
		if (need_resched()) {
			rhashtable_walk_stop(&iter);
			cond_resched();
			rhashtable_walk_start(&iter);
		}
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	counts->more = more;
	ct_gc_queue(&counts->gc, more ? 1 : CT_CONNCOUNT_GC);
}

/**
 * ct_conncounts_init() - begin to count by key
 * @counts: the counts
 * @net: their namespace, which outlives them
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int ct_conncounts_init(struct ct_conncounts *counts, struct net *net)
{
	int err = rhashtable_init(&counts->groups, &group_params);

	if (err)
		return err;
	counts->net = net;
	counts->more = false;
	INIT_DELAYED_WORK(&counts->gc, counts_gc);
	ct_gc_queue(&counts->gc, CT_CONNCOUNT_GC);
	return 0;
}
EXPORT_SYMBOL_CT(ct_conncounts_init);

static void group_free(void *ptr, void *arg)
{
	struct group *group = ptr;

	ct_conncount_exit(&group->count);
	kfree_rcu(group, rcu);
}

/**
 * ct_conncounts_exit() - end to count by key
 * @counts: the counts; no packet comes to them any more
 *
 * Context: process, sleeps.
 */
void ct_conncounts_exit(struct ct_conncounts *counts)
{
	cancel_delayed_work_sync(&counts->gc);
	rhashtable_free_and_destroy(&counts->groups, group_free, NULL);
}
EXPORT_SYMBOL_CT(ct_conncounts_exit);

/**
 * ct_conncount_module_init() - make the table of counted connections
 *
 * Return: 0 or -ENOMEM.
 */
int ct_conncount_module_init(void)
{
	return rhashtable_init(&conns, &conn_params);
}

/**
 * ct_conncount_module_exit() - give it back
 *
 * Nobody counts any more.
 */
void ct_conncount_module_exit(void)
{
	rhashtable_destroy(&conns);
}
