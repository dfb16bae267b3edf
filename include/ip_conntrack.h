/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the companion modules (ip_conntrack_netlink and others) may use of the
 * tracker. Everything here is exported in the symbol namespace IP_CONNTRACK;
 * a companion says CT_IMPORT().
 *
 *	find	ct_tuple_identify(), ct_hash_find()
 *	walk	ct_walk_begin(), ct_walk_resume(), ct_walk_next(),
 *		ct_walk_next_locked()
 *	look	ct_flow_snapshot(), ct_proto_find()
 *	make	ct_flow_create(), ct_flow_confirm(), or ct_flow_discard()
 *	change	under the flow's lock: its fields, ct_flow_refresh(), then
 *		ct_event_update()
 *	end	ct_flow_end_unlock(), ct_flow_end_for_unlock()
 *	hear	ct_event_listen(), ct_event_unlisten()
 *	place	ct_net(), ct_net_max(), ct_is_dropin(), ct_is_nat_wanted()
 *	bridge	ct_bridge_get(), ct_bridge_put()
 */
#ifndef IP_CONNTRACK_H
#define IP_CONNTRACK_H

#include "ct_bridge.h"
#include "ct_compat.h"
#include "ct_create.h"
#include "ct_event.h"
#include "ct_expire.h"
#include "ct_flow.h"
#include "ct_hash.h"
#include "ct_net.h"
#include "ct_proto.h"
#include "ct_room.h"
#include "ct_tuple.h"

bool ct_is_dropin(void);
bool ct_is_nat_wanted(void);

#endif /* IP_CONNTRACK_H */
