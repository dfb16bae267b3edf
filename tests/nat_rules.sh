#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml deb6.12
# long: deb6.1
# timeout: 1800
# shellcheck disable=SC2119,SC2317
#
# Rules that translate: all that iptables, ip6tables and nft can write, and what
# programs write (rulesets/), load, are listed and are refused as with nf_nat, which
# is asked first, in the same guest; then nf_nat and nf_conntrack cannot be loaded.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need nft iptables ip6tables
sets=$here/rulesets
no_nf=/etc/modprobe.d/no-nf_conntrack.conf
[[ ${CT_GUEST:-} ]] || skip_all "changes /etc, so only in a guest"
trap 'rm -f "$no_nf"; cleanup' EXIT

# plain: a listing without what differs from time to time
plain() { grep -v '^#' | sed -E 's/\[[0-9]+:[0-9]+\]/[0:0]/; s/#[^ ]* handle.*//'; }

# fresh: a host n, with nothing in it
fresh() {
	ip netns delete n 2> /dev/null
	ip netns add n
}

# load_tables FLAVOUR FILE: what is listed when it was loaded
load_tables() {
	local tool=${2##*.}-$1
	fresh
	on n "$tool-restore" < "$2"
	echo "status $?"
	on n "$tool-save" | plain
}

load_nft() {
	fresh
	on n nft -f "$1"
	echo "status $?"
	on n nft list ruleset
	on n nft --debug=netlink list ruleset | grep '^  \['
}

# chains_for_refusals: what "refused" and nat_forge.py put rules in
chains_for_refusals() {
	fresh
	"$python" "$here/nat_forge.py" chains | on n nft -f -
}

# refusals: each command, and what it says
refusals() {
	local kind command flavour
	chains_for_refusals
	while read -r kind command; do
		case $kind in
		"\$N") try "$command" ;;
		"\$L")
			for flavour in legacy nft; do
				try "${command/ /-$flavour }"
			done ;;
		esac
	done < "$sets/refused"
}

# try COMMAND: its words, and how it ends
try() {
	local words
	read -ra words <<< "$1"
	echo "$1"
	on n "${words[@]}" 2>&1 | grep -v '^try\|^Try'
	echo "status ${PIPESTATUS[0]}"
}

forged() {
	local kind
	chains_for_refusals
	for kind in xt nft; do
		on n "$python" "$here/nat_forge.py" "$kind"
	done
}

# record DIR: all of it, one file each
record() {
	local file flavour name
	mkdir "$1"
	for file in "$sets"/*; do
		name=${file##*/}
		case $name in
		*.nft) load_nft "$file" > "$1/$name" 2>&1 ;;
		*tables)
			for flavour in legacy nft; do
				load_tables "$flavour" "$file" \
					> "$1/$name, $flavour" 2>&1
			done ;;
		esac
	done
	refusals > "$1/refusals" 2>&1
	forged > "$1/forged" 2>&1
	ip netns delete n
}

# may_lack: this kernel was made without some of the matches.
may_lack() { grep -q 'User Mode Linux' /proc/cpuinfo; }

# ours_of_forged: of what nf_nat accepts, we refuse some. Where it has a name for all
# families, a revision that there is not has another error; so have, in older kernels,
# flags that there are not.
ours_of_forged() {
	sed -e 's/^\(+.*\): accepted$/\1: EINVAL/' \
		-e 's/^\(SNAT .*\): EPROTOTYPE$/\1: ENOENT/' \
		-e '/^\(one flag more\|flags of the other end\):/s/ENOTSUP/EINVAL/' "$1"
}

compare() {
	local file name
	ours_of_forged "$work/nf_nat/forged" > "$work/wanted"
	mv "$work/wanted" "$work/nf_nat/forged"
	for file in "$work/nf_nat"/*; do
		name=${file##*/}
		check "$name: as with nf_nat" diff -u "$file" "$work/ours/$name"
		case $name in refusals | forged) continue ;; esac
		if ! grep -qx 'status 0' "$file"; then
			if may_lack; then
				say "$name: not on this kernel"
			else
				fail "$name: loads" "$(cat "$file")"
			fi
		fi
	done
}

nf_nat_first() {
	record "$work/nf_nat"
	check "it was nf_nat" test -d /sys/module/nf_nat
	check "it goes" nf_conntrack_out
	printf 'install nf_%s /bin/false\n' conntrack nat > "$no_nf"
}

as_with_nf_nat() {
	load
	record "$work/ours"
	compare
	check_not "nf_conntrack was not loaded" test -d /sys/module/nf_conntrack
}

nf_nat_first
as_with_nf_nat
check "rmmod" unload
finish
