// SPDX-License-Identifier: GPL-2.0
/*
 * What rules may ask and say of a packet between its first and its last hook.
 *
 * Overview
 *	The first hook (ct_core.c) finds out what a packet is, and the packet
 *	carries that answer (ct_skb.h): a rule that asks no more gets it from
 *	there. Where there is none, because the rule comes before the first hook or
 *	nf_conntrack's entry is in its place, the answer is worked out by a look-up
 *	and by judging the packet without applying it: slower, the same answer.
 *	A rule that asks for more than that (a mark, a counter) has the flow looked
 *	up in any case.
 *
 *	What a rule says of a packet that has no flow yet is kept for the flow to
 *	come (ct_pending.c).
 *
 * Context
 *	Hooks: RCU read-side section, any context. Bottom halves are turned off
 *	here where needed. Locks: one flow's, or a note's. Nothing sleeps.
 */
#include <linux/module.h>

#include "ct_compat.h"
#include "ct_expire.h"
#include "ct_packet.h"
#include "ct_proto.h"

/* Asking */

static u8 family_of(const struct sk_buff *skb,
		    const struct nf_hook_state *state)
{
	if (state->pf == NFPROTO_IPV4 || state->pf == NFPROTO_IPV6)
		return state->pf;
	if (skb->protocol == htons(ETH_P_IP))
		return NFPROTO_IPV4;
	if (skb->protocol == htons(ETH_P_IPV6))
		return NFPROTO_IPV6;
	return NFPROTO_UNSPEC;
}

/* Has the tracker seen a packet by now, wherever in its hook this is? */
static bool is_behind_tracker(const struct sk_buff *skb,
			      const struct nf_hook_state *state)
{
	if (ct_skb_info(skb) || ct_nfct_has_seen(skb))
		return true;
	switch (state->hook) {
	case NF_INET_PRE_ROUTING:
		return false;
	case NF_INET_LOCAL_OUT:		/* a bridge's is behind the IP layer */
		return state->pf == NFPROTO_BRIDGE;
	default:
		return true;
	}
}

/*
 * What a bridge or a packet socket made itself goes out through the bridge, and
 * was never in the IP layer.
 */
static bool is_strange(const struct sk_buff *skb,
		       const struct nf_hook_state *state)
{
	return state->pf == NFPROTO_BRIDGE && !skb->skb_iif &&
	       is_behind_tracker(skb, state);
}

/**
 * struct answer - what a rule's packet is
 * @info: in a word
 * @flow: its flow, locked; %NULL if there is none (yet)
 * @fresh: there is none yet: @orig, @next and @timeout are what it would have
 * @early: and the tracker has not seen it
 * @has_cause: there will be none: the packet answers one that has not become a
 *	flow, and that was @orig
 * @pkt: the packet, read again
 * @p: what it refers to, or %NULL
 * @note: what rules said of it
 * @orig: its tuple before translation
 * @next: state of the protocol
 * @timeout: jiffies
 */
struct answer {
	enum ct_info info;
	struct ct_flow *flow;
	bool fresh;
	bool early;
	bool has_cause;
	struct ct_pkt pkt;
	struct ct_pending *p;
	struct ct_tmpl note;
	struct ct_tuple orig;
	union ct_state next;
	u32 timeout;
};

static void judge_first(struct answer *a)
{
	struct ct_judgement j CT_UNINIT;

	ct_proto_judge(NULL, &a->pkt, IP_CT_DIR_ORIGINAL, &j);
	a->fresh = j.verdict != CT_REFUSE;
	a->info = a->fresh ? CT_INFO_NEW : CT_INFO_INVALID;
	a->next = j.next;
	a->timeout = j.timeout;
}

static void judge_again(struct answer *a, enum ip_conntrack_dir dir)
{
	struct ct_judgement j CT_UNINIT;

	ct_proto_judge(a->flow, &a->pkt, dir, &j);
	if (j.verdict != CT_REFUSE && j.verdict != CT_RENEW) {
		a->info = ct_info_of(a->flow, dir);
		return;
	}
	ct_flow_unlock(a->flow);
	a->flow = NULL;
	a->info = CT_INFO_INVALID;
	if (j.verdict == CT_RENEW)
		judge_first(a);
}

/* The packet carries its answer: an error, or what this host answers a packet */
static void look_up_related(struct answer *a, unsigned int offset)
{
	enum ip_conntrack_dir dir;
	enum ct_info info;

	if (a->p) {
		a->orig = a->p->orig;	/* the packet that it is about */
		a->flow = ct_packet_find(&a->pkt, &a->orig, &dir);
		a->has_cause = !a->flow;
	} else if (offset) {
		ct_packet_relate(&a->pkt, offset, &a->flow, &info);
	} else {
		a->flow = ct_packet_find(&a->pkt, &a->pkt.tuple, &dir);
	}
}

static void look_up_known(struct answer *a, unsigned int offset)
{
	enum ip_conntrack_dir dir;

	if (ct_info_is_related(a->info)) {
		look_up_related(a, offset);
		return;
	}
	if (a->p && READ_ONCE(a->p->kind) == CT_PENDING_FIRST) {
		a->orig = a->p->orig;
		judge_first(a);
		a->info = CT_INFO_NEW;
		return;
	}
	a->flow = ct_packet_find(&a->pkt,
				 a->p ? &a->p->orig : &a->pkt.tuple, &dir);
}

/* An error, or this host's answer, of which nf_conntrack says what it is about */
static void work_out_about(struct answer *a, const struct ct_nfct *nfct)
{
	enum ip_conntrack_dir dir;

	a->info = nfct->dir == IP_CT_DIR_ORIGINAL ? CT_INFO_RELATED :
						    CT_INFO_RELATED_REPLY;
	a->flow = ct_packet_find(&a->pkt, &nfct->tuple, &dir);
	if (a->flow)
		return;
	a->orig = nfct->tuple;
	a->has_cause = true;
}

static void work_out(struct answer *a, const struct nf_hook_state *state,
		     unsigned int offset, const struct ct_nfct *nfct)
{
	enum ip_conntrack_dir dir;
	bool is_told = nfct->says == CT_NFCT_PACKET;

	if (nfct->says == CT_NFCT_ABOUT) {
		work_out_about(a, nfct);
		return;
	}
	if (offset) {
		if (ct_packet_relate(&a->pkt, offset, &a->flow, &a->info))
			a->info = CT_INFO_INVALID;
		return;
	}
	ct_stat_inc(a->pkt.cnet, asked_again);
	/* It may begin another flow even where there is one. */
	a->orig = is_told ? nfct->tuple : a->pkt.tuple;
	a->flow = ct_packet_find(&a->pkt, &a->orig, &dir);
	if (a->flow)
		judge_again(a, dir);
	else
		judge_first(a);
	if (!a->fresh)
		return;
	a->early = !is_behind_tracker(a->pkt.skb, state);
	if (is_strange(a->pkt.skb, state)) {
		a->info = CT_INFO_INVALID;
		a->fresh = false;
	} else if (ct_said_any(a->pkt.cnet)) {
		ct_said_get(a->pkt.cnet, &a->orig, &a->note);
	}
}

/* Read the packet and find its flow, which is left locked. */
static void look_up(struct answer *a, struct sk_buff *skb,
		    const struct nf_hook_state *state, u8 family)
{
	enum ct_reason reason;
	struct ct_nfct nfct CT_UNINIT;
	unsigned int offset;

	a->pkt.cnet = ct_net(state->net);
	a->p = ct_pending_of(skb);
	/* Reading may note in the skb that its checksum is right. */
	reason = ct_tuple_read(&a->pkt, skb, family, ct_packet_first_hook(skb));
	if (reason) {
		if (!a->info)
			a->info = reason == CT_R_UNTRACKED ?
				  CT_INFO_UNTRACKED : CT_INFO_INVALID;
		return;
	}
	ct_packet_known(&a->pkt, &a->note, &nfct);
	offset = ct_proto_quote(&a->pkt);
	if (a->info)
		look_up_known(a, offset);
	else
		work_out(a, state, offset, &nfct);
}

/*
 * Bottom halves off. A flow is left locked. Matches are given a packet that they may
 * not change; what is written to it here, they could not tell.
 */
static void ask(struct answer *a, const struct sk_buff *skb,
		const struct nf_hook_state *state)
{
	u8 family = family_of(skb, state);

	a->info = ct_skb_info(skb);
	a->flow = NULL;
	a->fresh = false;
	a->early = false;
	a->has_cause = false;
	if (!family && !a->info)
		a->info = CT_INFO_INVALID;
	if (!a->info || ct_info_has_flow(a->info))
		look_up(a, (struct sk_buff *)skb, state, family);
	if (WARN_ON_ONCE(!a->info))
		a->info = CT_INFO_INVALID;
}

static void answered(struct answer *a)
{
	if (a->flow)
		ct_flow_unlock(a->flow);
}

/**
 * ct_skb_work_out() - what is a packet to its flow that carries no answer?
 * @skb: the packet
 * @state: the hook that it is in
 *
 * For ct_skb_answer().
 *
 * Context: hooks, RCU read-side section.
 *
 * Return: the answer.
 */
enum ct_info ct_skb_work_out(const struct sk_buff *skb,
			     const struct nf_hook_state *state)
{
	struct answer a CT_UNINIT;

	local_bh_disable();
	ask(&a, skb, state);
	answered(&a);
	local_bh_enable();
	return a.info;
}
EXPORT_SYMBOL_CT(ct_skb_work_out);

/* What the flow will be. Returns false if it cannot be. */
static bool snapshot_unconfirmed(const struct answer *a, struct ct_snapshot *snap)
{
	const struct ct_pkt *pkt = &a->pkt;

	memset(snap, 0, sizeof(*snap));
	if (!ct_tuple_invert(&snap->tuple[IP_CT_DIR_REPLY], &pkt->tuple))
		return false;
	snap->tuple[IP_CT_DIR_ORIGINAL] = a->orig;
	snap->tuple[IP_CT_DIR_REPLY].zone = pkt->zone[IP_CT_DIR_REPLY];
	snap->proto = pkt->proto;
	snap->packets[IP_CT_DIR_ORIGINAL] = 1;
	snap->bytes[IP_CT_DIR_ORIGINAL] = pkt->len;
	snap->state = a->next;
	snap->status = ct_packet_nat_status(&a->orig, &pkt->tuple);
	snap->left = a->timeout;
	if (a->note.has & CT_TMPL_MARK)
		snap->mark = a->note.mark;
	if (a->note.has & CT_TMPL_LABELS) {
		memcpy(snap->labels, a->note.labels, sizeof(snap->labels));
		snap->has_labels = true;
	}
	return true;
}

/* What the flow would have been that an answer has prevented. */
static bool snapshot_of_cause(const struct answer *a, struct ct_snapshot *snap)
{
	memset(snap, 0, sizeof(*snap));
	if (!ct_tuple_invert(&snap->tuple[IP_CT_DIR_REPLY], &a->orig))
		return false;
	snap->tuple[IP_CT_DIR_ORIGINAL] = a->orig;
	snap->proto = ct_proto_find(a->orig.family, a->orig.protonum);
	snap->packets[IP_CT_DIR_ORIGINAL] = 1;
	return true;
}

/**
 * ct_skb_snapshot() - the flow of a packet as it is at this moment
 * @skb: the packet
 * @state: the hook that it is in
 * @snap: filled if there is a flow; for a packet that has none yet, with what
 *	it will be, and @snap->flow %NULL
 *
 * Context: hooks, RCU read-side section.
 *
 * Return: what the packet is; CT_INFO_INVALID or CT_INFO_UNTRACKED if it has no
 * flow, which is also said if the flow is over meanwhile.
 */
enum ct_info ct_skb_snapshot(const struct sk_buff *skb,
			     const struct nf_hook_state *state,
			     struct ct_snapshot *snap)
{
	struct answer a CT_UNINIT;
	bool is_filled;

	local_bh_disable();
	ask(&a, skb, state);
	is_filled = a.flow;
	if (a.flow)
		ct_flow_snapshot(a.flow, ct_now(), snap);
	else if (a.fresh)
		is_filled = snapshot_unconfirmed(&a, snap);
	else if (a.has_cause)
		is_filled = snapshot_of_cause(&a, snap);
	answered(&a);
	local_bh_enable();
	if (!is_filled && ct_info_has_flow(a.info))
		return CT_INFO_INVALID;
	return a.info;
}
EXPORT_SYMBOL_CT(ct_skb_snapshot);

/**
 * ct_skb_mark() - the connection mark of a packet
 * @skb: the packet
 * @state: the hook that it is in
 * @mark: set to it
 *
 * Context: hooks, RCU read-side section.
 *
 * Return: false if the packet has no flow.
 */
bool ct_skb_mark(const struct sk_buff *skb,
		 const struct nf_hook_state *state, u32 *mark)
{
	struct answer a CT_UNINIT;
	bool found;

	local_bh_disable();
	ask(&a, skb, state);
	found = a.flow || a.fresh || a.has_cause;
	if (a.flow)
		*mark = a.flow->mark;
	else if (a.fresh)
		*mark = a.note.has & CT_TMPL_MARK ? a.note.mark : 0;
	else if (a.has_cause)
		*mark = 0;
	answered(&a);
	local_bh_enable();
	return found;
}
EXPORT_SYMBOL_CT(ct_skb_mark);

/* Saying */

/*
 * Something of a packet that has no flow yet. Where nf_conntrack's entry is in its
 * place, by what the packet was before translation. What was not seen yet will be, or
 * carries no answer. Returns false if it is lost.
 */
static bool say(struct answer *a, ct_tmpl_edit_t *edit, const void *arg)
{
	struct sk_buff *skb = a->pkt.skb;

	if (!a->p && ct_skb_has_pointer(skb))
		return ct_said_edit(a->pkt.cnet, &a->orig, edit, arg);
	if (!a->p) {
		a->p = a->early ?
		       ct_pending_attach(a->pkt.cnet, skb, CT_INFO_NONE,
					 CT_PENDING_EARLY) :
		       ct_pending_attach(a->pkt.cnet, skb, CT_INFO_NEW,
					 CT_PENDING_FIRST);
		if (!a->p)
			return false;
		a->p->orig = a->orig;
	}
	if (!READ_ONCE(a->p->kind))
		return false;	/* a clone of it has made the flow */
	ct_pending_edit(a->p, edit, arg);
	return true;
}

static u32 changed_mark(u32 mark, const struct ct_mark_op *op)
{
	return ((mark & op->keep) ^ op->flip) << op->left >> op->right;
}

static void note_mark(struct ct_tmpl *note, const void *arg)
{
	note->mark = changed_mark(note->has & CT_TMPL_MARK ? note->mark : 0,
				  arg);
	note->has |= CT_TMPL_MARK;
}

/**
 * ct_skb_set_mark() - change the connection mark of a packet
 * @skb: the packet
 * @state: the hook that it is in
 * @op: how
 *
 * Does nothing if the packet has no flow and will have none.
 *
 * Context: hooks, RCU read-side section.
 */
void ct_skb_set_mark(const struct sk_buff *skb,
		     const struct nf_hook_state *state,
		     const struct ct_mark_op *op)
{
	struct answer a CT_UNINIT;
	u32 mark;

	local_bh_disable();
	ask(&a, skb, state);
	if (a.flow) {
		mark = changed_mark(a.flow->mark, op);
		if (mark != a.flow->mark) {
			WRITE_ONCE(a.flow->mark, mark);
			ct_event_update(a.flow, BIT(IPCT_MARK), NULL);
		}
	} else if (a.fresh) {
		say(&a, note_mark, op);
	}
	answered(&a);
	local_bh_enable();
}
EXPORT_SYMBOL_CT(ct_skb_set_mark);

/* What labels shall become */
struct label_op {
	const u32 *flip;
	const u32 *mask;
};

static bool change_labels(u32 *labels, const struct label_op *op)
{
	bool changed = false;
	u32 word;
	int i;

	for (i = 0; i < CT_LABEL_WORDS; i++) {
		word = (labels[i] & ~op->mask[i]) ^ op->flip[i];
		changed |= word != labels[i];
		labels[i] = word;
	}
	return changed;
}

static void note_labels(struct ct_tmpl *note, const void *arg)
{
	if (!(note->has & CT_TMPL_LABELS))
		memset(note->labels, 0, sizeof(note->labels));
	change_labels(note->labels, arg);
	note->has |= CT_TMPL_LABELS;
}

/**
 * ct_flow_change_labels() - change the labels of a flow
 * @flow: the flow, its lock held, or private
 * @mask: labels to be cleared, CT_LABEL_WORDS of 32
 * @flip: labels to be flipped then
 *
 * Context: any, bottom halves off.
 *
 * Return: 1 if any changed, 0 if none did, -ENOMEM.
 */
int ct_flow_change_labels(struct ct_flow *flow, const u32 *mask,
			  const u32 *flip)
{
	const struct label_op op = { .flip = flip, .mask = mask };
	struct ct_ext *ext = ct_flow_ext(flow);

	if (!ext)
		return -ENOMEM;
	ext->has_labels = true;
	return change_labels(ext->labels, &op);
}
EXPORT_SYMBOL_CT(ct_flow_change_labels);

/**
 * ct_skb_change_labels() - change the labels of a packet's flow
 * @skb: the packet
 * @state: the hook that it is in
 * @mask: labels to be cleared, CT_LABEL_WORDS of 32
 * @flip: labels to be flipped then
 *
 * Context: hooks, RCU read-side section.
 *
 * Return: false if the packet has no flow and will have none, or there is no
 * memory.
 */
bool ct_skb_change_labels(const struct sk_buff *skb,
			  const struct nf_hook_state *state,
			  const u32 *mask, const u32 *flip)
{
	const struct label_op op = { .flip = flip, .mask = mask };
	struct answer a CT_UNINIT;
	int changed = -ENOENT;

	local_bh_disable();
	ask(&a, skb, state);
	if (a.flow)
		changed = ct_flow_change_labels(a.flow, mask, flip);
	else if (a.fresh && say(&a, note_labels, &op))
		changed = 0;
	if (changed > 0)
		ct_event_update(a.flow, BIT(IPCT_LABEL), NULL);
	answered(&a);
	local_bh_enable();
	return changed >= 0;
}
EXPORT_SYMBOL_CT(ct_skb_change_labels);

static void note_events(struct ct_tmpl *note, const void *arg)
{
	note->events = *(const u16 *)arg;
	note->has |= CT_TMPL_EVENTS;
}

/**
 * ct_skb_set_events() - choose which events of a packet's flow are told
 * @skb: the packet
 * @state: the hook that it is in
 * @events: bits 1 << enum ip_conntrack_events
 *
 * Context: hooks, RCU read-side section.
 */
void ct_skb_set_events(const struct sk_buff *skb,
		       const struct nf_hook_state *state, u16 events)
{
	struct ct_ext *ext;
	struct answer a CT_UNINIT;

	local_bh_disable();
	ask(&a, skb, state);
	if (a.flow) {
		ext = ct_flow_ext(a.flow);
		if (ext)
			ext->events = events;
	} else if (a.fresh) {
		say(&a, note_events, &events);
	}
	answered(&a);
	local_bh_enable();
}
EXPORT_SYMBOL_CT(ct_skb_set_events);

/**
 * ct_skb_say_early() - say something of a packet before it is tracked
 * @skb: the packet
 * @state: the hook that it is in, before the tracker's
 * @note: its zone, and which events are wanted of its flow
 *
 * The first to say something is right. What is said behind the tracker comes
 * too late.
 *
 * Context: hooks, RCU read-side section.
 *
 * Return: false if there is no room or memory.
 */
bool ct_skb_say_early(struct sk_buff *skb, const struct nf_hook_state *state,
		      const struct ct_tmpl *note)
{
	bool done;

	if (!family_of(skb, state) || is_behind_tracker(skb, state))
		return true;
	local_bh_disable();
	done = ct_pending_say_early(ct_net(state->net), skb, note);
	local_bh_enable();
	return done;
}
EXPORT_SYMBOL_CT(ct_skb_say_early);

/**
 * ct_skb_notrack() - leave a packet alone
 * @skb: the packet
 * @state: the hook that it is in
 *
 * What has been seen already, or was spoken of, keeps to that.
 *
 * Context: hooks, RCU read-side section.
 */
void ct_skb_notrack(struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (skb_get_nfct(skb) ||
	    (is_behind_tracker(skb, state) &&
	     ct_info_has_flow(ct_skb_answer(skb, state))))
		return;
	skb_set_nfct(skb, IP_CT_UNTRACKED);
}
EXPORT_SYMBOL_CT(ct_skb_notrack);
