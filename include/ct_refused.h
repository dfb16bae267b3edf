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

/* X(name, type of its data, module, text): matches of x_tables */
#define CT_REFUSED_MATCHES(X)						\
	X("helper", xt_helper_info, xt_helper, "-m helper")

/* X(name, type of its data, module, text): targets of x_tables */
#define CT_REFUSED_TARGETS(X)						\
	X("SYNPROXY", xt_synproxy_info, ipt_SYNPROXY, "-j SYNPROXY")	\
	X("CONNSECMARK", xt_connsecmark_target_info, xt_CONNSECMARK,	\
	  "-j CONNSECMARK")

/* X(name, module, text): expressions of nf_tables */
#define CT_REFUSED_EXPRS(X)						\
	X(flow_offload, nft_flow_offload, "flow add")			\
	X(synproxy, nft_synproxy, "synproxy")

/* X(type, name, module, text): objects of nf_tables */
#define CT_REFUSED_OBJECTS(X)						\
	X(NFT_OBJECT_CT_HELPER, ct_helper, nft_ct, "ct helper")		\
	X(NFT_OBJECT_CT_TIMEOUT, ct_timeout, nft_ct, "ct timeout")	\
	X(NFT_OBJECT_CT_EXPECT, ct_expect, nft_ct, "ct expectation")	\
	X(NFT_OBJECT_SYNPROXY, synproxy, nft_synproxy, "synproxy")

/* X(family, module, text): flowtables of nf_tables */
#define CT_REFUSED_FLOWTABLES(X)					\
	X(IPV4, nf_flow_table_inet, "flowtable")			\
	X(IPV6, nf_flow_table_inet, "flowtable")			\
	X(INET, nf_flow_table_inet, "flowtable")

/* X(name, number, module, text): actions of tc */
#define CT_REFUSED_ACTIONS(X)						\
	X(connmark, TCA_ID_CONNMARK, act_connmark, "action connmark")	\
	X(ctinfo, TCA_ID_CTINFO, act_ctinfo, "action ctinfo")

/* X(subsystem, messages, module, text): subsystems of nfnetlink */
#define CT_REFUSED_SUBSYSTEMS(X)					\
	X(NFNL_SUBSYS_CTNETLINK_TIMEOUT, IPCTNL_MSG_TIMEOUT_MAX,	\
	  nfnetlink_cttimeout, "nfct timeout")				\
	X(NFNL_SUBSYS_CTHELPER, NFNL_MSG_CTHELPER_MAX,			\
	  nfnetlink_cthelper, "nfct helper")

#define CT_REFUSAL "%s refused: not served by ip_conntrack\n"

int ct_refuse_xt_init(void);
void ct_refuse_xt_exit(void);

int ct_refuse_nft_init(void);
void ct_refuse_nft_exit(void);

void ct_refuse_nl_init(void);
void ct_refuse_nl_exit(void);

#endif /* CT_REFUSED_H */
