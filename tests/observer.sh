#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: umldebug deb6.1
# long: deb6.12
#
# Beside nf_conntrack: loaded after it, before it, and with either of them going
# while connections live. Both track, neither breaks, and the log says in one
# line how ip_conntrack runs.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need nft iptables conntrack socat

modinfo nf_conntrack > /dev/null 2>&1 || skip_all "no module nf_conntrack here"

# rules_of_nf: rules that make nf_conntrack track in the router
rules_of_nf() {
	on r nft -f - <<-'END'
	table inet nf {
		chain f {
			type filter hook forward priority 0
			ct state invalid counter drop
			ct state established,related counter accept
			ct state new counter accept
		}
	}
	END
}

# theirs PORT: nf_conntrack's line
theirs() {
	on r conntrack -L -p tcp 2> /dev/null | grep "sport=$1 "
}

# both_track NAME PORT: a connection is in both tables.
both_track() {
	local got
	got=$(echo hello | on c socat -t 10 - "TCP:10.2.0.2:7,sourceport=$2")
	is "$1: the connection works" hello "$got"
	wait_for 10 flow r "TIME_WAIT src=10.1.0.2 dst=10.2.0.2 sport=$2"
	like "$1: ip_conntrack has it" \
		"TIME_WAIT src=10.1.0.2 dst=10.2.0.2 sport=$2 dport=7 packets=[4-9] bytes=[0-9]+ src=10.2.0.2 dst=10.1.0.2 sport=7 dport=$2 packets=[3-9] bytes=[0-9]+ \[ASSURED\]" \
		"$(flow r "sport=$2 ")"
	like "$1: nf_conntrack has it" \
		"TIME_WAIT src=10.1.0.2 dst=10.2.0.2 sport=$2 dport=7 .*ASSURED" \
		"$(theirs "$2")"
}

# alive NAME WORD: the connection that stays open answers.
alive() {
	echo "$2" >&7
	wait_for 20 grep -q "$2" "$work/answers"
	is "$1: a connection opened before goes on" "$2" \
		"$(tail -n 1 "$work/answers")"
}

# stay_open PORT
stay_open() {
	mkfifo "$work/say$1"
	: > "$work/answers"
	exec 7<> "$work/say$1"
	# shellcheck disable=SC2217 # the command of bg does
	bg @c socat "TCP:10.2.0.2:7,sourceport=$1" - <&7 > "$work/answers"
	stays_open=$bg_pid
}

after_it() {
	modprobe nf_conntrack
	rules_of_nf
	log_mark
	load hashsize=4096
	is "the log has one line" 1 "$(log | grep -c 'ip_conntrack: version')"
	logs "which says observer" "ip_conntrack: version .* observer beside nf_conntrack"
	is "buckets as asked for" 4096 "$(knob r buckets)"
	both_track "loaded after nf_conntrack" 41001
	stay_open 41002
	alive "both loaded" one
	check "rmmod ip_conntrack" unload
	alive "ip_conntrack gone" two
	like "nf_conntrack has it still" ESTABLISHED "$(theirs 41002)"
	load
	alive "ip_conntrack back" three
	wait_for 10 flow r "sport=41002 "
	like "which picked it up in the middle" "ESTABLISHED .*sport=41002 " \
		"$(flow r sport=41002)"
}

it_goes() {
	check "nf_conntrack goes, with its rules" nf_conntrack_out
	alive "nf_conntrack gone" four
	like "ip_conntrack has it" "ESTABLISHED .*sport=41002 .*ASSURED" \
		"$(flow r sport=41002)"
	bg_end $stays_open
	check "rmmod ip_conntrack" unload
}

before_it() {
	log_mark
	load nat=0
	check_not "loaded first: no observer" log_has "observer"
	stay_open 41003
	alive "alone" one
	on r iptables -t nat -A POSTROUTING -o r1 -p udp -j MASQUERADE
	check "iptables -t nat loads nf_conntrack" test -d /sys/module/nf_conntrack
	alive "nf_conntrack came later" two
	on r iptables -t nat -F
	rules_of_nf
	both_track "loaded before nf_conntrack" 41004
	check "nf_conntrack goes again" nf_conntrack_out
	alive "nf_conntrack gone" three
	agrees "lines, count and column 1 agree" r
	bg_end $stays_open
	unload
}

dropin_off() {
	log_mark
	load dropin=0
	logs "dropin=0 says observer" "ip_conntrack: version .* observer"
	unload
}

net_up
echo_up
after_it
it_goes
before_it
dropin_off
finish
