// SPDX-License-Identifier: GPL-2.0
/*
 * Namespaces: their numbers, by which flows know them.
 *
 * Overview
 *	A flow has no room for a pointer to its namespace, and its namespace may go
 *	before it. So each namespace has a number; flows have that, and whoever holds
 *	the lock of one that is alive may ask whose number it is.
 *
 * Context
 *	Numbers are given and taken back in process context; asking is for any.
 */
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/xarray.h>

#include "ct_compat.h"
#include "ct_flow.h"
#include "ct_net.h"

unsigned int ct_net_id __read_mostly;
EXPORT_SYMBOL_CT(ct_net_id);

struct ct_net *ct_net_initial __read_mostly;
EXPORT_SYMBOL_CT(ct_net_initial);

static DEFINE_XARRAY_ALLOC(nets);

#define NET_ENDING	XA_MARK_1

/**
 * ct_net_enroll() - give a namespace its number
 * @cnet: the namespace
 *
 * Its flows have the low bits in a field of their own and the rest in their keys,
 * where there was room.
 *
 * Context: process, sleeps.
 *
 * Return: 0, -ENOMEM, or -EBUSY when CT_NET_NUMBERS have one already.
 */
int ct_net_enroll(struct ct_net *cnet)
{
	struct ct_key key = {};
	u32 number;
	int err;

	cnet->number = CT_NET_NONE;
	err = xa_alloc(&nets, &number, cnet, XA_LIMIT(0, CT_NET_NUMBERS - 1),
		       GFP_KERNEL);
	if (err)
		return err;
	key.kind = number >> CT_KEY_NET_SHIFT & CT_KEY_NET;
	cnet->key_word = key.word[1];
	cnet->number = number;
	cnet->id = number;
	return 0;
}
EXPORT_SYMBOL_CT_TEST(ct_net_enroll);

/**
 * ct_net_dismiss() - take a namespace's number back
 * @cnet: the namespace; it has no flows any more
 *
 * Context: process, sleeps.
 */
void ct_net_dismiss(struct ct_net *cnet)
{
	if (cnet->number != CT_NET_NONE)
		xa_erase(&nets, cnet->number);
}
EXPORT_SYMBOL_CT_TEST(ct_net_dismiss);

/**
 * ct_net_each() - look at all namespaces
 * @visit: called for each, with a spin lock held that keeps it from being dismissed
 *
 * Context: process, sleeps.
 */
void ct_net_each(void (*visit)(struct ct_net *cnet))
{
	unsigned long number = 0;
	struct ct_net *cnet;

	do {
		xa_lock(&nets);
		cnet = xa_find(&nets, &number, ULONG_MAX, XA_PRESENT);
		if (cnet)
			visit(cnet);
		xa_unlock(&nets);
		number++;
		cond_resched();
	} while (cnet);
}

/**
 * ct_flow_net() - the namespace of a flow
 * @flow: the flow, not yet dying, its lock held or the caller's alone
 *
 * Context: any.
 *
 * Return: the namespace, valid for as long as the flow is alive.
 */
struct ct_net *ct_flow_net(const struct ct_flow *flow)
{
	return xa_load(&nets, ct_flow_number(flow));
}
EXPORT_SYMBOL_CT(ct_flow_net);

/**
 * ct_net_set_ending() - a namespace is to lose its flows
 * @cnet: the namespace, which has a number and makes no flows any more
 *
 * Context: process.
 */
void ct_net_set_ending(struct ct_net *cnet)
{
	xa_set_mark(&nets, cnet->number, NET_ENDING);
}
EXPORT_SYMBOL_CT_TEST(ct_net_set_ending);

/**
 * ct_flow_is_ending() - is this a flow of a namespace that is ending?
 * @flow: the flow; without its lock an estimate
 *
 * Context: any.
 *
 * Return: true if ct_net_set_ending() was called for it.
 */
bool ct_flow_is_ending(const struct ct_flow *flow)
{
	return xa_get_mark(&nets, ct_flow_number(flow), NET_ENDING);
}
