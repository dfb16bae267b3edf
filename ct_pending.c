// SPDX-License-Identifier: GPL-2.0
/*
 * Pending packets: what has to be known of a packet that has no flow yet, or
 * ends the one it has.
 *
 * Overview
 *	Nearly every packet carries all that is to be known of it in three bits
 *	(ct_skb.h). What does not fit there is kept for the few that need it: of a
 *	first packet its tuple before translation, and what rules say of the flow
 *	to come; of a flow's last packet that it is the last.
 *
 *	By reference. The packet's pointer for nf_conntrack leads to an object
 *	here, so it goes where the packet goes: to another CPU, into a queue, into
 *	clones and segments. What changes the packet does not change that. The
 *	kernel takes the object for an entry of nf_conntrack, so it begins with one,
 *	empty but for the count of references, its zone, and a status that says
 *	"confirmed" and "translation is done", so that nobody confirms, translates
 *	or extends it. Where
 *	nf_conntrack is loaded, and before the first hook, it also says "template":
 *	nf_conntrack's hook takes it for one, and puts its own entry in its place,
 *	if it is at work in the namespace. One reference is the pool's: the
 *	last packet that goes does not free the object, but leaves it to be taken
 *	again. So a packet that a rule drops costs nothing, and no memory is
 *	allocated for a first packet but where others wait in a queue.
 *
 *	By tuple. Where nf_conntrack's entry is in the packet, the tuple before
 *	translation is there, and what rules say of a first packet is noted here by
 *	that tuple, until the flow is made, another first packet of the same tuple
 *	begins its way, or SAID_TIME has passed.
 *
 * Bounds
 *	Each namespace has objects and notes of its own: POOL_MOST objects a CPU,
 *	SAID_MOST notes. Of a first packet for which there is none, what rules say
 *	is lost and counted, and at its last hook it is taken to be untranslated.
 *
 * Context
 *	Bottom halves off; init and exit sleep. Locks: the CPU's pool (a local lock
 *	on PREEMPT_RT), an object's, and a namespace's for notes by tuple; each
 *	innermost.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bottom_half.h>
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "ct_compat.h"
#include "ct_pending.h"

#define POOL_MOST	4096U	/* objects of a namespace on a CPU */
#define POOL_KEPT	64U	/* of these, more are given back when free */
#define POOL_LOOK	4U	/* that are looked at before one is made */
#define EXIT_TRIES	100	/* 20 ms each */
#define SAID_BUCKETS	64U
#define SAID_MOST	1024U
#define SAID_TIME	(30 * HZ)

unsigned long ct_pending_status __read_mostly = CT_PENDING_BESIDE;
EXPORT_SYMBOL_CT_TEST(ct_pending_status);

unsigned int ct_skb_forget;

module_param_named(forget, ct_skb_forget, uint, 0644);
MODULE_PARM_DESC(forget, "for tests: do not write the answer to one packet in so many (0: to all)");

/**
 * ct_skb_is_forgotten() - is this one of the packets to be forgotten?
 *
 * Context: any.
 *
 * Return: true for one in so many, as the parameter says.
 */
bool ct_skb_is_forgotten(void)
{
	unsigned int one_in = READ_ONCE(ct_skb_forget);

	return one_in && !(get_random_u32() % one_in);
}

/* Objects */

static struct ct_pending *make(struct ct_net *cnet)
{
	struct ct_pending *p;

	p = kzalloc(sizeof(*p), GFP_ATOMIC | __GFP_NOWARN);
	if (!p)
		return NULL;
	refcount_set(&p->nfct.ct_general.use, 1);
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	write_pnet(&p->nfct.ct_net, cnet->net);
	spin_lock_init(&p->nfct.lock);	/* nf_conntrack may take it */
#endif
	spin_lock_init(&p->lock);
	return p;
}

static struct ct_pending *oldest(struct ct_pending_pool *pool)
{
	return list_first_entry_or_null(&pool->others, struct ct_pending, list);
}

static void take_out(struct ct_pending_pool *pool, struct ct_pending *p)
{
	list_del(&p->list);
	pool->n--;
}

/* Longest ago comes first: what is not free is held by a packet that waits. */
static struct ct_pending *find_free(struct ct_pending_pool *pool)
{
	struct ct_pending *p;
	unsigned int i;

	for (i = 0; i < POOL_LOOK; i++) {
		p = oldest(pool);
		if (!p)
			return NULL;
		if (ct_pending_is_free(p)) {
			take_out(pool, p);
			return p;
		}
		list_move_tail(&p->list, &pool->others);
	}
	return NULL;
}

/* After many have waited, and left. */
static void shrink(struct ct_pending_pool *pool)
{
	struct ct_pending *p = oldest(pool);

	if (pool->n <= POOL_KEPT || !ct_pending_is_free(p))
		return;
	take_out(pool, p);
	kfree(p);
}

/**
 * ct_pending_take_other() - an object, where the last one is not free
 * @cnet: the namespace
 *
 * For ct_pending_attach().
 *
 * Context: bottom halves off, the pool's lock held.
 *
 * Return: the object, which nobody refers to, or %NULL.
 */
noinline struct ct_pending *ct_pending_take_other(struct ct_net *cnet)
{
	struct ct_pending_pool *pool = this_cpu_ptr(cnet->pending);
	struct ct_pending *p;

	p = find_free(pool);
	if (!p && pool->n < POOL_MOST)
		p = make(cnet);
	if (!p) {
		ct_stat_inc(cnet, pending_lost);
		return NULL;
	}
	if (pool->hot) {
		list_add_tail(&pool->hot->list, &pool->others);
		pool->n++;
	}
	pool->hot = p;
	shrink(pool);
	return p;
}
EXPORT_SYMBOL_CT(ct_pending_take_other);

/**
 * ct_pending_translate() - from now on packets of a namespace may be translated
 * @cnet: the namespace
 *
 * Context: process; one at a time.
 *
 * Return: 0 or -ENOMEM.
 */
int ct_pending_translate(struct ct_net *cnet)
{
	struct ct_pending *p;

	if (cnet->nat_lost)
		return 0;
	local_bh_disable();
	p = make(cnet);
	local_bh_enable();
	if (!p)
		return -ENOMEM;
	p->bind.flags = CT_BIND_LOST;
	p->nfct.status = CT_PENDING_USUAL;
	/* Pairs with the acquire in ct_pending_lose(). */
	smp_store_release(&cnet->nat_lost, p);
	return 0;
}
EXPORT_SYMBOL_CT(ct_pending_translate);

/**
 * ct_pending_lose() - there is no object for a packet that would have one
 * @cnet: its namespace
 * @skb: the packet; its pointer is %NULL
 * @info: the answer that it carries
 *
 * Where we translate, it must not go on as it is.
 *
 * Context: bottom halves off.
 */
noinline void ct_pending_lose(struct ct_net *cnet, struct sk_buff *skb,
			      enum ct_info info)
{
	/* Pairs with the release in ct_pending_translate(). */
	struct ct_pending *p = smp_load_acquire(&cnet->nat_lost);

	if (!p || !IS_ENABLED(CONFIG_NF_CONNTRACK))
		return;
	nf_conntrack_get(&p->nfct.ct_general);
	ct_pending_refer(skb, p, info);
}

/* Notes of packets that refer to an object */

/**
 * ct_pending_edit() - say something of a packet
 * @p: what it refers to
 * @edit: is given what was said so far, and says more
 * @arg: passed to @edit
 *
 * Context: bottom halves off; @edit is called with a lock held.
 */
void ct_pending_edit(struct ct_pending *p, ct_tmpl_edit_t *edit,
		     const void *arg)
{
	spin_lock(&p->lock);
	edit(&p->note, arg);
	spin_unlock(&p->lock);
}
EXPORT_SYMBOL_CT_TEST(ct_pending_edit);

/**
 * ct_pending_tmpl() - what was said of a packet
 * @p: what it refers to
 * @note: set to it
 *
 * Context: bottom halves off.
 */
void ct_pending_tmpl(struct ct_pending *p, struct ct_tmpl *note)
{
	note->has = 0;
	if (!READ_ONCE(p->note.has))
		return;
	spin_lock(&p->lock);
	*note = p->note;
	spin_unlock(&p->lock);
}
EXPORT_SYMBOL_CT(ct_pending_tmpl);

/*
 * What nf_conntrack would be told of the zone by its own rules. Who puts fragments
 * together reads it, too.
 */
static void tell_zone(struct ct_pending *p, const struct ct_tmpl *note)
{
#ifdef CONFIG_NF_CONNTRACK_ZONES
	const u16 *zone = note->zone;

	if (!(note->has & CT_TMPL_ZONE))
		return;
	p->nfct.zone.flags = 0;
	p->nfct.zone.id = zone[IP_CT_DIR_ORIGINAL] ?: zone[IP_CT_DIR_REPLY];
	p->nfct.zone.dir = 0;
	if (zone[IP_CT_DIR_ORIGINAL] == p->nfct.zone.id)
		p->nfct.zone.dir |= NF_CT_ZONE_DIR_ORIG;
	if (zone[IP_CT_DIR_REPLY] == p->nfct.zone.id)
		p->nfct.zone.dir |= NF_CT_ZONE_DIR_REPL;
#endif
}

/* The first to speak of a zone is right, and of events; a mark is neither. */
static void add_early(struct ct_tmpl *note, const void *arg)
{
	const struct ct_tmpl *early = arg;
	u8 fresh = early->has & ~note->has;

	if (fresh & CT_TMPL_ZONE)
		memcpy(note->zone, early->zone, sizeof(note->zone));
	if (fresh & CT_TMPL_EVENTS)
		note->events = early->events;
	note->has |= fresh;
}

/**
 * ct_pending_say_early() - say something of a packet before its first hook
 * @cnet: its namespace
 * @skb: the packet
 * @note: what
 *
 * Also where nf_conntrack is loaded: its own hook comes later, and takes an object
 * that says "template" as it would take one of its own.
 *
 * Context: bottom halves off.
 *
 * Return: false if there is no object for it.
 */
bool ct_pending_say_early(struct ct_net *cnet, struct sk_buff *skb,
			  const struct ct_tmpl *note)
{
	struct ct_pending *p = ct_pending_of(skb);

	if (!p && skb_get_nfct(skb))
		return true;	/* is somebody else's */
	if (!p)
		p = ct_pending_attach(cnet, skb, CT_INFO_NONE,
				      CT_PENDING_EARLY);
	if (!p)
		return false;
	ct_pending_edit(p, add_early, note);
	tell_zone(p, &p->note);
	return true;
}
EXPORT_SYMBOL_CT_TEST(ct_pending_say_early);

/* Notes by tuple */

/**
 * struct said - what rules said of first packets with a tuple
 * @node: in its bucket
 * @list: ct_said.all
 * @tuple: what they were before translation
 * @when: somebody said something last, in jiffies
 * @note: what was said
 */
struct said {
	struct hlist_node node;
	struct list_head list;
	struct ct_tuple tuple;
	u32 when;
	struct ct_tmpl note;
};

/**
 * struct ct_said - all that a namespace has
 * @lock: holds the rest
 * @all: oldest first
 * @n: how many
 * @bucket: the same, by a keyed hash of the tuple
 */
struct ct_said {
	spinlock_t lock;	/* innermost, bottom halves off */
	struct list_head all;
	unsigned int n;
	struct hlist_head bucket[SAID_BUCKETS];
};

static struct hlist_head *bucket_of(struct ct_said *s,
				    const struct ct_tuple *tuple,
				    const struct ct_net *cnet)
{
	struct ct_lookup_key id;

	ct_tuple_identify(tuple, cnet, &id);
	return &s->bucket[id.hash % SAID_BUCKETS];
}

static void unsay(struct ct_said *s, struct said *said)
{
	hlist_del(&said->node);
	list_del(&said->list);
	s->n--;
	kfree(said);
}

static struct said *find_said(struct hlist_head *bucket,
			      const struct ct_tuple *tuple)
{
	struct said *said;

	hlist_for_each_entry(said, bucket, node) {
		if (ct_tuple_equal(&said->tuple, tuple) &&
		    ct_left(said->when + SAID_TIME, ct_now()) > 0)
			return said;
	}
	return NULL;
}

/* Those whose time is over, and one more where there is no room */
static void make_room(struct ct_net *cnet, struct ct_said *s)
{
	struct said *said;

	while ((said = list_first_entry_or_null(&s->all, struct said, list))) {
		if (ct_left(said->when + SAID_TIME, ct_now()) > 0) {
			if (s->n < SAID_MOST)
				return;
			ct_stat_inc(cnet, pending_lost);
		}
		unsay(s, said);
	}
}

static struct said *add_said(struct ct_net *cnet, struct ct_said *s,
			     struct hlist_head *bucket,
			     const struct ct_tuple *tuple)
{
	struct said *said;

	make_room(cnet, s);
	said = kzalloc(sizeof(*said), GFP_ATOMIC | __GFP_NOWARN);
	if (!said)
		return NULL;
	said->tuple = *tuple;
	hlist_add_head(&said->node, bucket);
	list_add_tail(&said->list, &s->all);
	s->n++;
	return said;
}

/* Made when it is needed first: few namespaces ever do. */
static struct ct_said *said_of(struct ct_net *cnet)
{
	struct ct_said *s = READ_ONCE(cnet->said), *other;

	if (s)
		return s;
	s = kzalloc(sizeof(*s), GFP_ATOMIC | __GFP_NOWARN);
	if (!s)
		return NULL;
	spin_lock_init(&s->lock);
	INIT_LIST_HEAD(&s->all);
	other = cmpxchg(&cnet->said, NULL, s);
	if (!other)
		return s;
	kfree(s);
	return other;
}

/**
 * ct_said_edit() - say something of first packets with a tuple
 * @cnet: their namespace
 * @tuple: what they were before translation
 * @edit: is given what was said so far, and says more
 * @arg: passed to @edit
 *
 * Context: bottom halves off; @edit is called with a lock held.
 *
 * Return: false if there is no memory.
 */
bool ct_said_edit(struct ct_net *cnet, const struct ct_tuple *tuple,
		  ct_tmpl_edit_t *edit, const void *arg)
{
	struct ct_said *s = said_of(cnet);
	struct hlist_head *bucket;
	struct said *said = NULL;

	if (s) {
		bucket = bucket_of(s, tuple, cnet);
		spin_lock(&s->lock);
		said = find_said(bucket, tuple);
		if (!said)
			said = add_said(cnet, s, bucket, tuple);
		if (said) {
			edit(&said->note, arg);
			said->when = ct_now();
			list_move_tail(&said->list, &s->all);
		}
		spin_unlock(&s->lock);
	}
	if (!said)
		ct_stat_inc(cnet, pending_lost);
	return said;
}
EXPORT_SYMBOL_CT_TEST(ct_said_edit);

/**
 * ct_said_get() - what was said of first packets with a tuple
 * @cnet: their namespace
 * @tuple: what they were before translation
 * @note: set to it
 *
 * Context: bottom halves off.
 *
 * Return: false if nothing was said.
 */
bool ct_said_get(struct ct_net *cnet, const struct ct_tuple *tuple,
		 struct ct_tmpl *note)
{
	struct ct_said *s = READ_ONCE(cnet->said);
	const struct said *said;

	if (!s || !READ_ONCE(s->n))
		return false;
	spin_lock(&s->lock);
	said = find_said(bucket_of(s, tuple, cnet), tuple);
	if (said)
		*note = said->note;
	spin_unlock(&s->lock);
	return said;
}
EXPORT_SYMBOL_CT_TEST(ct_said_get);

/**
 * ct_said_forget() - forget what was said of first packets with a tuple
 * @cnet: their namespace
 * @tuple: what they were before translation
 *
 * A flow was made of them, or another packet begins its way, of which nothing has
 * been said.
 *
 * Context: bottom halves off.
 */
void ct_said_forget(struct ct_net *cnet, const struct ct_tuple *tuple)
{
	struct ct_said *s = READ_ONCE(cnet->said);
	struct said *said;

	if (!s || !READ_ONCE(s->n))
		return;
	spin_lock(&s->lock);
	said = find_said(bucket_of(s, tuple, cnet), tuple);
	if (said)
		unsay(s, said);
	spin_unlock(&s->lock);
}
EXPORT_SYMBOL_CT_TEST(ct_said_forget);

/* Beginning and end */

/**
 * ct_pending_net_init() - a namespace begins
 * @cnet: the namespace
 *
 * Context: process, sleeps.
 *
 * Return: 0 or -ENOMEM.
 */
int ct_pending_net_init(struct ct_net *cnet)
{
	struct ct_pending_pool *pool;
	int cpu;

	cnet->pending = alloc_percpu(struct ct_pending_pool);
	if (!cnet->pending)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		pool = per_cpu_ptr(cnet->pending, cpu);
		local_lock_init(&pool->lock);
		INIT_LIST_HEAD(&pool->others);
	}
	return 0;
}

/* Objects of namespaces that are gone, which packets may still refer to */
static LIST_HEAD(orphans);
static DEFINE_MUTEX(orphans_lock);

/* orphans_lock held */
static void free_orphans(void)
{
	struct ct_pending *p, *next;

	list_for_each_entry_safe(p, next, &orphans, list) {
		if (!ct_pending_is_free(p))
			continue;
		list_del(&p->list);
		kfree(p);
		cond_resched();
	}
}

static void orphan(struct ct_pending_pool *pool)
{
	if (pool->hot)
		list_add(&pool->hot->list, &orphans);
	list_splice_init(&pool->others, &orphans);
}

/**
 * ct_pending_net_exit() - a namespace goes; no packet of it is in a hook
 * @cnet: the namespace
 *
 * Who waits for the end of namespaces does not wait for a packet.
 *
 * Context: process, sleeps.
 */
void ct_pending_net_exit(struct ct_net *cnet)
{
	struct ct_said *s = cnet->said;
	struct said *said, *next;
	int cpu;

	mutex_lock(&orphans_lock);
	for_each_possible_cpu(cpu)
		orphan(per_cpu_ptr(cnet->pending, cpu));
	if (cnet->nat_lost)
		list_add(&cnet->nat_lost->list, &orphans);
	free_orphans();
	mutex_unlock(&orphans_lock);
	free_percpu(cnet->pending);
	if (!s)
		return;
	list_for_each_entry_safe(said, next, &s->all, list)
		unsay(s, said);
	kfree(s);
}

/**
 * ct_pending_exit() - the module goes
 *
 * Queues drop their packets when our hooks go. What else may hold one between its
 * hooks lets go of it soon: a cipher that works in the background, or who puts
 * fragments together, of which a rule spoke before. That may be as long as somebody
 * says (ipfrag_time), so it is not waited for: an object that is left behind is
 * memory that nobody uses again, for the pool's reference stays.
 *
 * Context: process, sleeps.
 */
void ct_pending_exit(void)
{
	int tries;

	mutex_lock(&orphans_lock);
	free_orphans();
	for (tries = 0; !list_empty(&orphans) && tries < EXIT_TRIES; tries++) {
		msleep(20);
		free_orphans();
	}
	if (!list_empty(&orphans))
		pr_warn("packets or fragments still wait somewhere: what was noted of them is left in memory\n");
	mutex_unlock(&orphans_lock);
}
