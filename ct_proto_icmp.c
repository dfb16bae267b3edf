// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP for IPv4.
 *
 * Overview
 *	Questions and their answers make flows: echo, timestamp, information,
 *	address mask. A flow begins with a question; an answer that nobody asked
 *	for is INVALID. Its key is the identifier together with type and code of
 *	the question, and which end asked is part of the key as well: two hosts
 *	that ping each other under one identifier have two flows.
 *
 *	Errors have no flow of their own: they belong to the flow of the packet
 *	that they quote, which quote() points out.
 *
 * Context
 *	Any; the flow lock is held where there is a flow. No lock is taken.
 *
 * RFC 792 (all but address masks), RFC 950, Appendix I (address mask), RFC 1122,
 * 3.2.2 (unknown types are discarded), RFC 5508, 3 (queries in middle boxes).
 */
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>

#include "ct_compat.h"
#include "ct_proto.h"
#include "ct_text.h"

#define NO_TYPE	(-1)

/* The type of the answer to a question; NO_TYPE if @type is not a question. */
static int answer_type(u8 type)
{
	switch (type) {
	case ICMP_ECHO:
		return ICMP_ECHOREPLY;
	case ICMP_TIMESTAMP:
	case ICMP_INFO_REQUEST:
	case ICMP_ADDRESS:
		return type + 1;
	default:
		return NO_TYPE;
	}
}

/* The type of the question to an answer; NO_TYPE if @type is not an answer. */
static int question_type(u8 type)
{
	switch (type) {
	case ICMP_ECHOREPLY:
		return ICMP_ECHO;
	case ICMP_TIMESTAMPREPLY:
	case ICMP_INFO_REPLY:
	case ICMP_ADDRESSREPLY:
		return type - 1;
	default:
		return NO_TYPE;
	}
}

static bool is_error(u8 type)
{
	switch (type) {
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		return true;
	default:
		return false;
	}
}

static bool icmp_read(const struct sk_buff *skb, unsigned int off,
		      struct ct_tuple *tuple)
{
	const struct icmphdr *ih;
	struct icmphdr buf;

	ih = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!ih)
		return false;
	tuple->icmp.type = ih->type;
	tuple->icmp.code = ih->code;
	tuple->icmp.id = ih->un.echo.id;
	return true;
}

static enum ct_reason icmp_check(struct ct_pkt *pkt)
{
	enum ct_reason reason;
	u8 type;

	if (pkt->l4len < sizeof(struct icmphdr) ||
	    !icmp_read(pkt->skb, pkt->l4off, &pkt->tuple))
		return CT_R_L4_HEADER;
	type = pkt->tuple.icmp.type;
	reason = ct_checksum(pkt);
	if (reason)
		return reason;
	if (!is_error(type) && answer_type(type) == NO_TYPE &&
	    question_type(type) == NO_TYPE)
		return CT_R_ICMP_TYPE;
	return CT_R_OK;
}

static unsigned int icmp_quote(const struct ct_pkt *pkt)
{
	if (!is_error(pkt->tuple.icmp.type))
		return 0;
	return pkt->l4off + sizeof(struct icmphdr);
}

static bool icmp_invert(struct ct_tuple *inverse, const struct ct_tuple *tuple)
{
	int type = answer_type(tuple->icmp.type);

	if (type == NO_TYPE)
		type = question_type(tuple->icmp.type);
	if (type == NO_TYPE)
		return false;
	inverse->icmp.type = type;
	inverse->icmp.code = tuple->icmp.code;
	inverse->icmp.id = tuple->icmp.id;
	return true;
}

static bool icmp_identify(const struct ct_tuple *tuple, struct ct_key *key)
{
	int question = question_type(tuple->icmp.type);
	bool answer = question != NO_TYPE;

	if (!answer)
		question = tuple->icmp.type;
	key->port[0] = tuple->icmp.id;
	key->port[1] = htons(question << 8 | tuple->icmp.code);
	return answer;
}

static void icmp_restore(struct ct_tuple *tuple, const struct ct_key *key,
			 bool answer)
{
	u16 what = ntohs(key->port[1]);

	tuple->icmp.type = answer ? answer_type(what >> 8) : what >> 8;
	tuple->icmp.code = what & 0xff;
	tuple->icmp.id = key->port[0];
}

static void icmp_judge(const struct ct_flow *flow, const struct ct_pkt *pkt,
		       enum ip_conntrack_dir dir, struct ct_judgement *j)
{
	u8 type = pkt->tuple.icmp.type;

	if (flow || answer_type(type) != NO_TYPE)
		ct_judge_accept(j, flow, ct_timeout(pkt, CT_TO_ICMP));
	else if (question_type(type) != NO_TYPE)
		ct_judge_refuse(j, CT_R_ICMP_NO_QUERY);
	else
		ct_judge_refuse(j, CT_R_ICMP_TYPE);
}

static char *icmp_print_tuple(char *p, const struct ct_tuple *tuple)
{
	p = ct_text_field(p, "type=", tuple->icmp.type);
	p = ct_text_field(p, "code=", tuple->icmp.code);
	return ct_text_field(p, "id=", ntohs(tuple->icmp.id));
}

static u32 icmp_lifetime(const struct ct_flow *flow,
			 const struct ct_knobs *knobs)
{
	return READ_ONCE(knobs->timeout[CT_TO_ICMP]);
}

const struct ct_proto ct_proto_icmp = {
	.name = "icmp",
	.protonum = IPPROTO_ICMP,
	.family = NFPROTO_IPV4,
	.read = icmp_read,
	.check = icmp_check,
	.quote = icmp_quote,
	.invert = icmp_invert,
	.identify = icmp_identify,
	.restore = icmp_restore,
	.judge = icmp_judge,
	.print_tuple = icmp_print_tuple,
	.lifetime = icmp_lifetime,
};
EXPORT_SYMBOL_CT_TEST(ct_proto_icmp);
