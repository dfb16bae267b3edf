#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: deb6.1
# icount: yes
# timeout: 600
#
# Packets cost no more than they did: instructions per packet and bytes per flow,
# compared to bench/reference. More than 3 % of growth fails. The clock counts
# instructions, so that no other work of the machine shows.
#
# Where kernel and compiler are those of the reference, figures are compared as
# they are, net of two empty hooks. On others it is their ratio to nf_conntrack's
# in the same guest, with 6 % of growth, for the kernel's own part is another.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need nft awk
need_module

reference=$here/bench/reference
[[ -s $reference ]] || skip_all "no reference"
if ! "$here/../tools/bench" --inside in_instructions 5000 > "$work/figures"; then
	fail "figures" "$(tail -n 5 "$work/figures")"
	finish
fi
while read -r line; do
	fail "packets of the benchmark" "$line"
done < <(sed -n 's/^! //p' "$work/figures")

same=1
for word in kernel compiler; do
	known=$(sed -n "s/^# $word //p" "$reference")
	got=$(sed -n "s/^@$word //p" "$work/figures")
	if [[ $known != "$got" ]]; then
		same=''
		say "another $word than the reference's: $got, not $known"
	fi
done

# compare: "ok|grown NAME TEXT" for each figure.
compare() {
	awk -v same="$same" '
	function net(set, name, who) {
		return set[name, who] - (name ~ /_bytes/ ? 0 : set[name, "empty"])
	}
	function ratio(set, name) {
		return net(set, name, "ip_conntrack") / \
			net(set, name, "nf_conntrack")
	}
	function line(name, old, new, limit, form, unit) {
		printf "%s %s " form " " unit ", reference " form " (%+.1f %%)\n",
			(new > old * limit ? "grown" : "ok"), name, new, old,
			(new / old - 1) * 100
	}
	/^[#@!]/ { next }
	NR == FNR { old[$1, $2] = $3; next }
	{ new[$1, $2] = $3 }
	$2 == "nf_conntrack" && ($1, $2) in old { names[++n] = $1 }
	END {
		for (i = 1; i <= n; i++) {
			name = names[i]
			if (name ~ /_bytes/)
				line(name, net(old, name, "ip_conntrack"),
				     net(new, name, "ip_conntrack"), 1.03,
				     "%d", "bytes a flow")
			else if (same)
				line(name, net(old, name, "ip_conntrack"),
				     net(new, name, "ip_conntrack"), 1.03,
				     "%.1f", "instructions")
			else
				line(name, ratio(old, name), ratio(new, name),
				     1.06, "%.3f", "of nf_conntrack")
		}
	}' "$reference" "$work/figures"
}

compared=0
while read -r verdict name text; do
	compared=$((compared + 1))
	if [[ $verdict == ok ]]; then
		pass "$name: $text"
	else
		fail "$name: $text" "if it is meant to cost that much:" \
			"tools/bench reference, and commit the file with why"
	fi
done < <(compare)
at_least "figures were compared" 20 "$compared"
finish
