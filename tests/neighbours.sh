#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml deb6.12
# long: umldebug deb6.1
# timeout: 600
#
# What is built on nf_conntrack, and what becomes of it beside us: nothing that a
# rule, tc or a tool binds to asks the other table without a word. Each kernel's
# modules that need nf_conntrack are in the file "neighbours"; those that it calls
# refused fail when they are used, the log names the option, and nf_conntrack stays
# out. 17 seconds in User-mode Linux, a minute in QEMU.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need nft iptables ip6tables tc python3

no_nf_conntrack() { [[ ! -d /sys/module/nf_conntrack ]]; }

# dependents: modules of this kernel that cannot do without nf_conntrack
dependents() {
	sed -n 's|^\([^:]*\): .*/nf_conntrack\.ko.*|\1|p' \
		"/lib/modules/$(uname -r)/modules.dep" |
		sed 's|.*/||; s|\.ko.*||; s|-|_|g; /^ip_conntrack/d; /^ct_/d' | sort
}

all_are_listed() {
	local name missing=()
	for name in $(dependents); do
		grep -q "^${name}[[:space:]]" "$here/neighbours" || missing+=("$name")
	done
	is "each module that needs nf_conntrack is listed" "" "${missing[*]}"
	at_least "modules that need nf_conntrack" 10 "$(dependents | wc -l)"
}

# refuses MODULE TEXT COMMAND...: fails, and the log says "TEXT refused"
refuses() {
	local module=$1 text=$2 name="$2 ($1)"
	shift 2
	if ! grep -q "^${module}[[:space:]]*.*refused" "$here/neighbours"; then
		fail "$name is listed as refused"
	fi
	log_mark
	check_not "$name is refused" "$@"
	logs "$name: the log says so" "ip_conntrack.*: $text.* refused"
	no_nf_conntrack || fail "$name: nf_conntrack stays out"
}

xtables() {
	local t
	for t in iptables ip6tables; do
		refuses xt_helper "-m helper" on r "$t" -A FORWARD -m helper --helper ftp
		refuses ipt_SYNPROXY "-j SYNPROXY" on r "$t" -A FORWARD -p tcp \
			-j SYNPROXY --mss 1460
		refuses xt_CONNSECMARK "-j CONNSECMARK" on r "$t" -t mangle \
			-A FORWARD -j CONNSECMARK --save
		refuses xt_ipvs "-m ipvs --vdir" on r "$t" -A FORWARD -m ipvs \
			--vdir ORIGINAL
	done
}

nftables() {
	on r nft add table inet t
	on r nft add chain inet t c '{ type filter hook forward priority 0; }'
	refuses nf_flow_table_inet "flowtable" on r nft add flowtable inet t f \
		'{ hook ingress priority 0; devices = { r0 }; }'
	refuses nft_synproxy "synproxy" on r nft add rule inet t c synproxy mss 1460
	refuses nft_synproxy "synproxy" on r nft add synproxy inet t s \
		'{ mss 1460; wscale 7; }'
	refuses nft_flow_offload "flow add" \
		on r "$python" "$here/neighbours.py" offload
	on r nft delete table inet t
}

traffic_control() {
	on r tc qdisc add dev r0 clsact
	refuses act_connmark "action connmark" on r tc filter add dev r0 ingress \
		matchall action connmark
	refuses act_ctinfo "action ctinfo" on r tc filter add dev r0 ingress \
		matchall action ctinfo cpmark
	refuses act_connmark "action connmark" on r tc actions add action connmark
	check "tc lists its actions: none" on r tc actions list action connmark
	on r tc qdisc del dev r0 clsact
}

tools() {
	refuses nfnetlink_cttimeout "nfct timeout" \
		on r "$python" "$here/neighbours.py" timeout
	refuses nfnetlink_cthelper "nfct helper" \
		on r "$python" "$here/neighbours.py" helper
	is "an extended acknowledgement says why, of all five messages" 5 \
		"$(on r "$python" "$here/neighbours.py" timeout |
			grep -c "not served by ip_conntrack")"
}

# What ipvs asks beside the direction is the kernel's own business, which loads IPVS and
# nf_conntrack: last.
ipvs() {
	local t
	modprobe -n -q xt_ipvs || return
	for t in iptables ip6tables; do
		check "the rest of ipvs is as it was: $t" \
			on r "$t" -A FORWARD -m ipvs ! --ipvs
		on c ping -q -c 1 -W 5 10.2.0.2 > /dev/null ||
			fail "$t: packets pass that rule"
		check_not "$t: the kernel's match stays while there is a rule" rmmod xt_ipvs
		on r "$t" -F FORWARD
	done
	check "without rules it can go" wait_for 10 rmmod xt_ipvs
	if ! rmmod ip_vs || ! nf_conntrack_out; then
		fail "IPVS leaves nothing behind"
	fi
}

# refused_by TOOL: tries one, and the log says that it is refused
refused_by() {
	if [[ $1 == nft ]]; then
		nft add table inet t
		nft add flowtable inet t f '{ hook ingress priority 0; devices = { lo }; }'
		nft delete table inet t
	else
		"$1" -A FORWARD -m helper --helper ftp
	fi
	log_has "refused: not served"
} 2> /dev/null

# The same options are the kernel's again where nobody stands in for it.
given_back() {
	local t
	unload || fail "unload"
	log_mark
	for t in iptables nft; do
		check_not "unloaded: $t: nobody refuses" refused_by "$t"
	done
}

all_are_listed
load
net_up
modprobe ip_conntrack_tc || fail "the companion for tc"
xtables
nftables
traffic_control
tools
ipvs
net_down
given_back
finish
