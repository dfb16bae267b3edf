#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Messages that tools would send to subsystems that are refused, for neighbours.sh.

  neighbours.py timeout		each message that nfct(8) sends about policies
  neighbours.py helper		and about helpers of user space
  neighbours.py offload		a rule that says "flow add @f" in table t, chain c

Prints what the kernel says of each; exits with 1 where it refuses them all.
"""
import errno
import struct
import sys

import netlink

NFT, TIMEOUT, HELPER = 10, 8, 9
NEWRULE, BEGIN, END = 6, 0x10, 0x11
INET = 1
TIMEOUT_KINDS, HELPER_KINDS = 5, 3


def text(kind, word):
    return netlink.attr(kind, word.encode() + b"\0")


def batch(kind):
    """The beginning or the end of a transaction of nf_tables"""
    msg = bytearray(netlink.message(kind, netlink.REQUEST, b"", family=0, subsys=0))
    msg[18:20] = struct.pack(">H", NFT)
    return bytes(msg)


def offload():
    """A transaction with one rule, of one expression, which names a flowtable"""
    expr = netlink.nest(1, text(1, "flow_offload"), netlink.nest(2, text(1, "f")))
    rule = text(1, "t") + text(2, "c") + netlink.nest(4, expr)
    return batch(BEGIN) + netlink.message(NEWRULE, netlink.REQUEST | netlink.ACK |
                                          netlink.CREATE, rule, family=INET,
                                          subsys=NFT) + batch(END)


def messages(what):
    if what == "offload":
        return [offload()]
    subsys, kinds = ((TIMEOUT, TIMEOUT_KINDS) if what == "timeout" else
                     (HELPER, HELPER_KINDS))
    return [netlink.message(kind, netlink.REQUEST | netlink.ACK, b"", subsys=subsys)
            for kind in range(kinds)]


def main():
    sock = netlink.connect()
    sock.settimeout(10)
    errors = []
    for msg in messages(sys.argv[1]):
        error, why = netlink.ask(sock, msg)[:2]
        print(errno.errorcode.get(error, error), why)
        errors.append(error)
    sys.exit(all(errors))


if __name__ == "__main__":
    main()
