// SPDX-License-Identifier: GPL-2.0
/*
 * ICMPv6.
 *
 * Overview
 *	Echo and node information make flows as in ICMP (ct_proto_icmp.c). What
 *	the hosts of one link tell each other - neighbours, routers, group
 *	members - is multicast or goes without answers, and must never be lost
 *	(RFC 4890, 4.3 and 4.4): it is left untracked, after its checksum was
 *	verified.
 *
 *	The four errors of RFC 4443 quote the packet that they are about. Other
 *	types below 128 would be errors as well, but nobody has defined what they
 *	say (RFC 4890, 4.3.5 leaves them to policy): they are invalid, or anyone
 *	who can guess a flow could send anything as related to it.
 *
 *	A redirect may quote a packet, in one of its options (RFC 4861, 4.5): then
 *	it is a router's word on a flow, and related to that. Without the option
 *	it is talk of neighbours. Either way it comes from a router of this link,
 *	or is invalid.
 *
 * Context
 *	Any; the flow lock is held where there is a flow. No lock is taken.
 *
 * RFC 4443, 2.1, 2.3 (checksum), 3 (errors), 4 (echo); RFC 4620, 4 (node
 * information); RFC 4861, 4.5, 4.6 and 8.1 (redirect). RFC 4861, 4.1 to 4.4
 * (neighbour discovery), RFC 3122, 2 (inverse discovery), RFC 3971, 6.4 (router
 * certificates), RFC 2710 and RFC 3810, 5 (multicast listeners), RFC 4286, 3
 * (multicast routers): untracked.
 */
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>
#include <net/ipv6.h>

#include "ct_compat.h"
#include "ct_proto.h"
#include "ct_text.h"

/* What no kernel header names, or not every kernel's */
#define ROUTER_SOLICITATION	133	/* RFC 4861, 4.1: first of four types */
#define NEIGHBOUR_ADVERTISEMENT	136	/* RFC 4861, 4.4: last of them */
#define REDIRECT		137	/* RFC 4861, 4.5 */
#define INVERSE_SOLICITATION	141	/* RFC 3122, 2.1 */
#define INVERSE_ADVERTISEMENT	142	/* RFC 3122, 2.2 */
#define PATH_SOLICITATION	148	/* RFC 3971, 6.4.1: of certificates */
#define PATH_ADVERTISEMENT	149	/* RFC 3971, 6.4.2 */
#define MRD_ADVERTISEMENT	151	/* RFC 4286, 3 */
#define MRD_TERMINATION		153	/* RFC 4286, 5 */

static bool is_error(u8 type)
{
	switch (type) {
	case ICMPV6_DEST_UNREACH:
	case ICMPV6_PKT_TOOBIG:
	case ICMPV6_TIME_EXCEED:
	case ICMPV6_PARAMPROB:
		return true;
	default:
		return false;
	}
}

static bool is_question(u8 type)
{
	return type == ICMPV6_ECHO_REQUEST || type == ICMPV6_NI_QUERY;
}

static bool is_answer(u8 type)
{
	return type == ICMPV6_ECHO_REPLY || type == ICMPV6_NI_REPLY;
}

/* Talk between the hosts of a link */
static bool is_local(u8 type)
{
	switch (type) {
	case ICMPV6_MGM_QUERY:
	case ICMPV6_MGM_REPORT:
	case ICMPV6_MGM_REDUCTION:
	case ICMPV6_MLD2_REPORT:
	case ROUTER_SOLICITATION ... NEIGHBOUR_ADVERTISEMENT:
	case INVERSE_SOLICITATION:
	case INVERSE_ADVERTISEMENT:
	case PATH_SOLICITATION:
	case PATH_ADVERTISEMENT:
	case MRD_ADVERTISEMENT ... MRD_TERMINATION:
		return true;
	default:
		return false;
	}
}

static bool icmpv6_read(const struct sk_buff *skb, unsigned int off,
			struct ct_tuple *tuple)
{
	const struct icmp6hdr *ih;
	struct icmp6hdr buf;

	ih = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!ih)
		return false;
	tuple->icmp.type = ih->icmp6_type;
	tuple->icmp.code = ih->icmp6_code;
	tuple->icmp.id = ih->icmp6_identifier;
	return true;
}

/* RFC 4861, 4.5 and 4.6: what a redirect has, and its options */
#define REDIRECT_LEN		40	/* header, target, destination */
#define REDIRECT_OPTIONS	8	/* most that are looked at */
#define OPTION_REDIRECTED	4	/* "Redirected Header" */
#define OPTION_UNIT		8	/* bytes that its length counts */

/*
 * Where does a redirect quote a packet? 0: nowhere. Options that have no length
 * or go beyond the packet make it invalid (RFC 4861, 8.1), and nobody knows what
 * is behind the last that is looked at: a negative number.
 */
static int find_redirected(const struct ct_pkt *pkt)
{
	unsigned int off = pkt->l4off + REDIRECT_LEN;
	unsigned int end = pkt->l4off + pkt->l4len;
	const u8 *option;
	u8 buf[2];
	int i;

	if (off > end)
		return -1;
	for (i = 0; i < REDIRECT_OPTIONS && off < end; i++) {
		option = skb_header_pointer(pkt->skb, off, sizeof(buf), buf);
		if (!option || !option[1] ||
		    option[1] * OPTION_UNIT > end - off)
			return -1;
		if (option[0] == OPTION_REDIRECTED)
			return off + OPTION_UNIT;
		off += option[1] * OPTION_UNIT;
	}
	return off < end ? -1 : 0;
}

static enum ct_reason check_redirect(const struct ct_pkt *pkt)
{
	const struct ipv6hdr *ip6h;
	struct ipv6hdr buf;
	int quoted;

	ip6h = skb_header_pointer(pkt->skb, skb_network_offset(pkt->skb),
				  sizeof(buf), &buf);
	if (!ip6h || ip6h->hop_limit != 255 ||
	    !(ipv6_addr_type(&ip6h->saddr) & IPV6_ADDR_LINKLOCAL))
		return CT_R_ICMP_REDIRECT;
	if (pkt->tuple.icmp.code)
		return CT_R_ICMP_TYPE;
	quoted = find_redirected(pkt);
	if (quoted < 0)
		return CT_R_ICMP_QUOTE;
	return quoted ? CT_R_OK : CT_R_UNTRACKED;
}

static enum ct_reason icmpv6_check(struct ct_pkt *pkt)
{
	enum ct_reason reason;
	u8 type;

	if (pkt->l4len < sizeof(struct icmp6hdr) ||
	    !icmpv6_read(pkt->skb, pkt->l4off, &pkt->tuple))
		return CT_R_L4_HEADER;
	type = pkt->tuple.icmp.type;
	reason = ct_checksum(pkt);
	if (reason)
		return reason;
	if (is_local(type))
		return CT_R_UNTRACKED;
	if (type == REDIRECT)
		return check_redirect(pkt);
	if (!is_error(type) && !is_question(type) && !is_answer(type))
		return CT_R_ICMP_TYPE;
	return CT_R_OK;
}

static unsigned int icmpv6_quote(const struct ct_pkt *pkt)
{
	if (pkt->tuple.icmp.type == REDIRECT)
		return max(find_redirected(pkt), 0);
	if (!is_error(pkt->tuple.icmp.type))
		return 0;
	return pkt->l4off + sizeof(struct icmp6hdr);
}

static bool icmpv6_invert(struct ct_tuple *inverse,
			  const struct ct_tuple *tuple)
{
	u8 type = tuple->icmp.type;

	if (is_question(type))
		inverse->icmp.type = type + 1;
	else if (is_answer(type))
		inverse->icmp.type = type - 1;
	else
		return false;
	inverse->icmp.code = tuple->icmp.code;
	inverse->icmp.id = tuple->icmp.id;
	return true;
}

static bool icmpv6_identify(const struct ct_tuple *tuple, struct ct_key *key)
{
	bool answer = is_answer(tuple->icmp.type);

	key->port[0] = tuple->icmp.id;
	key->port[1] = htons((tuple->icmp.type - answer) << 8 |
			     tuple->icmp.code);
	return answer;
}

static void icmpv6_restore(struct ct_tuple *tuple, const struct ct_key *key,
			   bool answer)
{
	u16 what = ntohs(key->port[1]);

	tuple->icmp.type = (what >> 8) + answer;
	tuple->icmp.code = what & 0xff;
	tuple->icmp.id = key->port[0];
}

static void icmpv6_judge(const struct ct_flow *flow, const struct ct_pkt *pkt,
			 enum ip_conntrack_dir dir, struct ct_judgement *j)
{
	u8 type = pkt->tuple.icmp.type;

	if (flow || is_question(type))
		ct_judge_accept(j, flow, ct_timeout(pkt, CT_TO_ICMPV6));
	else if (is_answer(type))
		ct_judge_refuse(j, CT_R_ICMP_NO_QUERY);
	else
		ct_judge_refuse(j, CT_R_ICMP_TYPE);
}

static char *icmpv6_print_tuple(char *p, const struct ct_tuple *tuple)
{
	p = ct_text_field(p, "type=", tuple->icmp.type);
	p = ct_text_field(p, "code=", tuple->icmp.code);
	return ct_text_field(p, "id=", ntohs(tuple->icmp.id));
}

static u32 icmpv6_lifetime(const struct ct_flow *flow,
			   const struct ct_knobs *knobs)
{
	return READ_ONCE(knobs->timeout[CT_TO_ICMPV6]);
}

const struct ct_proto ct_proto_icmpv6 = {
	.name = "icmpv6",
	.protonum = IPPROTO_ICMPV6,
	.family = NFPROTO_IPV6,
	.read = icmpv6_read,
	.check = icmpv6_check,
	.quote = icmpv6_quote,
	.invert = icmpv6_invert,
	.identify = icmpv6_identify,
	.restore = icmpv6_restore,
	.judge = icmpv6_judge,
	.print_tuple = icmpv6_print_tuple,
	.lifetime = icmpv6_lifetime,
};
EXPORT_SYMBOL_CT_TEST(ct_proto_icmpv6);
