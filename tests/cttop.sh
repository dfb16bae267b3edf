#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml
# timeout: 240
#
# contrib/cttop: what it shows of a table, on a terminal, without one and as JSON;
# what it says where it cannot; and that it keeps up with a big table.
# CT_CTTOP_FLOWS is the size of that (100000).

# shellcheck disable=SC2119,SC2317
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need script
cttop=$here/../contrib/cttop
many=${CT_CTTOP_FLOWS:-100000}

# refuses NAME REGEX COMMAND...: one sentence, exit status 1
refuses() {
	local got status
	got=$("${@:3}" 2>&1 > /dev/null)
	status=$?
	is "$1: exit status" 1 "$status"
	like "$1: says why" "^cttop: $2\$" "$got"
}

# field EXPRESSION: of the JSON in $work/json, as python has it
field() {
	$python -c 'import json, sys
d = json.loads(open(sys.argv[1]).readline())
print(eval(sys.argv[2]))' "$work/json" "$1"
}

nothing_there() {
	refuses "without the module" "there is no connection table here; .*" \
		"$cttop" --once
	is "and loads none" "" "$(lsmod | grep conntrack)"
}

traffic() {
	wire c "repeat=5 ip src=10.11.0.1 dst=10.12.0.1 / udp sport=1000++ dport=53"
	wire c "repeat=3 ip src=10.11.0.2 dst=10.12.0.2 / tcp sport=1000++ dport=80 flags=S seq=1"
	wire c "repeat=2 ip6 src=fd11::3 dst=fd12::1 / udp sport=1000++ dport=443"
	wait_for 10 flow r dport=443
	on r conntrack -I -p sctp -s 1.1.1.1 -d 2.2.2.2 --sport 5 --dport 6 \
		--state ESTABLISHED -t 100 > /dev/null 2>&1
}

as_json() {
	on r "$cttop" --once --json -i 0.5 > "$work/json"
	is "JSON: the flows" "$(knob r count) $(lines r)" \
		"$(field 'd["entries"]') $(field 'd["flows"]')"
	is "JSON: the limit" "$(knob r max)" "$(field 'd["max"]')"
	is "JSON: the first source" "10.11.0.1 5" \
		"$(field 'd["sources"][0]["address"] + " %d" % d["sources"][0]["flows"]')"
	is "JSON: IPv6" "[2]" "$(field '[s["flows"] for s in d["sources"] if s["address"] == "fd11::3"]')"
	is "JSON: ports" "[('udp', 53, 5), ('tcp', 80, 3), ('udp', 443, 2)]" \
		"$(field '[(p["protocol"], p["port"], p["flows"]) for p in d["ports"]][:3]')"
	is "JSON: states" "[('tcp', 'SYN_SENT', 3)]" \
		"$(field '[(s["protocol"], s["state"], s["flows"]) for s in d["states"] if s["protocol"] == "tcp"]')"
	is "JSON: unanswered" "$(knob r count_unreplied)" "$(field 'd["unreplied"]')"
	check "JSON: one object a line, for as long as it is read" \
		on r bash -c "'$cttop' --json -i 0.1 | head -n 3 | wc -l | grep -qx 3"
}

as_text() {
	local got
	knob r max 1000
	got=$(on r "$cttop" --once -i 0.5)
	knob r max 0
	like "text: how full" "flows [1-9][0-9]* of 1000 .* [0-9.]+% full" "$got"
	like "text: sources" '10\.11\.0\.1 +5 ' "$got"
	like "text: ports" 'udp/53 +5 ' "$got"
	like "text: states" 'tcp SYN_SENT +3' "$got"
	is "text: no colours without a terminal" "" "$(grep $'\033' <<< "$got")"
	is "text: 80 columns" "" "$(awk 'length > 80' <<< "$got")"
}

screen_shows() { grep -qE "$1" "$work/screen"; }

# on_terminal NS COMMAND TYPIST: on one of 80 columns; TYPIST prints what is typed.
on_terminal() {
	: > "$work/screen"
	"$3" | on "$1" script -qefc \
		"stty cols 80 rows 24; TERM=xterm $2; echo status=\$?; stty -a" \
		"$work/screen" > /dev/null 2>&1
	cat "$work/screen"
}

quits() {
	wait_for 60 screen_shows SOURCES
	sleep 0.7	# the second screen
	printf q
}

terminal() {
	local got
	got=$(on_terminal r "$cttop -i 0.5" quits)
	like "a terminal: sources" '10\.11\.0\.1 +5 ' "$got"
	like "a terminal: bold titles" $'\033\\[1mSOURCES' "$got"
	like "q ends it" 'status=0' "$got"
	like "the terminal is as it was" '[^-]icanon.* [^-]?echo ' \
		"$(tr '\n' ' ' <<< "$got")"
	like "and the cursor is back" $'\033\\[\\?25h' "$got"
}

flood() {
	local start took
	$python "$here/netlink.py" fill "$many" > /dev/null
	start=$SECONDS
	"$cttop" --once --json -i 0.1 -n 3 > "$work/json"
	took=$((SECONDS - start))
	is "$many flows: all are counted" "$many" "$(field 'd["flows"]')"
	is "$many sources: no more is claimed than is known" True \
		"$(field 'd["at_least"] == (d["flows"] > 65536)')"
	say "$many flows took $took s"
	"$python" -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' \
		"$cttop" --once -i 0.1 > "$work/memory"
	if (($(cat "$work/memory") < 100000)); then
		pass "memory is bounded ($(cat "$work/memory") KiB)"
	else
		fail "memory is bounded" "$(cat "$work/memory") KiB"
	fi
}

# Each look loads the companion again that serves it: there must be time between two.
takes_away() {
	wait_for 60 screen_shows SOURCES
	wait_for 60 unload
	wait_for 60 screen_shows 'status=[0-9]'
}

vanishes() {
	local got
	conntrack -F > /dev/null 2>&1
	got=$(on_terminal - "$cttop -i 2" takes_away)
	like "the table goes: one sentence" 'cttop: (there is no|nobody serves|reading)' "$got"
	like "exit status 1" 'status=1' "$got"
	like "the terminal is as it was" '[^-]icanon.* [^-]?echo ' \
		"$(tr '\n' ' ' <<< "$got")"
}

nothing_there
load max=0
net_up
wire_up
traffic
as_json
as_text
terminal
refuses "a user" "only root .*" \
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \
	$python -c "$(cat "$cttop")" --once
flood
wire_down
net_down
vanishes
check_not "an interval that is none" "$cttop" -i x
finish
