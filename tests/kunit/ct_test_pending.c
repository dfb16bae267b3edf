// SPDX-License-Identifier: GPL-2.0
/*
 * Pending packets (ct_pending.c): what is known of a packet goes where the packet
 * goes and to no other, is left to the next when the last that had it is gone, and
 * is bounded in each namespace by itself.
 */
#include <kunit/test.h>
#include <linux/bottom_half.h>
#include <linux/skbuff.h>

#include "ct_pending.h"

#define MANY	10000	/* more than a namespace may have on a CPU */

static struct sk_buff *new_packet(struct kunit *test)
{
	struct sk_buff *skb = alloc_skb(64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	return skb;
}

static struct ct_pending *begin(struct sk_buff *skb)
{
	struct ct_pending *p;

	local_bh_disable();
	p = ct_pending_attach(ct_net_initial, skb, CT_INFO_NEW, CT_PENDING_FIRST);
	local_bh_enable();
	return p;
}

static void say_mark(struct ct_tmpl *note, const void *arg)
{
	note->mark = *(const u32 *)arg;
	note->has |= CT_TMPL_MARK;
}

static u32 mark_of(struct ct_pending *p)
{
	struct ct_tmpl note;

	local_bh_disable();
	ct_pending_tmpl(p, &note);
	local_bh_enable();
	return note.has & CT_TMPL_MARK ? note.mark : 0;
}

/* Whoever has no object has one of these numbers, or none. */
static void carries_an_answer(struct kunit *test)
{
	struct sk_buff *skb = new_packet(test), *clone;
	int info;

	KUNIT_EXPECT_EQ(test, ct_skb_info(skb), CT_INFO_NONE);
	for (info = CT_INFO_RELATED; info <= CT_INFO_UNTRACKED; info++) {
		skb_set_nfct(skb, info);
		KUNIT_EXPECT_EQ(test, (int)ct_skb_info(skb), info);
		KUNIT_EXPECT_NULL(test, ct_pending_of(skb));
		clone = skb_clone(skb, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, clone);
		KUNIT_EXPECT_EQ(test, (int)ct_skb_info(clone), info);
		kfree_skb(clone);
	}
	nf_reset_ct(skb);
	KUNIT_EXPECT_EQ(test, ct_skb_info(skb), CT_INFO_NONE);
	kfree_skb(skb);
}

/* A clone is the same packet: one of them makes the flow. */
static void goes_with_clones(struct kunit *test)
{
	struct sk_buff *skb = new_packet(test), *clone;
	struct ct_pending *p = begin(skb);
	u32 mark = 7;

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_PTR_EQ(test, ct_pending_of(skb), p);
	local_bh_disable();
	ct_pending_edit(p, say_mark, &mark);
	local_bh_enable();
	clone = skb_clone(skb, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, clone);
	kfree_skb(skb);
	KUNIT_EXPECT_PTR_EQ(test, ct_pending_of(clone), p);
	KUNIT_EXPECT_FALSE(test, ct_pending_is_free(p));
	KUNIT_EXPECT_EQ(test, mark_of(p), 7);
	skb = skb_clone(clone, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	KUNIT_EXPECT_EQ(test, ct_pending_claim(p), CT_PENDING_FIRST);
	KUNIT_EXPECT_EQ(test, ct_pending_claim(p), CT_PENDING_NONE);
	ct_pending_detach(skb, p, CT_INFO_NEW);
	KUNIT_EXPECT_EQ(test, ct_skb_info(skb), CT_INFO_NEW);
	KUNIT_EXPECT_NULL(test, ct_pending_of(skb));
	kfree_skb(skb);
	kfree_skb(clone);
	KUNIT_EXPECT_TRUE(test, ct_pending_is_free(p));
}

/* The next one to have the object has nothing of what was said of the last. */
static void is_forgotten(struct kunit *test)
{
	struct sk_buff *skb = new_packet(test);
	struct ct_pending *p, *again;
	u32 mark = 9;

	migrate_disable();
	p = begin(skb);
	KUNIT_ASSERT_NOT_NULL(test, p);
	local_bh_disable();
	ct_pending_edit(p, say_mark, &mark);
	local_bh_enable();
	kfree_skb(skb);
	skb = new_packet(test);
	again = begin(skb);
	KUNIT_EXPECT_PTR_EQ(test, again, p);
	KUNIT_EXPECT_EQ(test, mark_of(again), 0);
	kfree_skb(skb);
	migrate_enable();
}

/* What is held by one packet is not given to another. */
static void is_nobody_elses(struct kunit *test)
{
	struct sk_buff *one = new_packet(test), *two = new_packet(test);
	struct ct_pending *p = begin(one), *q = begin(two);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_PTR_NE(test, p, q);
	kfree_skb(one);
	kfree_skb(two);
}

static u64 lost(void)
{
	return ct_stat_sum(ct_net_initial, offsetof(struct ct_stat, pending_lost));
}

/* Too many at once are lost and counted; when they are gone there is room. */
static void is_bounded(struct kunit *test)
{
	struct sk_buff **skb = kvcalloc(MANY, sizeof(*skb), GFP_KERNEL);
	u64 before = lost(), got = 0;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	for (i = 0; i < MANY; i++) {
		skb[i] = new_packet(test);
		migrate_disable();
		got += !!begin(skb[i]);
		migrate_enable();
		cond_resched();
	}
	KUNIT_EXPECT_GE(test, got, 4096);
	KUNIT_EXPECT_LE(test, got, 4100 * num_possible_cpus());
	KUNIT_EXPECT_EQ(test, got + lost() - before, MANY);
	for (i = 0; i < MANY; i++)
		kfree_skb(skb[i]);
	kvfree(skb);
	for (i = 0; i < MANY; i++) {
		struct sk_buff *one = new_packet(test);

		KUNIT_EXPECT_NOT_NULL(test, begin(one));
		kfree_skb(one);
	}
}

/* A mark that a rule set before does not keep a zone from being said. */
static void says_zones_behind_marks(struct kunit *test)
{
	const struct ct_tmpl zone = {
		.has = CT_TMPL_ZONE,
		.zone = { 7, 7 },
	};
	struct sk_buff *skb = new_packet(test);
	struct ct_tmpl got = {};
	u32 mark = 3;
	struct ct_pending *p;

	local_bh_disable();
	p = ct_pending_attach(ct_net_initial, skb, CT_INFO_NONE,
			      CT_PENDING_EARLY);
	KUNIT_EXPECT_NOT_NULL(test, p);
	if (p) {
		ct_pending_edit(p, say_mark, &mark);
		KUNIT_EXPECT_TRUE(test, ct_pending_say_early(ct_net_initial,
							     skb, &zone));
		ct_pending_tmpl(p, &got);
	}
	local_bh_enable();
	KUNIT_EXPECT_EQ(test, got.mark, 3);
	KUNIT_EXPECT_EQ(test, got.zone[IP_CT_DIR_ORIGINAL], 7);
	kfree_skb(skb);
}

/* Before the first hook a packet has a note, but no answer. */
static void is_spoken_of_early(struct kunit *test)
{
	const struct ct_tmpl note = {
		.has = CT_TMPL_ZONE,
		.zone = { 5, 0 },
	}, later = {
		.has = CT_TMPL_ZONE,
		.zone = { 6, 6 },
	};
	struct sk_buff *skb = new_packet(test);
	struct ct_tmpl got;

	local_bh_disable();
	KUNIT_EXPECT_TRUE(test, ct_pending_say_early(ct_net_initial, skb, &note));
	KUNIT_EXPECT_TRUE(test, ct_pending_say_early(ct_net_initial, skb, &later));
	local_bh_enable();
	KUNIT_EXPECT_EQ(test, ct_skb_info(skb), CT_INFO_NONE);
	KUNIT_ASSERT_NOT_NULL(test, ct_pending_of(skb));
	ct_pending_tmpl(ct_pending_of(skb), &got);
	KUNIT_EXPECT_EQ(test, got.zone[IP_CT_DIR_ORIGINAL], 5);
	KUNIT_EXPECT_EQ(test, got.zone[IP_CT_DIR_REPLY], 0);
	kfree_skb(skb);
}

static struct ct_tuple tuple_of(u16 port)
{
	return (struct ct_tuple){
		.src.ip = htonl(0x0a010002),
		.dst.ip = htonl(0x0a020002),
		.sport = htons(port),
		.dport = htons(80),
		.family = NFPROTO_IPV4,
		.protonum = IPPROTO_TCP,
	};
}

/* Beside nf_conntrack: by tuple, and the oldest goes where there are too many. */
static void is_said_by_tuple(struct kunit *test)
{
	struct ct_tuple first = tuple_of(1), t = tuple_of(2);
	u64 before = lost();
	struct ct_tmpl note;
	u32 i;

	local_bh_disable();
	i = 11;
	KUNIT_EXPECT_TRUE(test, ct_said_edit(ct_net_initial, &first, say_mark, &i));
	KUNIT_EXPECT_TRUE(test, ct_said_get(ct_net_initial, &first, &note));
	KUNIT_EXPECT_EQ(test, note.mark, 11);
	KUNIT_EXPECT_FALSE(test, ct_said_get(ct_net_initial, &t, &note));
	ct_said_forget(ct_net_initial, &first);
	KUNIT_EXPECT_FALSE(test, ct_said_get(ct_net_initial, &first, &note));
	for (i = 0; i < 2000; i++) {
		t = tuple_of(i);
		KUNIT_EXPECT_TRUE(test, ct_said_edit(ct_net_initial, &t, say_mark,
						     &i));
	}
	KUNIT_EXPECT_EQ(test, lost() - before, 2000 - 1024);
	KUNIT_EXPECT_TRUE(test, ct_said_get(ct_net_initial, &t, &note));
	KUNIT_EXPECT_EQ(test, note.mark, 1999);
	for (i = 0; i < 2000; i++) {
		t = tuple_of(i);
		ct_said_forget(ct_net_initial, &t);
	}
	local_bh_enable();
}

static struct kunit_case cases[] = {
	KUNIT_CASE(carries_an_answer),
	KUNIT_CASE(goes_with_clones),
	KUNIT_CASE(is_forgotten),
	KUNIT_CASE(is_nobody_elses),
	KUNIT_CASE(is_bounded),
	KUNIT_CASE(is_spoken_of_early),
	KUNIT_CASE(says_zones_behind_marks),
	KUNIT_CASE(is_said_by_tuple),
	{}
};

static struct kunit_suite suite = {
	.name = "ct_pending",
	.test_cases = cases,
};

kunit_test_suite(suite);
