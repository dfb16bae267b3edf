/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is sent, and who sends it: ct_bench_run.c and its packets.
 */
#ifndef CT_BENCH_H
#define CT_BENCH_H

#include <linux/completion.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>

enum pick {
	PICK_EACH,	/* flow after flow */
	PICK_HOT,	/* one in each batch */
	PICK_SAME,	/* always the same one, on all CPUs */
	PICK_RANDOM,
};

/**
 * struct scenario - what is sent
 * @name: its name
 * @protonum: IPPROTO_TCP or IPPROTO_UDP
 * @pick: which flow
 * @each: packets of each flow, one behind the other (PICK_EACH)
 * @begins: these begin all conversations again
 * @closes: conversations that end, others than those of the rest
 * @watch: note the longest packet
 */
struct scenario {
	const char *name;
	u8 protonum;
	enum pick pick;
	u8 each;
	bool begins;
	bool closes;
	bool watch;
};

/**
 * struct team - the CPUs of a run
 * @s: what is sent
 * @net: network namespace
 * @ready: those that are about to begin
 * @over: one is done
 * @left: those that are not
 * @done: none is left
 */
struct team {
	const struct scenario *s;
	struct net *net;
	atomic_t ready;
	bool over;
	atomic_t left;
	struct completion done;
};

/**
 * struct run - what one CPU does
 * @team: with whom
 * @all: what each of them does
 * @s: what is sent
 * @skb: the packet
 * @way: its route, where rules translate, or %NULL
 * @first: first of its flows
 * @flows: how many
 * @seed: state of the random numbers
 * @sent: packets sent
 * @batches: full batches sent that count
 * @took: how long each of them took
 * @longest: longest packet, in ns
 * @err: how it ended
 *
 * Each in cache lines of its own.
 */
struct run {
	struct team *team;
	const struct run *all;
	const struct scenario *s;
	struct sk_buff *skb;
	struct dst_entry *way;
	u32 first;
	u32 flows;
	u32 seed;
	u32 sent;
	u32 batches;
	u32 *took;
	u64 longest;
	int err;
} __aligned(128);

extern bool ct_bench_ipv6;

struct sk_buff *ct_bench_alloc(u8 protonum, struct net_device *device);
struct dst_entry *ct_bench_way(void);
void ct_bench_write(struct run *run, u32 flow, u32 n);

#endif /* CT_BENCH_H */
