/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nf_conntrack: is it there, what does its entry say of a packet, and what is done
 * in its name where it is not.
 */
#ifndef CT_NFCT_H
#define CT_NFCT_H

#include "ct_tuple.h"

struct ct_pending;
struct nf_conntrack_tuple;

/**
 * enum ct_nfct_says - what nf_conntrack's entry on a packet says of it
 * @CT_NFCT_NOTHING: there is none
 * @CT_NFCT_PACKET: the tuple is what the packet was before translation
 * @CT_NFCT_ABOUT: the packet is an error, or this host's answer, and the tuple is
 *	that of the flow that it is about
 */
enum ct_nfct_says {
	CT_NFCT_NOTHING,
	CT_NFCT_PACKET,
	CT_NFCT_ABOUT,
};

/**
 * struct ct_nfct - the same
 * @says: what
 * @dir: direction of the packet
 * @is_new: nf_conntrack takes it for the first of its connection, or for one more
 *	before the first answer
 * @tuple: see @says
 */
struct ct_nfct {
	enum ct_nfct_says says;
	enum ip_conntrack_dir dir;
	bool is_new;
	struct ct_tuple tuple;
};

void ct_nfct_read(struct ct_pkt *pkt, struct ct_nfct *nfct);
void ct_nfct_write_tuple(struct nf_conntrack_tuple *to,
			 const struct ct_tuple *tuple,
			 enum ip_conntrack_dir dir);
void ct_nfct_fill(struct ct_pending *p, enum ip_conntrack_dir dir);
bool ct_nfct_has_seen(const struct sk_buff *skb);
bool ct_nfct_is_there(void);
void ct_nfct_take(bool dropin);
void ct_nfct_give_back(void);

#endif /* CT_NFCT_H */
