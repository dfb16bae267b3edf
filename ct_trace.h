/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: what happens to flows and packets, for ftrace, perf and bpftrace.
 *
 * Addresses stand there twice, under the names that the kernel's own tracepoints
 * of sockets use: an IPv4 address also as an IPv6 one that maps it. Reasons are
 * in words, so that a filter or a script needs no table of numbers.
 *
 * ct_explain.c fires them; what is here must not be called elsewhere.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ip_conntrack

#if !defined(CT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define CT_TRACE_H

#include <linux/tracepoint.h>

#include "ct_explain.h"

#define CT_TRACE_ENDS							\
	__field(unsigned int, netns)					\
	__field(u16, family)						\
	__field(u8, protonum)						\
	__field(u16, sport)						\
	__field(u16, dport)						\
	__field(u16, zone)						\
	__array(u8, saddr, 4)						\
	__array(u8, daddr, 4)						\
	__array(u8, saddr_v6, 16)					\
	__array(u8, daddr_v6, 16)

#define CT_TRACE_SET_ENDS(cnet, tuple)					\
	do {								\
		__entry->netns = (cnet)->net->ns.inum;			\
		__entry->family = (tuple)->family;			\
		__entry->protonum = (tuple)->protonum;			\
		__entry->sport = ntohs((tuple)->sport);			\
		__entry->dport = ntohs((tuple)->dport);			\
		__entry->zone = (tuple)->zone;				\
		ct_explain_addr(tuple, &(tuple)->src, __entry->saddr,	\
				__entry->saddr_v6);			\
		ct_explain_addr(tuple, &(tuple)->dst, __entry->daddr,	\
				__entry->daddr_v6);			\
	} while (0)

#define CT_TRACE_ENDS_FMT						\
	"netns=%u proto=%u saddr=%pI4 daddr=%pI4 saddrv6=%pI6c daddrv6=%pI6c sport=%u dport=%u zone=%u"

#define CT_TRACE_ENDS_ARGS						\
	__entry->netns, __entry->protonum, __entry->saddr,		\
	__entry->daddr, __entry->saddr_v6, __entry->daddr_v6,		\
	__entry->sport, __entry->dport, __entry->zone

DECLARE_EVENT_CLASS(ip_conntrack_packet,
		    TP_PROTO(const struct ct_pkt *pkt, const char *reason),
		    TP_ARGS(pkt, reason),
		    TP_STRUCT__entry(CT_TRACE_ENDS
				     __field(u8, hook)
				     __field(unsigned int, len)
				     __array(char, reason, CT_EXPLAIN_LEN)),
		    TP_fast_assign(CT_TRACE_SET_ENDS(pkt->cnet, &pkt->tuple);
				   __entry->hook = pkt->hook;
				   __entry->len = pkt->skb->len;
				   strscpy(__entry->reason, reason, CT_EXPLAIN_LEN);),
		    TP_printk(CT_TRACE_ENDS_FMT " hook=%u len=%u reason=%s",
			      CT_TRACE_ENDS_ARGS, __entry->hook, __entry->len,
			      __entry->reason)
);

DEFINE_EVENT(ip_conntrack_packet, flow_new,
	     TP_PROTO(const struct ct_pkt *pkt, const char *reason),
	     TP_ARGS(pkt, reason)
);

DEFINE_EVENT(ip_conntrack_packet, packet_invalid,
	     TP_PROTO(const struct ct_pkt *pkt, const char *reason),
	     TP_ARGS(pkt, reason)
);

DECLARE_EVENT_CLASS(ip_conntrack_flow,
		    TP_PROTO(const struct ct_net *cnet,
			     const struct ct_snapshot *snap, const char *reason),
		    TP_ARGS(cnet, snap, reason),
		    TP_STRUCT__entry(CT_TRACE_ENDS
				     __field(unsigned int, status)
				     __field(unsigned int, mark)
				     __field(int, left)
				     __field(u64, packets)
				     __field(u64, bytes)
				     __array(char, state, CT_EXPLAIN_STATE_LEN)
				     __array(char, reason, CT_EXPLAIN_LEN)),
		    TP_fast_assign(CT_TRACE_SET_ENDS(cnet, &snap->tuple[0]);
				   __entry->status = snap->status & ~CT_FLOW_PRIVATE;
				   __entry->mark = snap->mark;
				   __entry->left = snap->left / HZ;
				   __entry->packets = snap->packets[0] +
						      snap->packets[1];
				   __entry->bytes = snap->bytes[0] + snap->bytes[1];
				   ct_explain_state(snap, __entry->state);
				   strscpy(__entry->reason, reason, CT_EXPLAIN_LEN);),
		    TP_printk(CT_TRACE_ENDS_FMT
			      " status=0x%x mark=%u left=%d packets=%llu bytes=%llu state=%s reason=%s",
			      CT_TRACE_ENDS_ARGS, __entry->status, __entry->mark,
			      __entry->left, __entry->packets, __entry->bytes,
			      __entry->state, __entry->reason)
);

DEFINE_EVENT(ip_conntrack_flow, flow_confirmed,
	     TP_PROTO(const struct ct_net *cnet, const struct ct_snapshot *snap,
		      const char *reason),
	     TP_ARGS(cnet, snap, reason)
);

DEFINE_EVENT(ip_conntrack_flow, flow_updated,
	     TP_PROTO(const struct ct_net *cnet, const struct ct_snapshot *snap,
		      const char *reason),
	     TP_ARGS(cnet, snap, reason)
);

DEFINE_EVENT(ip_conntrack_flow, flow_destroyed,
	     TP_PROTO(const struct ct_net *cnet, const struct ct_snapshot *snap,
		      const char *reason),
	     TP_ARGS(cnet, snap, reason)
);

DEFINE_EVENT(ip_conntrack_flow, flow_evicted,
	     TP_PROTO(const struct ct_net *cnet, const struct ct_snapshot *snap,
		      const char *reason),
	     TP_ARGS(cnet, snap, reason)
);

#endif /* CT_TRACE_H */

/* Must be outside of the guard. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE ct_trace
#include <trace/define_trace.h>
