/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What rules, tc and tools can bind to that reads or writes the table of
 * nf_conntrack, and that this version does not have. Where ip_conntrack stands in
 * for nf_conntrack (drop-in), these names are taken, and refused when somebody uses
 * them: left to the kernel they would be accepted, load nf_conntrack, and ask a
 * table that no rule looks at.
 *
 * Each row: what to refuse, the kernel's module that has it, how users write it.
 * What becomes of the other modules that need nf_conntrack is in tests/neighbours.
 */
#ifndef CT_REFUSED_H
#define CT_REFUSED_H

/* X(name, type of its data, text, module): matches of x_tables */
#define CT_REFUSED_MATCHES(X)						\
	X("helper", xt_helper_info, "-m helper", xt_helper)

/* X(name, type of its data, text, module): targets of x_tables */
#define CT_REFUSED_TARGETS(X)						\
	X("SYNPROXY", xt_synproxy_info, "-j SYNPROXY", ipt_SYNPROXY)	\
	X("CONNSECMARK", xt_connsecmark_target_info, "-j CONNSECMARK",	\
	  xt_CONNSECMARK)

/* X(name, text, module): expressions of nf_tables */
#define CT_REFUSED_EXPRS(X)						\
	X(flow_offload, "flow add", nft_flow_offload)			\
	X(synproxy, "synproxy", nft_synproxy)

/* X(name, type, text, module): objects of nf_tables */
#define CT_REFUSED_OBJECTS(X)						\
	X(ct_helper, NFT_OBJECT_CT_HELPER, "ct helper", nft_ct)		\
	X(ct_timeout, NFT_OBJECT_CT_TIMEOUT, "ct timeout", nft_ct)	\
	X(ct_expect, NFT_OBJECT_CT_EXPECT, "ct expectation", nft_ct)	\
	X(synproxy, NFT_OBJECT_SYNPROXY, "synproxy", nft_synproxy)

/* X(family, text, module): flowtables of nf_tables */
#define CT_REFUSED_FLOWTABLES(X)					\
	X(IPV4, "flowtable", nf_flow_table_inet)			\
	X(IPV6, "flowtable", nf_flow_table_inet)			\
	X(INET, "flowtable", nf_flow_table_inet)

/* X(name, number, text, module): actions of tc */
#define CT_REFUSED_ACTIONS(X)						\
	X(connmark, TCA_ID_CONNMARK, "action connmark", act_connmark)	\
	X(ctinfo, TCA_ID_CTINFO, "action ctinfo", act_ctinfo)

/* X(module, number, how many messages, text): subsystems of nfnetlink */
#define CT_REFUSED_SUBSYSTEMS(X)					\
	X(nfnetlink_cttimeout, NFNL_SUBSYS_CTNETLINK_TIMEOUT,		\
	  IPCTNL_MSG_TIMEOUT_MAX, "nfct timeout")			\
	X(nfnetlink_cthelper, NFNL_SUBSYS_CTHELPER,			\
	  NFNL_MSG_CTHELPER_MAX, "nfct helper")

#define CT_REFUSAL "%s refused: not served by ip_conntrack\n"

int ct_refuse_nft_init(void);
void ct_refuse_nft_exit(void);

void ct_refuse_nl_init(void);
void ct_refuse_nl_exit(void);

#endif /* CT_REFUSED_H */
