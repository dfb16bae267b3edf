/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What has to be known of a packet that has no flow yet, or ends the one it has.
 */
#ifndef CT_PENDING_H
#define CT_PENDING_H

#include <linux/list.h>
#include <linux/local_lock.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
#include <net/netfilter/nf_conntrack.h>
#endif

#include "ct_skb.h"
#include "ct_tuple.h"

/* ct_tmpl.has */
#define CT_TMPL_ZONE	BIT(0)
#define CT_TMPL_MARK	BIT(1)
#define CT_TMPL_LABELS	BIT(2)
#define CT_TMPL_EVENTS	BIT(3)

/**
 * struct ct_tmpl - what rules said of a packet
 * @has: CT_NOTE_*, which of the rest was said
 * @zone: connection tracking zone, by direction
 * @mark: connection mark
 * @labels: connection labels
 * @events: which events are wanted, bits 1 << enum ip_conntrack_events
 */
struct ct_tmpl {
	u8 has;
	u16 zone[IP_CT_DIR_MAX];
	u32 mark;
	u32 labels[CT_LABEL_WORDS];
	u16 events;
};

/* Says more: is given what was said so far. */
typedef void ct_tmpl_edit_t(struct ct_tmpl *note, const void *arg);

/**
 * enum ct_pending_kind - what is left to do for a packet at its last hook
 * @CT_PENDING_NONE: nothing
 * @CT_PENDING_EARLY: its first hook has not seen it yet
 * @CT_PENDING_FIRST: no flow has it yet: make one
 * @CT_PENDING_LAST: its flow is over with it: end it
 */
enum ct_pending_kind {
	CT_PENDING_NONE,
	CT_PENDING_EARLY,
	CT_PENDING_FIRST,
	CT_PENDING_LAST,
};

#if !IS_ENABLED(CONFIG_NF_CONNTRACK)
/* There is no pointer in a packet: no pending object is ever made. */
struct nf_conn {
	struct nf_conntrack ct_general;
	unsigned long status;
};
#endif

/* nf_conn.status of our objects; nobody else sets a bit that high. */
#define CT_PENDING_OURS		BIT(30)
/* What it is usually, and before the first hook and beside nf_conntrack */
#define CT_PENDING_USUAL	(CT_PENDING_OURS | IPS_CONFIRMED |	\
				 IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE)
#define CT_PENDING_BESIDE	(CT_PENDING_USUAL | IPS_TEMPLATE)

extern unsigned long ct_pending_status;	/* one of both; see ct_standin.c */

/* Is nf_conntrack loaded? It need not be at work in a packet's namespace. */
static inline bool ct_pending_is_beside(void)
{
	return unlikely(READ_ONCE(ct_pending_status) & IPS_TEMPLATE);
}

/*
 * What it is in a namespace. Where we translate it never says "template": nf_conntrack
 * would put its entry in its place, and how the packet is translated were lost. It takes
 * such a packet for one that it has seen, and leaves it alone.
 */
static __always_inline unsigned long
ct_pending_status_in(const struct ct_net *cnet)
{
	return likely(!READ_ONCE(cnet->nat_lost)) ?
	       READ_ONCE(ct_pending_status) : CT_PENDING_USUAL;
}

static_assert(__IPS_MAX_BIT < 30);

/* ct_binding.flags */
#define CT_BIND_SRC	BIT(0)	/* its source is decided, if only to stay */
#define CT_BIND_DST	BIT(1)	/* the same of its destination */
#define CT_BIND_TO	BIT(2)	/* it is translated: @to means something */
#define CT_BIND_RANGE	BIT(3)	/* the source was chosen: @range does */
#define CT_BIND_LOST	BIT(4)	/* nobody knows: it is to be dropped */
#define CT_BIND_SRC_MAY	BIT(5)	/* of a flow's packet: its source may differ */
#define CT_BIND_DST_MAY	BIT(6)	/* the same of its destination */
#define CT_BIND_OIF	BIT(7)	/* it may leave by one interface only: @oif */

#define CT_BIND_FLOW	(CT_BIND_SRC | CT_BIND_DST | CT_BIND_TO)

/**
 * struct ct_binding - how we translate a packet: nat/ct_nat.c
 * @flags: CT_BIND_*
 * @oif: index of the interface that it may leave by
 * @to: what it becomes, between the first hook and the last
 * @range: from what its source was chosen
 *
 * Of a packet that belongs to a flow it is written before the packet refers to it; of
 * a first packet while rules run, by one packet at a time.
 */
struct ct_binding {
	u32 flags;
	int oif;
	struct ct_tuple to;
	struct nf_nat_range2 range;
};

/**
 * struct ct_pending - what packets refer to
 * @nfct: what the kernel takes it for: an entry of nf_conntrack, confirmed, with
 *	nothing in it; has the count of references, one of which is the pool's
 * @list: in the pool
 * @lock: holds @note, once a packet has it
 * @kind: enum ct_pending_kind; clones of the packet, and what answers it, refer to
 *	the same object, and see here that one of them was at its last hook
 * @orig: what the packet was before translation, or the packet that it answers, or
 *	that it quotes, before that was translated
 * @id: by which its flow will be found, if the packet was plain at its first hook:
 *	ct_fast.c; else the key is 0. It and @orig are written by who attaches the
 *	object, and only read from there on
 * @note: what rules said of the packet
 * @bind: how the packet that is or was @orig is translated
 */
struct ct_pending {
	struct nf_conn nfct;
	struct list_head list;
	spinlock_t lock;	/* innermost, bottom halves off */
	u32 kind;
	struct ct_tuple orig;
	struct ct_lookup_key id;
	struct ct_tmpl note;
	struct ct_binding bind;
};

static_assert(!offsetof(struct ct_pending, nfct));

/**
 * struct ct_pending_pool - pending objects of a namespace on a CPU
 * @lock: holds the rest
 * @hot: the one that was taken last, which mostly is free again
 * @others: more, the one that was taken longest ago first
 * @n: how many are in @others
 */
struct ct_pending_pool {
	local_lock_t lock;
	struct ct_pending *hot;
	struct list_head others;
	unsigned int n;
};

/**
 * ct_pending_of() - what a packet refers to
 * @skb: the packet
 *
 * Context: hooks.
 *
 * Return: the object, for as long as the packet refers to it, or %NULL; also for
 * an entry of nf_conntrack.
 */
static __always_inline struct ct_pending *
ct_pending_of(const struct sk_buff *skb)
{
	unsigned long nfct = skb_get_nfct(skb) & NFCT_PTRMASK;

	if (likely(!nfct) ||
	    !(READ_ONCE(((struct nf_conn *)nfct)->status) & CT_PENDING_OURS))
		return NULL;
	return container_of((struct nf_conn *)nfct, struct ct_pending, nfct);
}

/**
 * ct_skb_info() - the answer that a packet carries
 * @skb: the packet
 *
 * Beside a pointer the bits are those of the kernel, which knows no INVALID, and
 * whose ESTABLISHED is 0.
 *
 * Context: hooks.
 *
 * Return: the answer, or CT_INFO_NONE.
 */
static __always_inline enum ct_info ct_skb_info(const struct sk_buff *skb)
{
	unsigned long nfct = skb_get_nfct(skb);
	const struct ct_pending *p;

	if (likely(nfct <= NFCT_INFOMASK))
		return nfct;
	p = ct_pending_of(skb);
	if (!p || READ_ONCE(p->kind) == CT_PENDING_EARLY)
		return CT_INFO_NONE;
	return nfct & NFCT_INFOMASK ?: CT_INFO_ESTABLISHED;
}

/**
 * ct_pending_refer() - let a packet refer to an object, with its answer
 * @skb: the packet, which has a reference to it
 * @p: the object
 * @info: the answer; not UNTRACKED
 */
static __always_inline void ct_pending_refer(struct sk_buff *skb,
					     const struct ct_pending *p,
					     enum ct_info info)
{
	unsigned long bits = info == CT_INFO_ESTABLISHED ? IP_CT_ESTABLISHED :
							    info;

	skb_set_nfct(skb, (unsigned long)&p->nfct | bits);
}

/* What nf_conntrack reads of a template: no zone, unless somebody says one */
static __always_inline void ct_pending_clear_zone(struct ct_pending *p)
{
#ifdef CONFIG_NF_CONNTRACK_ZONES
	p->nfct.zone.id = NF_CT_DEFAULT_ZONE_ID;
	p->nfct.zone.flags = 0;
	p->nfct.zone.dir = NF_CT_DEFAULT_ZONE_DIR;
#endif
}

static inline bool ct_pending_is_free(const struct ct_pending *p)
{
	return refcount_read(&p->nfct.ct_general.use) == 1;
}

/*
 * Do only the pool and one packet refer to it? What others did that had it is seen
 * then: pairs with the release in nf_conntrack_put().
 */
static __always_inline bool ct_pending_is_alone(const struct ct_pending *p)
{
	if (refcount_read(&p->nfct.ct_general.use) != 2)
		return false;
	smp_acquire__after_ctrl_dep();
	return true;
}

/**
 * ct_pending_claim() - what is left to do for a packet; it is done now
 * @p: what the packet refers to
 *
 * Of a packet and its clones one gets an answer other than CT_PENDING_NONE. Where
 * only the pool and this packet refer to the object, nobody else can ask.
 *
 * Context: last hook.
 *
 * Return: what.
 */
static __always_inline enum ct_pending_kind
ct_pending_claim(struct ct_pending *p)
{
	u32 kind;

	if (unlikely(!ct_pending_is_alone(p)))
		return xchg(&p->kind, CT_PENDING_NONE);
	kind = READ_ONCE(p->kind);
	WRITE_ONCE(p->kind, CT_PENDING_NONE);
	return kind;
}

struct ct_pending *ct_pending_take_other(struct ct_net *cnet);
int ct_pending_translate(struct ct_net *cnet);
void ct_pending_lose(struct ct_net *cnet, struct sk_buff *skb, enum ct_info info);
bool ct_pending_say_early(struct ct_net *cnet, struct sk_buff *skb,
			  const struct ct_tmpl *note);
void ct_pending_edit(struct ct_pending *p, ct_tmpl_edit_t *edit,
		     const void *arg);
void ct_pending_tmpl(struct ct_pending *p, struct ct_tmpl *note);
int ct_pending_net_init(struct ct_net *cnet);
void ct_pending_net_exit(struct ct_net *cnet);
void ct_pending_exit(void);

/**
 * ct_pending_attach() - let a packet refer to an object
 * @cnet: its namespace
 * @skb: the packet; its pointer is %NULL, and its own
 * @info: what it is to its flow
 * @kind: what is left to do
 *
 * What was used last is mostly free again, and in the CPU's cache. Its fields are
 * written when nobody else refers to it: ct_pending_is_free() said so, and what
 * follows depends on that; it pairs with the release in nf_conntrack_put() of who
 * referred to it last.
 *
 * Context: bottom halves off.
 *
 * Return: the object, whose @orig, and where it can @id, the caller fills, or %NULL
 * where the namespace has too many of them already, or no memory.
 */
static __always_inline struct ct_pending *
ct_pending_attach(struct ct_net *cnet, struct sk_buff *skb, enum ct_info info,
		  enum ct_pending_kind kind)
{
	struct ct_pending_pool *pool;
	struct ct_pending *p;

	if (!IS_ENABLED(CONFIG_NF_CONNTRACK))
		return NULL;
	ct_local_lock_bh(&cnet->pending->lock);
	pool = this_cpu_ptr(cnet->pending);
	p = pool->hot;
	if (unlikely(!p || !ct_pending_is_free(p)))
		p = ct_pending_take_other(cnet);
	if (likely(p))
		refcount_set(&p->nfct.ct_general.use, 2);
	ct_local_unlock_bh(&cnet->pending->lock);
	if (unlikely(!p))
		return NULL;
	WRITE_ONCE(p->nfct.status, kind == CT_PENDING_EARLY ?
				   CT_PENDING_BESIDE :
				   ct_pending_status_in(cnet));
	WRITE_ONCE(p->kind, kind);
	WRITE_ONCE(p->note.has, 0);
	WRITE_ONCE(p->bind.flags, 0);
	p->id.key.word[1] = 0;
	ct_pending_clear_zone(p);
	ct_pending_refer(skb, p, info);
	return p;
}

/**
 * ct_pending_bind() - a packet belongs to a flow that is translated
 * @p: what the packet refers to; @p->orig and @p->bind.to are filled
 * @oif: interface that it may leave by, 0 for any
 */
static __always_inline void ct_pending_bind(struct ct_pending *p, int oif)
{
	const struct ct_tuple *orig = &p->orig, *to = &p->bind.to;
	bool l4 = orig->l4 != to->l4;	/* whose, is looked at later */
	u32 flags = CT_BIND_FLOW;

	if (l4 || !ct_addr_equal(to->family, &orig->src, &to->src))
		flags |= CT_BIND_SRC_MAY;
	if (l4 || !ct_addr_equal(to->family, &orig->dst, &to->dst))
		flags |= CT_BIND_DST_MAY;
	if (oif)
		flags |= CT_BIND_OIF;
	p->bind.oif = oif;
	WRITE_ONCE(p->bind.flags, flags);
}

/**
 * ct_pending_detach() - a packet refers to nothing any more
 * @skb: the packet
 * @p: what it refers to
 * @info: the answer that it carries from here on
 *
 * Context: any.
 */
static __always_inline void ct_pending_detach(struct sk_buff *skb,
					      struct ct_pending *p,
					      enum ct_info info)
{
	skb_set_nfct(skb, info);
	if (IS_ENABLED(CONFIG_NF_CONNTRACK))
		nf_conntrack_put(&p->nfct.ct_general);
}

/* What rules have said, by the tuple of a packet: see ct_pending.c */
bool ct_said_edit(struct ct_net *cnet, const struct ct_tuple *tuple,
		  ct_tmpl_edit_t *edit, const void *arg);
bool ct_said_get(struct ct_net *cnet, const struct ct_tuple *tuple,
		 struct ct_tmpl *note);
void ct_said_forget(struct ct_net *cnet, const struct ct_tuple *tuple);

/* Has anything been said by tuple in this namespace? */
static inline bool ct_said_any(const struct ct_net *cnet)
{
	return unlikely(READ_ONCE(cnet->said));
}

#endif /* CT_PENDING_H */
