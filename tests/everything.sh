#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: umldebug
# long: deb6.1 kcsan
# timeout: 600
#
# Everything at once: traffic, a full table, dumps, resizing, flushes, tools and
# listeners of ctnetlink, rules that come and go, sysctls, namespaces, and the
# modules themselves unloaded and loaded again under all that. For
# CT_STRESS_SECONDS, 20 unless told; "make stress" takes minutes. The kernel must
# have nothing to say, numbers must agree, and nothing may be left.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need socat ping conntrack nft

seconds=${CT_STRESS_SECONDS:-20}
net=--net=/run/netns/
reloads=0 refused=0 flows=0

# What has modules loaded by its asking waits while they are to go.
held="[[ -e $work/hold ]] && { sleep 0.1; continue; }"

# change_rules: rules that ask, limit, mark and exempt come and go.
change_rules() {
	while_noise "$held; nsenter ${net}r nft -f - <<-'END'
		table inet stress {
			chain f {
				type filter hook forward priority 0
				ct state invalid counter
				ct mark set 7
				ct count over 500 counter
			}
			chain p {
				type filter hook prerouting priority -300
				udp dport 99 notrack
			}
		}
		END
		sleep 0.2; nsenter ${net}r nft delete table inet stress"
	while_noise "$held; nsenter ${net}r iptables -A FORWARD -m conntrack \
			--ctstate ESTABLISHED,RELATED -m connmark ! --mark 3
		nsenter ${net}r iptables -A FORWARD -m connlimit \
			--connlimit-above 100
		sleep 0.2; nsenter ${net}r iptables -F FORWARD"
}

tools() {
	while_noise "$held; nsenter ${net}r conntrack -L; nsenter ${net}r conntrack -L \
		-f ipv6 -o xml; nsenter ${net}r conntrack -S"
	while_noise "$held; sleep 0.7; nsenter ${net}r conntrack -F"
	while_noise "$held; nsenter ${net}r timeout 1 conntrack -E -b 4096"
	while_noise "$held; nsenter ${net}r conntrack -U -p udp -m 5
		nsenter ${net}r conntrack -D -p icmp"
	while_noise "$held; nsenter ${net}r $python $here/netlink.py fill 200 \
		\$((RANDOM % 5000))"
}

sysctls() {
	while_noise "for knob in udp_timeout:1 udp_timeout:30 max:500 max:3000 \
		full_policy:1 full_policy:2 full_policy:0 max_per_source:40 \
		max_per_source:0 source_prefix4:24 tcp_loose:0 tcp_loose:1 \
		acct:0 acct:1 timestamp:1 events:0 events:1 checksum:0 \
		checksum:1 log_invalid:0 buckets:4096; do
		nsenter ${net}r sh -c 'echo '\${knob#*:}' > \
			$sys_dir/ip_conntrack_'\${knob%:*}
		sleep 0.05; done"
}

# Any number of buckets, again and again
resizes() {
	while_noise "echo \$((RANDOM + 256)) > $param_dir/hashsize &&
		echo >> $work/resizes
		sleep 0.1"
}

namespaces() {
	while_noise "$held; ip netns add x\$\$; ip -n x\$\$ link set lo up
		nsenter ${net}x\$\$ ping -q -c 3 -i 0.01 127.0.0.1
		nsenter ${net}x\$\$ conntrack -L
		ip netns delete x\$\$"
}

# reload SECONDS: once nobody needs the modules, which others make hard
reload() {
	touch "$work/hold"
	wait_for "$1" unload || say "still in use: $(lsmod | grep ip_conntrack)"
	if ! loaded; then
		reloads=$((reloads + 1))
		modprobe ip_conntrack hashsize=2048 max=3000 ||
			refused=$((refused + 1))
	fi
	modprobe ip_conntrack_netlink
	rm -f "$work/hold"
}

net_up
load hashsize=2048 max=3000
echo_up
param forget 50
noise_up packets packets readers
resizes
change_rules
tools
sysctls
namespaces
until=$((SECONDS + seconds))
while ((SECONDS < until)); do
	for _ in 1 2 3 4 5; do
		sleep 1
		flows=$((flows + $(column r new)))
	done
	reload $((seconds < 60 ? 20 : 60))
done
((reloads)) || reload 150	# a busy machine
noise_down

resized=$(wc -l < "$work/resizes")
echo "# summary: $seconds s, $flows flows at least, $resized resizes," \
	"$reloads reloads"
at_least "the table was resized" "$(pace $((seconds / 10)))" "$resized"
at_least "flows came and went all the time" "$(pace $((seconds * 2)))" "$flows"
at_least "modules were reloaded" 1 "$reloads"
is "and loading was never refused" 0 "$refused"
on r nft flush ruleset
on r iptables -F FORWARD
param forget 0
knob r max 0
knob r max_per_source 0
check "a ping goes through" on c ping -q -c 1 -W 10 10.2.0.2
# Where reading takes seconds, not while flows end: opened ones last two minutes.
wait_for 150 agree r
agrees "lines, count and column 1 agree" r
wait_is "every flow is there or was deleted" 0 balance r
check "rmmod" wait_for 30 unload
check_not "no slab is left" grep -q '^ip_conntrack' /proc/slabinfo
finish
