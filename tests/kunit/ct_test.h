/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites share: a namespace that has only knobs, and a flow that is
 * led through a table of packets.
 */
#ifndef CT_TEST_H
#define CT_TEST_H

#include <kunit/test.h>

#include "ct_proto.h"

#define ORIG	IP_CT_DIR_ORIGINAL
#define REPLY	IP_CT_DIR_REPLY

/* When every test begins: shortly before jiffies wrap around. */
#define CT_TEST_START	((u32)-(2 * HZ))

/**
 * struct ct_test_run - a flow under test
 * @test: whose it is
 * @name: of the case
 * @row: number of the packet, from 1
 * @cnet: namespace with default timeouts
 * @flow: the flow
 * @exists: a packet was accepted
 * @pkt: the packet; its protocol part is up to the test
 * @judgement: the last one
 */
struct ct_test_run {
	struct kunit *test;
	const char *name;
	unsigned int row;
	struct ct_net cnet;
	struct ct_flow flow;
	bool exists;
	struct ct_pkt pkt;
	struct ct_judgement judgement;
};

/**
 * struct ct_test_want - what is expected of a packet
 * @verdict: enum ct_verdict
 * @reason: of a packet that is refused
 * @timeout: enum ct_timeout; not looked at in a packet that is refused or
 *	changes nothing
 * @assured: the flow is assured after the packet
 */
struct ct_test_want {
	u8 verdict;
	u8 reason;
	u8 timeout;
	bool assured;
};

struct ct_test_run *ct_test_begin(struct kunit *test, const char *name,
				  const struct ct_proto *proto, u8 family);
void ct_test_packet(struct ct_test_run *run, u64 ms, enum ip_conntrack_dir dir,
		    const struct ct_test_want *want);
struct sk_buff *ct_test_skb(struct kunit *test, const void *data,
			    unsigned int len);

/* Names of table entries become names of cases. */
#define CT_TEST_NAME(type)						\
	static void type##_name(const struct type *c, char *desc)	\
	{								\
		strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);		\
	}

#endif /* CT_TEST_H */
