/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counting for rules: how many of the connections that a rule saw there are.
 */
#ifndef CT_CONNCOUNT_H
#define CT_CONNCOUNT_H

#include <linux/list.h>
#include <linux/netfilter.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

/**
 * struct ct_conncount - connections that are counted together
 * @lock: of the rest; taken before a stripe's and a flow's lock
 * @conns: connections, the one that was not looked at for longest first
 * @n: how many; read without the lock as well
 */
struct ct_conncount {
	spinlock_t lock;	/* see above */
	struct list_head conns;
	unsigned int n;
};

/**
 * struct ct_conncount_key - what connections have in common that are counted
 *	together
 * @addr: an address, or a network
 * @zone: connection tracking zone
 *
 * Has no padding.
 */
struct ct_conncount_key {
	union nf_inet_addr addr;
	u32 zone;
};

/**
 * struct ct_conncounts - counts by key
 * @net: their namespace
 * @groups: the counts
 * @gc: looks for those that are 0
 * @more: it has begun to look at all, and is not through; its alone
 */
struct ct_conncounts {
	struct net *net;
	struct rhashtable groups;
	struct delayed_work gc;
	bool more;
};

void ct_conncount_init(struct ct_conncount *count);
void ct_conncount_exit(struct ct_conncount *count);
int ct_conncount_packet(struct ct_conncount *count, const struct sk_buff *skb,
			const struct nf_hook_state *state);
bool ct_conncount_gc(struct ct_conncount *count, struct net *net);

int ct_conncounts_init(struct ct_conncounts *counts, struct net *net);
void ct_conncounts_exit(struct ct_conncounts *counts);
int ct_conncounts_packet(struct ct_conncounts *counts, const union nf_inet_addr *addr,
			 const struct sk_buff *skb,
			 const struct nf_hook_state *state);

int ct_conncount_module_init(void);
void ct_conncount_module_exit(void);

#endif /* CT_CONNCOUNT_H */
