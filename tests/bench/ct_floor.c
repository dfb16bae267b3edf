// SPDX-License-Identifier: GPL-2.0
/*
 * The floor: the least that finding a packet's flow can cost.
 *
 * Overview
 *	Reads addresses and ports, puts the two ends in order, hashes them with
 *	SipHash, finds or makes the flow, counts the packet. No locks for packets
 *	of flows that are there, no states, no expiry, no checks of any header, no
 *	limit, one namespace (the first). It is no tracker: it is the line in the
 *	tables of tools/bench below which no tracker gets.
 *
 *	With timers=1 each flow has a timer of the kernel's wheel, which a packet
 *	of a later tick moves: what that costs a tracker that expires flows so.
 *
 * Context
 *	The hooks run in an RCU read-side section with bottom halves off. One
 *	lock keeps two first packets apart. Flows end with the module.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <net/net_namespace.h>

#include "generated-ct/ct_probes.h"

static unsigned int hashsize = 262144;
module_param(hashsize, uint, 0444);
MODULE_PARM_DESC(hashsize, "buckets (default: 262144)");

static bool timers;
module_param(timers, bool, 0444);
MODULE_PARM_DESC(timers, "a timer for each flow, which packets move (default: off)");

#define FLOOR_TIMEOUT	(3600 * HZ)

/**
 * struct floor_key - the two ends of a flow, in order
 * @addr: addresses; of an IPv4 flow only the first word of each is not zero
 * @port: ports
 * @protonum: IPPROTO_*
 */
struct floor_key {
	struct in6_addr addr[2];
	__be16 port[2];
	u32 protonum;
};

static_assert(sizeof(struct floor_key) == 40);

/**
 * struct floor_flow - a flow
 * @node: in its bucket
 * @key: its ends
 * @packets: packets by sender
 * @bytes: bytes by sender
 * @timer: only in the larger objects that @timers asks for
 */
struct floor_flow {
	struct hlist_node node;
	struct floor_key key;
	u32 packets[2];
	u64 bytes[2];
	struct timer_list timer[];
};

static struct hlist_head *buckets;
static struct kmem_cache *cache;
static siphash_key_t hash_key;
static DEFINE_SPINLOCK(insert_lock);

static u32 floor_hash(const struct floor_key *key, bool ipv6)
{
	u64 ports = (u64)(__force u16)key->port[0] << 48 |
		    (u64)(__force u16)key->port[1] << 32 | key->protonum;

	if (ipv6)
		return siphash(key, sizeof(*key), &hash_key);
	return siphash_2u64((u64)(__force u32)key->addr[0].s6_addr32[0] << 32 |
			    (__force u32)key->addr[1].s6_addr32[0], ports,
			    &hash_key);
}

static struct floor_flow *floor_find(const struct hlist_head *bucket,
				     const struct floor_key *key)
{
	struct floor_flow *flow;

	hlist_for_each_entry_rcu(flow, bucket, node) {
		if (!memcmp(&flow->key, key, sizeof(*key)))
			return flow;
	}
	return NULL;
}

static void floor_timeout(struct timer_list *timer)
{
}

static void floor_move_timer(struct floor_flow *flow)
{
	unsigned long expires = jiffies + FLOOR_TIMEOUT;

	if (flow->timer->expires != expires)
		mod_timer(flow->timer, expires);
}

static struct floor_flow *floor_make(struct hlist_head *bucket,
				     const struct floor_key *key)
{
	struct floor_flow *flow = kmem_cache_zalloc(cache, GFP_ATOMIC);

	if (!flow)
		return NULL;
	flow->key = *key;
	if (timers)
		timer_setup(flow->timer, floor_timeout, 0);
	spin_lock(&insert_lock);
	hlist_add_head_rcu(&flow->node, bucket);
	spin_unlock(&insert_lock);
	return flow;
}

static void floor_count(const struct floor_key *key, bool ipv6, u8 sender,
			u32 len)
{
	u32 hash = floor_hash(key, ipv6) & (hashsize - 1);
	struct floor_flow *flow = floor_find(&buckets[hash], key);

	if (!flow)
		flow = floor_make(&buckets[hash], key);
	if (!flow)
		return;
	flow->packets[sender]++;
	flow->bytes[sender] += len;
	if (timers)
		floor_move_timer(flow);
}

static unsigned int floor_ipv4(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	const struct iphdr *iph = ip_hdr(skb);
	const __be16 *port = (const __be16 *)((const u8 *)iph + iph->ihl * 4);
	u8 sender = (__force u32)iph->saddr > (__force u32)iph->daddr;
	struct floor_key key = { .protonum = iph->protocol };

	key.addr[sender].s6_addr32[0] = iph->saddr;
	key.addr[!sender].s6_addr32[0] = iph->daddr;
	key.port[sender] = port[0];
	key.port[!sender] = port[1];
	floor_count(&key, false, sender, ntohs(iph->tot_len));
	return NF_ACCEPT;
}

static unsigned int floor_ipv6(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	const struct ipv6hdr *iph = ipv6_hdr(skb);
	const __be16 *port = (const __be16 *)(iph + 1);
	u8 sender = memcmp(&iph->saddr, &iph->daddr, sizeof(iph->saddr)) > 0;
	struct floor_key key = { .protonum = iph->nexthdr };

	key.addr[sender] = iph->saddr;
	key.addr[!sender] = iph->daddr;
	key.port[sender] = port[0];
	key.port[!sender] = port[1];
	floor_count(&key, true, sender,
		    sizeof(*iph) + ntohs(iph->payload_len));
	return NF_ACCEPT;
}

static unsigned int floor_last(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	return NF_ACCEPT;
}

static const struct nf_hook_ops floor_hooks[] = {
	{
		.hook = floor_ipv4,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_CONNTRACK,
	}, {
		.hook = floor_last,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_POST_ROUTING,
		.priority = NF_IP_PRI_CONNTRACK_CONFIRM,
	}, {
		.hook = floor_ipv6,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP6_PRI_CONNTRACK,
	}, {
		.hook = floor_last,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_POST_ROUTING,
		.priority = NF_IP6_PRI_LAST,
	},
};

/* It has been renamed. */
static void floor_stop(struct timer_list *timer)
{
#ifdef CT_HAVE_TIMER_DELETE_SYNC
	timer_delete_sync(timer);
#else
	del_timer_sync(timer);
#endif
}

static void floor_free(void)
{
	struct floor_flow *flow;
	struct hlist_node *next;
	unsigned int i;

	for (i = 0; i < hashsize; i++) {
		hlist_for_each_entry_safe(flow, next, &buckets[i], node) {
			if (timers)
				floor_stop(flow->timer);
			kmem_cache_free(cache, flow);
		}
		cond_resched();
	}
	kvfree(buckets);
	kmem_cache_destroy(cache);
}

static int __init floor_init(void)
{
	int err;

	if (!hashsize || hashsize > BIT(26))
		return -EINVAL;
	hashsize = roundup_pow_of_two(hashsize);
	get_random_bytes(&hash_key, sizeof(hash_key));
	buckets = kvcalloc(hashsize, sizeof(*buckets), GFP_KERNEL);
	if (!buckets)
		return -ENOMEM;
	cache = kmem_cache_create("ct_floor", sizeof(struct floor_flow) +
				  (timers ? sizeof(struct timer_list) : 0), 0,
				  SLAB_HWCACHE_ALIGN, NULL);
	if (!cache) {
		kvfree(buckets);
		return -ENOMEM;
	}
	err = nf_register_net_hooks(&init_net, floor_hooks,
				    ARRAY_SIZE(floor_hooks));
	if (err)
		floor_free();
	return err;
}

static void __exit floor_exit(void)
{
	/* Waits for packets that are in a hook. */
	nf_unregister_net_hooks(&init_net, floor_hooks,
				ARRAY_SIZE(floor_hooks));
	synchronize_net();
	floor_free();
}

module_init(floor_init);
module_exit(floor_exit);

MODULE_AUTHOR("The ip_conntrack developers");
MODULE_DESCRIPTION("The least that finding a packet's flow can cost");
MODULE_LICENSE("GPL");
