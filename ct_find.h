/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finding the flow of a packet, inline: every packet comes this way, and calls
 * cost as much as what they do. ct_core.c, ct_confirm.c and ct_packet.c find here,
 * ct_fast.c keeps its hashes here; others call ct_packet_find() or ct_hash_find().
 */
#ifndef CT_FIND_H
#define CT_FIND_H

#include <linux/percpu.h>

#include "ct_packet.h"
#include "ct_proto.h"
#include "ct_table.h"

#ifdef CONFIG_PREEMPT_RT
/* With bottom halves off one is not alone on a CPU there. */
#define ct_hash_again(key, salt) ct_hash_ipv4(key, salt)
#define ct_hash6_again(id, salt) ct_hash_ipv6(id, salt)
#define ct_last_id(id) ((void)(id))
#define ct_last_id6(id) ((void)(id))
#else
/**
 * struct ct_last_hash - the last hash that was made on a CPU
 * @key: of what
 * @salt: and with what
 * @hash: the hash
 */
struct ct_last_hash {
	struct ct_key key;
	u32 salt;
	u32 hash;
};

DECLARE_PER_CPU(struct ct_last_hash, ct_last_hash);

/* Packets come in trains: the hash of the last key is at hand. */
static __always_inline u32 ct_hash_again(const struct ct_key *key, u32 salt)
{
	struct ct_last_hash *last = this_cpu_ptr(&ct_last_hash);

	if (last->key.word[0] == key->word[0] &&
	    last->key.word[1] == key->word[1] && last->salt == salt)
		return last->hash;
	last->key = *key;
	last->salt = salt;
	last->hash = ct_hash_ipv4(key, salt);
	return last->hash;
}

/**
 * struct ct_last_hash6 - the last hash that was made of an IPv6 key on a CPU
 * @id: of what, and the hash
 * @salt: and with what
 */
struct ct_last_hash6 {
	struct ct_lookup_key id;
	u32 salt;
};

DECLARE_PER_CPU(struct ct_last_hash6, ct_last_hash6);

/* The first word of a key comes of the addresses. */
static __always_inline u32 ct_hash6_again(const struct ct_lookup_key *id, u32 salt)
{
	struct ct_last_hash6 *last = this_cpu_ptr(&ct_last_hash6);

	if (last->id.key.word[1] == id->key.word[1] && last->salt == salt &&
	    ct_addrs6_equal(last->id.addr, id->addr))
		return last->id.hash;
	last->id = *id;
	last->salt = salt;
	last->id.hash = ct_hash_ipv6(id, salt);
	return last->id.hash;
}

/*
 * What ct_hash_again() was asked for last: key and hash. For who asked, with bottom
 * halves off since.
 */
static __always_inline void ct_last_id(struct ct_lookup_key *id)
{
	const struct ct_last_hash *last = this_cpu_ptr(&ct_last_hash);

	id->key = last->key;
	id->hash = last->hash;
}

/* The same of ct_hash6_again(), with the addresses */
static __always_inline void ct_last_id6(struct ct_lookup_key *id)
{
	*id = this_cpu_ptr(&ct_last_hash6)->id;
}
#endif

/* The ends are those of a flow, but is this direction of it in that zone? */
static __always_inline bool ct_zone_fits(const struct ct_flow *flow,
					 enum ip_conntrack_dir dir, u16 zone)
{
	const struct ct_alias *alias = ct_flow_alias(flow);

	if (likely(!alias))
		return true;
	return zone == (dir == IP_CT_DIR_REPLY ? alias->node.key.zone :
						 flow->node.key.zone);
}

/* It is not that flow after all. */
static inline struct ct_flow *ct_unlock_no_flow(struct ct_flow *flow)
{
	ct_flow_unlock(flow);
	return NULL;
}

struct ct_flow *ct_packet_find_other(const struct ct_pkt *pkt,
				     const struct ct_tuple *tuple,
				     enum ip_conntrack_dir *dir);

/* Is it IPv4 with ports, and in no zone or one? */
static __always_inline bool ct_is_plain(const struct ct_pkt *pkt,
					const struct ct_tuple *tuple)
{
	return tuple->family == NFPROTO_IPV4 && !pkt->proto->identify &&
	       tuple->protonum == pkt->tuple.protonum &&
	       pkt->zone[0] == pkt->zone[1];
}

static __always_inline void ct_identify_plain(const struct ct_tuple *tuple,
					      const struct ct_pkt *pkt,
					      struct ct_lookup_key *id)
{
	id->key.protonum = tuple->protonum;
	id->key.kind = 0;
	id->key.zone = tuple->zone;
	id->sender = ct_order_ipv4_ports(tuple, &id->key);
	id->key.word[1] |= pkt->cnet->key_word;
	id->hash = ct_hash_again(&id->key, pkt->cnet->hash_mix);
}

/* IPv6 with ports, in no zone, of no link? */
static __always_inline bool ct_is_plain6(const struct ct_pkt *pkt,
					 const struct ct_tuple *tuple)
{
	return tuple->family == NFPROTO_IPV6 && !pkt->proto->identify &&
	       tuple->protonum == pkt->tuple.protonum &&
	       !(pkt->zone[0] | pkt->zone[1] | tuple->zone | tuple->link);
}

/* ct_tuple_identify() of a packet, bottom halves off */
static __always_inline void ct_identify_again(const struct ct_tuple *tuple,
					      const struct ct_pkt *pkt,
					      struct ct_lookup_key *id)
{
	if (likely(ct_is_plain(pkt, tuple))) {
		ct_identify_plain(tuple, pkt, id);
	} else if (ct_is_plain6(pkt, tuple)) {
		id->sender = ct_order_ipv6_ports(&tuple->src.in6,
						 &tuple->dst.in6,
						 (const __be16 *)&tuple->l4,
						 tuple->protonum, id);
		id->key.word[1] |= pkt->cnet->key_word;
		id->hash = ct_hash6_again(id, pkt->cnet->hash_mix);
	} else {
		ct_tuple_identify(tuple, pkt->cnet, id);
	}
}

/* What ct_packet_find() does. */
static __always_inline struct ct_flow *
ct_find_packet(const struct ct_pkt *pkt, const struct ct_tuple *tuple,
	       enum ip_conntrack_dir *dir)
{
	struct ct_lookup_key id CT_UNINIT;
	struct ct_flow *flow;

	if (unlikely(!ct_is_plain(pkt, tuple)))
		return ct_packet_find_other(pkt, tuple, dir);
	ct_identify_plain(tuple, pkt, &id);
	flow = ct_find(pkt->cnet, &id, dir);
	if (unlikely(flow && !ct_zone_fits(flow, *dir, tuple->zone)))
		return ct_unlock_no_flow(flow);
	return flow;
}

#endif /* CT_FIND_H */
