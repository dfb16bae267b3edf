// SPDX-License-Identifier: GPL-2.0
/*
 * What the suites share.
 *
 * ct_test_packet() does what the core does with a judgement, and nothing else:
 * take over the state, set the status, note that a reply was seen, forget a
 * flow that is renewed. A second judgement of the same packet must be the
 * same: judging is pure. And what was not believed must not be when it comes
 * again.
 *
 * Context: KUnit's threads.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/skbuff.h>

#include "ct_compat.h"
#include "ct_test.h"

/**
 * ct_test_begin() - begin a case
 * @test: the test
 * @name: the case
 * @proto: protocol of the flow
 * @family: NFPROTO_*
 *
 * Return: a run with no flow yet, default knobs, and time at CT_TEST_START.
 */
struct ct_test_run *ct_test_begin(struct kunit *test, const char *name,
				  const struct ct_proto *proto, u8 family)
{
	struct ct_test_run *run;

	run = kunit_kzalloc(test, sizeof(*run), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, run);
	run->test = test;
	run->name = name;
	ct_knobs_init(&run->cnet, 0, true);
	run->pkt.cnet = &run->cnet;
	run->pkt.proto = proto;
	run->pkt.hook = NF_INET_PRE_ROUTING;
	run->pkt.tuple.family = family;
	run->pkt.tuple.protonum = proto->protonum;
	run->pkt.now = CT_TEST_START;
	return run;
}

static void apply(struct ct_test_run *run, enum ip_conntrack_dir dir)
{
	const struct ct_judgement *j = &run->judgement;
	struct ct_flow *flow = &run->flow;

	switch (j->verdict) {
	case CT_REFUSE:
	case CT_LEARN:
		if (!j->stays)
			flow->state = j->next;
		return;
	case CT_PASS:
		return;
	case CT_RENEW:
		memset(flow, 0, sizeof(*flow));
		run->exists = false;
		return;
	case CT_ACCEPT:
		flow->expires = run->pkt.now + j->timeout;
		break;
	default:
		break;
	}
	if (!j->stays)
		flow->state = j->next;
	flow->status |= j->status;
	if (dir == REPLY)
		flow->status |= IPS_SEEN_REPLY;
	run->exists = true;
}

static void judge_twice(struct ct_test_run *run, enum ip_conntrack_dir dir)
{
	const struct ct_flow *flow = run->exists ? &run->flow : NULL;
	struct ct_judgement *j = &run->judgement;
	struct ct_judgement again;

	memset(j, 0x5a, sizeof(*j));
	run->pkt.proto->judge(flow, &run->pkt, dir, j);
	memset(&again, 0xa5, sizeof(again));
	run->pkt.proto->judge(flow, &run->pkt, dir, &again);

	KUNIT_EXPECT_EQ(run->test, j->verdict, again.verdict);
	if (j->verdict == CT_REFUSE) {
		KUNIT_EXPECT_EQ(run->test, j->reason, again.reason);
		return;
	}
	if (j->verdict == CT_RENEW || j->verdict == CT_PASS)
		return;
	if (j->verdict == CT_ACCEPT) {
		KUNIT_EXPECT_EQ(run->test, j->status, again.status);
		KUNIT_EXPECT_EQ(run->test, j->timeout, again.timeout);
	}
	KUNIT_EXPECT_EQ_MSG(run->test,
			    !j->stays && memcmp(&j->next, &again.next,
						   sizeof(j->next)), false,
			    "%s: packet %u: next state not written whole",
			    run->name, run->row);
}

/* What was refused, or passed without being believed, comes once more. */
static void send_again(struct ct_test_run *run, enum ip_conntrack_dir dir)
{
	const struct ct_judgement first = run->judgement;
	const struct ct_flow before = run->flow;
	struct ct_judgement *j = &run->judgement;

	if (!run->exists || (first.verdict != CT_PASS &&
			     first.verdict != CT_LEARN &&
			     first.verdict != CT_REFUSE))
		return;
	judge_twice(run, dir);
	if (first.verdict == CT_LEARN)
		KUNIT_EXPECT_TRUE_MSG(run->test, j->verdict == CT_LEARN ||
				      j->verdict == CT_PASS ||
				      j->verdict == CT_REFUSE,
				      "%s: packet %u, again: verdict %d",
				      run->name, run->row, j->verdict);
	else if (first.verdict == CT_PASS || first.stays)
		KUNIT_EXPECT_EQ_MSG(run->test, (int)j->verdict,
				    (int)first.verdict,
				    "%s: packet %u, again: verdict",
				    run->name, run->row);
	apply(run, dir);
	if (first.verdict == CT_PASS || first.stays)
		KUNIT_EXPECT_EQ_MSG(run->test, 0,
				    memcmp(&before, &run->flow, sizeof(before)),
				    "%s: packet %u, again: changes something",
				    run->name, run->row);
	run->flow = before;
	*j = first;
}

/**
 * ct_test_packet() - judge @run's packet, compare, and apply the judgement
 * @run: the run; its packet is ready
 * @ms: when it comes, after the beginning
 * @dir: direction
 * @want: what is expected
 */
void ct_test_packet(struct ct_test_run *run, u64 ms, enum ip_conntrack_dir dir,
		    const struct ct_test_want *want)
{
	struct ct_judgement *j = &run->judgement;
	struct kunit *test = run->test;

	run->row++;
	run->pkt.now = CT_TEST_START + (u32)div_u64(ms * HZ, 1000);
	judge_twice(run, dir);
	KUNIT_EXPECT_EQ_MSG(test, (int)j->verdict, (int)want->verdict,
			    "%s: packet %u: verdict (reason %d)", run->name,
			    run->row, j->verdict == CT_REFUSE ? j->reason : 0);
	if (want->verdict == CT_REFUSE && j->verdict == CT_REFUSE)
		KUNIT_EXPECT_EQ_MSG(test, (int)j->reason, (int)want->reason,
				    "%s: packet %u: reason", run->name,
				    run->row);
	if (want->verdict == CT_ACCEPT && j->verdict == CT_ACCEPT)
		KUNIT_EXPECT_EQ_MSG(test, j->timeout / HZ,
				    run->cnet.knobs.timeout[want->timeout] / HZ,
				    "%s: packet %u: timeout", run->name,
				    run->row);
	apply(run, dir);
	send_again(run, dir);
	KUNIT_EXPECT_EQ_MSG(test, !!(run->flow.status & IPS_ASSURED),
			    (int)want->assured, "%s: packet %u: assured",
			    run->name, run->row);
}

static int own_skb(struct kunit_resource *res, void *skb)
{
	res->data = skb;
	return 0;
}

static void disown_skb(struct kunit_resource *res)
{
	kfree_skb(res->data);
}

/**
 * ct_test_skb() - make a packet
 * @test: it is freed with this
 * @data: its bytes; the network header is where they begin
 * @len: how many
 *
 * Return: the packet, linear.
 */
struct sk_buff *ct_test_skb(struct kunit *test, const void *data,
			    unsigned int len)
{
	struct sk_buff *skb = alloc_skb(len ? len : 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	kunit_alloc_resource(test, own_skb, disown_skb, GFP_KERNEL, skb);
	skb_put_data(skb, data, len);
	skb_reset_network_header(skb);
	return skb;
}

MODULE_DESCRIPTION("KUnit suites of ip_conntrack");
MODULE_LICENSE("GPL");
CT_IMPORT();
