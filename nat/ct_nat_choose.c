// SPDX-License-Identifier: GPL-2.0
/*
 * Choosing: what a packet becomes, of all that a rule allows.
 *
 * Overview
 *	A choice is good if the replies to what the packet becomes are no other
 *	flow's. It stays as it is where the rule allows that and it is good. Else an
 *	address is taken by a keyed hash of the packet's own, so that a source has
 *	the same one again (and with --persistent, whoever it talks to); then its own
 *	port, if the rule allows that; then others.
 *
 *	Ports are of three classes, as users know it: who has one below 512 gets one
 *	of those, from 512 one of 600 to 1023, else one from 1024 up. Of a range of up
 *	to CHOOSE_ALL each is tried, one after the other, so that the last one that
 *	is free is found. Of a larger one CHOOSE_SOME are, anywhere in it: that takes
 *	no longer than it must where few are free, and no memory. The first that
 *	is tried is a keyed hash of the source's, so that a source has the same
 *	outside port to several destinations, mostly.
 *
 *	A TCP connection that is closing gives its place, where nothing else is free.
 *
 *	Nothing is reserved: two that choose at once may choose the same, and the
 *	second one that becomes a flow chooses again (ct_confirm.c).
 *
 * Context
 *	Hooks, bottom halves off, RCU read-side section. Takes the lock of a flow
 *	that is in the way.
 */
#include <linux/module.h>
#include <linux/random.h>
#include <linux/siphash.h>

#include "ct_expire.h"
#include "ct_nat_engine.h"
#include "ct_proto.h"
#include "ct_tcp.h"

#define CHOOSE_ALL	256U	/* a range of so many is looked through */
#define CHOOSE_SOME	256U	/* of a larger one, so many are tried */

#define RANDOM_ALL	(NF_NAT_RANGE_PROTO_RANDOM | \
			 NF_NAT_RANGE_PROTO_RANDOM_FULLY)

static siphash_key_t choose_key __read_mostly;

/**
 * struct choice - one that is being made
 * @pkt: the packet
 * @range: what the rule allows
 * @src: it is of a source
 * @want: what the packet would become
 */
struct choice {
	const struct ct_pkt *pkt;
	const struct nf_nat_range2 *range;
	bool src;
	struct ct_tuple *want;
};

/* What is in the way */
enum place {
	PLACE_FREE,
	PLACE_CLOSING,
	PLACE_TAKEN,
};

/* The flow that has the replies; its lock is held. */
static struct ct_flow *rival_of(const struct choice *c)
{
	enum ip_conntrack_dir dir;
	struct ct_tuple reply;
	struct ct_lookup_key id;

	if (!ct_tuple_invert(&reply, c->want))
		return NULL;
	reply.zone = c->pkt->zone[IP_CT_DIR_REPLY];
	ct_tuple_identify(&reply, c->pkt->cnet, &id);
	return ct_hash_find(c->pkt->cnet, &id, &dir);
}

/* Only new connections may take the place of one that closes. */
static bool is_closing(const struct ct_flow *flow)
{
	return flow->node.key.protonum == IPPROTO_TCP &&
	       (flow->state.tcp.state == CT_TCP_TIME_WAIT ||
		flow->state.tcp.state == CT_TCP_CLOSE);
}

static enum place look_at(const struct choice *c)
{
	struct ct_flow *rival = rival_of(c);
	enum place place;

	if (!rival)
		return PLACE_FREE;
	place = is_closing(rival) ? PLACE_CLOSING : PLACE_TAKEN;
	ct_flow_unlock(rival);
	return place;
}

static bool is_free(const struct choice *c)
{
	return look_at(c) == PLACE_FREE;
}

/* Ends a closing connection that is in the way. Returns false for any other. */
static bool make_way(const struct choice *c)
{
	struct ct_flow *rival = rival_of(c);

	if (rival && !is_closing(rival)) {
		ct_flow_unlock(rival);
		return false;
	}
	if (rival)
		ct_flow_end_unlock(rival, CT_ENDED_RENEWED);
	return true;
}

/* Addresses */

static union nf_inet_addr *addr_of(const struct choice *c)
{
	return c->src ? &c->want->src : &c->want->dst;
}

static bool addr_fits(const struct choice *c)
{
	const struct nf_nat_range2 *r = c->range;
	const union nf_inet_addr *a = addr_of(c);

	if (!(r->flags & NF_NAT_RANGE_MAP_IPS))
		return true;
	if (c->want->family == NFPROTO_IPV4)
		return ntohl(a->ip) >= ntohl(r->min_addr.ip) &&
		       ntohl(a->ip) <= ntohl(r->max_addr.ip);
	return memcmp(a, &r->min_addr, sizeof(a->in6)) >= 0 &&
	       memcmp(a, &r->max_addr, sizeof(a->in6)) <= 0;
}

static u64 hash_addrs(const struct choice *c)
{
	struct {
		union nf_inet_addr src;
		union nf_inet_addr dst;
		u16 zone;
	} __packed in = {};
	u8 family = c->want->family;

	in.zone = c->want->zone;
	if (family == NFPROTO_IPV4)
		in.src.ip = c->want->src.ip;
	else
		in.src = c->want->src;
	if (!(c->range->flags & NF_NAT_RANGE_PERSISTENT)) {
		if (family == NFPROTO_IPV4)
			in.dst.ip = c->want->dst.ip;
		else
			in.dst = c->want->dst;
	}
	return siphash(&in, sizeof(in), &choose_key);
}

/* An address of a range that may be larger than a word: word by word, highest first */
static void pick_addr6(const struct nf_nat_range2 *r, u64 hash,
		       union nf_inet_addr *a)
{
	bool low = true, high = true;
	u32 from, to, mix;
	int i;

	for (i = 0; i < ARRAY_SIZE(a->ip6); i++) {
		from = low ? ntohl(r->min_addr.ip6[i]) : 0;
		to = high ? ntohl(r->max_addr.ip6[i]) : U32_MAX;
		mix = hash >> (i % 2 * 32);
		if (i / 2)
			mix = mix * 0x9e3779b1U + i;
		mix = from + (u32)(((u64)mix * ((u64)to - from + 1)) >> 32);
		low = low && mix == from;
		high = high && mix == to;
		a->ip6[i] = htonl(mix);
	}
}

static void pick_addr(const struct choice *c)
{
	const struct nf_nat_range2 *r = c->range;
	union nf_inet_addr *a = addr_of(c);
	u32 from, n;

	if (!(r->flags & NF_NAT_RANGE_MAP_IPS))
		return;
	if (c->want->family == NFPROTO_IPV6) {
		if (ipv6_addr_equal(&r->min_addr.in6, &r->max_addr.in6))
			a->in6 = r->min_addr.in6;
		else
			pick_addr6(r, hash_addrs(c), a);
		return;
	}
	from = ntohl(r->min_addr.ip);
	n = ntohl(r->max_addr.ip) - from;
	if (n)
		from += ((hash_addrs(c) & U32_MAX) * ((u64)n + 1)) >> 32;
	a->ip = htonl(from);
}

/* Ports */

/* What is chosen beside an address: a port, an identifier, or nothing */
static __be16 *port_of(const struct choice *c)
{
	struct ct_tuple *want = c->want;

	if (c->pkt->proto->identify)
		return &want->icmp.id;
	if (!c->pkt->proto->read || want->protonum == IPPROTO_GRE)
		return NULL;
	return c->src ? &want->sport : &want->dport;
}

static bool port_fits(const struct choice *c, const __be16 *port)
{
	const struct nf_nat_range2 *r = c->range;

	if (!(r->flags & NF_NAT_RANGE_PROTO_SPECIFIED) || !port)
		return true;
	return ntohs(*port) >= ntohs(r->min_proto.all) &&
	       ntohs(*port) <= ntohs(r->max_proto.all);
}

/**
 * struct ports - a stretch of them
 * @from: the first
 * @n: how many
 */
struct ports {
	u32 from;
	u32 n;
};

/* Returns false if it has to stay as it is. */
static bool stretch_of(const struct choice *c, __be16 port, struct ports *s)
{
	const struct nf_nat_range2 *r = c->range;
	u32 from = ntohs(r->min_proto.all), to = ntohs(r->max_proto.all);

	if (!(r->flags & NF_NAT_RANGE_PROTO_SPECIFIED)) {
		if (c->pkt->proto->identify) {
			from = 0;
			to = U16_MAX;
		} else if (!c->src) {
			return false;
		} else if (ntohs(port) >= 1024) {
			from = 1024;
			to = U16_MAX;
		} else {
			from = ntohs(port) < 512 ? 1 : 600;
			to = ntohs(port) < 512 ? 511 : 1023;
		}
	}
	s->from = min(from, to);
	s->n = max(from, to) - s->from + 1;
	return true;
}

/* Where in the stretch to begin */
static u32 begin_at(const struct choice *c, __be16 port,
		    const struct ports *s)
{
	const struct nf_nat_range2 *r = c->range;
	struct {
		union nf_inet_addr src;
		__be16 port;
	} __packed in = {};

	if (r->flags & NF_NAT_RANGE_PROTO_OFFSET)
		return (u16)(ntohs(port) - ntohs(r->base_proto.all)) % s->n;
	if (r->flags & RANDOM_ALL)
		return get_random_u32() % s->n;
	if (!c->src)
		return 0;
	if (c->want->family == NFPROTO_IPV4)
		in.src.ip = c->pkt->tuple.src.ip;
	else
		in.src = c->pkt->tuple.src;
	in.port = port;
	return siphash(&in, sizeof(in), &choose_key) % s->n;
}

static bool pick_port(const struct choice *c, __be16 *port)
{
	bool has_closing = false;
	struct ports s;
	__be16 closing;
	u32 i, at;

	if (!stretch_of(c, *port, &s))
		return false;
	at = begin_at(c, *port, &s);
	for (i = 0; i < min(s.n, CHOOSE_SOME); i++) {
		*port = htons(s.from + at);
		switch (look_at(c)) {
		case PLACE_FREE:
			return true;
		case PLACE_CLOSING:
			closing = *port;
			has_closing = true;
			break;
		case PLACE_TAKEN:
			break;
		}
		at = s.n <= CHOOSE_ALL ? (at + 1) % s.n :
					 get_random_u32() % s.n;
	}
	if (!has_closing)
		return false;
	*port = closing;
	return make_way(c);
}

/* May what it is now stay, or what it would be by address alone? */
static bool is_good(const struct choice *c, const __be16 *port)
{
	const struct nf_nat_range2 *r = c->range;

	return !(r->flags & (RANDOM_ALL | NF_NAT_RANGE_PROTO_OFFSET)) &&
	       port_fits(c, port) && is_free(c);
}

/*
 * A destination may be one that another flow of the same source has: who cares is the
 * source, which is chosen later.
 */
static bool may_share(const struct choice *c)
{
	return !c->src;
}

/**
 * ct_nat_choose() - choose one end of a packet
 * @pkt: the packet as it is; its zones are set
 * @range: what is allowed
 * @manip: which end
 * @want: set to what it becomes
 *
 * Context: hooks, bottom halves off.
 *
 * Return: false if nothing is free.
 */
bool ct_nat_choose(struct ct_pkt *pkt, const struct nf_nat_range2 *range,
		   enum nf_nat_manip_type manip, struct ct_tuple *want)
{
	struct choice c = {
		.pkt = pkt,
		.range = range,
		.src = manip == NF_NAT_MANIP_SRC,
		.want = want,
	};
	__be16 *port, own;

	*want = pkt->tuple;
	port = port_of(&c);
	if (c.src && addr_fits(&c) && is_good(&c, port))
		return true;
	pick_addr(&c);
	if (!port)
		return is_free(&c) || may_share(&c) || make_way(&c);
	own = *port;
	if (is_good(&c, port))
		return true;
	if (pick_port(&c, port))
		return true;
	if (!may_share(&c))
		return false;
	if (port_fits(&c, &own))
		*port = own;
	return true;
}

/**
 * ct_nat_choose_init() - make the key
 */
void ct_nat_choose_init(void)
{
	get_random_bytes(&choose_key, sizeof(choose_key));
}
