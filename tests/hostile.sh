#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml
# long: umldebug
#
# Packets that lie: headers cut short, lengths beyond the packet, options and
# chunks of impossible sizes, quotes of quotes, fragments that overlap, wrong
# checksums, noise. None makes a flow, none is read past its end, and each that
# reaches the tracker is counted under its reason, and only there; what the IP
# layer throws away itself is counted nowhere.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

v4="ip src=10.11.0.1 dst=10.12.0.1"
v6="ip6 src=fd11::1 dst=fd12::1"
error="icmp type=3 code=3 rest=00000000"
error6="icmp6 type=1 rest=00000000"
quote="ip src=10.11.0.1 dst=10.12.0.1"
quote6="ip6 src=fd11::1 dst=fd12::1"
back="ip src=10.12.0.1 dst=10.11.0.1"
back6="ip6 src=fd12::1 dst=fd11::1"

header="truncated transport header"
length="transport length beyond the packet"
flags="impossible TCP flags"
options="malformed TCP options"
checksum="wrong checksum"
quoted="ICMP error with a malformed quote"
chunk="malformed or impossible SCTP chunk"

reasons() { on r cat /proc/net/stat/ip_conntrack_reasons; }

# raised: which reasons went up since $before, and flows made since then, but
# for the packet behind each and the talk of neighbours.
raised() {
	diff <(echo "$before") <(reasons) | sed -n 's/^[<>] *//p' | awk '{
		n = $1; $1 = ""; sub(/^ /, "")
		if ($0 in old) { d = n - old[$0]; if (d) print $0 " +" d }
		else old[$0] = n }' | 
		grep -vE 'ICMP answer without a question|not to be tracked|^flows ended'
	(($(column r new) == before_new)) || echo "flows +$(($(column r new) - before_new))"
}

arrived() { (($(reason r "ICMP answer without a question") > before_marker)); }

raised_is() { [[ $(raised) == "$1" ]]; }

# bad NAME REASON NS LAYERS...: the packet raises this and nothing else; "none"
# when it never comes to the tracker. Behind it goes one that surely does.
bad() {
	local name=$1 wanted="$2 +1"
	[[ $2 == none ]] && wanted=''
	before=$(reasons) before_new=$(column r new)
	before_marker=$(reason r "ICMP answer without a question")
	wire "${@:3}"
	wire c "ip src=10.11.9.9 dst=10.12.0.1 / icmp type=0"
	wait_for 15 arrived
	wait_for 3 raised_is "$wanted"
	is "$name: ${2/none/dropped before}" "$wanted" "$(raised)"
}

ip_layer() {
	bad "IPv4: ihl of 4" none c "$v4 ihl=4 / udp sport=1 dport=1"
	bad "IPv4: ihl beyond the packet" none c "$v4 ihl=15 / udp sport=1 dport=1"
	bad "IPv4: version 5" none c "$v4 ver=5 / udp sport=1 dport=1"
	bad "IPv4: length below the header" none c "$v4 len=10 / udp sport=1 dport=1"
	bad "IPv4: length beyond the packet" none c "$v4 len=100 / udp sport=1 dport=1"
	bad "IPv4: wrong header checksum" none c "$v4 ck=0x1234 / udp sport=1 dport=1"
	bad "IPv4: cut in the header" none c "$v4 cut=15"
	bad "IPv4: length cuts the UDP header" "$header" c "$v4 len=24 / udp sport=1 dport=1"
	bad "IPv6: version 5" none c "$v6 ver=5 / udp sport=1 dport=1"
	bad "IPv6: length beyond the packet" none c "$v6 len=100 / udp sport=1 dport=1"
	bad "IPv6: cut in the header" none c "$v6 cut=30"
	bad "IPv6: length cuts the UDP header" "$header" c "$v6 len=4 / udp sport=1 dport=1"
	bad "IPv6: extension header longer than the packet" \
		"truncated or malformed IP header" c "$v6 / ext hlen=50 / udp sport=1 dport=1"
	bad "IPv6: extension header cut" "truncated or malformed IP header" \
		c "$v6 nh=60 / data hex=11"
	bad "IPv6: a chain of extension headers that leads nowhere" \
		"truncated or malformed IP header" c \
		"$v6 / ext / ext / ext / ext / ext / ext / ext nh=60"
	bad "IPv6: fragment header cut" "truncated or malformed IP header" c "$v6 nh=44 / data hex=11000000"
}

fragments() {
	local part='hex=000100010028000000000000000000000000000000000000'
	bad "IPv4: a lonely fragment" none c "$v4 id=1 off=800 proto=17 / data n=20"
	bad "IPv4: fragments that overlap (first)" none c \
		"$v4 id=2 mf=1 proto=17 / data $part"
	bad "IPv4: fragments that overlap (second)" none c \
		"$v4 id=2 off=16 proto=17 / data $part"
	bad "IPv4: a fragment beyond 65535" none c \
		"$v4 id=3 off=65528 proto=17 / data n=40"
	bad "IPv6: a lonely fragment" none c \
		"$v6 / frag nh=17 off=800 id=1 / data n=20"
	bad "IPv6: fragments that overlap (first)" none c \
		"$v6 / frag nh=17 more=1 id=2 / data $part"
	bad "IPv6: fragments that overlap (second)" none c \
		"$v6 / frag nh=17 off=16 id=2 / data $part"
	bad "IPv6: a fragment of an odd size" fragment c \
		"$v6 / frag nh=17 more=1 id=3 / data n=13"
}

tcp() {
	local ip what
	for what in 4 6; do
		ip=$v4
		[[ $what == 6 ]] && ip=$v6
		what="TCP, IPv$what"
		bad "$what: no header" "$header" c "$ip / tcp sport=1 dport=1 cut=0"
		bad "$what: two bytes" "$header" c "$ip / tcp sport=1 dport=1 cut=2"
		bad "$what: ports only" "$header" c "$ip / tcp sport=1 dport=1 cut=4"
		bad "$what: 19 bytes" "$header" c "$ip / tcp sport=1 dport=1 cut=19"
		bad "$what: data offset 4" "$length" c "$ip / tcp sport=1 dport=1 doff=4"
		bad "$what: data offset 0" "$length" c "$ip / tcp sport=1 dport=1 doff=0"
		bad "$what: data offset beyond the packet" "$length" c \
			"$ip / tcp sport=1 dport=1 doff=15"
		bad "$what: no flags" "$flags" c "$ip / tcp sport=1 dport=1 flags="
		bad "$what: SYN and FIN" "$flags" c "$ip / tcp sport=1 dport=1 flags=SF"
		bad "$what: SYN and RST" "$flags" c "$ip / tcp sport=1 dport=1 flags=SR"
		bad "$what: FIN and RST" "$flags" c "$ip / tcp sport=1 dport=1 flags=FRA"
		bad "$what: FIN without ACK" "$flags" c "$ip / tcp sport=1 dport=1 flags=F"
		bad "$what: a Christmas tree" "$flags" c "$ip / tcp sport=1 dport=1 flags=FPU"
		bad "$what: all flags" "$flags" c "$ip / tcp sport=1 dport=1 flags=FSRPAU"
		bad "$what: option of length 0" "$options" c \
			"$ip / tcp sport=1 dport=1 opts=02000000"
		bad "$what: option of length 1" "$options" c \
			"$ip / tcp sport=1 dport=1 opts=02010000"
		bad "$what: option beyond the header" "$options" c \
			"$ip / tcp sport=1 dport=1 opts=020405b403ff0000"
		bad "$what: option without a length" "$options" c \
			"$ip / tcp sport=1 dport=1 opts=01010103"
		bad "$what: wrong checksum" "$checksum" c \
			"$ip / tcp sport=1 dport=1 ck=0x1234"
	done
}

udp() {
	local ip what
	for what in 4 6; do
		ip=$v4
		[[ $what == 6 ]] && ip=$v6
		what="UDP, IPv$what"
		bad "$what: no header" "$header" c "$ip / udp sport=1 dport=1 cut=0"
		bad "$what: ports only" "$header" c "$ip / udp sport=1 dport=1 cut=4"
		bad "$what: 7 bytes" "$header" c "$ip / udp sport=1 dport=1 cut=7"
		bad "$what: length 0" "$length" c "$ip / udp sport=1 dport=1 len=0"
		bad "$what: length 7" "$length" c "$ip / udp sport=1 dport=1 len=7"
		bad "$what: length beyond the packet" "$length" c \
			"$ip / udp sport=1 dport=1 len=9"
		bad "$what: wrong checksum" "$checksum" c \
			"$ip / udp sport=1 dport=1 ck=0x1234 / data n=4"
	done
}

# Errors about a flow that there is, so that nothing but the quote is wrong
icmp() {
	local nest="$error / $back / $error"
	bad "ICMP: no header" "$header" c "$v4 / icmp cut=0"
	bad "ICMP: 7 bytes" "$header" c "$v4 / icmp cut=7"
	bad "ICMP: wrong checksum" "$checksum" c "$v4 / icmp ck=0x1234"
	bad "ICMP: unknown type" "unknown ICMP type" c "$v4 / icmp type=99"
	bad "error: nothing quoted" "$quoted" s "$back / $error"
	bad "error: quote of 19 bytes" "$quoted" s "$back / $error / $quote cut=19 / udp"
	bad "error: quote without ports" "$quoted" s \
		"$back / $error / $quote cut=20 / udp sport=9 dport=9"
	bad "error: quote of 7 bytes behind IP" "$quoted" s \
		"$back / $error / $quote cut=27 / udp sport=9 dport=9"
	bad "error: quote with ihl 4" "$quoted" s \
		"$back / $error / $quote ihl=4 / udp sport=9 dport=9"
	bad "error: quote with ihl beyond its end" "$quoted" s \
		"$back / $error / $quote ihl=15 / udp sport=9 dport=9"
	bad "error: quote of version 6" "$quoted" s \
		"$back / $error / $quote ver=6 / udp sport=9 dport=9"
	bad "error: quote of a later fragment" "$quoted" s \
		"$back / $error / $quote off=800 / udp sport=9 dport=9"
	bad "error: quote of an error" "$quoted" s \
		"$back / $error / $back / $error / $quote / udp sport=9 dport=9"
	bad "error: quote of a quote of a quote" "$quoted" s \
		"$back / $nest / $back / $nest / $quote / udp sport=9 dport=9"
	bad "error: wrong checksum" "$checksum" s \
		"$back / $error ck=0x1234 / $quote / udp sport=9 dport=9"
	bad "error: about no flow" "ICMP error about no known flow" s \
		"$back / $error / $quote / udp sport=9 dport=10"
	bad "ICMPv6: no header" "$header" c "$v6 / icmp6 cut=0"
	bad "ICMPv6: 7 bytes" "$header" c "$v6 / icmp6 cut=7"
	bad "ICMPv6: wrong checksum" "$checksum" c "$v6 / icmp6 ck=0x1234"
	bad "ICMPv6: unknown type" "unknown ICMP type" c "$v6 / icmp6 type=250"
	bad "ICMPv6 error: nothing quoted" "$quoted" s "$back6 / $error6"
	bad "ICMPv6 error: quote of 39 bytes" "$quoted" s \
		"$back6 / $error6 / $quote6 cut=39 / udp sport=9 dport=9"
	bad "ICMPv6 error: quote of 7 bytes behind IP" "$quoted" s \
		"$back6 / $error6 / $quote6 cut=47 / udp sport=9 dport=9"
	bad "ICMPv6 error: quote with a lying extension header" "$quoted" s \
		"$back6 / $error6 / $quote6 / ext hlen=90 / udp sport=9 dport=9"
	bad "ICMPv6 error: quote of an error" "$quoted" s \
		"$back6 / $error6 / $back6 / $error6 / $quote6 / udp sport=9 dport=9"
	bad "ICMPv6 error: about no flow" "ICMP error about no known flow" s \
		"$back6 / $error6 / $quote6 / udp sport=9 dport=10"
}

# With such a flow the errors above would belong to it.
flow_to_quote() {
	wire c "$v4 / udp sport=9 dport=9"
	wire c "$v6 / udp sport=9 dport=9"
	wait_is "flows that errors can be about" 2 lines r "sport=9 dport=9 packets=1"
}

others() {
	local init=0000000100010000000100010000000a
	bad "SCTP: 11 bytes" "$header" c "$v4 / sctp sport=1 dport=1 cut=11"
	bad "SCTP: no chunk" "$chunk" c "$v4 / sctp sport=1 dport=1"
	bad "SCTP: chunk of length 0" "$chunk" c "$v4 / sctp sport=1 dport=1 / chunk type=1 len=0"
	bad "SCTP: chunk of length 3" "$chunk" c "$v4 / sctp sport=1 dport=1 / chunk type=1 len=3"
	bad "SCTP: chunk beyond the packet" "$chunk" c \
		"$v4 / sctp sport=1 dport=1 / chunk type=1 len=2000 hex=$init"
	bad "SCTP: chunk header cut" "$chunk" c "$v4 / sctp sport=1 dport=1 / data hex=01"
	bad "SCTP: INIT too short" "$chunk" c "$v4 / sctp sport=1 dport=1 / chunk type=1 hex=00000001"
	bad "SCTP: INIT with tag 0" "$chunk" c \
		"$v4 / sctp sport=1 dport=1 / chunk type=1 hex=00000000${init:8}"
	bad "SCTP: INIT and more" "$chunk" c \
		"$v4 / sctp sport=1 dport=1 / chunk type=1 hex=$init / chunk type=0 hex=00"
	bad "SCTP: wrong checksum" "$checksum" c \
		"$v4 / sctp sport=1 dport=1 ck=0x1234 / chunk type=1 hex=$init"
	bad "SCTP: INIT under a tag" "wrong SCTP verification tag" c \
		"$v4 / sctp sport=1 dport=1 vtag=5 / chunk type=1 hex=$init"
	bad "GRE: 3 bytes" "$header" c "$v4 / gre cut=3"
	bad "GRE: a call of 6 bytes" "$header" c "$v4 / gre flags=0x2001 proto=0x880b hex=0000"
	bad "GRE: a call of something else" "malformed GRE header" c \
		"$v4 / gre flags=0x2001 proto=0x0800 hex=00000000"
}

# With checksum=0 they pass and make flows.
unchecked() {
	local before
	knob r checksum 0
	before=$(column r new)
	wire c "$v4 / tcp sport=70 dport=1 ck=0x1234"
	wire c "$v4 / udp sport=70 dport=1 ck=0x1234"
	wire c "$v4 / icmp id=70 ck=0x1234"
	wire c "$v4 / sctp sport=70 dport=1 ck=0x1234 / chunk type=1 hex=0000000100010000000100010000000a"
	wire c "$v6 / tcp sport=70 dport=1 ck=0x1234"
	wire c "$v6 / udp sport=70 dport=1 ck=0x1234"
	wire c "$v6 / icmp6 id=70 ck=0x1234"
	wait_is "checksum=0: wrong ones are not looked at" $((before + 7)) \
		column r new
	knob r checksum 1
}

logged() {
	local all=/proc/sys/net/netfilter/nf_log_all_netns
	knob r log_invalid 255
	[[ -e $all ]] && echo 1 > $all
	log_mark
	wire c "$v4 / tcp sport=1 dport=1 flags=SF"
	logs "log_invalid=255: a line" "ip_conntrack: invalid.*impossible TCP flags"
	log_mark
	wire c "$v6 / udp sport=1 dport=1 len=7"
	logs "log_invalid=255: IPv6" "ip_conntrack: invalid.*transport length"
	knob r log_invalid 6
	log_mark
	wire c "$v4 / udp sport=1 dport=1 len=7"
	wire c "$v4 / tcp sport=1 dport=1 flags=SR"
	logs "log_invalid=6: TCP" "ip_conntrack: invalid.*impossible TCP flags"
	check_not "log_invalid=6: and not UDP" log_has "transport length"
	knob r log_invalid 0
	log_mark
	before=$(reason r "$flags")
	wire c "$v4 / tcp sport=1 dport=1 flags=SR"
	wait_is "log_invalid=0: counted" $((before + 1)) reason r "$flags"
	check_not "log_invalid=0: not logged" log_has "ip_conntrack: invalid"
}

# sum: packets that were judged, whatever the verdict
sum() {
	echo $(($(reasons | grep -v 'not refused' | awk '{ n += $1 } END { print n }') +
		$(column r new) + $(column r found)))
}

# Bytes by chance: every packet is judged, one way or the other.
chance() {
	local number size before n=100
	# No neighbour is asked for, no host answers
	for number in 1 6 17 47 132 99; do
		before=$(sum)
		for size in 3 8 20 40 200; do
			wire c "repeat=$n $v4 proto=$number / data random=$size"
		done
		wait_is "protocol $number: $((5 * n)) packets by chance, each judged" \
			$((before + 5 * n)) sum
	done
	for number in 58 6 17 132 60; do
		for size in 3 8 20 40 200; do
			wire c "repeat=$n $v6 nh=$number / data random=$size"
		done
	done
	for size in 20 40 60 200; do
		wire c "repeat=$n ip src=10.11.0.1 dst=10.12.0.1 / data random=$size"
		wire s "repeat=$n $back / $error / data random=$size"
		wire s "repeat=$n $back6 / $error6 / data random=$size"
		wire s "repeat=$n $back / $error / $quote / data random=$size"
		wire s "repeat=$n $back / $error / $quote proto=6 / data random=$size"
		wire c "repeat=$n $v4 opts=$(head -c 40 /dev/urandom | od -An -tx1 |
			tr -d ' \n') / udp sport=1 dport=1"
		wire c "repeat=$n $v4 / tcp sport=1++ dport=1 opts=$(head -c 40 \
			/dev/urandom | od -An -tx1 | tr -d ' \n')"
	done
	bad "and the tracker is in its right mind" "$flags" c \
		"$v4 / tcp sport=1 dport=1 flags=SF"
	agrees "lines, count and column 1 agree" r
}

net_up
load hashsize=4096
wire_up
# What the IP layer answers must not get into the account.
on r nft -f - <<-'END'
table inet quiet {
	chain o {
		type filter hook output priority -500
		icmp type { destination-unreachable, time-exceeded, parameter-problem } drop
		icmpv6 type { destination-unreachable, time-exceeded, parameter-problem } drop
	}
}
END
flow_to_quote
ip_layer
fragments
tcp
udp
icmp
others
unchecked
logged
chance
finish
