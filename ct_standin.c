// SPDX-License-Identifier: GPL-2.0
/*
 * What is done in nf_conntrack's name, where it is not loaded.
 *
 * Overview
 *	The kernel asks whoever stands behind nf_ct_hook: what an answer of this host
 *	is to the packet that it answers (attach), and what a packet's addresses are
 *	before translation (get_tuple_skb, for CAKE's "nat"). A drop-in answers.
 *	nf_conntrack overwrites the pointer without looking, so it is given back
 *	before nf_conntrack's own initialisation runs (ct_names.c hears of it), and
 *	taken again when nf_conntrack has gone.
 *
 * Context
 *	Hooks and transmission, RCU read-side section, any context; take and give
 *	back: process, may sleep, one at a time.
 */
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/rcupdate.h>

#include "ct_compat.h"
#include "ct_nfct.h"
#include "ct_packet.h"
#include "ct_pending.h"

#if IS_ENABLED(CONFIG_NF_CONNTRACK)

#include <net/netfilter/nf_conntrack.h>

/* An answer goes against the packet that it is about. */
static enum ct_info info_of_answer(enum ct_info info)
{
	return ct_info_dir(info) == IP_CT_DIR_ORIGINAL ? CT_INFO_RELATED_REPLY :
							 CT_INFO_RELATED;
}

/*
 * This host answers a packet while it is in a hook, or on its way: a rule's reset, an
 * ICMP error of a rule or of the router. That is related to what the packet belongs
 * to, or would have belonged to, whatever the packet has been translated to by now.
 */
static void attach(struct sk_buff *answer, const struct sk_buff *skb)
{
	struct ct_pending *p = ct_pending_of(skb);
	enum ct_info info = ct_skb_info(skb);

	if (skb_get_nfct(answer))
		return;
	/* What is refused but translated is answered by who it was sent to. */
	if (!ct_info_has_flow(info) &&
	    !(p && READ_ONCE(p->bind.flags) & CT_BIND_TO))
		return;
	/* Behind its last hook it is what its flow's packets become: look it up. */
	if (!p && ct_packet_was_bound(skb))
		return;
	info = info_of_answer(info);
	if (!p) {
		skb_set_nfct(answer, info);
		return;
	}
	nf_conntrack_get(&p->nfct.ct_general);
	ct_pending_refer(answer, p, info);
}

/*
 * What a packet was before translation, if it has been through our hooks; if not, the
 * tuple of the other direction, which the caller turns around.
 */
static bool get_tuple(struct nf_conntrack_tuple *to, const struct sk_buff *skb)
{
	struct ct_tuple tuple;
	enum ip_conntrack_dir dir;
	bool found;

	local_bh_disable();
	rcu_read_lock();
	found = ct_packet_other_side(skb, &tuple, &dir);
	rcu_read_unlock();
	local_bh_enable();
	if (found)
		ct_nfct_write_tuple(to, &tuple, dir);
	return found;
}

static int update(struct net *net, struct sk_buff *skb)
{
	return NF_ACCEPT;
}

/* The pool's own reference keeps objects from being destroyed by packets. */
static void destroy(struct nf_conntrack *nfct)
{
	WARN_ON_ONCE(1);
}

static void set_closing(struct nf_conntrack *nfct)
{
}

#ifdef CT_HAVE_NF_CT_CONFIRM
static int confirm(struct sk_buff *skb)
{
	return NF_ACCEPT;
}
#endif

#ifdef CT_HAVE_NF_CT_GET_ID
static u32 get_id(const struct nf_conntrack *nfct)
{
	return 0;
}
#endif

static const struct nf_ct_hook hook = {
	.update = update,
	.destroy = destroy,
	.get_tuple_skb = get_tuple,
	.attach = attach,
	.set_closing = set_closing,
#ifdef CT_HAVE_NF_CT_CONFIRM
	.confirm = confirm,
#endif
#ifdef CT_HAVE_NF_CT_GET_ID
	.get_id = get_id,
#endif
};

/* nf_conntrack writes it when it likes: it is changed only from what was seen. */
#define HOOK_POINTER	((__force const struct nf_ct_hook **)&nf_ct_hook)

static bool hook_is_ours(void)
{
	return rcu_access_pointer(nf_ct_hook) == &hook;
}

/**
 * ct_nfct_is_there() - is nf_conntrack loaded?
 *
 * Context: any.
 *
 * Return: true if it is.
 */
bool ct_nfct_is_there(void)
{
	return rcu_access_pointer(nf_ct_hook) && !hook_is_ours();
}

/**
 * ct_nfct_take() - nf_conntrack may not be there, or have gone
 * @dropin: act in its name
 *
 * If so, nobody is to mistake what packets refer to for a template of its.
 *
 * Context: process.
 */
void ct_nfct_take(bool dropin)
{
	if (ct_nfct_is_there())
		return;
	if (dropin)
		cmpxchg(HOOK_POINTER, NULL, &hook);
	WRITE_ONCE(ct_pending_status, CT_PENDING_USUAL);
}

/**
 * ct_nfct_give_back() - nf_conntrack comes
 *
 * When this returns, what packets are given to refer to says "template". What was
 * given before is, to nf_conntrack, a confirmed entry with nothing in it.
 *
 * Context: process, sleeps.
 */
void ct_nfct_give_back(void)
{
	WRITE_ONCE(ct_pending_status, CT_PENDING_BESIDE);
	cmpxchg(HOOK_POINTER, &hook, NULL);
	synchronize_net();
}

#else

bool ct_nfct_is_there(void)
{
	return false;
}

void ct_nfct_take(bool dropin)
{
}

void ct_nfct_give_back(void)
{
}

#endif
