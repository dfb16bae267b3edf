#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml
# timeout: 900
#
# Two trackers, the same packets: well-formed and malformed ones of all protocols
# go through the hooks with nf_conntrack, then with ours, in the same guest, and
# rules note what each thinks of every one of them. Verdicts, states and the
# tables must be the same, but for what the file "differences" explains.
#
# CT_DIFFER_PACKETS: how many, 100,000 unless told.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=tests/compare.sh
. "$(dirname "$0")/compare.sh"

need nft conntrack python3
need_module

each=50000
packets=${CT_DIFFER_PACKETS:-100000}

# Invalid 1, new 2, established 3, related 4, untracked 5; reply 8; an answer was
# seen 16; assured 32.
marking() {
	local hook
	echo "table inet differ {"
	for hook in prerouting output; do
		cat <<-NFT
		chain $hook {
			type filter hook $hook priority -150
			ct state invalid meta mark set 1
			ct state new meta mark set 2
			ct state established meta mark set 3
			ct state related meta mark set 4
			ct state untracked meta mark set 5
			ct direction reply meta mark set meta mark or 8
			ct status seen-reply meta mark set meta mark or 16
			ct status assured meta mark set meta mark or 32
		}
		NFT
	done
	echo "}"
}

# patient: no time-out comes in between.
patient() {
	# shellcheck disable=SC2016 # for the inner shell
	on r bash -c 'for knob in /proc/sys/net/netfilter/nf_conntrack_*timeout* \
			/proc/sys/net/ipv4/netfilter/ip_conntrack_*timeout*; do
		[[ -e $knob ]] && echo 3600 > "$knob"
	done 2> /dev/null'
}

# talkative: each INVALID packet says why
talkative() {
	local knob
	echo 0 > /proc/sys/net/core/message_cost
	for knob in /proc/sys/net/netfilter/nf /proc/sys/net/ipv4/netfilter/ip; do
		on r sh -c "echo 255 > ${knob}_conntrack_log_invalid" 2> /dev/null
	done
}

# sent SEED: these packets, and what became of them
sent() {
	# shellcheck disable=SC2016 # for the inner shell
	on r bash -c 'exec 3<> /proc/ct_fuzz
		echo "$1 $2 trace" >&3 && cat <&3' - "$1" "$each"
}

side_up() {
	: "$1"
	hosts r
	marking | on r nft -f - || fail "$1: the rules"
}

side_down() { ip netns delete r; }

side() {
	local seed
	patient
	talkative
	for ((seed = 1; seed <= packets / each; seed++)); do
		if ((seed > 1)); then	# no fragment is left of the last one
			side_down
			side_up "$1"
			patient
			talkative
		fi
		sent "$seed" >> "$work/$1.packets" || fail "$1: seed $seed"
		flows | scrub | sed "s/^/$seed: /" >> "$work/$1.flows"
		on r conntrack -F 2> /dev/null
	done
}

modprobe ct_fuzz hear=1 || skip_all "no ct_fuzz here"
both_sides
if "$python" "$here/differ.py" "$work/nf.packets" "$work/ours.packets" \
		"$here/differences" > "$work/differ"; then
	pass "every difference is explained"
else
	fail "every difference is explained"
fi
say "$(< "$work/differ")"
# In a conversation only the first difference counts.
at_least "packets judged" "$((packets * 3 / 4))" \
	"$(sed -n 's/^judged alike: //p' "$work/differ")"
# What was refused reached the other end, and the conversation went on.
poisoned() { sed -n "s/^poisoned by.*$1: \\([0-9]*\\).*/\\1/p" "$work/differ"; }
at_least "ten times as many conversations are poisoned by nf_conntrack" \
	"$(($(poisoned ours) * 10))" "$(poisoned nf_conntrack)"
say "flows of nf_conntrack: $(wc -l < "$work/nf.flows")," \
	"of ours: $(wc -l < "$work/ours.flows")," \
	"only in one: $(diff "$work/nf.flows" "$work/ours.flows" | grep -c '^[<>]')"
finish
