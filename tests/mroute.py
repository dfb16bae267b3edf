#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Forwards a group's multicast, as a routing daemon makes the kernel do.

	mroute.py GROUP SOURCE FROM TO

FROM and TO are numbers of interfaces; SOURCE is who sends. It is a member of the
group itself, says "ready", and stays.
"""

import signal
import socket
import struct
import sys

MRT_INIT, MRT_ADD_VIF, MRT_ADD_MFC = 200, 202, 204
VIFF_USE_IFINDEX = 8
MAXVIFS = 32


def main():
    group, source = map(socket.inet_aton, sys.argv[1:3])
    devices = [int(n) for n in sys.argv[3:5]]
    router = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)
    router.setsockopt(socket.IPPROTO_IP, MRT_INIT, 1)
    for vif, device in enumerate(devices):
        router.setsockopt(socket.IPPROTO_IP, MRT_ADD_VIF, struct.pack(
            '=HBBIi4x', vif, VIFF_USE_IFINDEX, 1, 0, device))
    ttls = bytearray(MAXVIFS)
    ttls[1] = 1
    router.setsockopt(socket.IPPROTO_IP, MRT_ADD_MFC, struct.pack(
        '=4s4sH32s2xIIIi', source, group, 0, bytes(ttls), 0, 0, 0, 0))
    member = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack(
        '=4s4si', group, bytes(4), devices[0]))
    print('ready', flush=True)
    signal.pause()


main()
