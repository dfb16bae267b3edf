#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml
# long: umldebug deb6.1 deb6.12
# timeout: 900
#
# Translation (some 60 s): the same packets through the same rules, by nf_nat and by
# ours, in the same guest. Each kind of rule with each protocol, both families, there
# and back, with errors from either side, from a router on the way and from this host:
# what comes out on either side is the same to the bit, checksums right.

# shellcheck disable=SC2119,SC2317 # called by name
# shellcheck source=tests/compare.sh
. "$(dirname "$0")/compare.sh"

need nft socat ethtool

# --- addresses ---------------------------------------------------------------

# Client, server, outside, a host that is the server by translation, a router beyond,
# and what this host itself has there, and at the clients
# shellcheck disable=SC2034 # by name
v4=(10.11.0.1 10.12.0.1 10.2.0.77 10.12.0.99 10.12.0.254 10.2.0.1 10.1.0.1)
# shellcheck disable=SC2034 # by name
v6=(fd11::1 fd12::1 fd02::77 fd12::99 fd12::fe fd02::1 fd01::1)

# family 4|6: sets the rest
family() {
	local -n a=v$1
	f=$1 client=${a[0]} server=${a[1]} outside=${a[2]} virtual=${a[3]}
	beyond=${a[4]} own=${a[5]} gate=${a[6]}
	at_outside=$outside at_server=$server at_virtual=$virtual
	[[ $f == 6 ]] && at_outside="[$outside]" at_server="[$server]" \
		at_virtual="[$virtual]"
	if [[ $f == 4 ]]; then ip=ip icmp=icmp; else ip=ip6 icmp=icmp6; fi
}

# --- packets -----------------------------------------------------------------

# body PROTOCOL SPORT DPORT [ANSWER]: what is behind the IP header
body() {
	local flags=S seq=1000
	[[ ${4:-} ]] && flags=SA seq=5000
	case $1 in
	tcp) echo "/ tcp sport=$2 dport=$3 flags=$flags seq=$seq ack=$((${4:+1001} + 0)) / data n=9" ;;
	udp) echo "/ udp sport=$2 dport=$3 / data n=7" ;;
	udp0) echo "/ udp sport=$2 dport=$3 ck=0 / data n=7" ;;
	sctp)
		if [[ ${4:-} ]]; then
			echo "/ sctp sport=$2 dport=$3 vtag=0x11111111 / chunk type=2 hex=2222222200010000000100010000000a"
		else
			echo "/ sctp sport=$2 dport=$3 vtag=0 / chunk type=1 hex=1111111100010000000100010000000a"
		fi ;;
	gre) echo "/ gre / data n=20" ;;
	other) echo "/ data n=20" ;;
	echo)
		local type=8
		[[ $f == 6 ]] && type=128
		[[ ${4:-} ]] && type=$((f == 4 ? 0 : 129))
		echo "/ $icmp type=$type id=$2 seq=1 / data n=12" ;;
	esac
}

# head PROTOCOL SRC DST [HOPS]
head() {
	local proto='' hops=${4:-64}
	[[ $1 == other && $f == 4 ]] && proto=proto=99
	[[ $1 == other && $f == 6 ]] && proto=nh=99
	if [[ $f == 4 ]]; then
		echo "ip src=$2 dst=$3 ttl=$hops $proto"
	else
		echo "ip6 src=$2 dst=$3 hop=$hops $proto"
	fi
}

# error KIND FROM TO: "unreach", "exceeded" or "big"
error() {
	local type=$((f == 4 ? 3 : 1)) code=$((f == 4 ? 3 : 4)) rest=00000000
	case $1 in
	exceeded) type=$((f == 4 ? 11 : 3)) code=0 ;;
	big) type=$((f == 4 ? 3 : 2)) code=$((f == 4 ? 4 : 0)) rest=00000500 ;;
	esac
	echo "$(head error "$2" "$3") / $icmp type=$type code=$code rest=$rest"
}

# The way of one flow: from the client as SRC:SPORT to DST:DPORT, seen by the server as
# OSRC:OSPORT to ODST:ODPORT.
# story PROTOCOL SPORT DST DPORT OSRC OSPORT ODST ODPORT
story() {
	local p=$1 sport=$2 dst=$3 dport=$4 osrc=$5 osport=$6 odst=$7 odport=$8
	local there back othere oback
	there="$(head "$p" "$client" "$dst") $(body "$p" "$sport" "$dport")"
	othere="$(head "$p" "$osrc" "$odst") $(body "$p" "$osport" "$odport")"
	back="$(head "$p" "$dst" "$client") $(body "$p" "$dport" "$sport" 1)"
	oback="$(head "$p" "$odst" "$osrc") $(body "$p" "$odport" "$osport" 1)"
	if [[ $p == echo ]]; then	# one identifier, of who asks
		back="$(head "$p" "$dst" "$client") $(body "$p" "$sport" 0 1)"
		oback="$(head "$p" "$odst" "$osrc") $(body "$p" "$osport" 0 1)"
	fi
	wire c "$there"
	wire s "$oback"
	wire c "$there"
	wire s "$(error exceeded "$beyond" "$osrc") / $othere"
	wire s "$(error big "$odst" "$osrc") / $othere"
	wire c "$(error unreach "$client" "$dst") / $back"
	wire c "$(head "$p" "$client" "$dst" 1) $(body "$p" "$sport" "$dport")"
	wire s "$(head "$p" "$odst" "$osrc" 1) /${oback#*/}"
}

# Packets that no flow is made for, as this host answers them
refused() {
	local p=$1 sport=$2 dst=$3 dport=$4
	wire c "$(head "$p" "$client" "$dst") $(body "$p" "$sport" "$dport")"
	wire c "$(head "$p" "$client" "$dst" 1) $(body "$p" "$sport" "$dport")"
}

# --- kinds -------------------------------------------------------------------

protocols=(tcp udp udp0 sctp echo gre other)
with_ports=(tcp udp sctp)

kind_snat() {
	local p
	nat_rules "" "oifname r1 snat to $outside"
	for p in "${protocols[@]}"; do
		story "$p" 1000 "$server" 80 "$outside" 1000 "$server" 80
	done
}

kind_snat_port() {
	local p
	nat_rules "" "oifname r1 meta l4proto { tcp, udp, sctp } snat to $at_outside:4000-4000"
	for p in "${with_ports[@]}"; do
		story "$p" 1000 "$server" 80 "$outside" 4000 "$server" 80
	done
}

kind_masquerade() {
	local p
	nat_rules "" "oifname r1 masquerade"
	for p in "${protocols[@]}"; do
		story "$p" 1000 "$server" 80 "$own" 1000 "$server" 80
	done
}

kind_dnat() {
	local p
	nat_rules "iifname r0 $ip daddr $virtual dnat to $server" ""
	for p in "${protocols[@]}"; do
		story "$p" 1000 "$virtual" 80 "$client" 1000 "$server" 80
	done
}

kind_dnat_port() {
	local p
	nat_rules "iifname r0 $ip daddr $virtual meta l4proto { tcp, udp, sctp } dnat to $at_server:8080" ""
	for p in "${with_ports[@]}"; do
		story "$p" 1000 "$virtual" 80 "$client" 1000 "$server" 8080
	done
}

kind_both() {
	local p
	nat_rules "iifname r0 $ip daddr $virtual dnat to $server" \
		"oifname r1 snat to $outside"
	for p in "${protocols[@]}"; do
		story "$p" 1000 "$virtual" 80 "$outside" 1000 "$server" 80
	done
}

kind_both_ports() {
	local p
	nat_rules "iifname r0 $ip daddr $virtual meta l4proto { tcp, udp, sctp } dnat to $at_server:8080" \
		"oifname r1 meta l4proto { tcp, udp, sctp } snat to $at_outside:4000-4000"
	for p in "${with_ports[@]}"; do
		story "$p" 1000 "$virtual" 80 "$outside" 4000 "$server" 8080
	done
}

# Two sources with one port to one destination: the second one gets another, which of
# a range of two is no choice. With a third there is none left.
kind_taken() {
	local p
	nat_rules "" "oifname r1 meta l4proto { tcp, udp, sctp } snat to $at_outside:4000-4001"
	for p in "${with_ports[@]}"; do
		wire c "$(head "$p" "$client" "$server") $(body "$p" 4000 80)"
		wire c "$(head "$p" "${client}1" "$server") $(body "$p" 4000 80)"
		wire c "$(head "$p" "${client}2" "$server") $(body "$p" 4000 80)"
	done
}

# Rejected before and behind the translation
kind_reject() {
	local p how
	for how in "reject" "meta l4proto tcp reject with tcp reset"; do
		nat_rules "iifname r0 $ip daddr $virtual dnat to $server" \
			"oifname r1 snat to $outside" "chain f {
			type filter hook forward priority 0
			$ip daddr $server $how
			}"
		for p in tcp udp echo other; do
			refused "$p" 1000 "$virtual" 80
		done
	done
}

# From the client to this host, whatever it wanted: nobody listens here
kind_redirect() {
	local p
	nat_rules "iifname r0 $ip daddr $server meta l4proto { tcp, udp } redirect to :99" ""
	for p in tcp udp; do refused "$p" 1000 "$server" 80; done
	nat_rules "iifname r0 $ip daddr $server redirect" ""
	refused udp 1001 "$server" 88
	refused echo 7 "$server" 0
	refused sctp 1001 "$server" 88
}

# A network for a network
kind_prefix() {
	local p to=10.2.0.0/24
	[[ $f == 6 ]] && to=fd02:0:0:1::/64
	nat_rules "" "oifname r1 snat $ip prefix to $to"
	outside=10.2.0.1
	[[ $f == 6 ]] && outside=fd02:0:0:1::1
	for p in tcp udp echo other; do
		story "$p" 1000 "$server" 80 "$outside" 1000 "$server" 80
	done
}

# From a client to the server's name, which is another client: both ends are translated,
# and out it goes where it came in.
kind_hairpin() {
	local p
	nat_rules "iifname r0 $ip daddr $virtual dnat to ${client}5" \
		"iifname r0 oifname r0 masquerade"
	for p in tcp udp echo other; do
		wire c "$(head "$p" "$client" "$virtual") $(body "$p" 1000 80)"
	done
	wire c "$(head udp "${client}5" "$gate") $(body udp 80 1000 1)"
	wire c "$(head echo "${client}5" "$gate") $(body echo 1000 0 1)"
	wire c "$(error unreach "${client}5" "$gate") / $(head udp "$gate" "${client}5") $(body udp 1000 80)"
}

# What this host sends, and what is sent to it
kind_local() {
	local send="timeout 5 socat -t 0 -u"
	nat_rules "" "oifname r1 udp dport 81 snat to $at_outside:4000" "chain out {
		type nat hook output priority -100
		$ip daddr $virtual udp dport 80 dnat to $at_server:8080
		$ip daddr $virtual udp dport 82 redirect to :83
		}
		chain in {
		type nat hook input priority 100
		udp dport 83 snat to $outside
		}"
	on r bash -c "$send EXEC:'echo one' UDP$f:$at_virtual:80,sourceport=1000
		$send EXEC:'echo two' UDP$f:$at_server:81,sourceport=1001
		$send EXEC:'echo three' UDP$f:$at_virtual:82,sourceport=1002"
	wire s "$(head udp "$server" "$own") $(body udp 8080 1000 1)"
	wire s "$(error unreach "$server" "$own") / $(head udp "$own" "$server") $(body udp 1000 8080)"
	wire s "$(error exceeded "$beyond" "$outside") / $(head udp "$outside" "$server") $(body udp 4000 81)"
	wire c "$(head udp "$client" "$gate") $(body udp 1003 83)"
}

# In pieces, which are translated as one
kind_pieces() {
	nat_rules "iifname r0 $ip daddr $virtual dnat to $server" \
		"oifname r1 snat to $outside"
	wire c "$(head udp "$client" "$virtual") id=77 split=64 / udp sport=1000 dport=80 / data n=200"
	wire s "$(head udp "$server" "$outside") id=78 split=64 / udp sport=80 dport=1000 / data n=200"
}

kinds=(snat snat_port masquerade dnat dnat_port both both_ports taken reject redirect
	prefix hairpin local pieces)
# Where nothing comes to one side
silent=" taken.c0 redirect.s0 hairpin.s0 "

# --- both trackers -----------------------------------------------------------

side_up() {
	net_up
	on r ethtool -K r0 tx off > /dev/null
	on r ethtool -K r1 tx off > /dev/null
	wire_up
	for place in c:c0 s:s0; do
		rm -f "$work/seen.${place#*:}"
		bg "$python" "$here/natwatch.py" "$place" "$work/seen.${place#*:}"
		wait_for 90 grep -q ready "$work/seen.${place#*:}" ||
			fail "somebody watches $place"
	done
}

side_down() {
	wire_down
	local pid
	for pid in "${ct_jobs[@]}"; do bg_end "$pid"; done
	net_down
}

marks() { cat "$work"/seen.* | grep -c '^mark$'; }

# settle: all that was sent has come.
settle() {
	local before
	before=$(marks)
	wire c "ip src=10.11.0.9 dst=10.12.0.9 / udp sport=9 dport=65001"
	wire s "ip src=10.12.0.9 dst=10.11.0.9 / udp sport=9 dport=65001"
	wait_for 20 marks_over "$((before + 1))" || fail "packets come to an end"
}

marks_over() { (($(marks) > $1)); }

# part DEVICE: what has come since the last time
part() {
	local lines
	lines=$(wc -l < "$work/seen.$1")
	sed -n "$((${read_lines[$1]:-0} + 1)),\$p" "$work/seen.$1" |
		grep -v -e '^mark$' -e '^ready$'
	read_lines[$1]=$lines
}

declare -A read_lines

side() {
	local kind
	read_lines=()
	for kind in "${kinds[@]}"; do
		for f in 4 6; do
			family $f
			on r conntrack -F > /dev/null 2>&1
			"kind_$kind"
			settle
			part c0 > "$work/$1.$kind$f.c0"
			part s0 > "$work/$1.$kind$f.s0"
		done
	done
}

# same KIND FAMILY PLACE
same() {
	local name="$1, IPv$2, at the ${3/c0/client}" got want
	name=${name/s0/server}
	want="$work/nf.$1$2.$3" got="$work/ours.$1$2.$3"
	if [[ $silent == *" $1.$3 "* ]]; then
		is "$name: nothing" "" "$(cat "$want" "$got")"
	elif ! [[ -s $want ]]; then
		fail "$name: nothing came"
	elif grep -q BAD "$got"; then
		fail "$name: checksums" "$(grep BAD "$got")"
	elif cmp -s "$want" "$got"; then
		pass "$name: $(wc -l < "$got") packets as nf_nat's"
	else
		fail "$name" "$(diff "$want" "$got")"
	fi
}

both_sides
for kind in "${kinds[@]}"; do
	for f in 4 6; do
		same "$kind" $f c0
		same "$kind" $f s0
	done
done
finish
