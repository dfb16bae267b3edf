#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml
# long: deb6.12
# timeout: 900
# shellcheck disable=SC2119,SC2317
#
# What the matches and targets of iptables and nft can ask and say: the same
# packets meet the same rules with ours and with nf_conntrack, in the same guest,
# and the counters of the rules, the flows and the events are compared.

# shellcheck source=tests/compare.sh
. "$(dirname "$0")/compare.sh"

need nft socat python3 conntrack iptables-restore ip6tables-restore
need_module

# has_kernel NAME: nf_conntrack's side has that extension as well.
has_kernel() { modprobe -n -q "xt_$1"; }

# asks FAMILY: what the matches can ask, a rule each. Hosts and nets are those of
# the packets below.
asks() {
	local o d m C=10.11.0.1 S=10.12.0.1 N=10.11.0.0/16 M=10.12.0.0/16
	[[ $1 == 6 ]] && C=fd11::1 S=fd12::1 N=fd11::/16 M=fd12::/16
	for o in NEW ESTABLISHED RELATED INVALID UNTRACKED SNAT DNAT \
		NEW,ESTABLISHED RELATED,INVALID INVALID,UNTRACKED,SNAT; do
		echo "-m conntrack --ctstate $o"
		echo "-m conntrack ! --ctstate $o"
	done
	for o in NEW ESTABLISHED RELATED INVALID UNTRACKED NEW,INVALID; do
		echo "-m state --state $o"
		echo "-m state ! --state $o"
	done
	for o in "ctproto udp" "ctproto tcp" "ctproto 99" "ctproto icmp" \
		"ctproto icmpv6" "ctorigsrc $C" "ctorigsrc $N" "ctorigsrc $S" \
		"ctorigdst $S" "ctorigdst $M" "ctorigdst $C" "ctreplsrc $S" \
		"ctreplsrc $M" "ctreplsrc $N" "ctrepldst $C" "ctrepldst $N" \
		"ctrepldst $S" "ctorigsrcport 1" "ctorigsrcport 1:9" \
		"ctorigsrcport 2:9" "ctorigdstport 7001" \
		"ctorigdstport 7001:7002" "ctreplsrcport 7001" \
		"ctreplsrcport 7002:7009" "ctrepldstport 1" \
		"ctrepldstport 0:1" "ctstatus NONE" "ctstatus EXPECTED" \
		"ctstatus SEEN_REPLY" "ctstatus ASSURED" \
		"ctstatus SEEN_REPLY,ASSURED" "ctdir ORIGINAL" "ctdir REPLY"; do
		echo "-m conntrack --$o"
		[[ $o == ctdir* ]] || echo "-m conntrack ! --$o"
	done
	# What a flow has that is there already
	for o in "ctstatus CONFIRMED" "ctexpire 1" "ctexpire 1:1000" \
		"ctexpire 100000:500000"; do
		echo "-m conntrack --ctstate ESTABLISHED --$o"
		echo "-m conntrack --ctstate ESTABLISHED ! --$o"
	done
	echo "-m conntrack --ctstate RELATED --ctdir REPLY"
	echo "-m conntrack --ctstate INVALID --ctproto tcp"
	echo "-m conntrack ! --ctstate INVALID --ctproto tcp ! --ctorigdstport 7002"
	echo "-m conntrack --ctstate NEW --ctdir ORIGINAL --ctorigsrc $C --ctrepldstport 1"
	for o in 0 5 0x0/0x1 0x1/0x3; do
		echo "-m connmark --mark $o"
		echo "-m connmark ! --mark $o"
	done
	for d in original reply both; do
		for m in packets bytes avgpkt; do
			for o in 0 1 2:3 40:100 101:2000; do
				echo "-m connbytes --connbytes $o --connbytes-dir $d --connbytes-mode $m"
				echo "-m connbytes ! --connbytes $o --connbytes-dir $d --connbytes-mode $m"
			done
		done
	done
	for o in red 77; do
		echo "-m connlabel --label $o"
		echo "-m connlabel ! --label $o"
	done
	has_kernel cluster && for o in 1 2 3 4; do
		echo "-m cluster --cluster-total-nodes 4 --cluster-local-node $o --cluster-hash-seed 0x5eed"
		echo "-m cluster --cluster-total-nodes 4 ! --cluster-local-nodemask $o --cluster-hash-seed 7"
	done
	echo "-p udp --dport 7001 -m connlabel --label red --set"
	echo "-p tcp --dport 7002 -m connlabel ! --label 127 --set"
	echo "-m connlabel --label red"
}

# What CONNMARK can do to a mark 0xf0f0, with a packet's mark 0x1234
connmark_ops() {
	cat <<-END
	--set-mark 0x5
	--set-mark 0x5/0xff
	--set-xmark 0xff/0xff
	--set-xmark 0xf/0x0
	--and-mark 0xff00
	--or-mark 0xf
	--xor-mark 0xffff
	--save-mark
	--save-mark --mask 0xff
	--save-mark --nfmask 0xff --ctmask 0xff00
	--restore-mark
	--restore-mark --mask 0xff
	--restore-mark --nfmask 0xff00 --ctmask 0xff
	--set-xmark 0xf/0xff --left-shift-mark 4
	--set-xmark 0xf/0xff --right-shift-mark 4
	--save-mark --nfmask 0xff --ctmask 0xffff --left-shift-mark 8
	--save-mark --nfmask 0xff00 --ctmask 0xff --right-shift-mark 8
	--restore-mark --nfmask 0xffff --ctmask 0xff --left-shift-mark 8
	--restore-mark --nfmask 0xff --ctmask 0xff00 --right-shift-mark 8
	END
}

# What HMARK can do; the mark is then the connection's, where it can be seen.
hmark_ops() {
	local mask=24
	[[ $1 == 6 ]] && mask=64
	cat <<-END
	--hmark-tuple ct --hmark-mod 1000 --hmark-rnd 7
	--hmark-tuple ct,src,dst,sport,dport,proto --hmark-mod 1000 --hmark-rnd 7 --hmark-offset 5000
	--hmark-tuple src,dst --hmark-mod 1000 --hmark-rnd 0x123456
	--hmark-tuple src,dst,sport,dport,proto --hmark-mod 1000 --hmark-rnd 9
	--hmark-src-prefix $mask --hmark-mod 77 --hmark-rnd 9
	--hmark-sport-mask 0xff --hmark-dport-mask 0xff00 --hmark-mod 1000 --hmark-rnd 9
	END
}

xt_rules() {
	local line port=7100
	echo "*raw"
	# Zones, by where the packet comes from
	for line in "7200 --zone 5" "7201 --zone-orig 6" "7202 --zone-reply 7" \
		"7203 --zone mark" "7204 --zone-orig mark" \
		"7205 --zone 8 --ctevents new,destroy" "7206 --ctevents new" \
		"7207 --notrack"; do
		echo "-A PREROUTING -p udp --dport ${line%% *} -j MARK --set-mark 9"
		echo "-A PREROUTING -p udp --dport ${line%% *} -j CT ${line#* }"
		echo "-A PREROUTING -p udp --sport ${line%% *} -j CT ${line#* }"
	done
	echo "-A PREROUTING -p udp --dport 7208 -j NOTRACK"
	echo "-A OUTPUT -p udp --dport 7209 -j CT --notrack"
	# The first to say something is right
	echo "-A PREROUTING -p udp --dport 7210 -j CT --zone 3"
	echo "-A PREROUTING -p udp --dport 7210 -j CT --zone 4"
	echo COMMIT
	echo "*mangle"
	# A mark in the first packet's first chains, and what comes of it
	echo "-A PREROUTING -p udp --dport 7300 -j CONNMARK --set-mark 0x7"
	echo "-A PREROUTING -p udp --dport 7300 -m connmark --mark 0x7"
	echo "-A FORWARD -p udp --dport 7300 -m connmark --mark 0x7"
	echo "-A FORWARD -p udp --dport 7300 -j CONNMARK --or-mark 0x70"
	echo "-A POSTROUTING -p udp --dport 7300 -m connmark --mark 0x77"
	while IFS= read -r line; do
		port=$((port + 1))
		echo "-A FORWARD -p udp --dport $port -j MARK --set-mark 0x1234"
		echo "-A FORWARD -p udp --dport $port -j CONNMARK --set-mark 0xf0f0"
		echo "-A FORWARD -p udp --dport $port -j CONNMARK $line"
		# What is in the packet's mark goes where it can be seen
		[[ $line == --restore* ]] &&
			echo "-A FORWARD -p udp --dport $port -j CONNMARK --save-mark"
	done < <(connmark_ops)
	port=7600
	has_kernel HMARK && while IFS= read -r line; do
		port=$((port + 1))
		for line in "HMARK $line" "CONNMARK --save-mark"; do
			echo "-A FORWARD -p udp --dport $port -j $line"
			echo "-A FORWARD -p udp --sport $port -j $line"
		done
	done < <(hmark_ops "$1")
	asks "$1" | sed 's/^/-A FORWARD /'
	echo COMMIT
}

# asks of nft: what is here can be asked of both families.
nft_rules() {
	local f=$1 ip=ip C=10.11.0.1 S=10.12.0.1 d k
	[[ $f == 6 ]] && ip=ip6 C=fd11::1 S=fd12::1
	echo "table inet z {"
	cat <<-NFT
	chain raw {
		type filter hook prerouting priority raw
		udp dport 7400 ct zone set 5
		udp sport 7400 ct zone set 5
		udp dport 7401 ct original zone set 6
		udp sport 7401 ct original zone set 6
		udp dport 7402 ct reply zone set 7
		udp sport 7402 ct reply zone set 7
		udp dport 7403 meta mark set 0x7
		udp dport 7403 ct zone set meta mark map { 0x7 : 77 }
	}
	chain says {
		type filter hook forward priority -10
		udp dport 7410 ct mark set 0x77
		udp dport 7410 ct mark set ct mark or 0x8800
		udp dport 7411 ct label set red
		udp dport 7412 ct event set new,destroy
		udp dport 7413 meta mark set 0x99
		udp dport 7413 ct mark set meta mark
		udp dport 7414 meta mark set ct mark
		ct state new udp dport 7415 ct mark set 0x5
		ct label set blue udp dport 7416 ct label set red
	}
	chain asks {
		type filter hook forward priority 0
		ct state vmap { invalid : continue, new : continue } counter
		ct state established,related counter
		ct state != new counter
		ct state invalid counter
		ct state untracked counter
		ct status seen-reply counter
		ct status assured counter
		ct status & snat == 0 counter
		ct mark 0x0 counter
		ct mark != 0x0 counter
		ct mark and 0x77 == 0x77 counter
		ct state established ct expiration > 10s counter
		ct state established ct expiration < 11m counter
		ct l3proto ipv4 counter
		ct l3proto ipv6 counter
		ct protocol udp counter
		ct protocol tcp counter
		ct zone 0 counter
		ct zone 5 counter
		ct original zone 6 counter
		ct reply zone 7 counter
		ct reply zone 0 counter
		ct label red counter
		ct label { red, blue } counter
		ct state established ct id != 0 counter
	NFT
	for d in "" original reply; do
		[[ $d ]] && for k in "$ip saddr $C" "$ip daddr $C" "$ip saddr $S" \
			"protocol udp" "proto-src 1" "proto-dst 1" \
			"proto-dst 7001-7002"; do
			echo "meta l4proto { tcp, udp } ct $d $k counter"
		done
		for k in packets bytes avgpkt; do
			echo "ct $d $k 1 counter"
			echo "ct $d $k > 1 counter"
			echo "ct $d $k 30-60 counter"
		done
	done
	echo "ct direction original counter"
	echo "ct direction reply counter"
	echo "}"
	echo "}"
	# The way it was written before there were keys for each family
	echo "table $ip y {"
	echo "chain asks {"
	echo "type filter hook forward priority 0"
	for d in original reply; do
		for k in "saddr $C" "daddr $C"; do
			echo "ct $d $ip $k counter"
		done
	done
	echo "}"
	echo "}"
}

option_packets() {
	local ip=ip C=10.11.0.1 S=10.12.0.1 icmp=icmp port
	local echo=type=8 answer=type=0 unreach="type=3 code=3 rest=00000000"
	if [[ $1 == 6 ]]; then
		ip=ip6 C=fd11::1 S=fd12::1 icmp=icmp6 echo=type=128
		answer=type=129 unreach="type=1 code=4 rest=00000000"
	fi
	wire c "$ip src=$C dst=$S / udp sport=1 dport=7001 / data n=20"
	wire c "$ip src=$C dst=$S / udp sport=1 dport=7001"
	wire s "$ip src=$S dst=$C / udp sport=7001 dport=1 / data n=200"
	wire s "$ip src=$S dst=$C / udp sport=7001 dport=1"
	wire c "$ip src=$C dst=$S / udp sport=1 dport=7001"
	wire s "$ip src=$S dst=$C / $icmp $unreach / $ip src=$C dst=$S / udp sport=1 dport=7001"
	wire c "$ip src=$C dst=$S / $icmp $unreach / $ip src=$S dst=$C / udp sport=7001 dport=1"
	wire c "$ip src=$C dst=$S / tcp sport=1 dport=7002 flags=S seq=1000"
	wire s "$ip src=$S dst=$C / tcp sport=7002 dport=1 flags=SA seq=5000 ack=1001"
	wire c "$ip src=$C dst=$S / tcp sport=1 dport=7002 flags=A seq=1001 ack=5001"
	wire c "$ip src=$C dst=$S / tcp sport=1 dport=7002 flags=PA seq=1001 ack=5001 / data n=100"
	wire s "$ip src=$S dst=$C / tcp sport=7002 dport=1 flags=A seq=5001 ack=1101"
	wire s "$ip src=$S dst=$C / tcp sport=7002 dport=1 flags=A seq=900005001 ack=1101"
	wire c "$ip src=$C dst=$S / $icmp $echo id=7"
	wire s "$ip src=$S dst=$C / $icmp $answer id=7"
	wire s "$ip src=$S dst=$C / $icmp $answer id=8"
	wire c "$ip src=$C dst=$S proto=99 nh=99 / data n=20"
	wire s "$ip src=$S dst=$C proto=99 nh=99 / data n=20"
	for port in {7101..7119} 7300 {7410..7416}; do
		wire c "$ip src=$C dst=$S / udp sport=1 dport=$port"
	done
	for port in {7200..7210} {7400..7403} {7601..7606}; do
		wire c "$ip src=$C dst=$S / udp sport=1 dport=$port"
		wire s "$ip src=$S dst=$C / udp sport=$port dport=1"
		wire c "$ip src=$C dst=$S / udp sport=1 dport=$port"
		wire s "$ip src=$S dst=$C / $icmp $unreach / $ip src=$C dst=$S / udp sport=1 dport=$port"
	done
}

# is_heard: the listener hears of a flow that is made by a message.
is_heard() {
	on r conntrack -I -p udp -s 9.9.9.9 -d 8.8.8.8 --sport 1 --dport 2 -t 99
	on r conntrack -D -s 9.9.9.9
	grep -q 9.9.9.9 "$work/events"
}

# options TRACKER: both families, iptables and nft.
options() {
	local f out=$work/$1.options ear iptables
	patient "$1"
	for f in 4 6; do
		iptables=iptables
		[[ $f == 6 ]] && iptables=ip6tables
		xt_rules $f | on r $iptables-restore ||
			fail "$1: the rules of $iptables"
		nft_rules $f | on r nft -f - || fail "$1: the rules of nft"
		on r conntrack -F 2> /dev/null
		on r stdbuf -oL conntrack -E > "$work/events" 2> /dev/null &
		ear=$!
		ct_jobs+=("$ear")
		wait_for 20 is_heard
		on r conntrack -F 2> /dev/null
		option_packets $f
		sleep 0.5
		{
			on r $iptables -t mangle -S -v
			on r $iptables -t raw -S -v
			on r nft list table inet z
			on r nft list tables | grep -q ' y$' &&
				on r nft list table "$([[ $f == 4 ]] && echo ip || echo ip6)" y
			flows | scrub
		} | sed "s/^/$f: /" >> "$out"
		kill "$ear"
		wait "$ear" 2> /dev/null
		grep -av USERSPACE "$work/events" | sed 's/^/event /' | scrub | grep -aE '=(7205|7206|7412) ' |
			sed -E "s/^/$f: /; s/\] ([a-z]+ [0-9]+) [0-9]+ /] \1 T /" |
			sort >> "$out"
		on r $iptables -t mangle -F
		on r $iptables -t raw -F
		on r nft flush ruleset
	done
}

side() {
	wire_up
	options "$1"
	wire_down
}

compare_options() {
	local got
	# Of a flow whose rule wants no news but its beginning and end,
	# nf_conntrack may tell a change all the same.
	got=$(diff -a <(grep -avE "event.*UPDATE.*=720[56] " "$work/nf.options") \
		"$work/ours.options" | tr -d '\0')
	is "rules with options, and what became of the flows" "" "$got"
	at_least "lines compared" 300 "$(wc -l < "$work/ours.options")"
}

mkdir -p /etc/xtables
printf '%s\n' "0 red" "1 blue" "77 seventy-seven" > /etc/xtables/connlabel.conf
cp /etc/xtables/connlabel.conf /etc/connlabel.conf
both_sides
compare_options
finish
