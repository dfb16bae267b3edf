#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: umldebug
# timeout: 900
#
# rmmod again and again while packets flow, files are read, sysctls are read and
# written and the table is resized; and with a file held open across it.

# shellcheck disable=SC2119,SC2317 # called by name, with or without arguments
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need socat ping

rounds=10
[[ ${CT_LONG:-} ]] && rounds=50

# slabs: that the module left behind
slabs() { grep '^ip_conntrack' /proc/slabinfo; }

# busy: there are flows in the router.
busy() { (($(knob r count) > 20)); }

under_load() {
	local round failed=0 idle=0 left=0
	noise_up packets readers resizing
	for ((round = 1; round <= rounds; round++)); do
		modprobe ip_conntrack hashsize=4096 || failed=$((failed + 1))
		wait_for 20 busy || idle=$((idle + 1))
		# A reader of the hashsize file holds the module for a moment.
		wait_for 60 unload || failed=$((failed + 1))
		[[ $(slabs) ]] && left=$((left + 1))
	done
	noise_down
	is "loaded and unloaded $rounds times under load" 0 "$failed"
	is "with flows each time" 0 "$idle"
	is "and no slab left behind" 0 "$left"
}

# Files that are open when the module goes
open_files() {
	local got
	load
	wire_up
	wire c "repeat=500 ip src=10.11.0.1++ dst=10.12.0.1 / udp sport=1 dport=53"
	wait_is "500 flows" 500 lines r sport=1
	exec 8< <(on r "$python" -u - "$work/go" <<-'END'
	import os, sys, time
	files = [open(name, 'rb', buffering=0) for name in (
	    '/proc/net/ip_conntrack', '/proc/net/ip6_conntrack',
	    '/proc/net/stat/ip_conntrack', '/proc/net/stat/ip_conntrack_reasons',
	    '/proc/sys/net/ipv4/netfilter/ip_conntrack_count')]
	print(len(files[0].read(100)), flush=True)
	while not os.path.exists(sys.argv[1]):
	    time.sleep(0.1)
	for file in files:
	    try:
	        file.read(100)
	    except OSError:
	        pass
	    file.close()
	print('closed', flush=True)
	END
	)
	read -r -t 100 got <&8
	is "files are open, one half read" 100 "$got"
	check "rmmod all the same" unload
	is "nothing is left" "" "$(slabs)"
	: > "$work/go"
	read -r -t 100 got <&8
	is "their reader is told, and closes them" closed "$got"
	exec 8<&-
}

# A resize that was killed is left to the reaper, which is busy then, and outlives
# the namespaces.
beside_the_reaper() {
	local round failed=0 killed=0
	for ((round = 0; round < 4; round++)); do
		modprobe ip_conntrack hashsize=4194304 || failed=$((failed + 1))
		timeout -s KILL 0.3 sh -c "echo 1024 > $sys_dir/ip_conntrack_buckets" ||
			killed=$((killed + 1))
		unload || failed=$((failed + 1))
	done 2> /dev/null
	echo "# $killed of $round resizes were under way"
	is "unloaded $round times while the reaper moves buckets" 0 "$failed"
}

net_up
beside_the_reaper
echo_up
under_load
open_files
load
check "a normal load and a ping afterwards" on r ping -q -c 1 -W 5 127.0.0.1
agrees "lines, count and column 1 agree" r
unload
is "nothing is left in the end" "" "$(slabs)"
finish
