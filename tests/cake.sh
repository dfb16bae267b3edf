#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: deb6.1
# long: deb6.12
# timeout: 400
#
# CAKE shares a line among hosts, and asks the tracker who they are where all have
# one address ("nat"; some 40 s): a host with one flow gets as much as a host with
# eight, on the way out and on the way in, whether a rule translates without state,
# and CAKE asks us, or nf_nat does beside us.

# shellcheck disable=SC2119 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need nft tc
need_module
modinfo sch_cake ifb > /dev/null 2>&1 || skip_all "no CAKE here"

# shares NAME WANTED WAY [nat]: where packets leave r, or where they come in, before
# any hook
shares() {
	local device=r1 hosts=dual-srchost
	[[ $3 == in ]] && device=i0 hosts=dual-dsthost
	on r tc qdisc replace dev $device root cake bandwidth 1mbit $hosts "${4:-nonat}"
	is "$1" "$2" "$("$python" "$here/cake.py" "$3" "$2")"
	on r tc qdisc del dev $device root
}

net_up
ip -n c addr add 10.1.0.3/24 dev c0
ip -n r link add i0 type ifb
ip -n r link set i0 up
on r tc qdisc add dev r1 handle ffff: ingress
on r tc filter add dev r1 parent ffff: protocol ip matchall \
	action mirred egress redirect dev i0
nf_conntrack_out || fail "nf_conntrack cannot be unloaded"
load nat=0
knob r udp_timeout 600
set_rules r <<-END
table ip t {
	chain p {
		type filter hook prerouting priority -100
		iifname r1 udp dport 6000 ip daddr set 10.1.0.2
		iifname r1 udp dport 7000-7007 ip daddr set 10.1.0.3
	}
	chain q {
		type filter hook postrouting priority 100
		oifname r1 ip saddr set 10.2.0.1
	}
}
END
shares "one address, out, without nat" "by flows" out
shares "translated without state, out" "by hosts" out nat
is "all of them are translated" 9 "$(lines r "dst=10.2.0.1 sport=53")"
shares "one address, in, without nat" "by flows" in
shares "translated without state, in" "by hosts" in nat
set_masquerade r r1
shares "masqueraded by nf_nat, out" "by hosts" out nat
shares "masqueraded by nf_nat, in" "by hosts" in nat
set_rules r < /dev/null
nf_conntrack_out || fail "nf_conntrack goes"
unload
load
knob r udp_timeout 600
set_masquerade r r1
shares "masqueraded by us, out" "by hosts" out nat
shares "masqueraded by us, in" "by hosts" in nat
check_not "without nf_conntrack" test -d /sys/module/nf_conntrack
finish
