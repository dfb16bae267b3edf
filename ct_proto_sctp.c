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
 *	those of the association; @fresh are those that INIT and INIT ACK have
 *	announced for the next one. They become @vtag when a COOKIE ECHO proves
 *	that its sender has received them (5.1, 5.2.4). So an INIT with a forged
 *	source address cannot make a living association's packets INVALID. Where
 *	none lives yet, any chunk under a tag that was announced proves that its
 *	sender has received that: the rest may have taken another path.
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
 * 6.3 (AUTH before COOKIE ECHO), RFC 8260 (I-DATA).
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
	MOVE(INIT, BOTH, IN(HEARTBEAT_SENT), COOKIE_WAIT),
	MOVE(INIT_ACK, BOTH, IN(CLOSED), COOKIE_WAIT),
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

/* CRC32c of the packet, its own field taken as zero (6.8) */
static bool crc_is_right(const struct ct_pkt *pkt, const struct sctphdr *sh)
{
	static const u8 zero[sizeof(sh->checksum)];
	unsigned int pos = 0, len;
	struct skb_seq_state walk;
	const u8 *data;
	u32 crc = ~0;

	crc = ct_crc32c(crc, (const u8 *)sh,
			offsetof(struct sctphdr, checksum));
	crc = ct_crc32c(crc, zero, sizeof(zero));
	skb_prepare_seq_read(pkt->skb, pkt->l4off + sizeof(*sh),
			     pkt->l4off + pkt->l4len, &walk);
	while ((len = skb_seq_read(pos, &data, &walk))) {
		crc = ct_crc32c(crc, data, len);
		pos += len;
	}
	return sh->checksum == cpu_to_le32(~crc);
}

/* Verified where the others' checksums are (ct_checksum()), and noted alike. */
static enum ct_reason verify_crc(const struct ct_pkt *pkt,
				 const struct sctphdr *sh)
{
	struct sk_buff *skb = pkt->skb;

	if (pkt->hook != NF_INET_PRE_ROUTING ||
	    skb->ip_summed == CHECKSUM_PARTIAL || skb_csum_unnecessary(skb) ||
	    skb_is_gso(skb) || !READ_ONCE(pkt->cnet->knobs.checksum))
		return CT_R_OK;
	if (!crc_is_right(pkt, sh))
		return CT_R_CHECKSUM;
	if (skb->ip_summed == CHECKSUM_NONE)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	return CT_R_OK;
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

	if (pkt->l4len < sizeof(*sh))
		return CT_R_L4_HEADER;
	sh = skb_header_pointer(pkt->skb, pkt->l4off, sizeof(shbuf), &shbuf);
	if (!sh)
		return CT_R_L4_HEADER;
	pkt->tuple.sport = sh->source;
	pkt->tuple.dport = sh->dest;
	reason = verify_crc(pkt, sh);
	if (reason)
		return reason;
	pkt->sctp = (struct ct_sctp_seg){ .vtag = sh->vtag };
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
	return st->fresh[0] || st->fresh[1];
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
		st->fresh[IP_CT_DIR_REPLY] = seg->init_tag;
		return CT_R_OK;
	}
	if (!(seg->map & known) || seg->map & ~(known | HAS(AUTH)))
		return CT_R_SCTP_STATE;
	if (!seg->vtag)
		return CT_R_SCTP_VTAG;
	st->vtag[IP_CT_DIR_ORIGINAL] = seg->vtag;
	if (seg->map & HAS(SHUTDOWN_ACK))
		st->state = CT_SCTP_SHUTDOWN_ACK_SENT;
	else if (seg->map & HAS(HEARTBEAT))
		st->state = CT_SCTP_HEARTBEAT_SENT;
	else
		st->state = CT_SCTP_CLOSED;
	return CT_R_OK;
}

/* A packet of nothing but HEARTBEATs, whose tag is not the expected one */
static enum ct_reason meet_stray(struct ct_sctp *st, enum ip_conntrack_dir dir,
				 const struct ct_sctp_seg *seg, bool *pass)
{
	if (!st->vtag[dir] && !is_pending(st)) {
		st->vtag[dir] = seg->vtag;
		return CT_R_OK;
	}
	switch (seg->map & MAP_HEARTBEATS) {
	case HAS(HEARTBEAT):
		st->stray = seg->vtag;
		st->stray_dir = dir;
		*pass = true;
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

static bool lives(const struct ct_sctp *st)
{
	return st->vtag[0] || st->vtag[1];
}

/* 5.1, D: the tags of INIT and INIT ACK are those of the association now. */
static void adopt_fresh(struct ct_sctp *st)
{
	memcpy(st->vtag, st->fresh, sizeof(st->vtag));
	memset(st->fresh, 0, sizeof(st->fresh));
	st->stray = 0;
}

/*
 * 8.5 and 8.5.1. Says in @pass that the packet is in order but is to change
 * nothing more.
 */
static enum ct_reason verify_tag(struct ct_sctp *st, enum ip_conntrack_dir dir,
				 const struct ct_sctp_seg *seg, bool *pass)
{
	enum ip_conntrack_dir owner = seg->reflected ? !dir : dir;
	bool fresh = seg->vtag && seg->vtag == st->fresh[owner];
	bool live = seg->vtag && seg->vtag == st->vtag[owner];

	if (seg->map & HAS(INIT)) {		/* A */
		if (seg->vtag)
			return CT_R_SCTP_VTAG;
		st->fresh[!dir] = seg->init_tag;
		*pass = st->state == CT_SCTP_CLOSED;
		return CT_R_OK;
	}
	if (!seg->vtag)
		return CT_R_SCTP_VTAG;
	if (seg->map & HAS(INIT_ACK)) {
		if (!fresh)
			return CT_R_SCTP_VTAG;
		st->fresh[!dir] = seg->init_tag;
		return CT_R_OK;
	}
	if (seg->map & HAS(COOKIE_ECHO) && fresh && st->fresh[!dir]) {	/* D */
		adopt_fresh(st);
		return CT_R_OK;
	}
	if (live) {
		st->stray = 0;
		return CT_R_OK;
	}
	if (seg->map & HAS(ABORT) && fresh) {	/* B, in answer to an INIT */
		*pass = st->state != CT_SCTP_CLOSED &&
			st->state != CT_SCTP_COOKIE_WAIT;
		return CT_R_OK;
	}
	if (fresh && !lives(st)) {	/* what came before took another path */
		if (st->fresh[!dir])
			adopt_fresh(st);
		return CT_R_OK;
	}
	/* E: the sender has an association that we have not seen. */
	if (seg->map == HAS(SHUTDOWN_ACK) && !st->vtag[dir])
		return CT_R_OK;
	if (seg->map & MAP_HEARTBEATS &&
	    !(seg->map & ~(MAP_HEARTBEATS | HAS(AUTH))))
		return meet_stray(st, dir, seg, pass);
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

static void sctp_judge(const struct ct_flow *flow, const struct ct_pkt *pkt,
		       enum ip_conntrack_dir dir, struct ct_judgement *j)
{
	const struct ct_sctp_seg *seg = &pkt->sctp;
	struct ct_sctp *st = &j->next.sctp;
	enum ct_reason reason;
	bool pass = false;

	ct_judge_accept(j, flow, 0);
	j->stays = false;
	if (flow)
		j->next = flow->state;
	if (flow && st->flags & CT_SCTP_F_OVER && seg->map == HAS(INIT) &&
	    !seg->vtag) {
		j->verdict = CT_RENEW;
		return;
	}
	if (flow)
		reason = verify_tag(st, dir, seg, &pass);
	else
		reason = begin(st, seg);
	if (reason) {
		ct_judge_refuse(j, reason);
		return;
	}
	if (pass)
		j->verdict = CT_PASS;
	else if (flow)
		advance(st, dir, seg->map);
	if (st->state == CT_SCTP_ESTABLISHED && flow &&
	    (dir == IP_CT_DIR_REPLY || flow->status & IPS_SEEN_REPLY))
		j->status = IPS_ASSURED;
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
