// SPDX-License-Identifier: GPL-2.0
/*
 * The chains that say how a first packet is translated, and in which order.
 *
 * Overview
 *	Tables of iptables and chains of nft are not hooks of their own: whatever
 *	their priority, they run inside the engine's hook, and only for packets
 *	about which nothing was decided. Each namespace, family and hook has one
 *	list of them, of both kinds, the lowest priority first; of several with
 *	the same the youngest runs first, as netfilter's own lists have it. The
 *	first chain that decides is the last one that is run. There are no more than
 *	CHAINS_MOST in a list, as of any hook: a packet may have to go through all.
 *
 * Context
 *	Running: hooks, RCU read-side section. Adding and removing: process, may
 *	sleep.
 *
 * Synchronisation
 *	A list is never changed where readers see it, but for one field: a chain
 *	that is removed has its function replaced first, so that it is gone even
 *	if there is no memory for a shorter list. Who adds or removes holds
 *	@chains_mutex; the engine's own locks are inside.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <net/netns/generic.h>

#include "ct_nat.h"
#include "ct_nat_chain.h"
#include "ct_nat_engine.h"
#include "ip_conntrack.h"

#define CHAINS_MOST	1024U	/* in a list */

/**
 * struct chain - one of them
 * @fn: runs it
 * @priv: what @fn is told
 * @priority: of a list, the lowest first
 */
struct chain {
	nf_hookfn *fn;
	void *priv;
	int priority;
};

/**
 * struct chains - what one hook runs
 * @rcu: for freeing
 * @n: how many
 * @chain: in order
 */
struct chains {
	struct rcu_head rcu;
	unsigned int n;
	struct chain chain[];
};

/**
 * struct chain_net - of one namespace
 * @hook: of IPv4, of IPv6
 */
struct chain_net {
	struct chains __rcu *hook[2][NF_INET_NUMHOOKS];
};

static DEFINE_MUTEX(chains_mutex);
static unsigned int chain_net_id __read_mostly;

static struct chains __rcu **place(struct net *net, u8 pf, unsigned int hook)
{
	struct chain_net *cn = net_generic(net, chain_net_id);

	return &cn->hook[pf == NFPROTO_IPV6][hook];
}

static struct chains *held(struct chains __rcu **at)
{
	return rcu_dereference_protected(*at, lockdep_is_held(&chains_mutex));
}

/* Stands where a chain was that is gone. */
static unsigned int nothing(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	return NF_ACCEPT;
}

static struct chains *alloc_chains(unsigned int n)
{
	struct chains *chains = kmalloc(struct_size(chains, chain, n),
					GFP_KERNEL_ACCOUNT);

	if (chains)
		chains->n = n;
	return chains;
}

/* All of @old that are there, and @ops where it belongs; NULL: none left. */
static int copy_chains(struct chains **copy, const struct chains *old,
		       const struct nf_hook_ops *ops)
{
	unsigned int i, n = ops ? 1 : 0, at = 0;
	struct chains *chains;

	*copy = NULL;
	for (i = 0; old && i < old->n; i++)
		n += old->chain[i].fn != nothing;
	if (!n)
		return 0;
	if (ops && n > CHAINS_MOST)
		return -E2BIG;
	chains = alloc_chains(n);
	if (!chains)
		return -ENOMEM;
	for (i = 0; old && i < old->n; i++) {
		if (old->chain[i].fn == nothing)
			continue;
		if (ops && ops->priority <= old->chain[i].priority) {
			chains->chain[at++] = (struct chain){
				ops->hook, ops->priv, ops->priority };
			ops = NULL;
		}
		chains->chain[at++] = old->chain[i];
	}
	if (ops)
		chains->chain[at] = (struct chain){ ops->hook, ops->priv,
						    ops->priority };
	*copy = chains;
	return 0;
}

static void replace(struct chains __rcu **at, struct chains *chains)
{
	struct chains *old = held(at);

	rcu_assign_pointer(*at, chains);
	if (old)
		kfree_rcu(old, rcu);
}

static int add(struct net *net, u8 pf, const struct nf_hook_ops *ops)
{
	struct chains __rcu **at = place(net, pf, ops->hooknum);
	struct chains *chains;
	int err;

	err = copy_chains(&chains, held(at), ops);
	if (!err)
		replace(at, chains);
	return err;
}

static void remove(struct net *net, u8 pf, const struct nf_hook_ops *ops)
{
	struct chains __rcu **at = place(net, pf, ops->hooknum);
	struct chains *chains, *old = held(at);
	unsigned int i;

	for (i = 0; old && i < old->n; i++)
		if (old->chain[i].fn == ops->hook &&
		    old->chain[i].priv == ops->priv)
			break;
	if (WARN_ON_ONCE(!old || i == old->n))
		return;
	WRITE_ONCE(old->chain[i].fn, nothing);
	if (!copy_chains(&chains, old, NULL))
		replace(at, chains);
}

/**
 * ct_nat_chain_link() - have a chain run for first packets
 * @net: namespace
 * @pf: NFPROTO_IPV4 or NFPROTO_IPV6
 * @ops: hook, function, what it is told, and priority
 *
 * The namespace has its hooks.
 *
 * Context: Process context, may sleep.
 * Return: 0 or an error.
 */
int ct_nat_chain_link(struct net *net, u8 pf, const struct nf_hook_ops *ops)
{
	int err;

	mutex_lock(&chains_mutex);
	err = add(net, pf, ops);
	mutex_unlock(&chains_mutex);
	return err;
}

/**
 * ct_nat_chain_remove() - run it no more
 * @net: namespace
 * @pf: NFPROTO_IPV4 or NFPROTO_IPV6
 * @ops: what it was added with
 *
 * A hook that runs already may be in the chain until a grace period has passed.
 *
 * Context: Process context, may sleep.
 */
void ct_nat_chain_remove(struct net *net, u8 pf, const struct nf_hook_ops *ops)
{
	mutex_lock(&chains_mutex);
	remove(net, pf, ops);
	mutex_unlock(&chains_mutex);
}
EXPORT_SYMBOL_CT(ct_nat_chain_remove);

/* See ct_nat.h. */
bool ct_nat_is_set(const struct sk_buff *skb, const struct nf_hook_state *state)
{
	return !ct_nat_is_open(ct_pending_of(skb), ct_nat_manip_of(state->hook));
}

/**
 * ct_nat_run_chains() - ask the rules about a packet
 * @skb: a first packet, about which nothing was decided at this kind of hook
 * @state: hook, as the engine made it: targets are given the same
 *
 * Context: Hook.
 * Return: the verdict of the last chain that was run.
 */
unsigned int ct_nat_run_chains(struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	const struct chains *chains;
	unsigned int i, verdict;
	nf_hookfn *fn;

	chains = rcu_dereference(*place(state->net, state->pf, state->hook));
	for (i = 0; chains && i < chains->n; i++) {
		fn = READ_ONCE(chains->chain[i].fn);
		verdict = fn(chains->chain[i].priv, skb, state);
		if (verdict != NF_ACCEPT || ct_nat_is_set(skb, state))
			return verdict;
	}
	return NF_ACCEPT;
}

/* What had no memory to go when its last chain did. */
static void __net_exit chain_net_exit(struct net *net)
{
	struct chain_net *cn = net_generic(net, chain_net_id);
	unsigned int i, hook;

	for (i = 0; i < ARRAY_SIZE(cn->hook); i++)
		for (hook = 0; hook < NF_INET_NUMHOOKS; hook++)
			kfree(rcu_dereference_raw(cn->hook[i][hook]));
}

static struct pernet_operations chain_net_ops = {
	.exit = chain_net_exit,
	.id = &chain_net_id,
	.size = sizeof(struct chain_net),
};

/**
 * ct_nat_chain_init() - lists for all namespaces
 *
 * Context: Process context, may sleep.
 * Return: 0 or an error.
 */
int ct_nat_chain_init(void)
{
	return register_pernet_subsys(&chain_net_ops);
}

/**
 * ct_nat_chain_exit() - the end of them
 *
 * Context: Process context, may sleep. There are no hooks any more.
 */
void ct_nat_chain_exit(void)
{
	unregister_pernet_subsys(&chain_net_ops);
}
