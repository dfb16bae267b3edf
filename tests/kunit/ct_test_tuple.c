// SPDX-License-Identifier: GPL-2.0
/*
 * Tuples and keys: every kind of flow must be found from both its directions,
 * by one key, and its tuples must be had back from the key.
 */
#include <kunit/test.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/string.h>

#include "ct_test.h"

static struct ct_net cnet;

/* Case: addresses are numbers in the last word, 10.0.0.N or 2001:db8::N. */
struct tuple_case {
	const char *name;
	u8 family;
	u8 protonum;
	u8 src, dst;
	u16 sport, dport;	/* ICMP: type << 8 | code, identifier */
	bool self;		/* both directions look the same */
};

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6
#define TYPE(t)	((t) << 8)

static const struct tuple_case tuple_cases[] = {
	{ "tcp", V4, IPPROTO_TCP, 1, 2, 40000, 80 },
	{ "tcp, other way", V4, IPPROTO_TCP, 2, 1, 40000, 80 },
	{ "tcp, equal ports", V4, IPPROTO_TCP, 2, 1, 179, 179 },
	{ "tcp on one host", V4, IPPROTO_TCP, 1, 1, 40000, 80 },
	{ "tcp on one host, other way", V4, IPPROTO_TCP, 1, 1, 80, 40000 },
	{ "tcp to itself", V4, IPPROTO_TCP, 1, 1, 80, 80, true },
	{ "udp", V4, IPPROTO_UDP, 1, 2, 5353, 53 },
	{ "sctp", V4, IPPROTO_SCTP, 9, 2, 2905, 2905 },
	{ "gre", V4, IPPROTO_GRE, 1, 2, 0, 0 },
	{ "gre to itself", V4, IPPROTO_GRE, 1, 1, 0, 0, true },
	{ "pptp call", V4, IPPROTO_GRE, 7, 2, 0, 0x1234 },
	{ "esp", V4, IPPROTO_ESP, 1, 2, 0, 0 },
	{ "icmpv6 over ipv4", V4, IPPROTO_ICMPV6, 1, 2, 0, 0 },
	{ "ping", V4, IPPROTO_ICMP, 1, 2, TYPE(ICMP_ECHO), 7 },
	{ "ping, other way", V4, IPPROTO_ICMP, 2, 1, TYPE(ICMP_ECHO), 7 },
	{ "pong", V4, IPPROTO_ICMP, 1, 2, TYPE(ICMP_ECHOREPLY), 7 },
	{ "pong, other way", V4, IPPROTO_ICMP, 2, 1, TYPE(ICMP_ECHOREPLY), 7 },
	{ "ping with a code", V4, IPPROTO_ICMP, 1, 2, TYPE(ICMP_ECHO) | 3, 7 },
	{ "ping to itself", V4, IPPROTO_ICMP, 1, 1, TYPE(ICMP_ECHO), 7 },
	{ "pong to itself", V4, IPPROTO_ICMP, 1, 1, TYPE(ICMP_ECHOREPLY), 7 },
	{ "timestamp", V4, IPPROTO_ICMP, 1, 2, TYPE(ICMP_TIMESTAMP), 65535 },
	{ "timestamp reply", V4, IPPROTO_ICMP, 1, 2, TYPE(ICMP_TIMESTAMPREPLY), 9 },
	{ "information", V4, IPPROTO_ICMP, 1, 2, TYPE(ICMP_INFO_REQUEST), 0 },
	{ "information reply", V4, IPPROTO_ICMP, 1, 2, TYPE(ICMP_INFO_REPLY), 0 },
	{ "mask", V4, IPPROTO_ICMP, 1, 2, TYPE(ICMP_ADDRESS), 9 },
	{ "mask reply", V4, IPPROTO_ICMP, 1, 2, TYPE(ICMP_ADDRESSREPLY), 9 },
	{ "tcp6", V6, IPPROTO_TCP, 1, 2, 40000, 80 },
	{ "tcp6, other way", V6, IPPROTO_TCP, 2, 1, 40000, 80 },
	{ "tcp6 on one host", V6, IPPROTO_TCP, 1, 1, 40000, 80 },
	{ "tcp6 to itself", V6, IPPROTO_TCP, 1, 1, 80, 80, true },
	{ "udp6", V6, IPPROTO_UDP, 3, 2, 5353, 53 },
	{ "gre6", V6, IPPROTO_GRE, 3, 2, 0, 0 },
	{ "icmp over ipv6", V6, IPPROTO_ICMP, 3, 2, 0, 0 },
	{ "ping6", V6, IPPROTO_ICMPV6, 1, 2, TYPE(ICMPV6_ECHO_REQUEST), 7 },
	{ "ping6, other way", V6, IPPROTO_ICMPV6, 2, 1, TYPE(ICMPV6_ECHO_REQUEST), 7 },
	{ "pong6", V6, IPPROTO_ICMPV6, 1, 2, TYPE(ICMPV6_ECHO_REPLY), 7 },
	{ "ping6 to itself", V6, IPPROTO_ICMPV6, 1, 1, TYPE(ICMPV6_ECHO_REQUEST), 7 },
	{ "pong6 to itself", V6, IPPROTO_ICMPV6, 1, 1, TYPE(ICMPV6_ECHO_REPLY), 7 },
	{ "node information", V6, IPPROTO_ICMPV6, 1, 2, TYPE(ICMPV6_NI_QUERY) | 1, 7 },
	{ "node information reply", V6, IPPROTO_ICMPV6, 1, 2, TYPE(ICMPV6_NI_REPLY) | 1, 7 },
};

CT_TEST_NAME(tuple_case)
KUNIT_ARRAY_PARAM(tuple, tuple_cases, tuple_case_name);

static void set_addr(union nf_inet_addr *addr, u8 family, u8 n)
{
	if (family == V4)
		addr->ip = htonl(0x0a000000 | n);
	else
		ipv6_addr_set(&addr->in6, htonl(0x20010db8), 0, 0, htonl(n));
}

static bool is_query(const struct tuple_case *c)
{
	return c->protonum == (c->family == V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static void make_tuple(const struct tuple_case *c, struct ct_tuple *t)
{
	memset(t, 0, sizeof(*t));
	t->family = c->family;
	t->protonum = c->protonum;
	t->zone = 5;
	set_addr(&t->src, c->family, c->src);
	set_addr(&t->dst, c->family, c->dst);
	if (is_query(c)) {
		t->icmp.type = c->sport >> 8;
		t->icmp.code = c->sport & 0xff;
		t->icmp.id = htons(c->dport);
	} else {
		t->sport = htons(c->sport);
		t->dport = htons(c->dport);
	}
}

static void identify(const struct ct_tuple *t, struct ct_lookup_key *id)
{
	/* What is not written must show. */
	memset(id, 0xa5, sizeof(*id));
	ct_tuple_identify(t, &cnet, id);
}

static bool same_flow(const struct ct_tuple *t, const struct ct_lookup_key *a,
		      const struct ct_lookup_key *b)
{
	if (a->hash != b->hash || !ct_key_equal(&a->key, &b->key))
		return false;
	return t->family == V4 || !memcmp(a->addr, b->addr, sizeof(a->addr));
}

static void test_inverse_inverts_back(struct kunit *test)
{
	const struct tuple_case *c = test->param_value;
	struct ct_tuple t, inverse, back;

	make_tuple(c, &t);
	memset(&inverse, 0, sizeof(inverse));
	memset(&back, 0, sizeof(back));
	KUNIT_ASSERT_TRUE(test, ct_tuple_invert(&inverse, &t));
	KUNIT_ASSERT_TRUE(test, ct_tuple_invert(&back, &inverse));
	KUNIT_EXPECT_TRUE(test, ct_tuple_equal(&t, &back));
	KUNIT_EXPECT_EQ(test, ct_tuple_equal(&t, &inverse), c->self);
}

static void test_both_directions_have_one_key(struct kunit *test)
{
	const struct tuple_case *c = test->param_value;
	struct ct_tuple t, inverse;
	struct ct_lookup_key a, b;

	make_tuple(c, &t);
	memset(&inverse, 0, sizeof(inverse));
	KUNIT_ASSERT_TRUE(test, ct_tuple_invert(&inverse, &t));
	identify(&t, &a);
	identify(&inverse, &b);
	KUNIT_EXPECT_TRUE(test, same_flow(&t, &a, &b));
	KUNIT_EXPECT_LE(test, (int)a.sender, 1);
	KUNIT_EXPECT_EQ(test, a.sender == b.sender, c->self);
}

static void test_key_gives_tuple_back(struct kunit *test)
{
	const struct tuple_case *c = test->param_value;
	struct ct_tuple t, inverse, back;
	struct ct_lookup_key id;

	make_tuple(c, &t);
	memset(&inverse, 0, sizeof(inverse));
	KUNIT_ASSERT_TRUE(test, ct_tuple_invert(&inverse, &t));
	identify(&t, &id);

	memset(&back, 0xa5, sizeof(back));
	ct_tuple_restore(&back, &id.key, id.addr, id.sender);
	KUNIT_EXPECT_TRUE(test, ct_tuple_equal(&t, &back));
	memset(&back, 0xa5, sizeof(back));
	ct_tuple_restore(&back, &id.key, id.addr, !id.sender);
	KUNIT_EXPECT_TRUE(test, ct_tuple_equal(&inverse, &back));
}

/* Whatever is changed in a tuple makes it another flow's. */
static void test_other_tuple_has_other_key(struct kunit *test)
{
	const struct tuple_case *c = test->param_value;
	struct ct_tuple t, other;
	struct ct_lookup_key a, b;
	int what;

	make_tuple(c, &t);
	identify(&t, &a);
	for (what = 0; what < 6; what++) {
		bool ports = is_query(c) || c->sport || c->dport;

		other = t;
		if (what == 0)
			set_addr(&other.src, c->family, 77);
		else if (what == 1)
			set_addr(&other.dst, c->family, 77);
		else if (what == 2)
			other.zone++;
		else if (what == 3)
			other.protonum = IPPROTO_UDPLITE;
		else if (what == 4 && is_query(c))
			other.icmp.id ^= htons(1);
		else if (what == 5 && is_query(c))
			other.icmp.code ^= 1;
		else if (what == 4 && ports)
			other.sport ^= htons(0x101);
		else if (what == 5 && ports)
			other.dport ^= htons(0x101);
		else
			continue;
		identify(&other, &b);
		KUNIT_EXPECT_FALSE_MSG(test, same_flow(&t, &a, &b),
				       "change %d", what);
	}
}

/* Two hosts that ping each other under one identifier: two flows. */
static void test_mutual_pings_are_two_flows(struct kunit *test)
{
	struct tuple_case c = { "", V4, IPPROTO_ICMP, 1, 2, TYPE(ICMP_ECHO), 7 };
	struct ct_tuple t;
	struct ct_lookup_key a, b;

	make_tuple(&c, &t);
	identify(&t, &a);
	swap(c.src, c.dst);
	make_tuple(&c, &t);
	identify(&t, &b);
	KUNIT_EXPECT_FALSE(test, same_flow(&t, &a, &b));

	c = (struct tuple_case){ "", V6, IPPROTO_ICMPV6, 1, 2,
				 TYPE(ICMPV6_ECHO_REQUEST), 7 };
	make_tuple(&c, &t);
	identify(&t, &a);
	swap(c.src, c.dst);
	make_tuple(&c, &t);
	identify(&t, &b);
	KUNIT_EXPECT_FALSE(test, same_flow(&t, &a, &b));
}

/* Addresses whose words are swapped fold alike, and are still told apart. */
static void test_folds_do_not_replace_addresses(struct kunit *test)
{
	const struct tuple_case c = { "", V6, IPPROTO_TCP, 1, 2, 40000, 80 };
	struct ct_tuple t;
	struct ct_lookup_key a, b;

	make_tuple(&c, &t);
	identify(&t, &a);
	swap(t.dst.in6.s6_addr32[0], t.dst.in6.s6_addr32[1]);
	identify(&t, &b);
	KUNIT_EXPECT_TRUE(test, ct_key_equal(&a.key, &b.key));
	KUNIT_EXPECT_FALSE(test, same_flow(&t, &a, &b));
	KUNIT_EXPECT_NE(test, memcmp(a.addr, b.addr, sizeof(a.addr)), 0);
}

/* fe80::1 is another host on each link, and nobody can write that himself. */
static void test_links_are_told_apart(struct kunit *test)
{
	const struct tuple_case c = { "", V6, IPPROTO_UDP, 1, 2, 40000, 53 };
	struct ct_tuple t, inverse, back;
	struct ct_lookup_key a, b;

	make_tuple(&c, &t);
	KUNIT_EXPECT_FALSE(test, ct_tuple_has_link(&t));
	ipv6_addr_set(&t.src.in6, htonl(0xfe800000), 0, 0, htonl(1));
	KUNIT_EXPECT_TRUE(test, ct_tuple_has_link(&t));
	t.link = 2;
	identify(&t, &a);
	KUNIT_ASSERT_TRUE(test, ct_tuple_invert(&inverse, &t));
	identify(&inverse, &b);
	KUNIT_EXPECT_TRUE(test, same_flow(&t, &a, &b));
	ct_tuple_restore(&back, &a.key, a.addr, a.sender);
	KUNIT_EXPECT_TRUE(test, ct_tuple_equal(&t, &back));
	KUNIT_EXPECT_EQ(test, back.link, 2U);

	back.link = 3;
	KUNIT_EXPECT_FALSE(test, ct_tuple_equal(&t, &back));
	identify(&back, &b);
	KUNIT_EXPECT_FALSE(test, same_flow(&t, &a, &b));

	/* The bits that the key uses, in a packet */
	back.link = 0;
	back.src.in6.s6_addr32[1] = htonl(2);
	KUNIT_EXPECT_FALSE(test, ct_tuple_has_link(&back));
	identify(&back, &b);
	KUNIT_EXPECT_FALSE(test, same_flow(&t, &a, &b));
	t = back;
	ct_tuple_restore(&back, &b.key, b.addr, b.sender);
	KUNIT_EXPECT_TRUE(test, ct_tuple_equal(&t, &back));
}

static void test_namespaces_salt_the_hash(struct kunit *test)
{
	struct ct_net other = { .hash_mix = 0x12345678 };
	int i, differ = 0;

	for (i = 0; i < ARRAY_SIZE(tuple_cases); i++) {
		struct ct_tuple t;
		struct ct_lookup_key a, b;

		make_tuple(&tuple_cases[i], &t);
		identify(&t, &a);
		ct_tuple_identify(&t, &other, &b);
		KUNIT_EXPECT_TRUE(test, ct_key_equal(&a.key, &b.key));
		differ += a.hash != b.hash;
	}
	/* One equal pair in 2^32 is chance, two are not. */
	KUNIT_EXPECT_GE(test, differ, i - 1);
}

static void test_key_equal_ignores_alias_only(struct kunit *test)
{
	struct ct_key a = { .addr = { htonl(1), htonl(2) }, .protonum = 6 };
	struct ct_key b = a;

	KUNIT_EXPECT_TRUE(test, ct_key_equal(&a, &b));
	b.kind = CT_KEY_ALIAS;
	KUNIT_EXPECT_TRUE(test, ct_key_equal(&a, &b));
	KUNIT_EXPECT_TRUE(test, ct_key_equal(&b, &a));
	b.kind = CT_KEY_IPV6;
	KUNIT_EXPECT_FALSE(test, ct_key_equal(&a, &b));
	b.kind = CT_KEY_ASKER;
	KUNIT_EXPECT_FALSE(test, ct_key_equal(&a, &b));
	b = a;
	b.zone = 1;
	KUNIT_EXPECT_FALSE(test, ct_key_equal(&a, &b));
	b = a;
	b.protonum = 17;
	KUNIT_EXPECT_FALSE(test, ct_key_equal(&a, &b));
	b = a;
	b.port[1] = htons(1);
	KUNIT_EXPECT_FALSE(test, ct_key_equal(&a, &b));
	b = a;
	b.addr[0] = htonl(3);
	KUNIT_EXPECT_FALSE(test, ct_key_equal(&a, &b));
}

static void test_errors_have_no_inverse(struct kunit *test)
{
	static const struct tuple_case none[] = {
		{ "", V4, IPPROTO_ICMP, 1, 2, TYPE(ICMP_DEST_UNREACH), 0 },
		{ "", V4, IPPROTO_ICMP, 1, 2, TYPE(ICMP_REDIRECT), 0 },
		{ "", V4, IPPROTO_ICMP, 1, 2, TYPE(9), 0 },
		{ "", V4, IPPROTO_ICMP, 1, 2, TYPE(19), 0 },
		{ "", V4, IPPROTO_ICMP, 1, 2, TYPE(255), 0 },
		{ "", V6, IPPROTO_ICMPV6, 1, 2, TYPE(ICMPV6_PKT_TOOBIG), 0 },
		{ "", V6, IPPROTO_ICMPV6, 1, 2, TYPE(135), 0 },
		{ "", V6, IPPROTO_ICMPV6, 1, 2, TYPE(141), 0 },
	};
	struct ct_tuple t, inverse;
	int i;

	for (i = 0; i < ARRAY_SIZE(none); i++) {
		make_tuple(&none[i], &t);
		KUNIT_EXPECT_FALSE_MSG(test, ct_tuple_invert(&inverse, &t),
				       "type %u", t.icmp.type);
	}
}

/* The registry */
static void test_protocols_are_found(struct kunit *test)
{
	int i;

	KUNIT_EXPECT_PTR_EQ(test, ct_proto_find(V4, IPPROTO_UDP),
			    &ct_proto_udp);
	KUNIT_EXPECT_PTR_EQ(test, ct_proto_find(V6, IPPROTO_UDP),
			    &ct_proto_udp);
	KUNIT_EXPECT_PTR_EQ(test, ct_proto_find(V4, IPPROTO_ICMP),
			    &ct_proto_icmp);
	KUNIT_EXPECT_PTR_EQ(test, ct_proto_find(V6, IPPROTO_ICMP),
			    &ct_proto_generic);
	KUNIT_EXPECT_PTR_EQ(test, ct_proto_find(V6, IPPROTO_ICMPV6),
			    &ct_proto_icmpv6);
	KUNIT_EXPECT_PTR_EQ(test, ct_proto_find(V4, IPPROTO_ICMPV6),
			    &ct_proto_generic);
	for (i = 0; i < 256; i++) {
		const struct ct_proto *proto = ct_proto_find(V6, i);

		KUNIT_ASSERT_NOT_NULL(test, proto);
		KUNIT_ASSERT_NOT_NULL(test, proto->judge);
		KUNIT_EXPECT_TRUE(test, proto == &ct_proto_generic ||
				  proto->protonum == i);
		KUNIT_EXPECT_EQ(test, !proto->identify, !proto->restore);
	}
}

/* The key of a header, as ct_fast.c reads it */
static u8 order_header(const struct ct_tuple *t, struct ct_lookup_key *id)
{
	struct {
		struct iphdr ip;
		__be16 port[2];
	} head = { .ip.saddr = t->src.ip, .ip.daddr = t->dst.ip };
	struct {
		struct ipv6hdr ip;
		__be16 port[2];
	} head6 = { .ip.saddr = t->src.in6, .ip.daddr = t->dst.in6 };

	memcpy(head.port, &t->l4, sizeof(head.port));
	memcpy(head6.port, &t->l4, sizeof(head6.port));
	return t->family == V4 ?
	       ct_order_ipv4_header(&head.ip, t->protonum, &id->key) :
	       ct_order_ipv6_header(&head6.ip, t->protonum, id);
}

/* What is looked for is what ct_tuple_identify() looks for. */
static void test_header_has_the_same_key(struct kunit *test)
{
	const struct tuple_case *c = test->param_value;
	struct ct_lookup_key id, read;
	struct ct_tuple t;
	u8 sender;

	make_tuple(c, &t);
	if (is_query(c))
		return;
	t.zone = 0;
	identify(&t, &id);
	sender = order_header(&t, &read);
	KUNIT_EXPECT_EQ(test, sender, id.sender);
	KUNIT_EXPECT_EQ(test, read.key.word[0], id.key.word[0]);
	KUNIT_EXPECT_EQ(test, read.key.word[1], id.key.word[1]);
	if (c->family == V6)
		KUNIT_EXPECT_EQ(test, 0, memcmp(read.addr, id.addr,
						sizeof(id.addr)));
}

static struct kunit_case tuple_tests[] = {
	KUNIT_CASE_PARAM(test_inverse_inverts_back, tuple_gen_params),
	KUNIT_CASE_PARAM(test_both_directions_have_one_key, tuple_gen_params),
	KUNIT_CASE_PARAM(test_key_gives_tuple_back, tuple_gen_params),
	KUNIT_CASE_PARAM(test_other_tuple_has_other_key, tuple_gen_params),
	KUNIT_CASE_PARAM(test_header_has_the_same_key, tuple_gen_params),
	KUNIT_CASE(test_mutual_pings_are_two_flows),
	KUNIT_CASE(test_folds_do_not_replace_addresses),
	KUNIT_CASE(test_links_are_told_apart),
	KUNIT_CASE(test_namespaces_salt_the_hash),
	KUNIT_CASE(test_key_equal_ignores_alias_only),
	KUNIT_CASE(test_errors_have_no_inverse),
	KUNIT_CASE(test_protocols_are_found),
	{}
};

static struct kunit_suite tuple_suite = {
	.name = "ct_tuple",
	.test_cases = tuple_tests,
};

kunit_test_suites(&tuple_suite);
