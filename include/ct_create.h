/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Beginning: how a flow is admitted, made, and put into the table.
 */
#ifndef CT_CREATE_H
#define CT_CREATE_H

#include "ct_event.h"
#include "ct_flow.h"
#include "ct_tuple.h"

struct ct_flow *ct_flow_create(struct ct_net *cnet, const struct ct_lookup_key *orig,
			       const struct ct_lookup_key *reply);
bool ct_flow_confirm(struct ct_net *cnet, struct ct_flow *flow,
		     const struct ct_origin *origin);

#endif /* CT_CREATE_H */
