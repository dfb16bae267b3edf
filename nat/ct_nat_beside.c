// SPDX-License-Identifier: GPL-2.0
/*
 * nf_nat, and the modules that give it rules: there first, or coming later.
 *
 * Overview
 *	A packet must not be translated twice. Where nf_nat is there first, rules
 *	are its own, and ours are not registered. Where ours are, the modules
 *	that would take rules for nf_nat are refused before they begin: some
 *	names would be theirs from then on, and what cannot be (a table, a type
 *	of chain) the kernel warns of, and would lose ours when they go. Nobody
 *	asks for them but by hand: what rules ask for is there.
 *
 *	nf_nat itself may come. Whoever brings it (openvswitch, act_ct) asks it
 *	by function, about entries of nf_conntrack, and never through rules.
 *
 * Context
 *	Process context, may sleep. A notifier of modules sees each that comes.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/notifier.h>
#include <linux/string.h>

#include "ct_nat.h"
#include "ct_nat_beside.h"
#include "ct_nat_engine.h"
#include "ip_conntrack.h"

static bool kept_out[CT_NAT_RULES];

static const struct {
	const char *name;
	enum ct_nat_rules rules;
} takers[] = {
	{ "iptable_nat", CT_NAT_XT },
	{ "ip6table_nat", CT_NAT_XT },
	{ "xt_nat", CT_NAT_XT },
	{ "xt_MASQUERADE", CT_NAT_XT },
	{ "xt_REDIRECT", CT_NAT_XT },
	{ "xt_NETMAP", CT_NAT_XT },
	{ "nft_chain_nat", CT_NAT_NFT },
};

static bool is_kept_out(const char *name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(takers); i++)
		if (!strcmp(takers[i].name, name))
			return READ_ONCE(kept_out[takers[i].rules]);
	return false;
}

/* Of what is there once, a module that comes finds nothing taken. */
static void make_room(const char *name, bool comes)
{
	if (!strcmp(name, "nf_conntrack")) {
		if (comes)
			ct_nat_sockopt_withdraw();
		else
			ct_nat_sockopt_offer();
	} else if (!strcmp(name, "nf_nat")) {
		if (comes)
			ct_nat_session_give_back();
		else
			ct_nat_session_take();
	}
}

static int module_heard(struct notifier_block *nb, unsigned long state,
			void *data)
{
	const struct module *mod = data;

	if (state == MODULE_STATE_COMING && is_kept_out(mod->name)) {
		pr_notice_ratelimited("%s refused: rules that translate are served here; for nf_nat, load ip_conntrack with nat=0\n",
				      mod->name);
		return notifier_from_errno(-EBUSY);
	}
	if (state != MODULE_STATE_LIVE)
		make_room(mod->name, state == MODULE_STATE_COMING);
	if (state == MODULE_STATE_LIVE && !strcmp(mod->name, "nf_nat") &&
	    ct_is_nat_wanted())
		pr_notice("nf_nat was loaded: it translates for who calls it, as openvswitch and act_ct do; rules go on asking ip_conntrack\n");
	return NOTIFY_OK;
}

static struct notifier_block watcher = {
	.notifier_call = module_heard,
};

/**
 * ct_nat_may_serve() - are rules ours?
 * @rules: whose
 *
 * Context: Process context.
 * Return: false if they are not; the log says why.
 */
bool ct_nat_may_serve(enum ct_nat_rules rules)
{
	static const char * const names[] = {
		[CT_NAT_XT] = "iptables", [CT_NAT_NFT] = "nft",
	};
	const char *why = NULL;

	if (ct_nat_is_nf_there())
		why = "nf_nat was there first";
	else if (!ct_is_dropin())
		why = "ip_conntrack is an observer here";
	else if (!ct_is_nat_wanted())
		why = "nat=0 leaves them to nf_nat";
	if (why)
		pr_info("rules of %s that translate are not served: %s\n",
			names[rules], why);
	return !why;
}
EXPORT_SYMBOL_CT(ct_nat_may_serve);

/**
 * ct_nat_keep_out() - refuse, or let in, modules that take rules for nf_nat
 * @rules: whose
 * @out: refuse them
 *
 * Context: Process context.
 */
void ct_nat_keep_out(enum ct_nat_rules rules, bool out)
{
	WRITE_ONCE(kept_out[rules], out);
}
EXPORT_SYMBOL_CT(ct_nat_keep_out);

/**
 * ct_nat_beside_init() - notice modules that come
 *
 * Context: Process context, may sleep.
 * Return: 0 or an error.
 */
int ct_nat_beside_init(void)
{
	return register_module_notifier(&watcher);
}

/**
 * ct_nat_beside_exit() - the end of it
 *
 * Context: Process context, may sleep.
 */
void ct_nat_beside_exit(void)
{
	unregister_module_notifier(&watcher);
}
