// SPDX-License-Identifier: GPL-2.0
/*
 * What rules may ask and say of a packet between its first and its last hook.
 *
 * Overview
 *	The first hook (ct_core.c) finds out what a packet is, and writes it down
 *	(ct_memo.c). A rule that asks gets that answer. Where it is not there,
 *	because the packet went to another CPU, waited in a queue or came by in a
 *	long list, the answer is worked out again by a look-up and by judging the
 *	packet without applying it: slower, the same answer. A rule that asks
 *	before the first hook gets that answer, too.
 *
 *	What a rule says of a packet that has no flow yet is noted for the flow
 *	to come (ct_note.c).
 *
 * Context
 *	Hooks: RCU read-side section, any context. Bottom halves are turned off
 *	here where needed. Locks: one flow's, or a note's. Nothing sleeps.
 */
#include <linux/module.h>

#include "ct_bridge.h"
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
static bool is_behind_tracker(const struct nf_hook_state *state)
{
	switch (state->hook) {
	case NF_INET_PRE_ROUTING:
		return ct_packet_is_second_pass(state) ||
		       ct_bridge_has_seen(ct_net(state->net), state);
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
	       is_behind_tracker(state);
}

/**
 * struct answer - what a rule's packet is
 * @info: in a word
 * @flow: its flow, locked; %NULL if there is none (yet)
 * @fresh: there is none yet: @orig, @next and @timeout are what it would have
 * @has_cause: there will be none: the packet answers one that has not become a
 *	flow, and that was @orig
 * @pkt: the packet, read again
 * @digest: its digest
 * @note: what rules said of it
 * @orig: its tuple before translation
 * @next: state of the protocol
 * @timeout: jiffies
 */
struct answer {
	enum ct_info info;
	struct ct_flow *flow;
	bool fresh;
	bool has_cause;
	struct ct_pkt pkt;
	u32 digest;
	struct ct_note note;
	struct ct_tuple orig;
	union ct_state next;
	u32 timeout;
};

/* It has no flow and begins none, but may answer what would have. */
static void judge_answer(struct answer *a, bool known)
{
	if (!known)
		a->info = ct_packet_is_own_answer(&a->pkt) ?
			  CT_INFO_RELATED_REPLY : CT_INFO_INVALID;
	if (a->info == CT_INFO_RELATED_REPLY)
		a->has_cause = ct_packet_cause(&a->pkt, &a->orig);
}

static void judge_first(struct answer *a)
{
	struct ct_judgement j CT_UNINIT;

	ct_proto_judge(NULL, &a->pkt, IP_CT_DIR_ORIGINAL, &j);
	if (j.verdict == CT_REFUSE) {
		a->fresh = false;
		judge_answer(a, false);
		return;
	}
	a->info = CT_INFO_NEW;
	a->fresh = true;
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
	if (j.verdict == CT_RENEW)
		judge_first(a);
}

/*
 * It has no flow (yet), and nobody remembered: do so from now on, so that a
 * rule's answer to it is recognised, and the next rule has it easier.
 */
static void remember_again(const struct answer *a, const struct sk_buff *skb)
{
	const struct ct_memo memo = {
		.kind = a->fresh ? CT_MEMO_NEW : CT_MEMO_DONE,
		.info = a->info,
		.tuple = a->fresh ? a->orig : a->pkt.tuple,
	};

	ct_memo_put(skb, a->digest, &memo);
}

/*
 * Read the packet, find its flow, and judge it unless the answer is known.
 * A flow is left locked.
 */
static void work_out(struct answer *a, const struct sk_buff *skb,
		     const struct nf_hook_state *state, u8 family, bool known)
{
	u8 hook = ct_packet_is_second_pass(state) ? NF_INET_LOCAL_OUT :
						    ct_packet_first_hook(skb);
	enum ip_conntrack_dir dir;
	enum ct_reason reason;
	unsigned int offset;

	/* Reading may note in the skb that its checksum is right. */
	reason = ct_tuple_read(&a->pkt, (struct sk_buff *)skb, family, hook);
	if (reason) {
		a->info = reason == CT_R_UNTRACKED ? CT_INFO_UNTRACKED :
						     CT_INFO_INVALID;
		return;
	}
	ct_packet_zone(&a->pkt, &a->note);
	offset = ct_proto_quote(&a->pkt);
	if (offset) {
		if (ct_packet_relate(&a->pkt, offset, &a->flow, &a->info))
			judge_answer(a, known);
		return;
	}
	if (known && a->fresh) {
		judge_first(a);
		return;
	}
	a->flow = ct_packet_find(&a->pkt, &a->pkt.tuple, &dir);
	if (known) {
		if (!a->flow)
			judge_answer(a, known);
		return;
	}
	ct_stat_inc(a->pkt.cnet, asked_again);
	/* It may begin another flow even where there is one. */
	ct_packet_original(&a->pkt, &a->orig);
	if (a->flow) {
		judge_again(a, dir);
		return;
	}
	judge_first(a);
	if (a->fresh && is_strange(skb, state)) {
		a->info = CT_INFO_INVALID;
		a->fresh = false;
	}
	if (!ct_packet_is_second_pass(state))
		remember_again(a, skb);
}

/* What is remembered. Returns false if nothing is. */
static bool remember(struct answer *a, const struct sk_buff *skb)
{
	enum ct_memo_kind kind;
	u8 info;

	kind = ct_memo_peek(skb, a->digest, &info, &a->orig);
	if (kind == CT_MEMO_NONE)
		return false;
	a->info = info;
	a->fresh = kind == CT_MEMO_NEW;
	return true;
}

/* Bottom halves off. @briefly: @info is all that is wanted. */
static void ask(struct answer *a, const struct sk_buff *skb,
		const struct nf_hook_state *state, bool briefly)
{
	u8 family = family_of(skb, state);
	bool known;

	a->info = CT_INFO_INVALID;
	a->flow = NULL;
	a->fresh = false;
	a->has_cause = false;
	if (ct_packet_is_untracked(skb)) {
		a->info = CT_INFO_UNTRACKED;
		return;
	}
	if (!family)
		return;
	a->pkt.cnet = ct_net(state->net);
	a->digest = ct_tuple_digest(skb, family);
	known = remember(a, skb);
	if (known && (briefly || !ct_info_has_flow(a->info)))
		return;
	a->note.has = 0;
	ct_note_get(skb, a->digest, &a->note);
	work_out(a, skb, state, family, known);
}

static void answered(struct answer *a)
{
	if (a->flow)
		ct_flow_unlock(a->flow);
}

static noinline enum ct_info ask_info(const struct sk_buff *skb,
				      const struct nf_hook_state *state)
{
	struct answer a CT_UNINIT;

	local_bh_disable();
	ask(&a, skb, state, true);
	answered(&a);
	local_bh_enable();
	return a.info;
}

/**
 * ct_packet_info() - what is a packet to its flow?
 * @skb: the packet
 * @state: the hook that it is in
 *
 * Context: hooks, RCU read-side section.
 *
 * Return: the answer.
 */
enum ct_info ct_packet_info(const struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	u8 family = family_of(skb, state);
	enum ct_info info;
	bool were_on, known;

	if (unlikely(ct_packet_is_untracked(skb)))
		return CT_INFO_UNTRACKED;
	if (unlikely(!family))
		return CT_INFO_INVALID;
	were_on = ct_bh_off();
	known = ct_memo_info(skb, ct_tuple_digest(skb, family), &info);
	ct_bh_on(were_on);
	return likely(known) ? info : ask_info(skb, state);
}
EXPORT_SYMBOL_CT(ct_packet_info);

/* What the flow will be. Returns false if it cannot be. */
static bool foresee(const struct answer *a, struct ct_snapshot *snap)
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
	if (a->note.has & CT_NOTE_MARK)
		snap->mark = a->note.mark;
	if (a->note.has & CT_NOTE_LABELS) {
		memcpy(snap->labels, a->note.labels, sizeof(snap->labels));
		snap->has_labels = true;
	}
	return true;
}

/* What the flow would have been that an answer has prevented. */
static bool imagine(const struct answer *a, struct ct_snapshot *snap)
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
 * ct_packet_snapshot() - the flow of a packet as it is at this moment
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
enum ct_info ct_packet_snapshot(const struct sk_buff *skb,
				const struct nf_hook_state *state,
				struct ct_snapshot *snap)
{
	struct answer a CT_UNINIT;
	bool is_filled;

	local_bh_disable();
	ask(&a, skb, state, false);
	is_filled = a.flow;
	if (a.flow)
		ct_flow_snapshot(a.flow, ct_now(), snap);
	else if (a.fresh)
		is_filled = foresee(&a, snap);
	else if (a.has_cause)
		is_filled = imagine(&a, snap);
	answered(&a);
	local_bh_enable();
	if (!is_filled && ct_info_has_flow(a.info))
		return CT_INFO_INVALID;
	return a.info;
}
EXPORT_SYMBOL_CT(ct_packet_snapshot);

/**
 * ct_packet_mark() - the connection mark of a packet
 * @skb: the packet
 * @state: the hook that it is in
 * @mark: set to it
 *
 * Context: hooks, RCU read-side section.
 *
 * Return: false if the packet has no flow.
 */
bool ct_packet_mark(const struct sk_buff *skb,
		    const struct nf_hook_state *state, u32 *mark)
{
	struct answer a CT_UNINIT;
	bool found;

	local_bh_disable();
	ask(&a, skb, state, false);
	found = a.flow || a.fresh || a.has_cause;
	if (a.flow)
		*mark = a.flow->mark;
	else if (a.fresh)
		*mark = a.note.has & CT_NOTE_MARK ? a.note.mark : 0;
	else if (a.has_cause)
		*mark = 0;
	answered(&a);
	local_bh_enable();
	return found;
}
EXPORT_SYMBOL_CT(ct_packet_mark);

/* Saying */

static u32 changed_mark(u32 mark, const struct ct_mark_op *op)
{
	return ((mark & op->keep) ^ op->flip) << op->left >> op->right;
}

static void note_mark(struct ct_note *note, const void *arg)
{
	note->mark = changed_mark(note->has & CT_NOTE_MARK ? note->mark : 0,
				  arg);
	note->has |= CT_NOTE_MARK;
}

/**
 * ct_packet_set_mark() - change the connection mark of a packet
 * @skb: the packet
 * @state: the hook that it is in
 * @op: how
 *
 * Does nothing if the packet has no flow and will have none.
 *
 * Context: hooks, RCU read-side section.
 */
void ct_packet_set_mark(const struct sk_buff *skb,
			const struct nf_hook_state *state,
			const struct ct_mark_op *op)
{
	struct answer a CT_UNINIT;
	u32 mark;

	local_bh_disable();
	ask(&a, skb, state, false);
	if (a.flow) {
		mark = changed_mark(a.flow->mark, op);
		if (mark != a.flow->mark) {
			WRITE_ONCE(a.flow->mark, mark);
			ct_event_update(a.flow, BIT(IPCT_MARK), NULL);
		}
	} else if (a.fresh) {
		ct_note_edit(skb, a.digest, false, note_mark, op);
	}
	answered(&a);
	local_bh_enable();
}
EXPORT_SYMBOL_CT(ct_packet_set_mark);

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

static void note_labels(struct ct_note *note, const void *arg)
{
	if (!(note->has & CT_NOTE_LABELS))
		memset(note->labels, 0, sizeof(note->labels));
	change_labels(note->labels, arg);
	note->has |= CT_NOTE_LABELS;
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
 * ct_packet_change_labels() - change the labels of a packet's flow
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
bool ct_packet_change_labels(const struct sk_buff *skb,
			     const struct nf_hook_state *state,
			     const u32 *mask, const u32 *flip)
{
	const struct label_op op = { .flip = flip, .mask = mask };
	struct answer a CT_UNINIT;
	int changed = -ENOENT;

	local_bh_disable();
	ask(&a, skb, state, false);
	if (a.flow)
		changed = ct_flow_change_labels(a.flow, mask, flip);
	else if (a.fresh && ct_note_edit(skb, a.digest, false, note_labels,
					 &op))
		changed = 0;
	if (changed > 0)
		ct_event_update(a.flow, BIT(IPCT_LABEL), NULL);
	answered(&a);
	local_bh_enable();
	return changed >= 0;
}
EXPORT_SYMBOL_CT(ct_packet_change_labels);

static void note_events(struct ct_note *note, const void *arg)
{
	note->events = *(const u16 *)arg;
	note->has |= CT_NOTE_EVENTS;
}

/**
 * ct_packet_set_events() - choose which events of a packet's flow are told
 * @skb: the packet
 * @state: the hook that it is in
 * @events: bits 1 << enum ip_conntrack_events
 *
 * Context: hooks, RCU read-side section.
 */
void ct_packet_set_events(const struct sk_buff *skb,
			  const struct nf_hook_state *state, u16 events)
{
	struct ct_ext *ext;
	struct answer a CT_UNINIT;

	local_bh_disable();
	ask(&a, skb, state, false);
	if (a.flow) {
		ext = ct_flow_ext(a.flow);
		if (ext)
			ext->events = events;
	} else if (a.fresh) {
		ct_note_edit(skb, a.digest, false, note_events, &events);
	}
	answered(&a);
	local_bh_enable();
}
EXPORT_SYMBOL_CT(ct_packet_set_events);

static void note_early(struct ct_note *note, const void *arg)
{
	const struct ct_note *early = arg;

	if (!note->has)
		*note = *early;
}

/**
 * ct_packet_say_early() - say something of a packet before it is tracked
 * @skb: the packet
 * @state: the hook that it is in, before the tracker's
 * @note: its zone, and which events are wanted of its flow
 *
 * The first to say something is right. What is said behind the tracker comes
 * too late.
 *
 * Context: hooks, RCU read-side section.
 *
 * Return: false if there is no memory.
 */
bool ct_packet_say_early(const struct sk_buff *skb,
			 const struct nf_hook_state *state,
			 const struct ct_note *note)
{
	u8 family = family_of(skb, state);
	bool done = true;
	u32 digest;

	if (!family || is_behind_tracker(state) || ct_packet_is_untracked(skb))
		return true;
	local_bh_disable();
	digest = ct_tuple_digest(skb, family);
	done = ct_note_edit(skb, digest, true, note_early, note);
	local_bh_enable();
	return done;
}
EXPORT_SYMBOL_CT(ct_packet_say_early);

/**
 * ct_packet_notrack() - leave a packet alone
 * @skb: the packet
 * @state: the hook that it is in
 *
 * What has a flow already, or will have, keeps it.
 *
 * Context: hooks, RCU read-side section.
 */
void ct_packet_notrack(struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (skb_get_nfct(skb) || ct_packet_is_second_pass(state) ||
	    (is_behind_tracker(state) &&
	     ct_info_has_flow(ct_packet_info(skb, state))))
		return;
	skb_set_nfct(skb, IP_CT_UNTRACKED);
}
EXPORT_SYMBOL_CT(ct_packet_notrack);
