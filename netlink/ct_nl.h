/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ctnetlink: what the files of ip_conntrack_netlink share.
 */
#ifndef CT_NL_H
#define CT_NL_H

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <net/netlink.h>

#include "ct_packet.h"
#include "ip_conntrack.h"

/* CTA_FILTER flags, as libnetfilter_conntrack numbers them. */
#define CT_NL_F_SRC		BIT(0)
#define CT_NL_F_DST		BIT(1)
#define CT_NL_F_ZONE		BIT(2)
#define CT_NL_F_PROTONUM	BIT(3)
#define CT_NL_F_SPORT		BIT(4)
#define CT_NL_F_DPORT		BIT(5)
#define CT_NL_F_ICMP_TYPE	BIT(6)
#define CT_NL_F_ICMP_CODE	BIT(7)
#define CT_NL_F_ICMP_ID		BIT(8)
#define CT_NL_F_ICMPV6_TYPE	BIT(9)
#define CT_NL_F_ICMPV6_CODE	BIT(10)
#define CT_NL_F_ICMPV6_ID	BIT(11)
#define CT_NL_F_ALL		GENMASK(11, 0)

/* What is behind CT_NL_F_PROTONUM, and means nothing without it. */
#define CT_NL_F_L4		GENMASK(11, 4)

/* TCP flags as the kernel's own ctnetlink numbers them. */
#define CT_NL_TCP_FLAGS	(CT_TCP_F_WSCALE | CT_TCP_F_SACK | CT_TCP_F_FIN | \
			 CT_TCP_F_LIBERAL | CT_TCP_F_UNACKED | CT_TCP_F_MAXACK)

enum {
	CT_NL_FORM_16_A,
	CT_NL_FORM_16_B,
	CT_NL_FORM_TYPE = 1,
	CT_NL_FORM_CODE,
	CT_NL_FORM_PLACES,
};

/**
 * struct ct_nl_form - how the layer 4 part of a tuple looks in a message
 * @attr: attributes, by place; 0 where there is none
 * @flag: the same as filter flags
 */
struct ct_nl_form {
	u8 attr[CT_NL_FORM_PLACES];
	u16 flag[CT_NL_FORM_PLACES];
};

static inline bool ct_nl_form_is_query(const struct ct_nl_form *form)
{
	return form->attr[CT_NL_FORM_CODE];
}

/**
 * struct ct_nl_shape - what kind of message a flow is put into
 * @portid: of the header
 * @seq: of the header
 * @flags: of the header
 * @type: IPCTNL_MSG_CT_NEW or IPCTNL_MSG_CT_DELETE
 * @listing: the answer to a question, rather than an event
 * @marked: with the mark even if it is 0
 * @acct: with counters, where the kind of message has any
 * @stop: when the flow ended, ns since 1970; 0 if it did not
 */
struct ct_nl_shape {
	u32 portid;
	u32 seq;
	u16 flags;
	u8 type;
	bool listing;
	bool marked;
	bool acct;
	u64 stop;
};

/**
 * struct ct_nl_side - one direction as a message describes it
 * @tuple: what was given
 * @flags: CT_NL_F_*, of what has to match
 */
struct ct_nl_side {
	struct ct_tuple tuple;
	u32 flags;
};

/**
 * struct ct_nl_want - what a tuple in a message has to have
 * @family: NFPROTO_*, of the message
 * @zone: zone of the message; a tuple may have its own where that is 0
 * @flags: CT_NL_F_*
 */
struct ct_nl_want {
	u8 family;
	u16 zone;
	u32 flags;
};

/**
 * struct ct_nl_filter - which flows a message is about
 * @family: NFPROTO_*; NFPROTO_UNSPEC for all
 * @zoned: only those of @zone
 * @zone: connection tracking zone
 * @mark: connection mark, as far as @mark_mask goes
 * @mark_mask: 0 for any
 * @status: IPS_*, as far as @status_mask goes
 * @status_mask: 0 for any
 * @side: by direction
 */
struct ct_nl_filter {
	u8 family;
	bool zoned;
	u16 zone;
	u32 mark;
	u32 mark_mask;
	u32 status;
	u32 status_mask;
	struct ct_nl_side side[IP_CT_DIR_MAX];
};

/**
 * struct ct_nl_change - what a message wants of a flow
 * @has_timeout: @timeout was given
 * @has_status: @status was given
 * @timeout: jiffies
 * @status: IPS_*
 * @mark_keep: bits of the mark that stay
 * @mark_flip: bits to flip then
 * @has_labels: @label_mask and @label_flip were given
 * @label_mask: labels to be cleared
 * @label_flip: labels to be flipped then
 * @info: protocol state, or %NULL
 */
struct ct_nl_change {
	bool has_timeout;
	bool has_status;
	u32 timeout;
	u32 status;
	u32 mark_keep;
	u32 mark_flip;
	bool has_labels;
	u32 label_mask[CT_LABEL_WORDS];
	u32 label_flip[CT_LABEL_WORDS];
	const struct nlattr *info;
};

/* netlink/ct_nl_get.c */
struct ct_flow *ct_nl_find(struct ct_net *cnet, const struct ct_tuple *tuple,
			   const struct nlattr *id);
int ct_nl_dump_nothing(struct sk_buff *skb, struct netlink_callback *cb);
int ct_nl_dump_cpus(struct sk_buff *skb, struct netlink_callback *cb, u16 type,
		    int (*put)(struct sk_buff *skb, int cpu));
int ct_nl_get(struct sk_buff *skb, const struct nfnl_info *info,
	      const struct nlattr *const cda[]);
int ct_nl_get_nothing(struct sk_buff *skb, const struct nfnl_info *info,
		      const struct nlattr *const cda[]);
int ct_nl_get_cpus(struct sk_buff *skb, const struct nfnl_info *info,
		   const struct nlattr *const cda[]);
int ct_nl_get_stats(struct sk_buff *skb, const struct nfnl_info *info,
		    const struct nlattr *const cda[]);

/* netlink/ct_nl_fill.c */
const struct ct_nl_form *ct_nl_form_of(const struct ct_proto *proto);
int ct_nl_fill(struct sk_buff *skb, const struct ct_snapshot *snap,
	       const struct ct_nl_shape *shape);

/* netlink/ct_nl_parse.c */
extern const struct nla_policy ct_nl_policy[CTA_MAX + 1];

int ct_nl_read_zone(const struct nlattr *attr, u16 *zone,
		    struct netlink_ext_ack *extack);
int ct_nl_read_tuple(const struct nlattr *const cda[], int type,
		     const struct ct_nl_want *want, struct ct_tuple *tuple,
		     struct netlink_ext_ack *extack);
int ct_nl_read_filter(const struct nlattr *const cda[], u8 family,
		      struct ct_nl_filter *filter,
		      struct netlink_ext_ack *extack);
int ct_nl_read_name(const struct nlattr *const cda[], u8 family,
		    struct ct_tuple *tuple, struct netlink_ext_ack *extack);
bool ct_nl_wants_filter(const struct nlattr *const cda[], u8 family);
bool ct_nl_matches(const struct ct_nl_filter *filter,
		   const struct ct_snapshot *snap);
int ct_nl_read_change(const struct nlattr *const cda[],
		      struct ct_nl_change *change,
		      struct netlink_ext_ack *extack);
int ct_nl_read_state(const struct nlattr *info, u8 protonum,
		     union ct_state *state, struct netlink_ext_ack *extack);
void ct_nl_first_state(const struct ct_net *cnet, u8 protonum, u32 now,
		       union ct_state *state);

/* netlink/ct_nl_nat.c */
int ct_nl_translate(const struct nfnl_info *info,
		    const struct nlattr *const cda[], struct ct_tuple *reply);

/* netlink/ct_nl_change.c */
int ct_nl_new(struct sk_buff *skb, const struct nfnl_info *info,
	      const struct nlattr *const cda[]);
int ct_nl_delete(struct sk_buff *skb, const struct nfnl_info *info,
		 const struct nlattr *const cda[]);

/* netlink/ct_nl_other.c */
bool ct_nl_other_get(void);
void ct_nl_other_put(void);
void ct_nl_other_end(const struct ct_net *cnet, const struct ct_snapshot *snap,
		     const struct ct_origin *origin);
void ct_nl_other_end_all(const struct ct_net *cnet,
			 const struct ct_origin *origin);

/* netlink/ct_nl_expect.c */
extern const struct nfnetlink_subsystem ct_nl_expect_subsys;

/* netlink/ct_nl_event.c */
int ct_nl_event_init(void);
void ct_nl_event_exit(void);

#endif /* CT_NL_H */
