// SPDX-License-Identifier: GPL-2.0
/*
 * What iptables rules ask and say of a packet's flow: the matches conntrack,
 * state, connmark, connbytes and connlabel, the targets CONNMARK, CT and
 * NOTRACK. Both flavours of iptables and ip6tables use them, unmodified.
 *
 * Overview
 *	They have the names and revisions of the kernel's own, and are registered
 *	for IPv4 and IPv6 by name, which x_tables prefers to those for any
 *	family. What they mean is what the kernel's own mean (iptables-extensions
 *	(8)); the structures are its uapi. Of a packet that has no flow all but
 *	the state is unknown, and a rule that asks for it does not match.
 *
 *	The match connlimit is in rules/ct_xt_connlimit.c, cluster and HMARK are in
 *	rules/ct_xt_spread.c.
 *
 *	What cannot be honoured (helpers, timeout policies, expectations) is
 *	refused when the rule is made, with a line in the log.
 *
 * Context
 *	match and target: hooks, RCU read-side section; checkentry: process. No
 *	lock is taken here. A rule pins this module, which pins the tracker.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_connbytes.h>
#include <linux/netfilter/xt_connlabel.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_state.h>

#include "ct_connlimit.h"
#include "ct_packet.h"
#include "ct_xt_register.h"
#include "ip_conntrack.h"

/* conntrack and state */

static u16 state_bit(enum ct_info info)
{
	if (info == CT_INFO_UNTRACKED)
		return XT_CONNTRACK_STATE_UNTRACKED;
	if (info == CT_INFO_INVALID)
		return XT_CONNTRACK_STATE_INVALID;
	return XT_CONNTRACK_STATE_BIT(info);
}

/* A rule asks for something; the answer may be wanted the other way round. */
static bool is_met(const struct xt_conntrack_mtinfo2 *info, u16 what, bool yes)
{
	return !(info->match_flags & what) ||
	       yes != !!(info->invert_flags & what);
}

/* Addresses stand first in all revisions, each with its mask behind. */
static_assert(!offsetof(struct xt_conntrack_mtinfo3, origsrc_addr));
static_assert(offsetof(struct xt_conntrack_mtinfo3, repldst_mask) ==
	      7 * sizeof(union nf_inet_addr));

static bool addr_met(const struct xt_conntrack_mtinfo2 *info, int which,
		     const union nf_inet_addr *addr, u8 family)
{
	static const u16 flags[] = {
		XT_CONNTRACK_ORIGSRC, XT_CONNTRACK_ORIGDST,
		XT_CONNTRACK_REPLSRC, XT_CONNTRACK_REPLDST,
	};
	const union nf_inet_addr *want = (const void *)info;
	const union nf_inet_addr *mask;
	bool same;

	if (!(info->match_flags & flags[which]))
		return true;
	want += 2 * which;
	mask = want + 1;
	if (family == NFPROTO_IPV4)
		same = !((addr->ip ^ want->ip) & mask->ip);
	else
		same = !ipv6_masked_addr_cmp(&addr->in6, &mask->in6,
					     &want->in6);
	return is_met(info, flags[which], same);
}

static bool addrs_met(const struct xt_conntrack_mtinfo2 *info,
		      const struct ct_snapshot *snap)
{
	const struct ct_tuple *t;
	int dir;

	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		t = &snap->tuple[dir];
		if (!addr_met(info, 2 * dir, &t->src, t->family) ||
		    !addr_met(info, 2 * dir + 1, &t->dst, t->family))
			return false;
	}
	return true;
}

/* One port, in network byte order, or from revision 3 on a range of them */
static bool port_met(const struct xt_conntrack_mtinfo2 *info, u8 revision,
		     int which, __be16 port)
{
	static const u16 flags[] = {
		XT_CONNTRACK_ORIGSRC_PORT, XT_CONNTRACK_ORIGDST_PORT,
		XT_CONNTRACK_REPLSRC_PORT, XT_CONNTRACK_REPLDST_PORT,
	};
	const struct xt_conntrack_mtinfo3 *info3 = (const void *)info;
	const u16 low[] = {
		info3->origsrc_port, info3->origdst_port,
		info3->replsrc_port, info3->repldst_port,
	};
	const u16 high[] = {
		info3->origsrc_port_high, info3->origdst_port_high,
		info3->replsrc_port_high, info3->repldst_port_high,
	};
	u16 n = ntohs(port);
	bool same;

	if (!(info->match_flags & flags[which]))
		return true;
	if (revision < 3)
		same = (__force u16)port == low[which];
	else
		same = n >= low[which] && n <= high[which];
	return is_met(info, flags[which], same);
}

static bool ports_met(const struct xt_conntrack_mtinfo2 *info, u8 revision,
		      const struct ct_snapshot *snap)
{
	const u16 any = XT_CONNTRACK_ORIGSRC_PORT | XT_CONNTRACK_ORIGDST_PORT |
			XT_CONNTRACK_REPLSRC_PORT | XT_CONNTRACK_REPLDST_PORT;
	const struct ct_tuple *t;
	int dir;

	if (!(info->match_flags & any))
		return true;
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		t = &snap->tuple[dir];
		if (!port_met(info, revision, 2 * dir, ct_tuple_sport(t)) ||
		    !port_met(info, revision, 2 * dir + 1, ct_tuple_dport(t)))
			return false;
	}
	return true;
}

static bool flow_met(const struct xt_conntrack_mtinfo2 *info, u8 revision,
		     u16 status_mask, enum ct_info what,
		     const struct ct_snapshot *snap)
{
	u32 status = snap->status & ~CT_FLOW_PRIVATE;
	u32 left = max(snap->left, 0) / HZ;
	bool in_time = left >= info->expires_min && left <= info->expires_max;

	return is_met(info, XT_CONNTRACK_DIRECTION,
		      ct_info_dir(what) == IP_CT_DIR_ORIGINAL) &&
	       addrs_met(info, snap) &&
	       is_met(info, XT_CONNTRACK_PROTO,
		      snap->proto && info->l4proto ==
		      snap->tuple[IP_CT_DIR_ORIGINAL].protonum) &&
	       ports_met(info, revision, snap) &&
	       is_met(info, XT_CONNTRACK_STATUS, status_mask & status) &&
	       is_met(info, XT_CONNTRACK_EXPIRES, in_time);
}

/* Nothing is asked but what the tracker knows of every packet. */
static bool is_brief(const struct xt_conntrack_mtinfo2 *info, u16 state_mask)
{
	const u16 brief = XT_CONNTRACK_STATE | XT_CONNTRACK_STATE_ALIAS;
	const u16 nat = XT_CONNTRACK_STATE_SNAT | XT_CONNTRACK_STATE_DNAT;

	return !(info->match_flags & ~brief) && !(state_mask & nat);
}

static bool conntrack(const struct sk_buff *skb,
		      const struct xt_action_param *par, u16 state_mask,
		      u16 status_mask)
{
	const struct xt_conntrack_mtinfo2 *info = par->matchinfo;
	struct ct_snapshot snap;
	enum ct_info what;
	u16 bits;

	if (is_brief(info, state_mask)) {
		what = ct_skb_answer(skb, par->state);
		return is_met(info, XT_CONNTRACK_STATE,
			      state_mask & state_bit(what)) &&
		       (ct_info_has_flow(what) ||
			info->match_flags & XT_CONNTRACK_STATE);
	}
	what = ct_skb_snapshot(skb, par->state, &snap);
	bits = state_bit(what);
	if (ct_info_has_flow(what)) {
		if (snap.status & IPS_SRC_NAT)
			bits |= XT_CONNTRACK_STATE_SNAT;
		if (snap.status & IPS_DST_NAT)
			bits |= XT_CONNTRACK_STATE_DNAT;
	}
	if (!is_met(info, XT_CONNTRACK_STATE, state_mask & bits))
		return false;
	if (!ct_info_has_flow(what))
		return info->match_flags & XT_CONNTRACK_STATE;
	return flow_met(info, par->match->revision, status_mask, what, &snap);
}

static bool conntrack_match1(const struct sk_buff *skb,
			     struct xt_action_param *par)
{
	const struct xt_conntrack_mtinfo1 *info = par->matchinfo;

	return conntrack(skb, par, info->state_mask, info->status_mask);
}

static bool conntrack_match2(const struct sk_buff *skb,
			     struct xt_action_param *par)
{
	const struct xt_conntrack_mtinfo2 *info = par->matchinfo;

	return conntrack(skb, par, info->state_mask, info->status_mask);
}

static bool conntrack_match3(const struct sk_buff *skb,
			     struct xt_action_param *par)
{
	const struct xt_conntrack_mtinfo3 *info = par->matchinfo;

	return conntrack(skb, par, info->state_mask, info->status_mask);
}

static bool state_match(const struct sk_buff *skb,
			struct xt_action_param *par)
{
	const struct xt_state_info *info = par->matchinfo;
	enum ct_info what = ct_skb_answer(skb, par->state);

	if (what == CT_INFO_UNTRACKED)
		return info->statemask & XT_STATE_UNTRACKED;
	return info->statemask & state_bit(what);
}

/* connmark */

static bool connmark_match(const struct sk_buff *skb,
			   struct xt_action_param *par)
{
	const struct xt_connmark_mtinfo1 *info = par->matchinfo;
	u32 mark;

	if (!ct_skb_mark(skb, par->state, &mark))
		return false;
	return ((mark & info->mask) == info->mark) != info->invert;
}

static u32 shifted(u32 mark, const struct xt_connmark_tginfo2 *info)
{
	return info->shift_dir == D_SHIFT_RIGHT ? mark >> info->shift_bits :
						  mark << info->shift_bits;
}

static unsigned int connmark(struct sk_buff *skb,
			     const struct nf_hook_state *state,
			     const struct xt_connmark_tginfo2 *info)
{
	struct ct_mark_op op = { .keep = ~info->ctmask };
	u32 mark;

	switch (info->mode) {
	case XT_CONNMARK_SET:
		op.flip = info->ctmark;
		if (info->shift_dir == D_SHIFT_RIGHT)
			op.right = info->shift_bits;
		else
			op.left = info->shift_bits;
		ct_skb_set_mark(skb, state, &op);
		break;
	case XT_CONNMARK_SAVE:
		op.flip = shifted(skb->mark & info->nfmask, info);
		ct_skb_set_mark(skb, state, &op);
		break;
	case XT_CONNMARK_RESTORE:
		if (!ct_skb_mark(skb, state, &mark))
			break;
		skb->mark = (skb->mark & ~info->nfmask) ^
			    shifted(mark & info->ctmask, info);
		break;
	}
	return XT_CONTINUE;
}

static unsigned int connmark_target1(struct sk_buff *skb,
				     const struct xt_action_param *par)
{
	const struct xt_connmark_tginfo1 *old = par->targinfo;
	const struct xt_connmark_tginfo2 info = {
		.ctmark = old->ctmark,
		.ctmask = old->ctmask,
		.nfmask = old->nfmask,
		.mode = old->mode,
	};

	return connmark(skb, par->state, &info);
}

static unsigned int connmark_target2(struct sk_buff *skb,
				     const struct xt_action_param *par)
{
	return connmark(skb, par->state, par->targinfo);
}

static int connmark_check2(const struct xt_tgchk_param *par)
{
	const struct xt_connmark_tginfo2 *info = par->targinfo;

	return info->shift_dir > D_SHIFT_RIGHT || info->shift_bits > 31 ?
	       -EINVAL : 0;
}

/* connbytes */

static u64 of_direction(const u64 *counter, u8 direction)
{
	if (direction == XT_CONNBYTES_DIR_BOTH)
		return counter[0] + counter[1];
	return counter[direction];
}

static bool connbytes_match(const struct sk_buff *skb,
			    struct xt_action_param *par)
{
	const struct xt_connbytes_info *info = par->matchinfo;
	u64 packets, bytes, n, from = info->count.from, to = info->count.to;
	struct ct_snapshot snap;

	if (!ct_info_has_flow(ct_skb_snapshot(skb, par->state, &snap)))
		return false;
	packets = of_direction(snap.packets, info->direction);
	bytes = of_direction(snap.bytes, info->direction);
	if (info->what == XT_CONNBYTES_PKTS)
		n = packets;
	else if (info->what == XT_CONNBYTES_BYTES)
		n = bytes;
	else
		n = packets ? div64_u64(bytes, packets) : 0;
	/* Limits the wrong way round stand for "not from TO to FROM". */
	return from <= to ? n >= from && n <= to : n < to || n > from;
}

static int connbytes_check(const struct xt_mtchk_param *par)
{
	const struct xt_connbytes_info *info = par->matchinfo;

	return info->what > XT_CONNBYTES_AVGPKT ||
	       info->direction > XT_CONNBYTES_DIR_BOTH ? -EINVAL : 0;
}

/* connlabel */

static bool connlabel_match(const struct sk_buff *skb,
			    struct xt_action_param *par)
{
	const struct xt_connlabel_mtinfo *info = par->matchinfo;
	bool invert = info->options & XT_CONNLABEL_OP_INVERT;
	u32 label[CT_LABEL_WORDS] = {};
	struct ct_snapshot snap;
	bool has;

	if (!ct_info_has_flow(ct_skb_snapshot(skb, par->state, &snap)))
		return invert;
	label[info->bit / 32] = 1U << info->bit % 32;
	has = snap.has_labels &&
	      snap.labels[info->bit / 32] & label[info->bit / 32];
	if (!has && info->options & XT_CONNLABEL_OP_SET)
		has = ct_skb_change_labels(skb, par->state, label, label);
	return has != invert;
}

static int connlabel_check(const struct xt_mtchk_param *par)
{
	const struct xt_connlabel_mtinfo *info = par->matchinfo;

	if (info->options & ~(XT_CONNLABEL_OP_INVERT | XT_CONNLABEL_OP_SET)) {
		pr_info_ratelimited("connlabel: unknown options %#x\n",
				    info->options);
		return -EINVAL;
	}
	return info->bit < CT_LABEL_BITS ? 0 : -ERANGE;
}

/* CT and NOTRACK */

static unsigned int ct_target(struct sk_buff *skb,
			      const struct xt_action_param *par)
{
	const struct xt_ct_target_info_v1 *info = par->targinfo;
	u16 zone = info->flags & XT_CT_ZONE_MARK ? skb->mark : info->zone;
	u16 dirs = info->flags & (XT_CT_ZONE_DIR_ORIG | XT_CT_ZONE_DIR_REPL);
	struct ct_tmpl note = {};

	if (info->flags & XT_CT_NOTRACK) {
		ct_skb_notrack(skb, par->state);
		return XT_CONTINUE;
	}
	if (zone) {
		note.has |= CT_TMPL_ZONE;
		if (dirs != XT_CT_ZONE_DIR_REPL)
			note.zone[IP_CT_DIR_ORIGINAL] = zone;
		if (dirs != XT_CT_ZONE_DIR_ORIG)
			note.zone[IP_CT_DIR_REPLY] = zone;
	}
	if (info->ct_events) {
		note.has |= CT_TMPL_EVENTS;
		note.events = info->ct_events;
	}
	/* Without a note it would be another flow's packet. */
	if (note.has && !ct_skb_say_early(skb, par->state, &note))
		return NF_DROP;
	return XT_CONTINUE;
}

static unsigned int notrack_target(struct sk_buff *skb,
				   const struct xt_action_param *par)
{
	ct_skb_notrack(skb, par->state);
	return XT_CONTINUE;
}

static int refuse(const char *what, const char *name, size_t size)
{
	pr_info_ratelimited("CT: --%s%.*s refused: not served by ip_conntrack\n",
			    what, (int)strnlen(name, size), name);
	return -EOPNOTSUPP;
}

static int ct_check(const struct xt_ct_target_info_v1 *info, u16 flags)
{
	if (info->flags & ~flags) {
		pr_info_ratelimited("CT: unknown flags %#x\n",
				    info->flags & ~flags);
		return -EINVAL;
	}
	if (info->flags & XT_CT_NOTRACK)
		return 0;
	if (info->helper[0])
		return refuse("helper ", info->helper, sizeof(info->helper));
	if (info->exp_events)
		return refuse("expevents", "", 0);
	return 0;
}

/* The first revision has no timeout, but all else in the same places. */
static_assert(offsetof(struct xt_ct_target_info, helper) ==
	      offsetof(struct xt_ct_target_info_v1, helper));

static int ct_check0(const struct xt_tgchk_param *par)
{
	return ct_check(par->targinfo, XT_CT_NOTRACK);
}

static int ct_check_timeout(const struct xt_tgchk_param *par, u16 flags)
{
	const struct xt_ct_target_info_v1 *info = par->targinfo;
	int err = ct_check(info, flags);

	if (!err && !(info->flags & XT_CT_NOTRACK) && info->timeout[0])
		err = refuse("timeout ", info->timeout, sizeof(info->timeout));
	return err;
}

static int ct_check1(const struct xt_tgchk_param *par)
{
	return ct_check_timeout(par, XT_CT_NOTRACK);
}

static int ct_check2(const struct xt_tgchk_param *par)
{
	return ct_check_timeout(par, XT_CT_MASK);
}

/* Registration */

#define MATCH(_family, _name, _revision, _info, _match, _check) {	\
		.name = _name,						\
		.revision = _revision,					\
		.family = NFPROTO_##_family,				\
		.matchsize = sizeof(struct _info),			\
		.match = _match,					\
		.checkentry = _check,					\
		.me = THIS_MODULE,					\
	}

#define MATCHES(_family)						\
	MATCH(_family, "conntrack", 1, xt_conntrack_mtinfo1,		\
	      conntrack_match1, NULL),					\
	MATCH(_family, "conntrack", 2, xt_conntrack_mtinfo2,		\
	      conntrack_match2, NULL),					\
	MATCH(_family, "conntrack", 3, xt_conntrack_mtinfo3,		\
	      conntrack_match3, NULL),					\
	MATCH(_family, "state", 0, xt_state_info, state_match, NULL),	\
	MATCH(_family, "connmark", 1, xt_connmark_mtinfo1,		\
	      connmark_match, NULL),					\
	MATCH(_family, "connbytes", 0, xt_connbytes_info,		\
	      connbytes_match, connbytes_check),			\
	MATCH(_family, "connlabel", 0, xt_connlabel_mtinfo,		\
	      connlabel_match, connlabel_check)

static struct xt_match matches[] = {
	MATCHES(IPV4),
	MATCHES(IPV6),
};

#define TARGET(_family, _name, _revision, _size, _table, _target, _check) { \
		.name = _name,						\
		.revision = _revision,					\
		.family = NFPROTO_##_family,				\
		.targetsize = _size,					\
		.table = _table,					\
		.target = _target,					\
		.checkentry = _check,					\
		.me = THIS_MODULE,					\
	}

#define TARGETS(_family)						\
	TARGET(_family, "CONNMARK", 1, sizeof(struct xt_connmark_tginfo1), \
	       NULL, connmark_target1, NULL),				\
	TARGET(_family, "CONNMARK", 2, sizeof(struct xt_connmark_tginfo2), \
	       NULL, connmark_target2, connmark_check2),		\
	TARGET(_family, "CT", 0, sizeof(struct xt_ct_target_info),	\
	       "raw", ct_target, ct_check0),				\
	TARGET(_family, "CT", 1, sizeof(struct xt_ct_target_info_v1),	\
	       "raw", ct_target, ct_check1),				\
	TARGET(_family, "CT", 2, sizeof(struct xt_ct_target_info_v1),	\
	       "raw", ct_target, ct_check2),				\
	TARGET(_family, "NOTRACK", 0, 0, "raw", notrack_target, NULL)

static struct xt_target targets[] = {
	TARGETS(IPV4),
	TARGETS(IPV6),
};

static const struct ct_xt_set own = CT_XT_SET(matches, targets);

static bool serving;

static int __init ct_match_xt_init(void)
{
	int err;

	if (!ct_is_dropin()) {
		pr_info("iptables rules are not served: ip_conntrack is an observer here\n");
		return 0;
	}
	err = ct_xt_register(&own);
	if (err)
		return err;
	err = ct_limit_xt_init();
	if (err)
		goto no_limit;
	err = ct_xt_register(&ct_xt_spread);
	if (err)
		goto no_spread;
	err = ct_xt_register(&ct_xt_refused);
	if (err)
		goto no_refuse;
	serving = true;
	return 0;

no_refuse:
	ct_xt_unregister(&ct_xt_spread);
no_spread:
	ct_limit_xt_exit();
no_limit:
	ct_xt_unregister(&own);
	return err;
}

static void __exit ct_match_xt_exit(void)
{
	if (!serving)
		return;
	ct_xt_unregister(&ct_xt_refused);
	ct_xt_unregister(&ct_xt_spread);
	ct_limit_xt_exit();
	ct_xt_unregister(&own);
}

module_init(ct_match_xt_init);
module_exit(ct_match_xt_exit);

CT_IMPORT();
MODULE_AUTHOR("The ip_conntrack developers");
MODULE_DESCRIPTION("iptables matches and targets for ip_conntrack");
MODULE_LICENSE("GPL");
