#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Packets that a packet of another's is to be taken for.

	answers.py DEVICE LAYOUT dropped N	N TCP segments that a rule drops
	answers.py DEVICE LAYOUT train		one segment of many, to be taken apart
	answers.py DEVICE LAYOUT frames N	N UDP packets to this host itself
	answers.py DEVICE LAYOUT broadcast	one to all, to a port of nobody's

LAYOUT: source, permitted and forbidden address, the neighbour's MAC address, and the
number that the TCP segments begin with, separated by commas. The dropped segments have
the identification, length and numbers of those that the train is taken apart into: all
that a translation leaves as it is.
"""

import socket
import struct
import sys

MSS, PARTS, WINDOW = 32, 24, 64000
PACKET_VNET_HDR = 15
SOL_PACKET = 263
# What a driver is told of a segment that is to be taken apart
TRAIN = struct.pack('<BBHHHH', 1, 1, 54, MSS, 34, 16)


def total(data):
    """The sum that checksums are made of"""
    data += b'\0' * (len(data) % 2)
    value = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while value >> 16:
        value = (value & 0xffff) + (value >> 16)
    return value


def ipv4(source, target, protocol, identification, payload, tos=0, place=0):
    """@place: of a fragment, as the header says it"""
    head = struct.pack('!BBHHHBBH4s4s', 0x45, tos, 20 + len(payload),
                       identification, place, 64, protocol, 0, source, target)
    check = struct.pack('!H', 0xffff & ~total(head))
    return head[:10] + check + head[12:] + payload


def pseudo(source, target, protocol, length):
    return source + target + struct.pack('!HH', protocol, length)


def segment(source, target, ports, seq, ack, data, whole=True, flags=0x10):
    """@whole: with its checksum, and not only that of the pseudo header"""
    head = struct.pack('!HHIIBBHHH', *ports, seq, ack, 0x50, flags, WINDOW, 0, 0)
    value = pseudo(source, target, 6, len(head) + len(data))
    value = 0xffff & ~total(value + head + data) if whole else total(value)
    return head[:16] + struct.pack('!H', value) + head[18:] + data


def datagram(source, target, ports, data):
    head = struct.pack('!HHHH', *ports, 8 + len(data), 0)
    value = total(pseudo(source, target, 17, 8 + len(data)) + head + data)
    return head[:6] + struct.pack('!H', 0xffff & ~value or 0xffff) + data


def main():
    device, layout, what = sys.argv[1:4]
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    *hosts, mac, number = layout.split(',')
    me, friend, victim = map(socket.inet_aton, hosts)
    seq, ack = (int(n) for n in number.split(':'))
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    if what == 'train':
        sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    sock.bind((device, 0))
    own = sock.getsockname()[4]
    frame = bytes.fromhex(mac.replace(':', '')) + own + b'\x08\0'
    if what == 'dropped':
        packet = frame + ipv4(me, victim, 6, seq >> 5 & 0xffff, segment(
            me, victim, (40022, 22), seq, ack, b'x' * MSS))
    elif what == 'train':
        packet = TRAIN + frame + ipv4(
            me, friend, 6, seq >> 5 & 0xffff, segment(
                me, friend, (40080, 80), seq, ack, b'y' * MSS * PARTS, False))
    elif what == 'frames':
        packet = own + own + b'\x08\0' + ipv4(me, friend, 17, 0x4242, datagram(
            me, friend, (1000, 7), b'as it is'))
    elif what == 'broadcast':
        packet = b'\xff' * 6 + own + b'\x08\0' + ipv4(
            me, victim, 17, 0x4242, datagram(me, victim, (1000, 9999), b'forged!!'))
    else:
        sys.exit(__doc__)
    for _ in range(count):
        sock.send(packet)


if __name__ == '__main__':
    main()
