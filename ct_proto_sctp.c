// SPDX-License-Identifier: GPL-2.0
/*
 * SCTP (RFC 9260).
 *
 * Overview
 *	check() walks the chunks of a packet once and notes which kinds it has.
 *	judge() verifies the verification tag and then lets each kind of chunk
 *	move the state, in the order in which an association lives rather than
 *	that of the packet, by one table of transitions; what is not in the
 *	table leaves the state alone.
 *
 * Tags
 *	Every packet carries the tag that its receiver chose (8.5). @vtag are
 *	those of the association; @offer are those that INIT and INIT ACK have
 *	announced for the next one. They become @vtag when a COOKIE ECHO proves
 *	that its sender has received them (5.1, 5.2.4). So an INIT with a forged
 *	source address cannot make a living association's packets INVALID; nor
 *	those of one that is being set up, as two offers are kept, the first and
 *	the last. Where none lives yet, any chunk under a tag that was announced
 *	proves that its sender has received that: the rest may have taken another
 *	path.
 *
 *	Anybody can send an INIT, whose tag is 0: it is noted, and neither moves the
 *	state nor makes the flow live longer. Its answer does.
 *
 *	A path that sees an association's HEARTBEATs only (8.3; multi-homing, or
 *	this module was loaded late) learns the tags from them. A HEARTBEAT with
 *	an unknown tag passes without effect, and counts when it is answered:
 *	then the association was begun anew on another path.
 *
 * Context
 *	Any; the flow lock is held where there is a flow. No lock is taken.
 *
 * RFC 9260, 3 (packet and chunk), 3.1 (which chunks go alone), 4 and 5 (setting
 * up), 5.2.6 (stale cookie), 6.8 and Appendix A (CRC32c), 8.3 (heartbeats), 8.4
 * (packets out of the blue), 8.5 (verification tag), 9 (termination); RFC 4895,
 * 6.3 (AUTH before COOKIE ECHO), RFC 8260 (I-DATA), RFC 9653 (zero checksums).
 */
#include <linux/in.h>
#include <linux/module.h>
#include <linux/sctp.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>

#include "ct_compat.h"
#include "ct_proto.h"
#include "ct_sctp.h"
#include "ct_text.h"

/* RFC 8260, 2.1; not in every kernel's headers */
#define CID_I_DATA	0x40

/* RFC 9653, 4: the parameter, and how many of others are skipped to find it */
#define PARAM_NO_CRC	0x8001
#define PARAM_NO_CRC_LEN	8
#define PARAMS_MAX	32

#define HAS(cid)	BIT(SCTP_CID_##cid)

/* 3.1: these go alone; those are first; a T bit may be in the others */
#define MAP_ALONE	(HAS(INIT) | HAS(INIT_ACK) | HAS(SHUTDOWN_COMPLETE))
#define MAP_FIRST	(HAS(COOKIE_ECHO) | HAS(COOKIE_ACK))
#define MAP_T_BIT	(HAS(ABORT) | HAS(SHUTDOWN_COMPLETE))

#define MAP_HEARTBEATS	(HAS(HEARTBEAT) | HAS(HEARTBEAT_ACK))

static const char *const state_names[CT_SCTP_STATES] = {
	[CT_SCTP_NONE] = "NONE",
	[CT_SCTP_CLOSED] = "CLOSED",
	[CT_SCTP_COOKIE_WAIT] = "COOKIE_WAIT",
	[CT_SCTP_COOKIE_ECHOED] = "COOKIE_ECHOED",
	[CT_SCTP_ESTABLISHED] = "ESTABLISHED",
	[CT_SCTP_SHUTDOWN_SENT] = "SHUTDOWN_SENT",
	[CT_SCTP_SHUTDOWN_RECD] = "SHUTDOWN_RECD",
	[CT_SCTP_SHUTDOWN_ACK_SENT] = "SHUTDOWN_ACK_SENT",
	[CT_SCTP_HEARTBEAT_SENT] = "HEARTBEAT_SENT",
};

/*
 * Transitions, in the order of an association's life: a packet that has two
 * kinds of chunks is judged as if they had come in this order.
 */
#define ORIG		BIT(IP_CT_DIR_ORIGINAL)
#define REPLY		BIT(IP_CT_DIR_REPLY)
#define BOTH		(ORIG | REPLY)
#define IN(state)	BIT(CT_SCTP_##state)
#define ANY		(BIT(CT_SCTP_STATES) - 1)
#define MOVE(cid, dirs, from, to)					\
	{ SCTP_CID_##cid, dirs, CT_SCTP_##to, from }

static const struct transition {
	u8 chunk;
	u8 dirs;
	u8 to;
	u16 from;
} transitions[] = {
	/* 5.1, B and C; 5.2.1 */
	MOVE(INIT_ACK, BOTH, IN(CLOSED) | IN(HEARTBEAT_SENT), COOKIE_WAIT),
	/* 5.1, C and D; 5.2.4 */
	MOVE(COOKIE_ECHO, BOTH, IN(COOKIE_WAIT) | IN(SHUTDOWN_SENT) |
	     IN(SHUTDOWN_RECD), COOKIE_ECHOED),
	MOVE(COOKIE_ACK, BOTH, IN(COOKIE_WAIT) | IN(COOKIE_ECHOED),
	     ESTABLISHED),
	/* 8.3 */
	MOVE(HEARTBEAT_ACK, REPLY, IN(HEARTBEAT_SENT), ESTABLISHED),
	/* 5.2.6: the answer to a COOKIE ECHO */
	MOVE(ERROR, REPLY, IN(COOKIE_ECHOED), CLOSED),
	/* 9.2 */
	MOVE(SHUTDOWN, ORIG, IN(ESTABLISHED), SHUTDOWN_SENT),
	MOVE(SHUTDOWN, REPLY, IN(ESTABLISHED), SHUTDOWN_RECD),
	MOVE(SHUTDOWN, BOTH, IN(HEARTBEAT_SENT), CLOSED),
	MOVE(SHUTDOWN_ACK, BOTH, IN(NONE) | IN(SHUTDOWN_SENT) |
	     IN(SHUTDOWN_RECD) | IN(HEARTBEAT_SENT), SHUTDOWN_ACK_SENT),
	MOVE(SHUTDOWN_COMPLETE, BOTH, IN(SHUTDOWN_ACK_SENT) |
	     IN(HEARTBEAT_SENT), CLOSED),
	/* 9.1 */
	MOVE(ABORT, BOTH, ANY, CLOSED),
};

/* Reading */

/**
 * ct_sctp_crc() - CRC32c of a packet, its own field taken as zero (6.8)
 * @skb: the packet
 * @off: offset of its SCTP header, which is there
 * @len: bytes from there on
 *
 * Context: any.
 *
 * Return: the checksum.
 */
__le32 ct_sctp_crc(struct sk_buff *skb, unsigned int off, unsigned int len)
{
	unsigned int pos = 0, got;
	struct skb_seq_state walk;
	struct sctphdr head;
	const u8 *data;
	u32 crc = ~0;

	if (skb_copy_bits(skb, off, &head, sizeof(head)))
		return 0;
	head.checksum = 0;
	crc = ct_crc32c(crc, (const u8 *)&head, sizeof(head));
	skb_prepare_seq_read(skb, off + sizeof(head), off + len, &walk);
	while ((got = skb_seq_read(pos, &data, &walk))) {
		crc = ct_crc32c(crc, data, got);
		pos += got;
	}
	return cpu_to_le32(~crc);
}
EXPORT_SYMBOL_CT(ct_sctp_crc);

static bool crc_is_right(const struct ct_pkt *pkt, const struct sctphdr *sh)
{
	return sh->checksum == ct_sctp_crc(pkt->skb, pkt->l4off, pkt->l4len);
}

/*
 * Verified where the others' checksums are (ct_checksum()), and noted alike. If one
 * may be zero, judge() knows.
 */
static enum ct_reason verify_crc(const struct ct_pkt *pkt,
				 const struct sctphdr *sh, bool *none)
{
	struct sk_buff *skb = pkt->skb;

	if (pkt->hook != NF_INET_PRE_ROUTING ||
	    skb->ip_summed == CHECKSUM_PARTIAL || skb_csum_unnecessary(skb) ||
	    skb_is_gso(skb) || !READ_ONCE(pkt->cnet->knobs.checksum))
		return CT_R_OK;
	if (!crc_is_right(pkt, sh)) {
		*none = !sh->checksum;
		return *none ? CT_R_OK : CT_R_CHECKSUM;
	}
	if (skb->ip_summed == CHECKSUM_NONE)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	return CT_R_OK;
}

/* RFC 9653, 4: does an INIT or INIT ACK say that zero checksums are taken? */
static bool takes_no_crc(const struct sk_buff *skb, unsigned int off,
			 unsigned int end)
{
	const struct sctp_paramhdr *param;
	struct sctp_paramhdr buf;
	unsigned int i, len;

	for (i = 0; i < PARAMS_MAX && off + sizeof(buf) <= end; i++) {
		param = skb_header_pointer(skb, off, sizeof(buf), &buf);
		if (!param)
			break;
		len = ntohs(param->length);
		if (len < sizeof(buf) || len > end - off)
			break;
		if (param->type == htons(PARAM_NO_CRC) &&
		    len == PARAM_NO_CRC_LEN)
			return true;
		off += ALIGN(len, 4);
	}
	return false;
}

/* Note a chunk. Return: false if it cannot be where it is. */
static bool note_chunk(struct ct_pkt *pkt, unsigned int off,
		       const struct sctp_chunkhdr *ch)
{
	struct ct_sctp_seg *seg = &pkt->sctp;
	u8 type = ch->type == CID_I_DATA ? SCTP_CID_DATA : ch->type;
	const struct sctp_inithdr *init;
	struct sctp_inithdr buf;
	u32 bit;

	if (seg->map & MAP_ALONE)
		return false;
	if (type >= 32)
		return true;
	bit = BIT(type);
	if (bit & MAP_ALONE && off != pkt->l4off + sizeof(struct sctphdr))
		return false;
	if (bit & MAP_FIRST && seg->map & ~HAS(AUTH))
		return false;
	seg->map |= bit;
	if (bit & MAP_T_BIT)
		seg->reflected = ch->flags & SCTP_CHUNK_FLAG_T;
	if (!(bit & (HAS(INIT) | HAS(INIT_ACK))))
		return true;
	if (ntohs(ch->length) < sizeof(*ch) + sizeof(*init))
		return false;
	init = skb_header_pointer(pkt->skb, off + sizeof(*ch), sizeof(buf),
				  &buf);
	if (!init)
		return false;
	seg->init_tag = init->init_tag;
	seg->takes_no_crc = takes_no_crc(pkt->skb,
					 off + sizeof(*ch) + sizeof(*init),
					 off + ntohs(ch->length));
	return seg->init_tag;	/* 3.3.2 and 3.3.3: never zero */
}

static enum ct_reason sctp_check(struct ct_pkt *pkt)
{
	unsigned int end = pkt->l4off + pkt->l4len;
	unsigned int off = pkt->l4off + sizeof(struct sctphdr);
	const struct sctp_chunkhdr *ch;
	struct sctp_chunkhdr chbuf;
	const struct sctphdr *sh;
	struct sctphdr shbuf;
	enum ct_reason reason;
	bool no_crc = false;

	if (pkt->l4len < sizeof(*sh))
		return CT_R_L4_HEADER;
	sh = skb_header_pointer(pkt->skb, pkt->l4off, sizeof(shbuf), &shbuf);
	if (!sh)
		return CT_R_L4_HEADER;
	pkt->tuple.sport = sh->source;
	pkt->tuple.dport = sh->dest;
	reason = verify_crc(pkt, sh, &no_crc);
	if (reason)
		return reason;
	pkt->sctp = (struct ct_sctp_seg){
		.vtag = sh->vtag, .no_crc = no_crc,
	};
	if (off == end)
		return CT_R_SCTP_CHUNK;
	while (off < end) {
		unsigned int len;

		if (end - off < sizeof(*ch))
			return CT_R_SCTP_CHUNK;
		ch = skb_header_pointer(pkt->skb, off, sizeof(chbuf), &chbuf);
		if (!ch)
			return CT_R_SCTP_CHUNK;
		len = ntohs(ch->length);
		if (len < sizeof(*ch) || len > end - off)
			return CT_R_SCTP_CHUNK;
		if (!note_chunk(pkt, off, ch))
			return CT_R_SCTP_CHUNK;
		off += ALIGN(len, 4);
	}
	return CT_R_OK;
}

/* Judging */

static_assert(CT_TO_SCTP_HEARTBEAT_SENT - CT_TO_SCTP_CLOSED ==
	      CT_SCTP_HEARTBEAT_SENT - CT_SCTP_CLOSED);

/* Is an association being set up? */
static bool is_pending(const struct ct_sctp *st)
{
	return st->offer[0][0] || st->offer[0][1] ||
	       st->offer[1][0] || st->offer[1][1];
}

/* RFC 9653: the sender of an INIT or INIT ACK says which packets it takes. */
static void note_crc(struct ct_sctp *st, enum ip_conntrack_dir dir,
		     const struct ct_sctp_seg *seg)
{
	if (seg->takes_no_crc)
		st->flags |= CT_SCTP_F_NO_CRC(!dir);
}

/* Which offer has this tag for packets in @dir? Return: -1 if none. */
static int find_offer(const struct ct_sctp *st, enum ip_conntrack_dir dir,
		      __be32 tag)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (tag && st->offer[i][dir] == tag)
			return i;
	}
	return -1;
}

/* The last offer is another one from now on. */
static void replace_offer(struct ct_sctp *st, enum ip_conntrack_dir dir,
			  __be32 tag, __be32 other)
{
	st->offer[1][dir] = tag;
	st->offer[1][!dir] = other;
	st->flags &= ~CT_SCTP_F_ANSWERED(1);
}

/* An INIT in @dir. The first that is tried stays until it is known who is right. */
static void note_init(struct ct_sctp *st, enum ip_conntrack_dir dir,
		      const struct ct_sctp_seg *seg)
{
	note_crc(st, dir, seg);
	if (find_offer(st, !dir, seg->init_tag) >= 0)
		return;
	if (!st->offer[0][!dir])
		st->offer[0][!dir] = seg->init_tag;
	else
		replace_offer(st, !dir, seg->init_tag, 0);
}

/*
 * An INIT ACK in @dir. An INIT that was sent twice may have two answers, with
 * different tags, of which the first is taken (5.2.3).
 */
static enum ct_reason note_init_ack(struct ct_sctp *st,
				    enum ip_conntrack_dir dir,
				    const struct ct_sctp_seg *seg)
{
	int i = find_offer(st, dir, seg->vtag);

	if (i < 0)
		return CT_R_SCTP_VTAG;
	note_crc(st, dir, seg);
	if (st->offer[i][!dir] && st->offer[i][!dir] != seg->init_tag) {
		i = 1;
		replace_offer(st, dir, seg->vtag, seg->init_tag);
	}
	st->offer[i][!dir] = seg->init_tag;
	st->flags |= CT_SCTP_F_ANSWERED(i);
	return CT_R_OK;
}

/*
 * A packet out of the blue (8.4): an association begins with INIT, and is
 * picked up at a HEARTBEAT. A SHUTDOWN ACK is answered by a SHUTDOWN COMPLETE
 * that has the T bit, hence the same tag.
 */
static enum ct_reason begin(struct ct_sctp *st, const struct ct_sctp_seg *seg)
{
	const u32 known = HAS(SHUTDOWN_ACK) | MAP_HEARTBEATS;

	if (seg->map == HAS(INIT)) {
		if (seg->vtag)
			return CT_R_SCTP_VTAG;
		st->state = CT_SCTP_CLOSED;
		note_init(st, IP_CT_DIR_ORIGINAL, seg);
		return CT_R_OK;
	}
	if (!(seg->map & known) || seg->map & ~(known | HAS(AUTH)))
		return CT_R_SCTP_STATE;
	if (!seg->vtag)
		return CT_R_SCTP_VTAG;
	st->vtag[IP_CT_DIR_ORIGINAL] = seg->vtag;
	/* What the INIT said of checksums was not seen. */
	st->flags = CT_SCTP_F_NO_CRC(0) | CT_SCTP_F_NO_CRC(1);
	if (seg->map & HAS(SHUTDOWN_ACK))
		st->state = CT_SCTP_SHUTDOWN_ACK_SENT;
	else if (seg->map & HAS(HEARTBEAT))
		st->state = CT_SCTP_HEARTBEAT_SENT;
	else
		st->state = CT_SCTP_CLOSED;
	return CT_R_OK;
}

static bool lives(const struct ct_sctp *st)
{
	return st->vtag[0] || st->vtag[1];
}

/* A packet of nothing but HEARTBEATs, whose tag is not the expected one */
static enum ct_reason meet_stray(struct ct_sctp *st, enum ip_conntrack_dir dir,
				 const struct ct_sctp_seg *seg,
				 enum ct_verdict *verdict)
{
	if (!st->vtag[dir] && lives(st)) {
		st->vtag[dir] = seg->vtag;
		return CT_R_OK;
	}
	switch (seg->map & MAP_HEARTBEATS) {
	case HAS(HEARTBEAT):
		st->stray = seg->vtag;
		st->stray_dir = dir;
		*verdict = CT_LEARN;
		return CT_R_OK;
	case HAS(HEARTBEAT_ACK):
		if (!st->stray || st->stray_dir == dir)
			return CT_R_SCTP_VTAG;
		st->vtag[dir] = seg->vtag;
		st->vtag[!dir] = st->stray;
		st->stray = 0;
		return CT_R_OK;
	default:
		return CT_R_SCTP_VTAG;
	}
}

/* 5.1, D: the tags of INIT and INIT ACK are those of the association now. */
static void adopt_offer(struct ct_sctp *st, int i)
{
	memcpy(st->vtag, st->offer[i], sizeof(st->vtag));
	memset(st->offer, 0, sizeof(st->offer));
	st->flags &= ~(CT_SCTP_F_ANSWERED(0) | CT_SCTP_F_ANSWERED(1));
	st->stray = 0;
}

/*
 * 8.5.1, B: an ABORT under a tag that was only offered is of this offer alone, as
 * the INIT may have been forged. It reflects the tag of an answer.
 */
static enum ct_reason abort_offer(struct ct_sctp *st,
				  const struct ct_sctp_seg *seg, int i,
				  enum ct_verdict *verdict)
{
	if (seg->reflected && !(st->flags & CT_SCTP_F_ANSWERED(i)))
		return CT_R_SCTP_VTAG;
	if (st->state != CT_SCTP_CLOSED && st->state != CT_SCTP_COOKIE_WAIT) {
		*verdict = CT_PASS;
		return CT_R_OK;
	}
	memset(st->offer[i], 0, sizeof(st->offer[i]));
	st->flags &= ~CT_SCTP_F_ANSWERED(i);
	if (is_pending(st))
		*verdict = CT_LEARN;
	return CT_R_OK;
}

/* The tag of a packet in an association that is being set up */
static enum ct_reason meet_offer(struct ct_sctp *st, enum ip_conntrack_dir dir,
				 int i)
{
	if (st->offer[i][!dir])
		adopt_offer(st, i);
	return CT_R_OK;
}

/* An INIT or INIT ACK. Of a living association they prove nothing (5.2). */
static enum ct_reason verify_setup(struct ct_sctp *st,
				   enum ip_conntrack_dir dir,
				   const struct ct_sctp_seg *seg,
				   enum ct_verdict *verdict)
{
	const u32 opening = IN(CLOSED) | IN(COOKIE_WAIT) | IN(HEARTBEAT_SENT);

	if (seg->map & HAS(INIT)) {		/* 8.5.1, A */
		if (seg->vtag)
			return CT_R_SCTP_VTAG;
		note_init(st, dir, seg);
		*verdict = CT_LEARN;
		return CT_R_OK;
	}
	if (!(BIT(st->state) & opening))
		*verdict = CT_LEARN;
	return note_init_ack(st, dir, seg);
}

/*
 * 8.5 and 8.5.1. Says in @verdict if the packet is in order but is to change
 * nothing more.
 */
static enum ct_reason verify_tag(struct ct_sctp *st, enum ip_conntrack_dir dir,
				 const struct ct_sctp_seg *seg,
				 enum ct_verdict *verdict)
{
	enum ip_conntrack_dir owner = seg->reflected ? !dir : dir;
	bool live = seg->vtag && seg->vtag == st->vtag[owner];
	int i = find_offer(st, owner, seg->vtag);

	if (seg->map & (HAS(INIT) | HAS(INIT_ACK)))
		return verify_setup(st, dir, seg, verdict);
	if (!seg->vtag)
		return CT_R_SCTP_VTAG;
	if (seg->map & HAS(COOKIE_ECHO) && i >= 0 && st->offer[i][!dir])
		return meet_offer(st, dir, i);	/* D */
	if (live) {
		st->stray = 0;
		return CT_R_OK;
	}
	if (seg->map & HAS(ABORT) && i >= 0)	/* B, in answer to an INIT */
		return abort_offer(st, seg, i, verdict);
	/* What came before took another path. */
	if (i >= 0 && !lives(st) && !seg->reflected)
		return meet_offer(st, dir, i);
	/* E: the sender has an association that we have not seen. */
	if (seg->map == HAS(SHUTDOWN_ACK) && !st->vtag[dir]) {
		*verdict = CT_PASS;
		return CT_R_OK;
	}
	if (seg->map & MAP_HEARTBEATS &&
	    !(seg->map & ~(MAP_HEARTBEATS | HAS(AUTH))))
		return meet_stray(st, dir, seg, verdict);
	return CT_R_SCTP_VTAG;
}

static void advance(struct ct_sctp *st, enum ip_conntrack_dir dir, u32 map)
{
	const struct transition *t;

	for (t = transitions; t < transitions + ARRAY_SIZE(transitions); t++) {
		if (!(map & BIT(t->chunk)) || !(t->dirs & BIT(dir)) ||
		    !(t->from & BIT(st->state)))
			continue;
		st->state = t->to;
		if (BIT(t->chunk) & MAP_T_BIT)
			st->flags |= CT_SCTP_F_OVER;
	}
}

/* RFC 9653, 5: may its checksum be zero? Never that of an INIT. */
static bool crc_will_do(const struct ct_flow *flow, const struct ct_sctp_seg *seg,
			enum ip_conntrack_dir dir)
{
	if (likely(!seg->no_crc))
		return true;
	if (seg->map & HAS(INIT))
		return false;
	return !flow || flow->state.sctp.flags & CT_SCTP_F_NO_CRC(dir);
}

/* Which bits of its status a flow gets: who sends INIT ACK has heard an INIT. */
static u32 news(const struct ct_flow *flow, const struct ct_sctp *st,
		enum ip_conntrack_dir dir, const struct ct_sctp_seg *seg)
{
	u32 status = 0;

	if (!flow)
		return 0;
	if (seg->map & HAS(INIT_ACK))
		status |= IPS_SEEN_REPLY;
	if (st->state == CT_SCTP_ESTABLISHED &&
	    (dir == IP_CT_DIR_REPLY || flow->status & IPS_SEEN_REPLY))
		status |= IPS_ASSURED;
	return status;
}

static void sctp_judge(const struct ct_flow *flow, const struct ct_pkt *pkt,
		       enum ip_conntrack_dir dir, struct ct_judgement *j)
{
	const struct ct_sctp_seg *seg = &pkt->sctp;
	struct ct_sctp *st = &j->next.sctp;
	enum ct_reason reason;

	ct_judge_accept(j, flow, 0);
	j->stays = false;
	if (flow)
		j->next = flow->state;
	if (!crc_will_do(flow, seg, dir)) {
		ct_judge_refuse(j, CT_R_CHECKSUM);
		return;
	}
	if (flow && st->flags & CT_SCTP_F_OVER && seg->map == HAS(INIT) &&
	    !seg->vtag) {
		j->verdict = CT_RENEW;
		return;
	}
	if (flow)
		reason = verify_tag(st, dir, seg, &j->verdict);
	else
		reason = begin(st, seg);
	if (reason) {
		ct_judge_refuse(j, reason);
		return;
	}
	if (j->verdict == CT_ACCEPT && flow)
		advance(st, dir, seg->map);
	j->status = news(flow, st, dir, seg);
	j->timeout = ct_timeout(pkt, CT_TO_SCTP_CLOSED + st->state -
				     CT_SCTP_CLOSED);
}

static char *sctp_print_state(char *p, const union ct_state *state)
{
	return ct_text(ct_text(p, state_names[state->sctp.state]), " ");
}

/* What ends anyway is given up first. */
static unsigned int sctp_worth(const struct ct_flow *flow)
{
	switch (READ_ONCE(flow->state.sctp.state)) {
	case CT_SCTP_CLOSED:
	case CT_SCTP_SHUTDOWN_SENT:
	case CT_SCTP_SHUTDOWN_RECD:
	case CT_SCTP_SHUTDOWN_ACK_SENT:
		return 0;
	default:
		return 1;
	}
}

static u32 sctp_lifetime(const struct ct_flow *flow,
			 const struct ct_knobs *knobs)
{
	u8 state = READ_ONCE(flow->state.sctp.state);

	return READ_ONCE(knobs->timeout[CT_TO_SCTP_CLOSED + state -
					CT_SCTP_CLOSED]);
}

const struct ct_proto ct_proto_sctp = {
	.name = "sctp",
	.protonum = IPPROTO_SCTP,
	.family = NFPROTO_UNSPEC,
	.has_phase = true,
	.read = ct_ports_read,
	.check = sctp_check,
	.judge = sctp_judge,
	.print_tuple = ct_ports_print,
	.print_state = sctp_print_state,
	.worth = sctp_worth,
	.lifetime = sctp_lifetime,
};
EXPORT_SYMBOL_CT_TEST(ct_proto_sctp);
