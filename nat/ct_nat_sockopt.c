// SPDX-License-Identifier: GPL-2.0
/*
 * SO_ORIGINAL_DST: to whom was a connection, before it was translated to here?
 *
 * Overview
 *	Transparent proxies ask that of a socket that a connection was accepted on. It
 *	is nf_conntrack's option; where that comes it is given back before its own
 *	initialisation, which would fail else (ct_nat_beside.c hears of it).
 *
 * Context
 *	Process. Takes the socket's lock and a flow's, one after the other.
 */
#include <linux/in.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "ct_nat_engine.h"
#include "ip_conntrack.h"

/* What the socket sends: the reply direction of its flow */
static void sends(struct sock *sk, u8 family, struct ct_tuple *tuple)
{
	const struct inet_sock *inet = inet_sk(sk);

	memset(tuple, 0, sizeof(*tuple));
	tuple->family = family;
	lock_sock(sk);
	tuple->protonum = sk->sk_protocol;
	tuple->sport = inet->inet_sport;
	tuple->dport = inet->inet_dport;
	if (family == NFPROTO_IPV4) {
		tuple->src.ip = inet->inet_rcv_saddr;
		tuple->dst.ip = inet->inet_daddr;
	} else {
#if IS_ENABLED(CONFIG_IPV6)
		tuple->src.in6 = sk->sk_v6_rcv_saddr;
		tuple->dst.in6 = sk->sk_v6_daddr;
		if (ct_tuple_has_link(tuple))
			tuple->link = sk->sk_bound_dev_if;
#endif
	}
	release_sock(sk);
}

static int look_up(struct sock *sk, u8 family, struct ct_tuple *orig)
{
	struct ct_net *cnet = ct_net(sock_net(sk));
	enum ip_conntrack_dir dir;
	struct ct_tuple tuple;
	struct ct_flow *flow;
	struct ct_lookup_key id;

	sends(sk, family, &tuple);
	if (tuple.protonum != IPPROTO_TCP && tuple.protonum != IPPROTO_SCTP)
		return -ENOPROTOOPT;
	ct_tuple_identify(&tuple, cnet, &id);
	rcu_read_lock();
	local_bh_disable();
	flow = ct_hash_find(cnet, &id, &dir);
	if (flow) {
		ct_flow_tuple(flow, IP_CT_DIR_ORIGINAL, orig);
		ct_flow_unlock(flow);
	}
	local_bh_enable();
	rcu_read_unlock();
	return flow ? 0 : -ENOENT;
}

static int get4(struct sock *sk, int opt, void __user *user, int *len)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct ct_tuple orig;
	int err;

	if (*len < 0 || (unsigned int)*len < sizeof(sin))
		return -EINVAL;
	err = look_up(sk, NFPROTO_IPV4, &orig);
	if (err)
		return err;
	sin.sin_port = orig.dport;
	sin.sin_addr.s_addr = orig.dst.ip;
	return copy_to_user(user, &sin, sizeof(sin)) ? -EFAULT : 0;
}

static struct nf_sockopt_ops sockopt4 = {
	.pf = PF_INET,
	.get_optmin = SO_ORIGINAL_DST,
	.get_optmax = SO_ORIGINAL_DST + 1,
	.get = get4,
	.owner = THIS_MODULE,
};

#if IS_ENABLED(CONFIG_IPV6)
static int get6(struct sock *sk, int opt, void __user *user, int *len)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct ct_tuple orig;
	int err;

	if (*len < 0 || (unsigned int)*len < sizeof(sin6))
		return -EINVAL;
	err = look_up(sk, NFPROTO_IPV6, &orig);
	if (err)
		return err;
	sin6.sin6_port = orig.dport;
	sin6.sin6_addr = orig.dst.in6;
	sin6.sin6_scope_id = ipv6_iface_scope_id(&sin6.sin6_addr,
						 sk->sk_bound_dev_if);
	return copy_to_user(user, &sin6, sizeof(sin6)) ? -EFAULT : 0;
}

static struct nf_sockopt_ops sockopt6 = {
	.pf = PF_INET6,
	.get_optmin = IP6T_SO_ORIGINAL_DST,
	.get_optmax = IP6T_SO_ORIGINAL_DST + 1,
	.get = get6,
	.owner = THIS_MODULE,
};
#endif

static DEFINE_MUTEX(sockopt_lock);
static bool is_offered;		/* under sockopt_lock */

static int offer(void)
{
	int err = nf_register_sockopt(&sockopt4);

	if (err)
		return err;
#if IS_ENABLED(CONFIG_IPV6)
	err = nf_register_sockopt(&sockopt6);
	if (err)
		nf_unregister_sockopt(&sockopt4);
#endif
	return err;
}

/**
 * ct_nat_sockopt_offer() - answer those who ask
 *
 * Somebody else may do so already; that is no error.
 *
 * Context: process, sleeps.
 */
void ct_nat_sockopt_offer(void)
{
	mutex_lock(&sockopt_lock);
	if (!is_offered)
		is_offered = !offer();
	mutex_unlock(&sockopt_lock);
}

/**
 * ct_nat_sockopt_withdraw() - the end of it
 *
 * Context: process, sleeps.
 */
void ct_nat_sockopt_withdraw(void)
{
	mutex_lock(&sockopt_lock);
	if (is_offered) {
#if IS_ENABLED(CONFIG_IPV6)
		nf_unregister_sockopt(&sockopt6);
#endif
		nf_unregister_sockopt(&sockopt4);
		is_offered = false;
	}
	mutex_unlock(&sockopt_lock);
}
