// SPDX-License-Identifier: GPL-2.0
/*
 * Lines of /proc/net/ip_conntrack, ip6_conntrack and nf_conntrack, byte for
 * byte, and the numbers that sysctls take.
 *
 * A line is made from a snapshot, so no flow and no packet is needed here.
 * The lines stand written out: they are what programs older than this one
 * read, and no change of the code may change them.
 */
#include <kunit/test.h>
#include <linux/inet.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>

#include "ct_compat.h"
#include "ct_hash.h"
#include "ct_net.h"
#include "ct_procfs.h"
#include "ct_proto.h"
#include "ct_sctp.h"
#include "ct_sysctl.h"
#include "ct_text.h"
#include "ct_tcp.h"

/* What netstat-nat reads a line into. */
#define LINE_MAX 350

struct line {
	struct ct_snapshot snap;
	struct seq_file s;
	char text[512];
};

static void set_tuple4(struct ct_tuple *tuple, u8 protonum, const char *src,
		       const char *dst)
{
	tuple->src.ip = in_aton(src);
	tuple->dst.ip = in_aton(dst);
	tuple->family = NFPROTO_IPV4;
	tuple->protonum = protonum;
}

static void set_tuple6(struct ct_tuple *tuple, u8 protonum, const char *src,
		       const char *dst)
{
	in6_pton(src, -1, tuple->src.in6.s6_addr, -1, NULL);
	in6_pton(dst, -1, tuple->dst.in6.s6_addr, -1, NULL);
	tuple->family = NFPROTO_IPV6;
	tuple->protonum = protonum;
}

static void set_ports(struct ct_tuple *tuple, u16 sport, u16 dport)
{
	tuple->sport = htons(sport);
	tuple->dport = htons(dport);
}

static void set_icmp(struct ct_tuple *tuple, u8 type, u8 code, u16 id)
{
	tuple->icmp.type = type;
	tuple->icmp.code = code;
	tuple->icmp.id = htons(id);
}

static void set_counters(struct ct_snapshot *snap, enum ip_conntrack_dir dir,
			 u64 packets, u64 bytes)
{
	snap->packets[dir] = packets;
	snap->bytes[dir] = bytes;
}

/* A flow without translation, its ports not yet set. */
static struct ct_snapshot *plain4(struct kunit *test, u8 protonum,
				  unsigned int seconds, const char *src,
				  const char *dst)
{
	struct line *line = test->priv;
	struct ct_snapshot *snap = &line->snap;

	memset(snap, 0, sizeof(*snap));
	snap->proto = ct_proto_find(NFPROTO_IPV4, protonum);
	snap->left = seconds * HZ;
	set_tuple4(&snap->tuple[0], protonum, src, dst);
	set_tuple4(&snap->tuple[1], protonum, dst, src);
	return snap;
}

static struct ct_snapshot *plain6(struct kunit *test, u8 protonum,
				  unsigned int seconds, const char *src,
				  const char *dst)
{
	struct line *line = test->priv;
	struct ct_snapshot *snap = &line->snap;

	memset(snap, 0, sizeof(*snap));
	snap->proto = ct_proto_find(NFPROTO_IPV6, protonum);
	snap->left = seconds * HZ;
	set_tuple6(&snap->tuple[0], protonum, src, dst);
	set_tuple6(&snap->tuple[1], protonum, dst, src);
	return snap;
}

static void make_line(struct kunit *test, enum ct_naming naming, bool acct,
		      size_t size)
{
	struct line *line = test->priv;

	memset(&line->s, 0, sizeof(line->s));
	line->s.buf = line->text;
	line->s.size = size;
	ct_procfs_line(&line->s, &line->snap, naming, acct);
}

static void expect_line_as(struct kunit *test, enum ct_naming naming, bool acct,
			   const char *golden)
{
	struct line *line = test->priv;

	make_line(test, naming, acct, sizeof(line->text));
	KUNIT_ASSERT_FALSE(test, seq_has_overflowed(&line->s));
	line->text[line->s.count] = '\0';
	KUNIT_EXPECT_STREQ(test, line->text, golden);
}

static void expect_line(struct kunit *test, bool acct, const char *golden)
{
	expect_line_as(test, CT_NAMES_CLASSIC, acct, golden);
}

static int format_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct line), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

/* TCP */

static void tcp_unreplied(struct kunit *test)
{
	struct ct_snapshot *snap = plain4(test, IPPROTO_TCP, 88, "1.1.1.1",
					  "2.2.2.2");

	snap->state.tcp.state = CT_TCP_SYN_SENT;
	set_ports(&snap->tuple[0], 36567, 5000);
	set_ports(&snap->tuple[1], 5000, 36567);
	expect_line(test, false,
		    "tcp      6 88 SYN_SENT src=1.1.1.1 dst=2.2.2.2 sport=36567 dport=5000 [UNREPLIED] src=2.2.2.2 dst=1.1.1.1 sport=5000 dport=36567 mark=0 secmark=0 use=1\n");
	set_counters(snap, IP_CT_DIR_ORIGINAL, 1, 60);
	expect_line(test, true,
		    "tcp      6 88 SYN_SENT src=1.1.1.1 dst=2.2.2.2 sport=36567 dport=5000 packets=1 bytes=60 [UNREPLIED] src=2.2.2.2 dst=1.1.1.1 sport=5000 dport=36567 packets=0 bytes=0 mark=0 secmark=0 use=1\n");
}

static void tcp_assured_translated(struct kunit *test)
{
	struct ct_snapshot *snap = plain4(test, IPPROTO_TCP, 431979,
					  "10.10.43.13", "10.10.46.78");

	set_tuple4(&snap->tuple[1], IPPROTO_TCP, "10.10.47.93", "10.10.43.13");
	snap->state.tcp.state = CT_TCP_ESTABLISHED;
	snap->status = IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED;
	snap->mark = 7;
	set_ports(&snap->tuple[0], 41971, 3389);
	set_ports(&snap->tuple[1], 3389, 41971);
	set_counters(snap, IP_CT_DIR_ORIGINAL, 96, 10739);
	set_counters(snap, IP_CT_DIR_REPLY, 96, 39071);
	expect_line(test, true,
		    "tcp      6 431979 ESTABLISHED src=10.10.43.13 dst=10.10.46.78 sport=41971 dport=3389 packets=96 bytes=10739 src=10.10.47.93 dst=10.10.43.13 sport=3389 dport=41971 packets=96 bytes=39071 [ASSURED] mark=7 secmark=0 use=1\n");
	expect_line(test, false,
		    "tcp      6 431979 ESTABLISHED src=10.10.43.13 dst=10.10.46.78 sport=41971 dport=3389 src=10.10.47.93 dst=10.10.43.13 sport=3389 dport=41971 [ASSURED] mark=7 secmark=0 use=1\n");
}

static void tcp_state_names(struct kunit *test)
{
	static const char *const name[] = {
		[CT_TCP_NONE] = "NONE",
		[CT_TCP_SYN_SENT] = "SYN_SENT",
		[CT_TCP_SYN_RECV] = "SYN_RECV",
		[CT_TCP_ESTABLISHED] = "ESTABLISHED",
		[CT_TCP_FIN_WAIT] = "FIN_WAIT",
		[CT_TCP_CLOSE_WAIT] = "CLOSE_WAIT",
		[CT_TCP_LAST_ACK] = "LAST_ACK",
		[CT_TCP_TIME_WAIT] = "TIME_WAIT",
		[CT_TCP_CLOSE] = "CLOSE",
		[CT_TCP_SYN_SENT2] = "SYN_SENT2",
	};
	struct ct_snapshot *snap = plain4(test, IPPROTO_TCP, 9, "1.2.3.4",
					  "5.6.7.8");
	char golden[200];
	int i;

	set_ports(&snap->tuple[0], 1, 2);
	set_ports(&snap->tuple[1], 2, 1);
	snap->status = IPS_SEEN_REPLY;
	for (i = 0; i < ARRAY_SIZE(name); i++) {
		snap->state.tcp.state = i;
		snprintf(golden, sizeof(golden),
			 "tcp      6 9 %s src=1.2.3.4 dst=5.6.7.8 sport=1 dport=2 src=5.6.7.8 dst=1.2.3.4 sport=2 dport=1 mark=0 secmark=0 use=1\n",
			 name[i]);
		expect_line(test, false, golden);
	}
}

/* The other protocols */

static void udp_line(struct kunit *test)
{
	struct ct_snapshot *snap = plain4(test, IPPROTO_UDP, 28, "10.10.43.30",
					  "255.255.255.255");

	set_ports(&snap->tuple[0], 17500, 17500);
	set_ports(&snap->tuple[1], 17500, 17500);
	set_counters(snap, IP_CT_DIR_ORIGINAL, 1102, 154280);
	expect_line(test, true,
		    "udp      17 28 src=10.10.43.30 dst=255.255.255.255 sport=17500 dport=17500 packets=1102 bytes=154280 [UNREPLIED] src=255.255.255.255 dst=10.10.43.30 sport=17500 dport=17500 packets=0 bytes=0 mark=0 secmark=0 use=1\n");
}

static void icmp_line(struct kunit *test)
{
	struct ct_snapshot *snap = plain4(test, IPPROTO_ICMP, 29,
					  "192.168.225.33", "192.168.225.1");

	snap->status = IPS_SEEN_REPLY;
	set_icmp(&snap->tuple[0], 8, 0, 20296);
	set_icmp(&snap->tuple[1], 0, 0, 20296);
	expect_line(test, false,
		    "icmp     1 29 src=192.168.225.33 dst=192.168.225.1 type=8 code=0 id=20296 src=192.168.225.1 dst=192.168.225.33 type=0 code=0 id=20296 mark=0 secmark=0 use=1\n");
}

static void gre_line(struct kunit *test)
{
	struct ct_snapshot *snap = plain4(test, IPPROTO_GRE, 179, "10.0.0.1",
					  "10.0.0.2");

	snap->status = IPS_SEEN_REPLY | IPS_ASSURED;
	snap->state.gre.timeout = 30 * HZ;
	snap->state.gre.stream_timeout = 180 * HZ;
	set_ports(&snap->tuple[0], 0, 0xabcd);
	set_ports(&snap->tuple[1], 0xabcd, 0);
	set_counters(snap, IP_CT_DIR_ORIGINAL, 2, 200);
	set_counters(snap, IP_CT_DIR_REPLY, 3, 300);
	expect_line(test, true,
		    "gre      47 179 timeout=30, stream_timeout=180 src=10.0.0.1 dst=10.0.0.2 srckey=0x0 dstkey=0xabcd packets=2 bytes=200 src=10.0.0.2 dst=10.0.0.1 srckey=0xabcd dstkey=0x0 packets=3 bytes=300 [ASSURED] mark=0 secmark=0 use=1\n");
}

static void sctp_state_names(struct kunit *test)
{
	static const char *const name[] = {
		[CT_SCTP_NONE] = "NONE",
		[CT_SCTP_CLOSED] = "CLOSED",
		[CT_SCTP_COOKIE_WAIT] = "COOKIE_WAIT",
		[CT_SCTP_COOKIE_ECHOED] = "COOKIE_ECHOED",
		[CT_SCTP_ESTABLISHED] = "ESTABLISHED",
		[CT_SCTP_SHUTDOWN_SENT] = "SHUTDOWN_SENT",
		[CT_SCTP_SHUTDOWN_RECD] = "SHUTDOWN_RECD",
		[CT_SCTP_SHUTDOWN_ACK_SENT] = "SHUTDOWN_ACK_SENT",
	};
	struct ct_snapshot *snap = plain4(test, IPPROTO_SCTP, 210, "10.0.0.1",
					  "10.0.0.2");
	char golden[200];
	int i;

	snap->status = IPS_SEEN_REPLY;
	set_ports(&snap->tuple[0], 2905, 2906);
	set_ports(&snap->tuple[1], 2906, 2905);
	for (i = 0; i < ARRAY_SIZE(name); i++) {
		snap->state.sctp.state = i;
		snprintf(golden, sizeof(golden),
			 "sctp     132 210 %s src=10.0.0.1 dst=10.0.0.2 sport=2905 dport=2906 src=10.0.0.2 dst=10.0.0.1 sport=2906 dport=2905 mark=0 secmark=0 use=1\n",
			 name[i]);
		expect_line(test, false, golden);
	}
}

static void unknown_line(struct kunit *test)
{
	plain4(test, 2, 531, "0.0.0.0", "224.0.0.1");
	expect_line(test, false,
		    "unknown  2 531 src=0.0.0.0 dst=224.0.0.1 [UNREPLIED] src=224.0.0.1 dst=0.0.0.0 mark=0 secmark=0 use=1\n");
}

/* IPv6 */

static void ipv6_udp(struct kunit *test)
{
	struct ct_snapshot *snap = plain6(test, IPPROTO_UDP, 30, "fd00:1::a",
					  "2001:db8:0:1:203:4ff:fe05:607");

	snap->status = IPS_SEEN_REPLY;
	set_ports(&snap->tuple[0], 40000, 53);
	set_ports(&snap->tuple[1], 53, 40000);
	set_counters(snap, IP_CT_DIR_ORIGINAL, 1, 70);
	set_counters(snap, IP_CT_DIR_REPLY, 1, 130);
	expect_line(test, true,
		    "udp      17 30 src=fd00:0001:0000:0000:0000:0000:0000:000a dst=2001:0db8:0000:0001:0203:04ff:fe05:0607 sport=40000 dport=53 packets=1 bytes=70 src=2001:0db8:0000:0001:0203:04ff:fe05:0607 dst=fd00:0001:0000:0000:0000:0000:0000:000a sport=53 dport=40000 packets=1 bytes=130 mark=0 secmark=0 use=1\n");
}

static void ipv6_icmp(struct kunit *test)
{
	struct ct_snapshot *snap = plain6(test, IPPROTO_ICMPV6, 29, "::1",
					  "ff02::1");

	set_icmp(&snap->tuple[0], 128, 0, 65535);
	set_icmp(&snap->tuple[1], 129, 0, 65535);
	expect_line(test, false,
		    "icmpv6   58 29 src=0000:0000:0000:0000:0000:0000:0000:0001 dst=ff02:0000:0000:0000:0000:0000:0000:0001 type=128 code=0 id=65535 [UNREPLIED] src=ff02:0000:0000:0000:0000:0000:0000:0001 dst=0000:0000:0000:0000:0000:0000:0000:0001 type=129 code=0 id=65535 mark=0 secmark=0 use=1\n");
}

/* Zones: no field of the classic line unless there is one */

static struct ct_snapshot *zoned(struct kunit *test, u16 orig, u16 reply)
{
	struct ct_snapshot *snap = plain4(test, IPPROTO_UDP, 28, "10.0.0.1",
					  "10.0.0.2");

	set_ports(&snap->tuple[0], 1, 2);
	set_ports(&snap->tuple[1], 2, 1);
	snap->tuple[0].zone = orig;
	snap->tuple[1].zone = reply;
	return snap;
}

static void zone_of_both_directions(struct kunit *test)
{
	zoned(test, 7, 7);
	expect_line(test, true,
		    "udp      17 28 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 packets=0 bytes=0 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 packets=0 bytes=0 mark=0 secmark=0 zone=7 use=1\n");
}

static void zone_of_one_direction(struct kunit *test)
{
	zoned(test, 7, 0);
	expect_line(test, true,
		    "udp      17 28 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 zone-orig=7 packets=0 bytes=0 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 packets=0 bytes=0 mark=0 secmark=0 use=1\n");
	zoned(test, 0, 65535);
	expect_line(test, false,
		    "udp      17 28 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 zone-reply=65535 mark=0 secmark=0 use=1\n");
}

static void zone_of_each_direction(struct kunit *test)
{
	zoned(test, 7, 8);
	expect_line(test, false,
		    "udp      17 28 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 zone-orig=7 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 zone-reply=8 mark=0 secmark=0 use=1\n");
}

/* The form of nf_conntrack */

static void nf_ipv4(struct kunit *test)
{
	struct ct_snapshot *snap = zoned(test, 0, 0);

	snap->mark = 5;
	expect_line_as(test, CT_NAMES_NF, true,
		       "ipv4     2 udp      17 28 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 packets=0 bytes=0 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 packets=0 bytes=0 mark=5 zone=0 use=1\n");
	zoned(test, 7, 7);
	expect_line_as(test, CT_NAMES_NF, false,
		       "ipv4     2 udp      17 28 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 mark=0 zone=7 use=1\n");
	zoned(test, 7, 0);
	expect_line_as(test, CT_NAMES_NF, false,
		       "ipv4     2 udp      17 28 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 zone-orig=7 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 mark=0 use=1\n");
}

static void nf_ipv6(struct kunit *test)
{
	struct ct_snapshot *snap = plain6(test, IPPROTO_ICMPV6, 29, "::1",
					  "::1");

	snap->status = IPS_SEEN_REPLY;
	set_icmp(&snap->tuple[0], 128, 0, 153);
	set_icmp(&snap->tuple[1], 129, 0, 153);
	expect_line_as(test, CT_NAMES_NF, false,
		       "ipv6     10 icmpv6   58 29 src=0000:0000:0000:0000:0000:0000:0000:0001 dst=0000:0000:0000:0000:0000:0000:0000:0001 type=128 code=0 id=153 src=0000:0000:0000:0000:0000:0000:0000:0001 dst=0000:0000:0000:0000:0000:0000:0000:0001 type=129 code=0 id=153 mark=0 zone=0 use=1\n");
}

static void nf_age(struct kunit *test)
{
	struct ct_snapshot *snap = zoned(test, 0, 0);

	/* Half a second either way, so that a slow machine sees the same. */
	snap->start = ktime_get_real_ns() - 90500ULL * NSEC_PER_MSEC;
	expect_line_as(test, CT_NAMES_NF, false,
		       "ipv4     2 udp      17 28 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 mark=0 zone=0 delta-time=90 use=1\n");
	snap->start = ktime_get_real_ns() + 900ULL * NSEC_PER_SEC;
	expect_line_as(test, CT_NAMES_NF, false,
		       "ipv4     2 udp      17 28 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 mark=0 zone=0 delta-time=0 use=1\n");
	expect_line(test, false,
		    "udp      17 28 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 mark=0 secmark=0 use=1\n");
}

/* Extremes */

static void counters_above_32_bits(struct kunit *test)
{
	struct ct_snapshot *snap = plain4(test, 50, 600, "10.0.0.1",
					  "10.0.0.2");

	snap->status = IPS_SEEN_REPLY;
	set_counters(snap, IP_CT_DIR_ORIGINAL, 4294967296ULL,
		     6442450944001ULL);
	set_counters(snap, IP_CT_DIR_REPLY, 281474976710655ULL, U64_MAX);
	expect_line(test, true,
		    "unknown  50 600 src=10.0.0.1 dst=10.0.0.2 packets=4294967296 bytes=6442450944001 src=10.0.0.2 dst=10.0.0.1 packets=281474976710655 bytes=18446744073709551615 mark=0 secmark=0 use=1\n");
}

static void timeout_rounds_down_never_negative(struct kunit *test)
{
	struct ct_snapshot *snap = plain4(test, 2, 0, "10.0.0.1", "10.0.0.2");

	snap->left = 2 * HZ - 1;
	expect_line(test, false,
		    "unknown  2 1 src=10.0.0.1 dst=10.0.0.2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 mark=0 secmark=0 use=1\n");
	snap->left = -5 * HZ;
	expect_line(test, false,
		    "unknown  2 0 src=10.0.0.1 dst=10.0.0.2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 mark=0 secmark=0 use=1\n");
}

static void widest_line_fits_netstat_nat(struct kunit *test)
{
	struct line *line = test->priv;
	struct ct_snapshot *snap = plain4(test, IPPROTO_SCTP, 0,
					  "255.255.255.255",
					  "255.255.255.254");
	int dir;

	snap->left = INT_MAX;
	snap->state.sctp.state = CT_SCTP_SHUTDOWN_ACK_SENT;
	snap->status = IPS_ASSURED;	/* and [UNREPLIED] */
	snap->mark = U32_MAX;
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		set_ports(&snap->tuple[dir], U16_MAX, U16_MAX);
		set_counters(snap, dir, U64_MAX, U64_MAX);
	}
	make_line(test, CT_NAMES_CLASSIC, true, sizeof(line->text));
	KUNIT_EXPECT_LT(test, line->s.count, (size_t)LINE_MAX);
	KUNIT_EXPECT_EQ(test, line->text[line->s.count - 1], '\n');

	/* With zones only what can be: 48 bits of packets, replies in that state */
	snap->status |= IPS_SEEN_REPLY;
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		set_counters(snap, dir, BIT_ULL(48) - 1, U64_MAX);
		snap->tuple[dir].zone = U16_MAX - dir;
	}
	make_line(test, CT_NAMES_CLASSIC, true, sizeof(line->text));
	KUNIT_EXPECT_LT(test, line->s.count, (size_t)LINE_MAX);
}

/* seq_file shows a line again, in a larger buffer, only if it is told. */
static void short_buffer_is_noticed(struct kunit *test)
{
	struct line *line = test->priv;
	size_t full, size;

	udp_line(test);
	full = line->s.count;
	for (size = 1; size <= full; size++) {
		make_line(test, CT_NAMES_CLASSIC, true, size);
		KUNIT_EXPECT_TRUE(test, seq_has_overflowed(&line->s));
	}
}

/* Numbers */

static void numbers(struct kunit *test)
{
	static const struct {
		const char *text;
		long number;	/* -1: refused */
	} row[] = {
		{ "0", 0 }, { "1", 1 }, { "120\n", 120 }, { " 7 ", 7 },
		{ "0x10", 16 }, { "2147483647", 2147483647 },
		{ "", -1 }, { "\n", -1 }, { " ", -1 }, { "-1", -1 },
		{ "+1", -1 }, { "abc", -1 }, { "12x", -1 }, { "1 2", -1 },
		{ "1\n2\n", -1 }, { "1.5", -1 }, { "0x", -1 },
		{ "99999999999999999999", -1 },
		{ "00000000000000000000000000000000000000001", -1 },
	};
	unsigned long number;
	int i, err;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		number = 4711;
		err = ct_parse_number(row[i].text, strlen(row[i].text),
				      &number);
		if (row[i].number < 0) {
			KUNIT_EXPECT_EQ_MSG(test, err, -EINVAL, "'%s'",
					    row[i].text);
			continue;
		}
		KUNIT_EXPECT_EQ_MSG(test, err, 0, "'%s'", row[i].text);
		KUNIT_EXPECT_EQ_MSG(test, number, (unsigned long)row[i].number,
				    "'%s'", row[i].text);
	}
}

static void number_stops_at_its_length(struct kunit *test)
{
	unsigned long number = 0;

	KUNIT_EXPECT_EQ(test, ct_parse_number("1234", 2, &number), 0);
	KUNIT_EXPECT_EQ(test, number, 12UL);
	KUNIT_EXPECT_EQ(test, ct_parse_number("5\0\0", 3, &number), 0);
	KUNIT_EXPECT_EQ(test, number, 5UL);
	KUNIT_EXPECT_EQ(test, ct_parse_number("5\0x", 3, &number), -EINVAL);
}

static void knobs_begin_with_their_defaults(struct kunit *test)
{
	struct ct_knobs *knobs;
	struct ct_net *cnet;

	cnet = kunit_kzalloc(test, sizeof(*cnet), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cnet);
	ct_knobs_init(cnet, 65536, true);
	knobs = &cnet->knobs;
	KUNIT_EXPECT_EQ(test, knobs->timeout[CT_TO_TCP_SYN_SENT], 120 * HZ);
	KUNIT_EXPECT_EQ(test, knobs->timeout[CT_TO_TCP_ESTABLISHED],
			432000 * HZ);
	KUNIT_EXPECT_EQ(test, knobs->timeout[CT_TO_UDP_STREAM], 120 * HZ);
	KUNIT_EXPECT_EQ(test, knobs->timeout[CT_TO_GRE_STREAM], 180 * HZ);
	KUNIT_EXPECT_EQ(test, knobs->max, 65536U);
	KUNIT_EXPECT_EQ(test, knobs->checksum, 1);
	KUNIT_EXPECT_EQ(test, knobs->log_invalid, 0);
	KUNIT_EXPECT_EQ(test, knobs->acct, 1);
	KUNIT_EXPECT_EQ(test, knobs->tcp_loose, 1);
	KUNIT_EXPECT_EQ(test, knobs->tcp_be_liberal, 0);
	KUNIT_EXPECT_EQ(test, knobs->tcp_max_retrans, 3);
}

static struct kunit_case format_cases[] = {
	KUNIT_CASE(tcp_unreplied),
	KUNIT_CASE(tcp_assured_translated),
	KUNIT_CASE(tcp_state_names),
	KUNIT_CASE(udp_line),
	KUNIT_CASE(icmp_line),
	KUNIT_CASE(gre_line),
	KUNIT_CASE(sctp_state_names),
	KUNIT_CASE(unknown_line),
	KUNIT_CASE(ipv6_udp),
	KUNIT_CASE(ipv6_icmp),
	KUNIT_CASE(zone_of_both_directions),
	KUNIT_CASE(zone_of_one_direction),
	KUNIT_CASE(zone_of_each_direction),
	KUNIT_CASE(nf_ipv4),
	KUNIT_CASE(nf_ipv6),
	KUNIT_CASE(nf_age),
	KUNIT_CASE(counters_above_32_bits),
	KUNIT_CASE(timeout_rounds_down_never_negative),
	KUNIT_CASE(widest_line_fits_netstat_nat),
	KUNIT_CASE(short_buffer_is_noticed),
	KUNIT_CASE(numbers),
	KUNIT_CASE(number_stops_at_its_length),
	KUNIT_CASE(knobs_begin_with_their_defaults),
	{}
};

static struct kunit_suite format_suite = {
	.name = "ct_format",
	.init = format_init,
	.test_cases = format_cases,
};

kunit_test_suites(&format_suite);
