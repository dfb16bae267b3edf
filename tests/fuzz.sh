#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: umldebug
# long: kcsan
# timeout: 600
#
# Everything that comes from outside, forged: packets on all processors, of which rules
# say zones and marks early, and of which some wait in a queue, messages of ctnetlink,
# rules that translate, sysctls and module parameters, all at once, with lists and a
# table that changes its size beside them. Nothing may be reported by the kernel,
# numbers must agree afterwards, and nothing may be left.
#
# CT_FUZZ_SECONDS, CT_FUZZ_SEED: for how long (15 unless told), and beginning with
# what; "make fuzz" is the long run. fuzz/corpus lists the seeds that found something
# once; they are tried first.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need nft conntrack python3
need_module

seconds=${CT_FUZZ_SECONDS:-15}
seed=${CT_FUZZ_SEED:-1}
each=2000
# A list of a full table takes a second on this kernel.
pause=$((seconds < 15 ? 1 : seconds < 150 ? seconds / 15 : 10))

rules() {
	on r nft -f - <<-'NFT'
	table inet fuzz {
		chain pre {
			type filter hook prerouting priority -150
			ct state invalid counter
			ct state established,related counter
			ct direction reply ct mark set 5
			ct count over 100000 counter
			tcp dport 400-500 counter queue num 7 bypass comment "queued"
		}
		chain early {
			udp dport 900-910 notrack
			tcp dport 200-300 ct zone set 3
			udp dport 200-300 ct original zone set 4
			udp dport 250-350 ct mark set 6
			tcp dport 250-350 ct event set new,destroy
		}
		chain raw {
			type filter hook prerouting priority -300
			jump early
		}
		chain raw_out {
			type filter hook output priority -300
			jump early
		}
		chain out {
			type filter hook output priority -150
			ct state new ct mark set meta mark
			ct status assured counter
		}
		chain post {
			type filter hook postrouting priority 0
			udp dport 400-500 queue num 7 bypass
			ct state invalid tcp dport 100-200 drop
			ct state new udp dport 300-310 drop
		}
	}
	NFT
}

# queue_up: somebody who lets packets of a queue go in another order, some changed.
# Kernels without queues do without.
queue_up() {
	: > "$work/queue"
	bg @r "$python" "$here/judged.py" queue 7 "$seed" > "$work/queue" 2>&1
	queue=$bg_pid
	wait_for 60 grep -q . "$work/queue"
}

# packets SEED COUNT: in the router
packets() { on r sh -c "echo $1 $2 > /proc/ct_fuzz"; }

# packets_for SEED: others of them, until the time is over
packets_for() {
	local n=$1 until=$((SECONDS + seconds))
	while ((SECONDS < until)); do
		packets "$n" "$each" || return
		n=$((n + 2))
	done
}

# meet: all processors in the same few flows at once, with the same packets
meet() {
	local jobs=() job failed=0
	for ((job = 0; job < $(nproc); job++)); do
		packets "$seed" 3000 &
		jobs+=($!)
	done
	for job in "${jobs[@]}"; do wait "$job" || failed=$((failed + 1)); done
	is "processors meet in the same flows" 0 $failed
}

# corpus: what went wrong
corpus() {
	local kind seed count
	while read -r kind seed count; do
		case $kind in
		packets) packets "$seed" "$count" ;;
		netlink) on r "$python" "$here/fuzz.py" netlink "$seed" 60 \
			"$count" > "$work/said" ;;
		esac || { echo "failed: $kind $seed $count"; cat "$work/said"; }
	done < <(grep -v '^#' "$here/fuzz/corpus")
}

hosts r
load hashsize=4096 max=20000
modprobe ip_conntrack_netlink || fail "ip_conntrack_netlink"
if [[ $CT_GUEST == kcsan ]]; then talks=2; else talks=256; fi
modprobe ct_fuzz talks=$talks || skip_all "no ct_fuzz here"
rules || fail "the rules"
"$python" "$here/nat_forge.py" chains | on r nft -f - || fail "chains"
queue_up || fail "the queue" "$(cat "$work/queue")"
is "what found something once finds nothing now" "" "$(corpus)"
# Without noise, which takes the time that races are looked for in.
if [[ $CT_GUEST == kcsan ]]; then meet; fi

: > "$work/noise"
while_noise "nsenter --net=/run/netns/r nice cat /proc/net/ip_conntrack \
	/proc/net/ip6_conntrack /proc/net/stat/ip_conntrack*; sleep $pause"
while_noise "nsenter --net=/run/netns/r conntrack -L; sleep $pause
	nsenter --net=/run/netns/r conntrack -F"
jobs=()
# The same on two processors, where there are four.
for ((job = 0; job < ($(nproc) > 2 ? $(nproc) : 2); job++)); do
	packets_for $((seed + job % 2)) &
	jobs+=($!)
done
# Rules that translate, under the packets
on r nice "$python" "$here/nat_forge.py" fuzz "$seed" "$seconds" \
	> "$work/nat" 2>&1 &
jobs+=($!)
for kind in netlink sysctl params; do
	if [[ $kind == netlink ]]; then less=4; else less=12; fi
	on r nice -n $less "$python" "$here/fuzz.py" "$kind" "$seed" \
		"$seconds" > "$work/$kind" 2>&1 &
	jobs+=($!)
done
failed=0
for job in "${jobs[@]}"; do wait "$job" || failed=$((failed + 1)); done
noise_down
is "all of it was taken, or refused" 0 $failed
say "$(cat "$work"/{netlink,sysctl,params})" "rules that translate: $(cat "$work/nat")"
sent=$(cat /sys/module/ct_fuzz/parameters/sent)
at_least "packets" "$(pace $((seconds * 50)))" "$sent"
at_least "some waited in a queue" 1 "$(hits_of r queued)"
at_least "flows came of them" "$(pace $((seconds * 2)))" "$(column r new)"

wait_for 60 agree r
agrees "lines, count and column 1 agree" r
wait_is "every flow that came is there or was deleted" 0 balance r
check "a flow can be made by hand" on r "$python" "$here/netlink.py" fill 5
on r conntrack -F 2> /dev/null
echo "# summary: $sent packets," \
	"$(sed -n 's/^netlink: \([0-9]*\) .*/\1/p' "$work/netlink") messages," \
	"$(sed -n 's/^[sp][a-z]*: \([0-9]*\) .*/\1/p' "$work/sysctl" \
		"$work/params" | awk "{ n += \$1 } END { print n }") settings in $seconds s"
on r nft flush ruleset
bg_end "$queue"
ip netns delete r
check "rmmod" wait_for 30 unload
rmmod ct_fuzz
check_not "no slab is left" grep -q '^ip_conntrack' /proc/slabinfo
finish
