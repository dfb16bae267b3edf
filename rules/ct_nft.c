// SPDX-License-Identifier: GPL-2.0
/*
 * What nft rules ask and say of a packet's flow: the expressions ct and notrack.
 *
 * Overview
 *	They have the names of the kernel's own and are registered for each
 *	family by name, which nf_tables prefers to those for any family. What the
 *	keys mean is what they mean there (nft(8), CONNTRACK EXPRESSIONS); the
 *	attributes are nf_tables' uapi. struct key_info says of each what it needs.
 *
 *	What cannot be honoured is refused when the rule is made, with a line in
 *	the log: helpers, timeout policies and expectations, security marks.
 *
 *	A rule of a bridge table that says ct makes bridges lead their packets to
 *	the tracker, for as long as it is there (bridge/ct_bridge.c).
 *
 * Context
 *	eval: hooks, RCU read-side section; the rest: process, nf_tables' mutex.
 *	No lock is taken here. A rule pins this module, which pins the tracker.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/netfilter/nf_tables.h>
#include <net/netfilter/nf_tables.h>

#include "ct_connlimit.h"
#include "ct_packet.h"
#include "ct_nft_register.h"
#include "ct_refused.h"
#include "ip_conntrack.h"

#define DIR_NONE	IP_CT_DIR_MAX

/* key.flags */
#define CAN_GET		BIT(0)
#define CAN_SET		BIT(1)
#define DIR_MAY		BIT(2)	/* a direction may be given, */
#define DIR_MUST	BIT(3)	/* must be, */
#define DIR_IGNORED	BIT(4)	/* or may be, and says nothing */

/**
 * struct key_info - what a key of ct needs
 * @name: as in rules
 * @flags: see above
 * @len: bytes of its value; 0 where the table's family says
 */
struct key_info {
	const char *name;
	u8 flags;
	u8 len;
};

static const struct key_info keys[NFT_CT_MAX + 1] = {
	[NFT_CT_STATE]	    = { "state", CAN_GET, sizeof(u32) },
	[NFT_CT_DIRECTION]  = { "direction", CAN_GET, sizeof(u8) },
	[NFT_CT_STATUS]	    = { "status", CAN_GET, sizeof(u32) },
	[NFT_CT_MARK]	    = { "mark", CAN_GET | CAN_SET, sizeof(u32) },
	[NFT_CT_SECMARK]    = { "secmark" },
	[NFT_CT_EXPIRATION] = { "expiration", CAN_GET, sizeof(u32) },
	[NFT_CT_HELPER]	    = { "helper" },
	[NFT_CT_L3PROTOCOL] = { "l3proto", CAN_GET | DIR_IGNORED, sizeof(u8) },
	[NFT_CT_SRC]	    = { "saddr", CAN_GET | DIR_MUST },
	[NFT_CT_DST]	    = { "daddr", CAN_GET | DIR_MUST },
	[NFT_CT_PROTOCOL]   = { "protocol", CAN_GET | DIR_IGNORED, sizeof(u8) },
	[NFT_CT_PROTO_SRC]  = { "proto-src", CAN_GET | DIR_MUST, sizeof(u16) },
	[NFT_CT_PROTO_DST]  = { "proto-dst", CAN_GET | DIR_MUST, sizeof(u16) },
	[NFT_CT_LABELS]	    = { "label", CAN_GET | CAN_SET, CT_LABEL_BITS / 8 },
	[NFT_CT_PKTS]	    = { "packets", CAN_GET | DIR_MAY, sizeof(u64) },
	[NFT_CT_BYTES]	    = { "bytes", CAN_GET | DIR_MAY, sizeof(u64) },
	[NFT_CT_AVGPKT]	    = { "avgpkt", CAN_GET | DIR_MAY, sizeof(u64) },
	[NFT_CT_ZONE]	    = { "zone", CAN_GET | CAN_SET | DIR_MAY,
				sizeof(u16) },
	[NFT_CT_EVENTMASK]  = { "event", CAN_SET, sizeof(u32) },
	[NFT_CT_SRC_IP]	    = { "ip saddr", CAN_GET | DIR_MUST, sizeof(u32) },
	[NFT_CT_DST_IP]	    = { "ip daddr", CAN_GET | DIR_MUST, sizeof(u32) },
	[NFT_CT_SRC_IP6]    = { "ip6 saddr", CAN_GET | DIR_MUST,
				sizeof(struct in6_addr) },
	[NFT_CT_DST_IP6]    = { "ip6 daddr", CAN_GET | DIR_MUST,
				sizeof(struct in6_addr) },
	[NFT_CT_ID]	    = { "id", CAN_GET, sizeof(u32) },
};

/**
 * struct ct_expr - a ct expression
 * @key: NFT_CT_*
 * @dir: direction, or DIR_NONE
 * @len: bytes of the value
 * @reg: register that it is read from or stored to
 */
struct ct_expr {
	u8 key;
	u8 dir;
	u8 len;
	u8 reg;
};

/* Asking */

static u64 of_direction(const u64 *counter, u8 dir)
{
	return dir == DIR_NONE ? counter[0] + counter[1] : counter[dir];
}

static u64 counted(const struct ct_snapshot *snap, const struct ct_expr *ct)
{
	u64 packets = of_direction(snap->packets, ct->dir);
	u64 bytes = of_direction(snap->bytes, ct->dir);

	switch (ct->key) {
	case NFT_CT_PKTS:
		return packets;
	case NFT_CT_BYTES:
		return bytes;
	default:
		return packets ? div64_u64(bytes, packets) : 0;
	}
}

static u16 zone_of(const struct ct_snapshot *snap, u8 dir)
{
	if (dir != DIR_NONE)
		return snap->tuple[dir].zone;
	return snap->tuple[IP_CT_DIR_ORIGINAL].zone ?:
	       snap->tuple[IP_CT_DIR_REPLY].zone;
}

/* Returns false if the flow has no such thing. */
static bool get_of_tuple(u32 *dest, const struct ct_expr *ct,
			 const struct ct_tuple *t)
{
	bool is_ipv4 = t->family == NFPROTO_IPV4;

	switch (ct->key) {
	case NFT_CT_SRC_IP:
	case NFT_CT_DST_IP:
		if (!is_ipv4)
			return false;
		break;
	case NFT_CT_SRC_IP6:
	case NFT_CT_DST_IP6:
		if (is_ipv4)
			return false;
		break;
	case NFT_CT_PROTO_SRC:
		nft_reg_store16(dest, (__force u16)ct_tuple_sport(t));
		return true;
	case NFT_CT_PROTO_DST:
		nft_reg_store16(dest, (__force u16)ct_tuple_dport(t));
		return true;
	}
	if (is_ipv4)	/* the rest of an address is not there */
		memset(dest, 0, ct->len);
	if (ct->key == NFT_CT_SRC || ct->key == NFT_CT_SRC_IP ||
	    ct->key == NFT_CT_SRC_IP6)
		memcpy(dest, &t->src, is_ipv4 ? sizeof(t->src.ip) : ct->len);
	else
		memcpy(dest, &t->dst, is_ipv4 ? sizeof(t->dst.ip) : ct->len);
	return true;
}

/* Returns false if the flow has no such thing. */
static bool get_of_flow(u32 *dest, const struct ct_expr *ct,
			const struct ct_snapshot *snap)
{
	u64 n;

	switch (ct->key) {
	case NFT_CT_STATUS:
		*dest = snap->status & ~CT_FLOW_PRIVATE;
		return true;
	case NFT_CT_EXPIRATION:
		*dest = jiffies_to_msecs(max(snap->left, 0));
		return true;
	case NFT_CT_L3PROTOCOL:
		nft_reg_store8(dest, snap->tuple[IP_CT_DIR_ORIGINAL].family);
		return true;
	case NFT_CT_PROTOCOL:
		nft_reg_store8(dest, snap->tuple[IP_CT_DIR_ORIGINAL].protonum);
		return true;
	case NFT_CT_LABELS:
		if (snap->has_labels)
			memcpy(dest, snap->labels, sizeof(snap->labels));
		else
			memset(dest, 0, sizeof(snap->labels));
		return true;
	case NFT_CT_PKTS:
	case NFT_CT_BYTES:
	case NFT_CT_AVGPKT:
		n = counted(snap, ct);
		memcpy(dest, &n, sizeof(n));
		return true;
	case NFT_CT_ZONE:
		nft_reg_store16(dest, zone_of(snap, ct->dir));
		return true;
	case NFT_CT_ID:
		if (!snap->flow)
			return false;
		*dest = ct_flow_id(snap);
		return true;
	default:
		return get_of_tuple(dest, ct, &snap->tuple[ct->dir]);
	}
}

static void get_state(const struct nft_expr *expr, struct nft_regs *regs,
		      const struct nft_pktinfo *pkt)
{
	const struct ct_expr *ct = nft_expr_priv(expr);
	enum ct_info info = ct_skb_answer(pkt->skb, pkt->state);
	u32 *dest = &regs->data[ct->reg];

	if (info == CT_INFO_UNTRACKED)
		*dest = NF_CT_STATE_UNTRACKED_BIT;
	else if (info == CT_INFO_INVALID)
		*dest = NF_CT_STATE_INVALID_BIT;
	else
		*dest = NF_CT_STATE_BIT(info);
}

/* Known of a packet even where its flow cannot be found any more. */
static void get_direction(const struct nft_expr *expr, struct nft_regs *regs,
			  const struct nft_pktinfo *pkt)
{
	const struct ct_expr *ct = nft_expr_priv(expr);
	enum ct_info info = ct_skb_answer(pkt->skb, pkt->state);

	if (ct_info_has_flow(info))
		nft_reg_store8(&regs->data[ct->reg], ct_info_dir(info));
	else
		regs->verdict.code = NFT_BREAK;
}

static void get_mark(const struct nft_expr *expr, struct nft_regs *regs,
		     const struct nft_pktinfo *pkt)
{
	const struct ct_expr *ct = nft_expr_priv(expr);

	if (!ct_skb_mark(pkt->skb, pkt->state, &regs->data[ct->reg]))
		regs->verdict.code = NFT_BREAK;
}

static void get_other(const struct nft_expr *expr, struct nft_regs *regs,
		      const struct nft_pktinfo *pkt)
{
	const struct ct_expr *ct = nft_expr_priv(expr);
	struct ct_snapshot snap;
	enum ct_info info;

	info = ct_skb_snapshot(pkt->skb, pkt->state, &snap);
	if (!ct_info_has_flow(info) ||
	    !get_of_flow(&regs->data[ct->reg], ct, &snap))
		regs->verdict.code = NFT_BREAK;
}

/* Saying */

static bool set_zone(const struct ct_expr *ct, u16 zone,
		     const struct nft_pktinfo *pkt)
{
	struct ct_tmpl note = { .has = CT_TMPL_ZONE };

	if (ct->dir != IP_CT_DIR_REPLY)
		note.zone[IP_CT_DIR_ORIGINAL] = zone;
	if (ct->dir != IP_CT_DIR_ORIGINAL)
		note.zone[IP_CT_DIR_REPLY] = zone;
	return ct_skb_say_early(pkt->skb, pkt->state, &note);
}

static void set(const struct nft_expr *expr, struct nft_regs *regs,
		const struct nft_pktinfo *pkt)
{
	const struct ct_expr *ct = nft_expr_priv(expr);
	const u32 *src = &regs->data[ct->reg];
	struct ct_mark_op op = {};

	switch (ct->key) {
	case NFT_CT_MARK:
		op.flip = *src;
		ct_skb_set_mark(pkt->skb, pkt->state, &op);
		break;
	case NFT_CT_LABELS:
		/* Labels are added: the language has no way to take one. */
		ct_skb_change_labels(pkt->skb, pkt->state, src, src);
		break;
	case NFT_CT_EVENTMASK:
		ct_skb_set_events(pkt->skb, pkt->state, *src);
		break;
	case NFT_CT_ZONE:
		/* Without a note it would be another flow's packet. */
		if (!set_zone(ct, nft_reg_load16(src), pkt))
			regs->verdict.code = NF_DROP;
		break;
	}
}

static void notrack(const struct nft_expr *expr, struct nft_regs *regs,
		    const struct nft_pktinfo *pkt)
{
	ct_skb_notrack(pkt->skb, pkt->state);
}

/* Rules */

static const struct nla_policy ct_policy[NFTA_CT_MAX + 1] = {
	[NFTA_CT_DREG]		= { .type = NLA_U32 },
	[NFTA_CT_KEY]		= NLA_POLICY_MAX(NLA_BE32, NFT_CT_MAX),
	[NFTA_CT_DIRECTION]	= NLA_POLICY_MAX(NLA_U8, IP_CT_DIR_REPLY),
	[NFTA_CT_SREG]		= { .type = NLA_U32 },
};

static int read_dir(struct ct_expr *ct, const struct nlattr *attr, u8 flags)
{
	ct->dir = DIR_NONE;
	if (!attr)
		return flags & DIR_MUST ? -EINVAL : 0;
	if (!(flags & (DIR_MAY | DIR_MUST | DIR_IGNORED)))
		return -EINVAL;
	if (!(flags & DIR_IGNORED))
		ct->dir = nla_get_u8(attr);
	return 0;
}

/* Before there were keys for each family the table's said how long it is. */
static int addr_len(u8 family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return sizeof(__be32);
	case NFPROTO_IPV6:
	case NFPROTO_INET:
		return sizeof(struct in6_addr);
	default:
		return -EAFNOSUPPORT;
	}
}

static int read_key(const struct nft_ctx *ctx, struct ct_expr *ct,
		    const struct nlattr *const tb[], u8 can)
{
	const struct key_info *key;
	int len;

	ct->key = ntohl(nla_get_be32(tb[NFTA_CT_KEY]));
	if (ct->key > NFT_CT_MAX)
		return -EOPNOTSUPP;
	key = &keys[ct->key];
	if (!(key->flags & can)) {
		pr_info_ratelimited("ct %s%s refused: not served by ip_conntrack\n",
				    key->name,
				    can == CAN_SET ? " set" : "");
		return -EOPNOTSUPP;
	}
	len = key->len ?: addr_len(ctx->family);
	if (len < 0)
		return len;
	ct->len = len;
	return read_dir(ct, tb[NFTA_CT_DIRECTION], key->flags);
}

static int begin(const struct nft_ctx *ctx)
{
	int err;

	if (ctx->family != NFPROTO_BRIDGE)
		return 0;
	err = ct_bridge_get(ctx->net);
	if (err != -ENOENT)
		return err;
	/* -EAGAIN: it is loaded, then the rule comes once more. */
	err = nft_request_module(ctx->net, "ip_conntrack_bridge");
	if (err)
		return err;
	pr_info_ratelimited("ct in a bridge table refused: the module ip_conntrack_bridge cannot be had\n");
	return -EOPNOTSUPP;
}

static void end(const struct nft_ctx *ctx, const struct nft_expr *expr)
{
	if (ctx->family == NFPROTO_BRIDGE)
		ct_bridge_put(ctx->net);
}

static int get_init(const struct nft_ctx *ctx, const struct nft_expr *expr,
		    const struct nlattr * const tb[])
{
	struct ct_expr *ct = nft_expr_priv(expr);
	int err = read_key(ctx, ct, tb, CAN_GET);

	if (!err)
		err = nft_parse_register_store(ctx, tb[NFTA_CT_DREG], &ct->reg,
					       NULL, NFT_DATA_VALUE, ct->len);
	return err ?: begin(ctx);
}

static int set_init(const struct nft_ctx *ctx, const struct nft_expr *expr,
		    const struct nlattr * const tb[])
{
	struct ct_expr *ct = nft_expr_priv(expr);
	int err = read_key(ctx, ct, tb, CAN_SET);

	if (!err)
		err = nft_parse_register_load(ctx, tb[NFTA_CT_SREG], &ct->reg,
					      ct->len);
	return err ?: begin(ctx);
}

static int dump(struct sk_buff *skb, const struct ct_expr *ct, int reg)
{
	if (nft_dump_register(skb, reg, ct->reg) ||
	    nla_put_be32(skb, NFTA_CT_KEY, htonl(ct->key)) ||
	    (ct->dir != DIR_NONE &&
	     nla_put_u8(skb, NFTA_CT_DIRECTION, ct->dir)))
		return -EMSGSIZE;
	return 0;
}

static int get_dump(struct sk_buff *skb, const struct nft_expr *expr,
		    bool reset)
{
	return dump(skb, nft_expr_priv(expr), NFTA_CT_DREG);
}

static int set_dump(struct sk_buff *skb, const struct nft_expr *expr,
		    bool reset)
{
	return dump(skb, nft_expr_priv(expr), NFTA_CT_SREG);
}

/* Registration */

static struct nft_expr_type ct_types[6];
static struct nft_expr_type notrack_types[6];

#define GET_OPS(_eval) {						\
		.type = ct_types,					\
		.size = NFT_EXPR_SIZE(sizeof(struct ct_expr)),		\
		.eval = _eval,						\
		.init = get_init,					\
		.destroy = end,						\
		.dump = get_dump,					\
	}

static const struct nft_expr_ops get_state_ops = GET_OPS(get_state);
static const struct nft_expr_ops get_direction_ops = GET_OPS(get_direction);
static const struct nft_expr_ops get_mark_ops = GET_OPS(get_mark);
static const struct nft_expr_ops get_other_ops = GET_OPS(get_other);

static const struct nft_expr_ops set_ops = {
	.type = ct_types,
	.size = NFT_EXPR_SIZE(sizeof(struct ct_expr)),
	.eval = set,
	.init = set_init,
	.destroy = end,
	.dump = set_dump,
};

static const struct nft_expr_ops notrack_ops = {
	.type = notrack_types,
	.size = NFT_EXPR_SIZE(0),
	.eval = notrack,
};

static const struct nft_expr_ops *
select_ct(const struct nft_ctx *ctx, const struct nlattr * const tb[])
{
	if (!tb[NFTA_CT_KEY] || !tb[NFTA_CT_DREG] == !tb[NFTA_CT_SREG])
		return ERR_PTR(-EINVAL);
	/* What is not asked of us the kernel would ask of nf_conntrack. */
	if (ctx->family == NFPROTO_NETDEV || ctx->family == NFPROTO_ARP) {
		pr_info_ratelimited("ct in netdev and arp tables refused: there is no connection\n");
		return ERR_PTR(-EPROTO);
	}
	if (tb[NFTA_CT_SREG])
		return &set_ops;
	switch (ntohl(nla_get_be32(tb[NFTA_CT_KEY]))) {
	case NFT_CT_STATE:
		return &get_state_ops;
	case NFT_CT_DIRECTION:
		return &get_direction_ops;
	case NFT_CT_MARK:
		return &get_mark_ops;
	default:
		return &get_other_ops;
	}
}

#define CT_TYPE(_family) {						\
		.name = "ct",						\
		.family = NFPROTO_##_family,				\
		.select_ops = select_ct,				\
		.policy = ct_policy,					\
		.maxattr = NFTA_CT_MAX,					\
		.owner = THIS_MODULE,					\
	}

#define NOTRACK_TYPE(_family) {						\
		.name = "notrack",					\
		.family = NFPROTO_##_family,				\
		.ops = &notrack_ops,					\
		.owner = THIS_MODULE,					\
	}

static struct nft_expr_type ct_types[6] = {
	CT_TYPE(IPV4), CT_TYPE(IPV6), CT_TYPE(INET), CT_TYPE(BRIDGE),
	CT_TYPE(NETDEV), CT_TYPE(ARP),
};

static struct nft_expr_type notrack_types[6] = {
	NOTRACK_TYPE(IPV4), NOTRACK_TYPE(IPV6), NOTRACK_TYPE(INET),
	NOTRACK_TYPE(BRIDGE), NOTRACK_TYPE(NETDEV), NOTRACK_TYPE(ARP),
};

static bool serving;

static int __init ct_match_nft_init(void)
{
	int err;

	if (!ct_is_dropin()) {
		pr_info("nft rules are not served: ip_conntrack is an observer here\n");
		return 0;
	}
	err = ct_refuse_nft_init();
	if (err)
		return err;
	err = ct_nft_register(notrack_types, ARRAY_SIZE(notrack_types));
	if (err)
		goto no_notrack;
	err = ct_nft_register(ct_types, ARRAY_SIZE(ct_types));
	if (err)
		goto no_ct;
	err = ct_limit_nft_init();
	if (err)
		goto no_limit;
	serving = true;
	return 0;

no_limit:
	ct_nft_unregister(ct_types, ARRAY_SIZE(ct_types));
no_ct:
	ct_nft_unregister(notrack_types, ARRAY_SIZE(notrack_types));
no_notrack:
	ct_refuse_nft_exit();
	return err;
}

static void __exit ct_match_nft_exit(void)
{
	if (!serving)
		return;
	ct_limit_nft_exit();
	ct_nft_unregister(ct_types, ARRAY_SIZE(ct_types));
	ct_nft_unregister(notrack_types, ARRAY_SIZE(notrack_types));
	ct_refuse_nft_exit();
}

module_init(ct_match_nft_init);
module_exit(ct_match_nft_exit);

CT_IMPORT();
MODULE_AUTHOR("The ip_conntrack developers");
MODULE_DESCRIPTION("nft expressions ct and notrack for ip_conntrack");
MODULE_LICENSE("GPL");
