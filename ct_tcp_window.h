/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP: windows, for its judge.
 */
#ifndef CT_TCP_WINDOW_H
#define CT_TCP_WINDOW_H

#include "ct_proto.h"

enum ct_reason ct_tcp_window(struct ct_tcp *t, const struct ct_tcp_seg *seg,
			     enum ip_conntrack_dir dir, bool liberal,
			     bool *old);
void ct_tcp_remember(const struct ct_flow *flow, const struct ct_tcp_seg *seg,
		     enum ip_conntrack_dir dir, struct ct_judgement *j);
void ct_tcp_meet_syn(struct ct_tcp_peer *s, const struct ct_tcp_seg *seg);
void ct_tcp_meet_middle(struct ct_tcp_peer *s, struct ct_tcp_peer *r,
			const struct ct_tcp_seg *seg);
void ct_tcp_set_options(struct ct_tcp_peer *p, u8 opts);
void ct_tcp_settle_scale(struct ct_tcp_peer *a, struct ct_tcp_peer *b);

#endif /* CT_TCP_WINDOW_H */
