#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: deb6.1
# timeout: 1500
#
# Firewalls as administrators run them, in the router's namespace, and neither
# nf_conntrack nor nf_nat is there: ufw, and Shorewall with its sample for two
# interfaces, first without masquerading, then with it. And the programs that show
# connections meanwhile.

# shellcheck disable=SC2317 # called by name
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

[[ ${CT_GUEST:-} ]] || skip_all "changes /etc, so only in a guest"
need ufw shorewall conntrack iptstate netstat-nat iptables

munin=/usr/share/munin/plugins/fw_conntrack
samples=/usr/share/doc/shorewall/examples/two-interfaces
etc=/etc/shorewall
block=/etc/modprobe.d/no-nf_conntrack.conf
all_logs=/proc/sys/net/netfilter/nf_log_all_netns

# restore: what is not the namespace's own must not reach the next test.
restore() {
	local status=$?
	rm -f "$block"
	on r shorewall clear
	on r nft flush ruleset
	nf_conntrack_out
	echo 0 > "$all_logs"
	return "$status"
} > /dev/null 2>&1

trap 'restore; cleanup' EXIT

# out NAME: nf_conntrack and nf_nat are.
out() {
	is "$1: no nf_conntrack" "" "$(lsmod | grep -E '^nf_(conntrack|nat) ')"
}

# serve NS PORT: a TCP echo server, both families.
serve() {
	bg "@$1" socat "TCP6-LISTEN:$2,fork,reuseaddr,ipv6only=0" PIPE
	wait_for 20 on "$1" grep -q ":$(printf %04X "$2") .* 0A " \
		/proc/net/tcp6 || fail "server on port $2"
}

# reaches NS HOST PORT: a connection is made, and there and back goes a word.
reaches() {
	echo hello | on "$1" socat -t 10 - "TCP:$2:$3,connect-timeout=${4:-20}" |
		grep -q hello
}

# blocked NAME NS HOST PORT
blocked() { check_not "$1" reaches "$2" "$3" "$4" 3; }

# refused NS HOST: nobody listens, and its ICMP error comes back.
refused() {
	echo x | on "$1" socat -t 10 - "UDP:$2:99" 2>&1 | grep -q refused
}

# begun_by ADDRESS: the flows whose first packet it sent.
begun_by() { table r | grep "^[^=]* src=$1 "; }

pings() { on "$1" ping -q -c 2 -i 0.2 -W 5 "$2"; }
no_pings() { ! on "$1" ping -q -c 2 -i 0.2 -W 2 "$2"; }

# --- ufw ---------------------------------------------------------------------

ufw_start() {
	local got
	on r ufw default deny incoming > /dev/null
	on r ufw allow 7/tcp > /dev/null
	on r ufw limit 9/tcp > /dev/null
	got=$(on r ufw --force enable 2>&1)
	is "ufw enable" "Firewall is active and enabled on system startup" "$got"
	got=$(on r ufw status verbose)
	like "ufw status: active" "Status: active" "$got"
	like "ufw status: the policy" "deny \(incoming\), allow \(outgoing\)" "$got"
	like "ufw status: a port is allowed" \
		$'\n'"7/tcp +ALLOW IN +Anywhere" "$got"
	like "ufw status: for IPv6 too" $'\n'"7/tcp \(v6\) +ALLOW IN" "$got"
	out "ufw enable"
}

ufw_traffic() {
	local n reached=0
	check "ufw: the allowed port is reached" reaches c 10.1.0.1 7
	check "ufw: by IPv6" reaches c '[fd01::1]' 7
	like "and the table has the flow" '\[ASSURED\]' \
		"$(flow r 'src=10.1.0.2 dst=10.1.0.1' | grep 'dport=7 ')"
	log_mark
	blocked "ufw: another port is not" c 10.1.0.1 8
	blocked "ufw: nor by IPv6" c '[fd01::1]' 8
	logs "ufw: that was logged" 'UFW BLOCK.* DPT=8 '
	no_flow "and made no flow" r 'dport=8 '
	check "ufw: ping" pings c 10.1.0.1
	check "ufw: ping by IPv6" pings c fd01::1
	check "ufw: answers to the host come in" reaches r 10.2.0.2 7
	check "ufw: by IPv6" reaches r '[fd02::2]' 7
	check "ufw: errors, too" refused r 10.2.0.2
	for n in 1 2 3 4 5; do
		reaches c 10.1.0.1 9 && reached=$n
	done
	is "ufw limit: five connections in half a minute" 5 "$reached"
	blocked "ufw limit: the sixth is not let in" c 10.1.0.1 9
	blocked "ufw: nothing is forwarded" c 10.2.0.2 7
	check "ufw route allow" on r ufw route allow in on r0 out on r1 \
		to 10.2.0.2 port 7 proto tcp
	check "ufw route: it is forwarded, and the answers" reaches c 10.2.0.2 7
	blocked "ufw route: but not from the other side" s 10.1.0.2 7
	out "ufw, after traffic"
}

ufw_stop() {
	like "ufw disable" "Firewall stopped and disabled" \
		"$(on r ufw disable 2>&1)"
	check "and every port is open" reaches c 10.1.0.1 8
	like "ufw status: inactive" "Status: inactive" "$(on r ufw status)"
	out "ufw disable"
	on r nft flush ruleset
}

# --- Shorewall ---------------------------------------------------------------

# sample NAME...: its files, with the names that the devices have here.
sample() {
	local name
	for name; do
		if [[ -e $samples/$name ]]; then
			cat "$samples/$name"
		else
			zcat "$samples/$name.gz"
		fi | sed 's/physical=eth0/physical=r1/
			s/physical=eth1/physical=r0/
			s/^STARTUP_ENABLED=.*/STARTUP_ENABLED=Yes/' > "$etc/$name"
	done
}

# What README.md says keeps nf_conntrack out, and what Shorewall finds then
capabilities() {
	local name
	echo 'install nf_conntrack /bin/false' > "$block"
	on r shorewall show -f capabilities > "$work/capabilities" 2> "$work/err"
	for name in NAT_ENABLED CONNTRACK_MATCH NEW_CONNTRACK_MATCH CT_TARGET \
		XCONNMARK XCONNMARK_MATCH PERSISTENT_SNAT MASQUERADE_TGT
	do
		is "shorewall show capabilities: $name" "$name=Yes" \
			"$(grep -hE "^$name=|ERROR" "$work/capabilities" \
			"$work/err")"
	done
	out "shorewall show capabilities"
}

# shorewall_traffic HOW: what the sample lets through, and what not
shorewall_traffic() {
	check "shorewall$1: from the LAN to the net, and back" \
		reaches c 10.2.0.2 7
	check "shorewall$1: errors come back, too" refused c 10.2.0.2
	check "shorewall$1: ping to the net" pings c 10.2.0.2
	log_mark
	blocked "shorewall$1: not from the net to the LAN" s 10.1.0.2 7
	logs "shorewall$1: that was logged" 'net-loc DROP .* DPT=7 '
	is "and made no flow" "" "$(begun_by 10.2.0.2)"
	blocked "shorewall$1: nor to the firewall" s 10.2.0.1 7
	check "shorewall$1: no ping from the net" no_pings s 10.2.0.1
	check "shorewall$1: ping from the LAN to the firewall" \
		pings c 10.1.0.1
	check "shorewall$1: ping from the firewall to the net" \
		pings r 10.2.0.2
}

shorewall_alone() {
	check "shorewall start" on r shorewall start
	out "shorewall start"
	shorewall_traffic ""
	out "shorewall, after traffic"
	clients
	check "shorewall stop" on r shorewall stop
	blocked "shorewall stop: nothing goes from the net" s 10.2.0.1 7
	check "shorewall clear" on r shorewall clear
	check "shorewall clear: everything goes" reaches s 10.1.0.2 7
	out "shorewall clear"
}

# Just the sample
shorewall_masquerading() {
	local line
	sample snat
	# What the cleared firewall let through
	on r conntrack -F > /dev/null 2>&1
	check "shorewall start, masquerading" on r shorewall start
	shorewall_traffic ", masquerading"
	bg @c socat PIPE TCP:10.2.0.2:7,sourceport=40002
	wait_for 20 flow r "sport=40002 " > /dev/null
	wait_for 20 established sport=40002
	line=$(flow r "sport=40002 ")
	like "the table shows the translation" \
		"ESTABLISHED src=10.1.0.2 dst=10.2.0.2 sport=40002 dport=7 .* src=10.2.0.2 dst=10.2.0.1 sport=7 " \
		"$line"
	like "and so it is" " 10.2.0.1:" \
		"$(on s ss -Htn state established 'sport = :7' |
			sed 's/::ffff://g; s/[][]//g')"
	like "netstat-nat shows it, too" \
		'tcp +10\.1\.0\.2:40002 +10\.2\.0\.2:7 +ESTABLISHED' \
		"$(on r netstat-nat -n 2>&1)"
	bg_end "$bg_pid"
	check "shorewall clear, masquerading" on r shorewall clear
	out "shorewall, masquerading"
}

# --- programs that show connections ------------------------------------------

established() { flow r "$1 " | grep -q ESTABLISHED; }
counts_agree() { [[ $(on r conntrack -C) == "$(knob r count)" ]]; }

clients() {
	local got
	bg @c socat PIPE TCP:10.2.0.2:7,sourceport=40001
	wait_for 20 established sport=40001 || fail "a connection"
	got=$(on r shorewall show connections 2>&1)
	like "shorewall show connections" \
		"ESTABLISHED src=10.1.0.2 dst=10.2.0.2 sport=40001 dport=7 " "$got"
	like "conntrack -L" \
		"ESTABLISHED src=10.1.0.2 dst=10.2.0.2 sport=40001 dport=7 " \
		"$(on r conntrack -L 2>&1)"
	check "conntrack -C is the count" wait_for 10 counts_agree
	# On a terminal: without one it does not know how wide a line is, and
	# takes all memory.
	like "iptstate -1" \
		'10\.1\.0\.2:40001 +10\.2\.0\.2:7 +tcp +ESTABLISHED' \
		"$(on r script -qc \
		'stty cols 150 rows 50; TERM=linux iptstate -1' \
		/dev/null < /dev/null)"
	like "netstat-nat -n -R" \
		'tcp +10\.1\.0\.2:40001 +10\.2\.0\.2:7 +ESTABLISHED' \
		"$(on r netstat-nat -n -R 2>&1)"
	if [[ -x $munin ]]; then
		got=$(on r $munin config 2>&1)
		like "munin's fw_conntrack config: a warning before the limit" \
			"total.warning $(($(knob r max) * 8 / 10))" "$got"
		got=$(on r $munin 2>&1)
		like "munin's fw_conntrack: established" \
			'established.value [1-9]' "$got"
		like "munin's fw_conntrack: total" 'total.value [1-9]' "$got"
	else
		fail "munin's fw_conntrack" "no $munin"
	fi
	out "programs that show connections"
	bg_end "$bg_pid"
}

net_up
load hashsize=32768
echo 1 > "$all_logs"
: > /var/log/messages
echo_up c
echo_up r
echo_up s
serve r 8
serve r 9
ufw_start
ufw_traffic
ufw_stop
sample shorewall.conf zones interfaces policy rules stoppedrules params
capabilities
shorewall_alone
shorewall_masquerading
finish
