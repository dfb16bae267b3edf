// SPDX-License-Identifier: GPL-2.0
/*
 * ctnetlink: nf_conntrack beside us, and what must end there as well.
 *
 * Overview
 *	nf_nat keeps its bindings in the entries of nf_conntrack, which it brings
 *	along, while who deletes a flow asks us. So that the flow's next packet is
 *	translated by the rules as they are now, nf_conntrack's entry for the
 *	same connection ends first, and then our flow: a packet in between begins
 *	a new binding, and a new flow after that.
 *
 *	Its functions are looked up for each message and held meanwhile. Nothing
 *	here loads nf_conntrack or depends on it.
 *
 * Context
 *	Process, nfnetlink's mutex of the subsystem, which holds the pointers.
 *	Ending one: RCU read-side section, no lock held, bottom halves may be off.
 *	Ending all sleeps.
 */
#include <linux/kconfig.h>
#include <linux/module.h>

#include "ct_nl.h"
#include "ct_nfct.h"

#if IS_ENABLED(CONFIG_NF_CONNTRACK)

#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_core.h>

static typeof(nf_conntrack_find_get) *other_find;
static typeof(nf_ct_delete) *other_delete;
static typeof(nf_ct_iterate_cleanup_net) *other_iterate;

/**
 * ct_nl_other_put() - let nf_conntrack go again
 *
 * Context: see the file's head.
 */
void ct_nl_other_put(void)
{
	if (other_find)
		symbol_put(nf_conntrack_find_get);
	if (other_delete)
		symbol_put(nf_ct_delete);
	if (other_iterate)
		symbol_put(nf_ct_iterate_cleanup_net);
	other_find = NULL;
	other_delete = NULL;
	other_iterate = NULL;
}

/**
 * ct_nl_other_get() - hold nf_conntrack, where it is
 *
 * To be followed by ct_nl_other_put(), whatever it returns.
 *
 * Context: see the file's head.
 *
 * Return: true if it is there.
 */
bool ct_nl_other_get(void)
{
	other_find = symbol_get(nf_conntrack_find_get);
	if (!other_find)
		return false;
	other_delete = symbol_get(nf_ct_delete);
	other_iterate = symbol_get(nf_ct_iterate_cleanup_net);
	if (other_delete && other_iterate)
		return true;
	ct_nl_other_put();
	return false;
}

/**
 * ct_nl_other_end() - end a connection in nf_conntrack
 * @cnet: its namespace
 * @snap: our flow of it
 * @origin: on whose request
 *
 * It is in the zone that our rules said: nf_conntrack was told (ct_pending.c).
 *
 * Context: see the file's head; between ct_nl_other_get(), which said true, and
 * ct_nl_other_put().
 */
void ct_nl_other_end(const struct ct_net *cnet, const struct ct_snapshot *snap,
		     const struct ct_origin *origin)
{
	const struct nf_conntrack_zone zone = {
		.id = snap->tuple[IP_CT_DIR_ORIGINAL].zone,
		.dir = NF_CT_DEFAULT_ZONE_DIR,
	};
	struct nf_conntrack_tuple_hash *found;
	struct nf_conntrack_tuple tuple;
	struct nf_conn *ct;

	ct_nfct_write_tuple(&tuple, &snap->tuple[IP_CT_DIR_ORIGINAL],
			    IP_CT_DIR_ORIGINAL);
	found = other_find(cnet->net, &zone, &tuple);
	if (!found)
		return;
	ct = nf_ct_tuplehash_to_ctrack(found);
	other_delete(ct, origin->portid, origin->report);
	nf_conntrack_put(&ct->ct_general);	/* nf_ct_put() would depend on it */
}

static int any(struct nf_conn *ct, void *data)
{
	return 1;
}

/**
 * ct_nl_other_end_all() - end all connections of a namespace in nf_conntrack
 * @cnet: the namespace
 * @origin: on whose request
 *
 * Context: as ct_nl_other_end(), but sleeps.
 */
void ct_nl_other_end_all(const struct ct_net *cnet,
			 const struct ct_origin *origin)
{
	const struct nf_ct_iter_data data = {
		.net = cnet->net,
		.portid = origin->portid,
		.report = origin->report,
	};

	other_iterate(any, &data);
}

#else /* there is none in this kernel */

void ct_nl_other_put(void)
{
}

bool ct_nl_other_get(void)
{
	return false;
}

void ct_nl_other_end(const struct ct_net *cnet, const struct ct_snapshot *snap,
		     const struct ct_origin *origin)
{
}

void ct_nl_other_end_all(const struct ct_net *cnet,
			 const struct ct_origin *origin)
{
}

#endif
