// SPDX-License-Identifier: GPL-2.0
/*
 * The table: a flow is found from both directions and by its alias, two flows
 * never share a place, and a walk gives every flow that lives through it
 * exactly once, whatever is inserted, ended or resized meanwhile.
 *
 * The flows are in a namespace of the test's own, in the module's real table.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/in.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "ct_create.h"
#include "ct_expire.h"
#include "ct_gc.h"
#include "ct_hash.h"
#include "ct_table.h"
#include "ct_test.h"

#define CT_TEST_FLOWS	20000	/* more than a batch in each bucket */
#define CT_TEST_AGE	(3600 * HZ)

struct table_test {
	struct ct_net cnet;
	struct ct_stat __percpu *stat[2];	/* of other namespaces */
	u32 others;
	u8 *seen;
	unsigned int buckets;
};

static void make_tuple(struct ct_tuple *t, u32 n, u8 family)
{
	memset(t, 0, sizeof(*t));
	t->family = family;
	t->protonum = IPPROTO_UDP;
	t->dport = htons(53);
	t->sport = htons(n & 0xffff);
	if (family == NFPROTO_IPV4) {
		t->src.ip = htonl(0x0a000001 + (n >> 16));
		t->dst.ip = htonl(0x0a800001);
	} else {
		t->src.ip6[3] = htonl(1 + (n >> 16));
		t->dst.ip6[0] = htonl(0x20010db8);
	}
}

static struct ct_flow *add_tuple(struct table_test *tt,
				 const struct ct_tuple *t,
				 const struct ct_tuple *reply, u32 mark,
				 u32 age, u32 status)
{
	struct ct_lookup_key orig, alias;
	struct ct_flow *flow;

	ct_tuple_identify(t, &tt->cnet, &orig);
	if (reply)
		ct_tuple_identify(reply, &tt->cnet, &alias);
	local_bh_disable();
	rcu_read_lock();
	flow = ct_flow_create(&tt->cnet, &orig, reply ? &alias : NULL);
	if (IS_ERR(flow))
		goto out;
	flow->mark = mark;
	ct_flow_prepare(flow, ct_now() + age, status);
	if (!ct_flow_confirm(&tt->cnet, flow, NULL)) {
		ct_flow_discard(flow);
		flow = NULL;
	}
out:
	rcu_read_unlock();
	local_bh_enable();
	return flow;
}

/* The number is kept in the mark too. */
static struct ct_flow *add_flow(struct table_test *tt, u32 n, u8 family,
				const struct ct_tuple *reply, u32 age)
{
	struct ct_tuple t;

	make_tuple(&t, n, family);
	return add_tuple(tt, &t, reply, n, age, 0);
}

/* The flow of a tuple, or -1; @dir as found. */
static long find_mark(struct table_test *tt, const struct ct_tuple *t,
		      enum ip_conntrack_dir *dir)
{
	struct ct_flow *flow;
	struct ct_lookup_key id;
	long mark = -1;

	ct_tuple_identify(t, &tt->cnet, &id);
	local_bh_disable();
	rcu_read_lock();
	flow = ct_hash_find(&tt->cnet, &id, dir);
	if (flow) {
		mark = flow->mark;
		ct_flow_unlock(flow);
	}
	rcu_read_unlock();
	local_bh_enable();
	return mark;
}

static void end_flow(struct table_test *tt, u32 n, u8 family)
{
	enum ip_conntrack_dir dir;
	struct ct_flow *flow;
	struct ct_tuple t;
	struct ct_lookup_key id;

	make_tuple(&t, n, family);
	ct_tuple_identify(&t, &tt->cnet, &id);
	local_bh_disable();
	rcu_read_lock();
	flow = ct_hash_find(&tt->cnet, &id, &dir);
	if (flow)
		ct_flow_end_unlock(flow, CT_ENDED_REQUEST);
	rcu_read_unlock();
	local_bh_enable();
}

static void expect_found(struct kunit *test, u32 n, u8 family)
{
	struct table_test *tt = test->priv;
	enum ip_conntrack_dir dir;
	struct ct_tuple t, inverse;

	make_tuple(&t, n, family);
	KUNIT_EXPECT_EQ(test, find_mark(tt, &t, &dir), (long)n);
	KUNIT_EXPECT_EQ(test, (int)dir, (int)ORIG);
	ct_tuple_invert(&inverse, &t);
	KUNIT_EXPECT_EQ(test, find_mark(tt, &inverse, &dir), (long)n);
	KUNIT_EXPECT_EQ(test, (int)dir, (int)REPLY);
}

static void fill(struct kunit *test, u32 from, u32 to)
{
	struct ct_flow *flow;
	u32 n;

	for (n = from; n < to; n++) {
		flow = add_flow(test->priv, n, n % 8 ? NFPROTO_IPV4 :
				NFPROTO_IPV6, NULL, CT_TEST_AGE);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, flow);
	}
}

static void finds_both_directions(struct kunit *test)
{
	struct table_test *tt = test->priv;
	u32 n;

	fill(test, 0, 2000);
	for (n = 0; n < 2000; n++)
		expect_found(test, n, n % 8 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	KUNIT_EXPECT_EQ(test, ct_room_used(&tt->cnet), 2000);
}

static void refuses_a_second_flow(struct kunit *test)
{
	struct table_test *tt = test->priv;

	fill(test, 1, 2);
	KUNIT_EXPECT_NULL(test, add_flow(tt, 1, NFPROTO_IPV4, NULL, HZ));
	KUNIT_EXPECT_EQ(test, ct_room_used(&tt->cnet), 1);
	end_flow(tt, 1, NFPROTO_IPV4);
	fill(test, 1, 2);
	expect_found(test, 1, NFPROTO_IPV4);
}

static void finds_translated_flows(struct kunit *test)
{
	struct table_test *tt = test->priv;
	struct ct_tuple reply, inverse, t;
	enum ip_conntrack_dir dir;

	make_tuple(&t, 7, NFPROTO_IPV4);
	ct_tuple_invert(&reply, &t);
	reply.dst.ip = htonl(0xc0000201);	/* masqueraded */
	reply.dport = htons(1024);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, add_flow(tt, 7, NFPROTO_IPV4, &reply,
						    CT_TEST_AGE));
	KUNIT_EXPECT_EQ(test, find_mark(tt, &t, &dir), 7L);
	KUNIT_EXPECT_EQ(test, (int)dir, (int)ORIG);
	KUNIT_EXPECT_EQ(test, find_mark(tt, &reply, &dir), 7L);
	KUNIT_EXPECT_EQ(test, (int)dir, (int)REPLY);
	ct_tuple_invert(&inverse, &reply);
	KUNIT_EXPECT_EQ(test, find_mark(tt, &inverse, &dir), 7L);
	KUNIT_EXPECT_EQ(test, (int)dir, (int)ORIG);
	/* The numbers of the original turned around are no reply. */
	ct_tuple_invert(&inverse, &t);
	KUNIT_EXPECT_EQ(test, find_mark(tt, &inverse, &dir), -1L);
	/* Nobody else may have the place of the replies. */
	KUNIT_EXPECT_NULL(test, add_flow(tt, 8, NFPROTO_IPV4, &reply, HZ));
	end_flow(tt, 7, NFPROTO_IPV4);
	KUNIT_EXPECT_EQ(test, find_mark(tt, &reply, &dir), -1L);
}

/*
 * Where we translate, the outside end of a flow may be that of another one, which begins
 * there: each direction between the two ends is one flow's.
 */
static void bound_flows_share_their_ends(struct kunit *test)
{
	struct table_test *tt = test->priv;
	struct ct_tuple t, reply, own, own_reply;
	enum ip_conntrack_dir dir;

	make_tuple(&t, 7, NFPROTO_IPV4);
	ct_tuple_invert(&reply, &t);
	reply.dst.ip = htonl(0xc0000201);
	reply.dport = htons(1024);
	ct_tuple_invert(&own, &reply);
	own_reply = reply;
	own_reply.dport = htons(1025);
	KUNIT_ASSERT_NOT_NULL(test, add_tuple(tt, &t, &reply, 7, CT_TEST_AGE,
					      CT_FLOW_BOUND));
	KUNIT_EXPECT_EQ(test, find_mark(tt, &own, &dir), -1L);
	/* Not with the replies of the first one */
	KUNIT_EXPECT_NULL(test, add_tuple(tt, &own, NULL, 8, CT_TEST_AGE, 0));
	KUNIT_EXPECT_NULL(test, add_tuple(tt, &own, &reply, 8, CT_TEST_AGE,
					  CT_FLOW_BOUND));
	KUNIT_ASSERT_NOT_NULL(test, add_tuple(tt, &own, &own_reply, 8,
					      CT_TEST_AGE, CT_FLOW_BOUND));
	KUNIT_EXPECT_EQ(test, find_mark(tt, &own, &dir), 8L);
	KUNIT_EXPECT_EQ(test, (int)dir, (int)ORIG);
	KUNIT_EXPECT_EQ(test, find_mark(tt, &reply, &dir), 7L);
	KUNIT_EXPECT_EQ(test, (int)dir, (int)REPLY);
	KUNIT_EXPECT_EQ(test, find_mark(tt, &own_reply, &dir), 8L);
	end_flow(tt, 7, NFPROTO_IPV4);
	KUNIT_EXPECT_EQ(test, find_mark(tt, &reply, &dir), -1L);
	KUNIT_EXPECT_EQ(test, find_mark(tt, &own, &dir), 8L);
}

/*
 * The original numbers turned around reach a translated flow neither while the
 * table is resized, nor where the flow's directions are in different zones.
 */
static void translated_flows_have_one_original(struct kunit *test)
{
	struct table_test *tt = test->priv;
	struct ct_tuple reply, inverse, t;
	enum ip_conntrack_dir dir;
	struct ct_lookup_key id;

	make_tuple(&t, 7, NFPROTO_IPV6);
	ct_tuple_invert(&inverse, &t);
	reply = inverse;
	reply.zone = 9;
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, add_flow(tt, 7, NFPROTO_IPV6, &reply,
						    CT_TEST_AGE));
	KUNIT_EXPECT_EQ(test, find_mark(tt, &t, &dir), 7L);
	KUNIT_EXPECT_EQ(test, find_mark(tt, &reply, &dir), 7L);
	KUNIT_EXPECT_EQ(test, (int)dir, (int)REPLY);
	KUNIT_EXPECT_EQ(test, find_mark(tt, &inverse, &dir), -1L);
	ct_tuple_identify(&inverse, &tt->cnet, &id);
	local_bh_disable();
	rcu_read_lock();
	KUNIT_EXPECT_NULL(test, ct_hash_find_slowly(&tt->cnet, &id, &dir));
	rcu_read_unlock();
	local_bh_enable();
}

/* A flow whose mark is its link; its tuple is to come back as it was. */
static void add_of_link(struct kunit *test, const struct ct_tuple *t)
{
	struct table_test *tt = test->priv;
	struct ct_snapshot snap;
	struct ct_flow *flow;
	bool added = false;
	struct ct_lookup_key id;

	ct_tuple_identify(t, &tt->cnet, &id);
	local_bh_disable();
	rcu_read_lock();
	flow = ct_flow_create(&tt->cnet, &id, NULL);
	if (!IS_ERR(flow)) {
		flow->mark = t->link;
		flow->expires = ct_now() + CT_TEST_AGE;
		added = ct_flow_confirm(&tt->cnet, flow, NULL);
		ct_flow_snapshot(flow, ct_now(), &snap);
	}
	rcu_read_unlock();
	local_bh_enable();
	KUNIT_ASSERT_TRUE(test, added);
	KUNIT_EXPECT_TRUE(test, ct_tuple_equal(t, &snap.tuple[ORIG]));
}

/* fe80::1 is another host on each link. */
static void finds_flows_of_their_link_only(struct kunit *test)
{
	struct table_test *tt = test->priv;
	enum ip_conntrack_dir dir;
	struct ct_tuple t, inverse;

	make_tuple(&t, 1, NFPROTO_IPV6);
	ipv6_addr_set(&t.src.in6, htonl(0xfe800000), 0, 0, htonl(1));
	ipv6_addr_set(&t.dst.in6, htonl(0xfe800000), 0, 0, htonl(2));
	for (t.link = 2; t.link < 4; t.link++)
		add_of_link(test, &t);
	for (t.link = 2; t.link < 4; t.link++) {
		ct_tuple_invert(&inverse, &t);
		KUNIT_EXPECT_EQ(test, find_mark(tt, &t, &dir), (long)t.link);
		KUNIT_EXPECT_EQ(test, (int)dir, (int)ORIG);
		KUNIT_EXPECT_EQ(test, find_mark(tt, &inverse, &dir),
				(long)t.link);
		KUNIT_EXPECT_EQ(test, (int)dir, (int)REPLY);
	}
	KUNIT_EXPECT_EQ(test, find_mark(tt, &t, &dir), -1L);
	/* What another host writes where the key has the interface */
	t.link = 0;
	t.src.in6.s6_addr32[1] = htonl(3);
	t.dst.in6.s6_addr32[1] = htonl(3);
	KUNIT_EXPECT_EQ(test, find_mark(tt, &t, &dir), -1L);
}

/* Is this node, found a moment ago, that flow? */
static bool is_believed(struct table_test *tt, struct ct_flow *flow, u32 n)
{
	enum ip_conntrack_dir dir;
	struct ct_flow *locked;
	struct ct_tuple t;
	struct ct_lookup_key id;

	make_tuple(&t, n, NFPROTO_IPV4);
	ct_tuple_identify(&t, &tt->cnet, &id);
	locked = ct_node_lock(&flow->node, &tt->cnet, &id, &dir);
	if (locked)
		ct_flow_unlock(locked);
	return locked;
}

/* Between finding and locking a flow may end, and its memory be another one. */
static void believes_nothing_before_it_is_locked(struct kunit *test)
{
	struct table_test *tt = test->priv;
	struct ct_flow *flow, *other;

	flow = add_flow(tt, 1, NFPROTO_IPV4, NULL, CT_TEST_AGE);
	other = add_flow(tt, 2, NFPROTO_IPV4, NULL, CT_TEST_AGE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, flow);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	local_bh_disable();
	rcu_read_lock();
	KUNIT_EXPECT_TRUE(test, is_believed(tt, flow, 1));
	KUNIT_EXPECT_FALSE(test, is_believed(tt, other, 1));
	end_flow(tt, 1, NFPROTO_IPV4);
	KUNIT_EXPECT_FALSE(test, is_believed(tt, flow, 1));
	rcu_read_unlock();
	local_bh_enable();
}

/* What to do to the table between two steps of a walk. */
typedef void (*disturb)(struct kunit *test, unsigned int step);

static void resize(struct kunit *test, unsigned int step)
{
	static const unsigned int sizes[] = { 8192, 1024, 2048, 1024, 65536 };

	unsigned int size = sizes[step / 500 % ARRAY_SIZE(sizes)];

	if (step % 500 == 0)
		KUNIT_EXPECT_EQ(test, ct_hash_resize(size), 0);
}

static void come_and_go(struct kunit *test, unsigned int step)
{
	struct table_test *tt = test->priv;
	u32 n = CT_TEST_FLOWS + step % 64;

	end_flow(tt, n, NFPROTO_IPV4);
	add_flow(tt, n, NFPROTO_IPV4, NULL, CT_TEST_AGE);
}

static void everything(struct kunit *test, unsigned int step)
{
	resize(test, step);
	come_and_go(test, step);
}

static void walk_all(struct kunit *test, unsigned int pause, disturb disturb)
{
	struct table_test *tt = test->priv;
	struct ct_snapshot *snap;
	unsigned int step = 0, bad = 0, twice = 0;
	struct ct_walk *walk;
	u32 n;

	snap = kunit_kzalloc(test, sizeof(*snap), GFP_KERNEL);
	walk = kunit_kzalloc(test, sizeof(*walk), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, snap && walk);
	memset(tt->seen, 0, CT_TEST_FLOWS);
	rcu_read_lock();
	ct_walk_begin(walk, &tt->cnet, NFPROTO_UNSPEC);
	while (ct_walk_next(walk, snap)) {
		if (snap->mark < CT_TEST_FLOWS && tt->seen[snap->mark]++)
			twice++;
		if (pause && ++step % pause == 0) {
			rcu_read_unlock();
			if (disturb)
				disturb(test, step);
			rcu_read_lock();
			ct_walk_resume(walk);
		}
	}
	rcu_read_unlock();
	for (n = 0; n < CT_TEST_FLOWS; n++)
		bad += tt->seen[n] != 1;
	KUNIT_EXPECT_EQ(test, bad, 0);
	KUNIT_EXPECT_EQ(test, twice, 0);
}

static void counts_beyond_32_bits(struct kunit *test)
{
	struct ct_flow flow = { .packets_low = { U32_MAX, 0 } };

	ct_flow_count(&flow, IP_CT_DIR_ORIGINAL, 100);
	ct_flow_count(&flow, IP_CT_DIR_ORIGINAL, 100);
	KUNIT_EXPECT_EQ(test, BIT_ULL(32) + 1,
			ct_flow_packets(&flow, IP_CT_DIR_ORIGINAL));
	KUNIT_EXPECT_EQ(test, 200ULL, flow.bytes[IP_CT_DIR_ORIGINAL]);
	KUNIT_EXPECT_EQ(test, 0ULL,
			ct_flow_packets(&flow, IP_CT_DIR_REPLY));
}

static void walks_each_once(struct kunit *test)
{
	fill(test, 0, CT_TEST_FLOWS);
	walk_all(test, 0, NULL);
	walk_all(test, 1, NULL);
	walk_all(test, 50, resize);
	walk_all(test, 3, come_and_go);
	walk_all(test, 10, everything);
}

static void walks_one_family(struct kunit *test)
{
	struct table_test *tt = test->priv;
	struct ct_snapshot snap;
	unsigned int n = 0;
	struct ct_walk walk;

	fill(test, 0, 800);
	rcu_read_lock();
	ct_walk_begin(&walk, &tt->cnet, NFPROTO_IPV6);
	while (ct_walk_next(&walk, &snap))
		n++;
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, n, 100);
}

static bool is_there(struct table_test *tt, u32 n)
{
	enum ip_conntrack_dir dir;
	struct ct_tuple t;

	make_tuple(&t, n, NFPROTO_IPV4);
	return find_mark(tt, &t, &dir) == (long)n;
}

static struct table_test *make_other(struct kunit *test)
{
	struct table_test *tt = kunit_kzalloc(test, sizeof(*tt), GFP_KERNEL);
	struct table_test *first = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, tt);
	KUNIT_ASSERT_LT(test, first->others, ARRAY_SIZE(first->stat));
	*tt = (struct table_test){ .cnet = { .net = &init_net } };
	ct_knobs_init(&tt->cnet, 0, true);
	tt->cnet.stat = first->stat[first->others++];
	return tt;
}

/* However far it is from one flow to the next, and whatever is in between */
static void walks_pause_after_so_many_looks(struct kunit *test)
{
	struct table_test *tt = test->priv, *other = make_other(test);
	unsigned int n = 0, most = 0;
	struct ct_snapshot *snap;
	struct ct_walk *walk;

	snap = kunit_kzalloc(test, sizeof(*snap), GFP_KERNEL);
	walk = kunit_kzalloc(test, sizeof(*walk), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, snap && walk);
	KUNIT_ASSERT_EQ(test, ct_net_enroll(&other->cnet), 0);
	for (n = 0; n < 2 * CT_WALK_LOOKS; n++)
		add_flow(other, n, NFPROTO_IPV4, NULL, CT_TEST_AGE);
	fill(test, 1, 4);
	KUNIT_EXPECT_EQ(test, ct_hash_resize(8 * CT_WALK_LOOKS), 0);
	n = 0;
	rcu_read_lock();
	ct_walk_begin(walk, &tt->cnet, NFPROTO_UNSPEC);
	while (ct_walk_next(walk, snap)) {
		most = max(most, walk->looked);
		n++;
	}
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, n, 3);
	KUNIT_EXPECT_LT(test, most, CT_WALK_LOOKS + 32);
	ct_flow_end_all(&other->cnet);
	ct_net_dismiss(&other->cnet);
}

/* A count of 0 is believed: what is in the table then would stay there. */
static void an_empty_namespace_ends_without_a_walk(struct kunit *test)
{
	struct table_test *tt = test->priv;
	int n;

	fill(test, 1, 2);
	n = atomic_xchg(&tt->cnet.count, 0);
	ct_flow_end_all(&tt->cnet);
	KUNIT_EXPECT_TRUE(test, is_there(tt, 1));
	atomic_set(&tt->cnet.count, n);
	ct_flow_end_all(&tt->cnet);
	KUNIT_EXPECT_FALSE(test, is_there(tt, 1));
}

/* The CPUs that the test does not run on have room in hand, and make no flows. */
static void put_in_hand(struct table_test *tt, int n)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		atomic_add(n, &per_cpu_ptr(tt->cnet.stat, cpu)->room);
		atomic_add(n, &tt->cnet.count);
	}
	tt->cnet.in_hand = true;
}

static void room_in_hand_is_no_flow(struct kunit *test)
{
	struct table_test *tt = test->priv;

	fill(test, 1, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&tt->cnet.count), CT_ROOM_BATCH);
	put_in_hand(tt, 7);
	KUNIT_EXPECT_EQ(test, ct_room_used(&tt->cnet), 1);
	KUNIT_EXPECT_FALSE(test, ct_net_is_empty(&tt->cnet));
	ct_flow_end_all(&tt->cnet);
	KUNIT_EXPECT_EQ(test, ct_room_used(&tt->cnet), 0);
	KUNIT_EXPECT_NE(test, atomic_read(&tt->cnet.count), 0);
	KUNIT_EXPECT_TRUE(test, ct_net_is_empty(&tt->cnet));
}

/* Whatever is in hand, as many flows as the limit says, and not one more */
static void room_is_exact_at_the_limit(struct kunit *test)
{
	struct table_test *tt = test->priv;
	const u32 max = 3 * CT_ROOM_MOST * nr_cpu_ids;

	ct_room_init(&tt->cnet);
	WRITE_ONCE(tt->cnet.knobs.max, max);
	fill(test, 0, 40);
	put_in_hand(tt, 30);
	fill(test, 40, max);
	KUNIT_EXPECT_EQ(test, ct_room_used(&tt->cnet), max);
	KUNIT_EXPECT_EQ(test, atomic_read(&tt->cnet.count), max);
	KUNIT_EXPECT_EQ(test, ct_stat_sum(&tt->cnet,
					  offsetof(struct ct_stat, early_drop)),
			0);
	fill(test, max, max + 1);
	KUNIT_EXPECT_LE(test, ct_room_used(&tt->cnet), max);
	KUNIT_EXPECT_NE(test, ct_stat_sum(&tt->cnet,
					  offsetof(struct ct_stat, early_drop)),
			0);
	ct_room_exit(&tt->cnet);
}

static void a_lower_limit_holds_at_once(struct kunit *test)
{
	struct table_test *tt = test->priv;

	ct_room_init(&tt->cnet);
	fill(test, 0, 10);
	KUNIT_EXPECT_GE(test, atomic_read(&tt->cnet.count), CT_ROOM_BATCH);
	WRITE_ONCE(tt->cnet.knobs.max, 10);
	ct_room_limited(&tt->cnet);
	KUNIT_EXPECT_EQ(test, atomic_read(&tt->cnet.count), 10);
	fill(test, 10, 12);
	KUNIT_EXPECT_LE(test, ct_room_used(&tt->cnet), 10);
	ct_room_exit(&tt->cnet);
}

/* A hand is not filled without end, nor where it was emptied. */
static void flows_leave_room_in_hand(struct kunit *test)
{
	struct table_test *tt = test->priv;
	int cpu, most = 0;

	fill(test, 0, 500);
	ct_flow_end_all(&tt->cnet);
	for_each_possible_cpu(cpu)
		most = max(most, atomic_read(&per_cpu_ptr(tt->cnet.stat,
							  cpu)->room));
	KUNIT_EXPECT_LE(test, most, CT_ROOM_MOST);
	KUNIT_EXPECT_EQ(test, ct_room_used(&tt->cnet), 0);
}

static void namespaces_end_together(struct kunit *test)
{
	struct table_test *tt = test->priv, *other[2];
	u32 i, n;

	for (i = 0; i < ARRAY_SIZE(other); i++) {
		other[i] = make_other(test);
		KUNIT_ASSERT_EQ(test, ct_net_enroll(&other[i]->cnet), 0);
		for (n = 0; n < 1000; n++)
			add_flow(other[i], n, NFPROTO_IPV4, NULL, CT_TEST_AGE);
		ct_net_set_ending(&other[i]->cnet);
	}
	fill(test, 1, 2);
	ct_flow_end_ending();
	for (i = 0; i < ARRAY_SIZE(other); i++) {
		KUNIT_EXPECT_EQ(test, ct_room_used(&other[i]->cnet), 0);
		ct_net_dismiss(&other[i]->cnet);
	}
	KUNIT_EXPECT_TRUE(test, is_there(tt, 1));
}

/* The same ends in two namespaces whose numbers have the same low bits */
static void expect_apart(struct kunit *test, struct table_test *other)
{
	struct table_test *tt = test->priv;
	struct ct_flow *flow;

	other->cnet.hash_mix = tt->cnet.hash_mix;
	fill(test, 1, 2);
	KUNIT_EXPECT_FALSE(test, is_there(other, 1));
	flow = add_flow(other, 1, NFPROTO_IPV4, NULL, CT_TEST_AGE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, flow);
	KUNIT_EXPECT_PTR_EQ(test, ct_flow_net(flow), &other->cnet);
	KUNIT_EXPECT_TRUE(test, is_there(other, 1));
	ct_flow_end_all(&other->cnet);
	KUNIT_EXPECT_EQ(test, ct_room_used(&other->cnet), 0);
	KUNIT_EXPECT_TRUE(test, is_there(tt, 1));
}

static void tells_more_than_65536_namespaces_apart(struct kunit *test)
{
	struct table_test *tt = test->priv, *other = make_other(test);
	u32 n = 0, *numbers;
	int err = 0;

	numbers = kvmalloc_array(70000, sizeof(*numbers), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, numbers);
	while (n < 70000 && !err) {
		err = ct_net_enroll(&other->cnet);
		if (!err)
			numbers[n++] = other->cnet.number;
		if (other->cnet.number == tt->cnet.number + 65536)
			break;
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	if (!err)
		expect_apart(test, other);
	while (n--) {
		other->cnet.number = numbers[n];
		ct_net_dismiss(&other->cnet);
	}
	kvfree(numbers);
}

static void reaps_in_time(struct kunit *test)
{
	struct table_test *tt = test->priv;
	unsigned long end = jiffies + 10 * HZ;
	u32 n;

	for (n = 0; n < 300; n++)
		add_flow(tt, n, NFPROTO_IPV4, NULL, n % 3 ? 1 : CT_TEST_AGE);
	ct_gc_kick();
	while (ct_room_used(&tt->cnet) != 100 && time_before(jiffies, end))
		msleep(20);
	KUNIT_EXPECT_EQ(test, ct_room_used(&tt->cnet), 100);
	expect_found(test, 0, NFPROTO_IPV4);
}

/* An end brought forward is noticed, however far off it was. */
static void reaps_what_is_hastened(struct kunit *test)
{
	struct table_test *tt = test->priv;
	unsigned long end = jiffies + 10 * HZ;
	struct ct_flow *flow;

	flow = add_flow(tt, 1, NFPROTO_IPV4, NULL, CT_TEST_AGE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, flow);
	ct_gc_kick();
	msleep(1500);	/* the reaper has seen the far end */
	local_bh_disable();
	rcu_read_lock();
	ct_flow_lock(flow);
	ct_flow_refresh(flow, ct_now() + 1);
	ct_flow_unlock(flow);
	rcu_read_unlock();
	local_bh_enable();
	while (ct_room_used(&tt->cnet) && time_before(jiffies, end))
		msleep(20);
	KUNIT_EXPECT_EQ(test, ct_room_used(&tt->cnet), 0);
}

static void sizes_are_rounded(struct kunit *test)
{
	unsigned int n = 0;

	KUNIT_EXPECT_EQ(test, ct_hash_size(0, &n), -EINVAL);
	KUNIT_EXPECT_EQ(test, ct_hash_size(CT_BUCKETS_MAX + 1UL, &n), -EINVAL);
	KUNIT_EXPECT_EQ(test, ct_hash_size(1, &n), 0);
	KUNIT_EXPECT_EQ(test, n, CT_BUCKETS_MIN);
	KUNIT_EXPECT_EQ(test, ct_hash_size(32768, &n), 0);
	KUNIT_EXPECT_EQ(test, n, 32768);
	KUNIT_EXPECT_EQ(test, ct_hash_size(32769, &n), 0);
	KUNIT_EXPECT_EQ(test, n, 65536);
}

static int table_init(struct kunit *test)
{
	struct table_test *tt = kzalloc(sizeof(*tt), GFP_KERNEL);

	if (!tt)
		return -ENOMEM;
	tt->cnet.net = &init_net;
	tt->cnet.hash_mix = 0x5eed;
	ct_knobs_init(&tt->cnet, 0, true);
	tt->cnet.stat = alloc_percpu(struct ct_stat);
	tt->stat[0] = alloc_percpu(struct ct_stat);
	tt->stat[1] = alloc_percpu(struct ct_stat);
	tt->seen = kzalloc(CT_TEST_FLOWS, GFP_KERNEL);
	tt->buckets = ct_hash_buckets();
	test->priv = tt;
	if (!tt->cnet.stat || !tt->stat[0] || !tt->stat[1] || !tt->seen ||
	    ct_net_enroll(&tt->cnet))
		return -ENOMEM;
	return ct_hash_resize(1024);
}

static void table_exit(struct kunit *test)
{
	struct table_test *tt = test->priv;

	if (!tt)
		return;
	ct_flow_end_all(&tt->cnet);
	KUNIT_EXPECT_EQ(test, ct_room_used(&tt->cnet), 0);
	ct_hash_resize(tt->buckets);
	ct_net_dismiss(&tt->cnet);
	free_percpu(tt->stat[1]);
	free_percpu(tt->stat[0]);
	free_percpu(tt->cnet.stat);
	kfree(tt->seen);
	kfree(tt);
}

static struct kunit_case table_cases[] = {
	KUNIT_CASE(finds_both_directions),
	KUNIT_CASE(refuses_a_second_flow),
	KUNIT_CASE(finds_translated_flows),
	KUNIT_CASE(translated_flows_have_one_original),
	KUNIT_CASE(bound_flows_share_their_ends),
	KUNIT_CASE(finds_flows_of_their_link_only),
	KUNIT_CASE(believes_nothing_before_it_is_locked),
	KUNIT_CASE(counts_beyond_32_bits),
	KUNIT_CASE(walks_each_once),
	KUNIT_CASE(walks_one_family),
	KUNIT_CASE(walks_pause_after_so_many_looks),
	KUNIT_CASE(an_empty_namespace_ends_without_a_walk),
	KUNIT_CASE(room_in_hand_is_no_flow),
	KUNIT_CASE(room_is_exact_at_the_limit),
	KUNIT_CASE(a_lower_limit_holds_at_once),
	KUNIT_CASE(flows_leave_room_in_hand),
	KUNIT_CASE(namespaces_end_together),
	KUNIT_CASE(tells_more_than_65536_namespaces_apart),
	KUNIT_CASE(reaps_in_time),
	KUNIT_CASE(reaps_what_is_hastened),
	KUNIT_CASE(sizes_are_rounded),
	{}
};

static struct kunit_suite table_suite = {
	.name = "ct_table",
	.init = table_init,
	.exit = table_exit,
	.test_cases = table_cases,
};

kunit_test_suite(table_suite);
