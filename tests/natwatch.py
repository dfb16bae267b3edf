#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Writes down the packets that come to a device, for nat.sh.

	natwatch.py NS:DEVICE FILE

One line each: addresses, protocol, hops left, which checksums are right, and all
that is behind the IP header, in hexadecimal. Of a packet that an ICMP error quotes
the checksums that can be checked are too. What neighbours say to each other is left
out. A datagram to port 65001 is "mark".
"""

import ipaddress
import socket
import struct
import sys

from wire import crc32c, enter, internet_sum

OUTGOING = 4
MARK = 65001
NEIGHBOURS = set(range(130, 138)) | {143}
# Where the checksum is that has the addresses in it
SUMS = {6: 16, 17: 6, 136: 6, 58: 2}


def right(value):
    return 'ok' if value else 'BAD'


def with_pseudo(src, dst, protocol, data):
    return internet_sum(src + dst + struct.pack('!HH', protocol, len(data)) +
                        data) == 0


def transport_sum(src, dst, protocol, data):
    """In a word; none where there is none, or it cannot be told"""
    if protocol == 1:
        return right(internet_sum(data) == 0)
    if protocol == 132:
        want, = struct.unpack('<I', data[8:12])
        return right(crc32c(data[:8] + bytes(4) + data[12:]) == want)
    if protocol not in SUMS:
        return 'none'
    at = SUMS[protocol]
    if protocol == 17 and data[at:at + 2] == b'\0\0':
        return 'none'
    return right(with_pseudo(src, dst, protocol, data))


def header(data):
    """Source, destination, protocol, hops, header's sum, length of it, of all"""
    if data[0] >> 4 == 4:
        size = (data[0] & 15) * 4
        return (data[12:16], data[16:20], data[9], data[8],
                right(internet_sum(data[:size]) == 0), size,
                struct.unpack('!H', data[2:4])[0])
    return (data[8:24], data[24:40], data[6], data[7], 'none', 40,
            40 + struct.unpack('!H', data[4:6])[0])


def quote(protocol, data):
    """What there is to say of the packet that an error quotes"""
    if protocol == 1 and data[0] in (3, 4, 5, 11, 12):
        inner = data[8:]
    elif protocol == 58 and data[0] < 128:
        inner = data[8:]
    else:
        return ''
    src, dst, proto, _, ip_sum, size, total = header(inner)
    text = ' quotes %s>%s p%d ip=%s' % (ipaddress.ip_address(src),
                                        ipaddress.ip_address(dst), proto,
                                        ip_sum)
    if len(inner) >= total:
        text += ' sum=' + transport_sum(src, dst, proto, inner[size:total])
    return text


def piece(data, body):
    """Of a fragment, all but its number; None if it is none"""
    if data[0] >> 4 == 4 and struct.unpack('!H', data[6:8])[0] & 0x3fff:
        return 'piece %s %s' % (data[6:8].hex(), body.hex())
    if data[0] >> 4 == 6 and data[6] == 44:
        return 'piece %s %s' % (body[:4].hex(), body[8:].hex())
    return None


def line(data):
    src, dst, protocol, hops, ip_sum, size, total = header(data)
    body = data[size:total]
    part = piece(data, body)
    if part:
        return '%s>%s p%d hops=%d ip=%s %s' % (
            ipaddress.ip_address(src), ipaddress.ip_address(dst), protocol,
            hops, ip_sum, part)
    if protocol == 58 and body[0] in NEIGHBOURS or dst[0] == 0xff:
        return None
    if protocol == 17 and struct.unpack('!H', body[2:4])[0] == MARK:
        return 'mark'
    return '%s>%s p%d hops=%d ip=%s sum=%s%s %s' % (
        ipaddress.ip_address(src), ipaddress.ip_address(dst), protocol, hops,
        ip_sum, transport_sum(src, dst, protocol, body),
        quote(protocol, body), body.hex())


def main():
    namespace, device = sys.argv[1].split(':')
    enter(namespace)
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    sock.bind((device, 3))      # ETH_P_ALL
    with open(sys.argv[2], 'w', encoding='ascii') as out:
        print('ready', file=out, flush=True)
        while True:
            data, where = sock.recvfrom(65536)
            if where[2] == OUTGOING or where[1] not in (0x0800, 0x86dd):
                continue
            text = line(data)
            if text:
                print(text, file=out, flush=True)


if __name__ == '__main__':
    main()
