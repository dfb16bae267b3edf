#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guests: uml deb6.1
#
# The manual page against a module that runs: the same sysctls and parameters,
# and the defaults that it says.

# shellcheck disable=SC2119
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

documented=$here/../tools/documented

# documented KIND: of the page, "name default"; a dash where it is computed
documented() { $documented | sed -n "s/^$1 //p" | sort; }

# running FILE...: "name value" of what is there; two modules may have the same
running() {
	local file value
	for file in "$@"; do
		value=$(cat "$file")
		case $value in Y) value=1 ;; N) value=0 ;; esac
		echo "${file##*/} $value"
	done | sort -u
}

# same NAME KIND FILE...: names are the same; so are values that the page says.
same() {
	local told got
	told=$(documented "$2")
	got=$(running "${@:3}")
	is "$1: names" "$(cut -d' ' -f1 <<< "$told")" "$(cut -d' ' -f1 <<< "$got")"
	is "$1: defaults" "$(grep -v ' -$' <<< "$told")" \
		"$(join <(grep -v ' -$' <<< "$told") <(echo "$got") |
			cut -d' ' -f1,3)"
}

load
modprobe ip_conntrack_netlink
same "sysctls" sysctl $sys_dir/ip_conntrack_*
same "parameters" parameter /sys/module/ip_conntrack*/parameters/*
if command -v mandoc > /dev/null; then
	like "the page is one" "IP_CONNTRACK\(4\)" \
		"$(mandoc -T ascii "$here/../docs/ip_conntrack.4" | col -b)"
fi
finish
