#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Holds packets in a queue of netfilter, then lets them go.

	nfqueue.py NUMBER HOLD

says "ready" when it listens, waits until HOLD packets are in queue NUMBER,
accepts them, says "released", and accepts all that come later at once.
"""

import socket
import struct
import sys

NETLINK_NETFILTER = 12
PACKET, VERDICT, CONFIG = 0x300, 0x301, 0x302


def attribute(kind, data):
    return struct.pack('HH', 4 + len(data), kind) + data + bytes(-len(data) % 4)


def message(kind, number, attributes):
    body = struct.pack('!BBH', 0, 0, number) + attributes
    return struct.pack('IHHII', 16 + len(body), kind, 1, 0, 0) + body


def packets(data):
    """Number and content of each packet in what was received"""
    while len(data) >= 16:
        length, kind = struct.unpack('IH', data[:6])
        body, ident, payload = data[20:length], None, b''
        while kind == PACKET and len(body) >= 4:
            size, what = struct.unpack('HH', body[:4])
            if what == 1:
                ident = body[4:8]
            elif what == 10:
                payload = body[4:size]
            body = body[size + -size % 4:]
        if ident:
            yield ident, payload
        data = data[length + -length % 4:]


def verdict(what, ident, payload=b''):
    """What becomes of a packet, and with which content, if another"""
    answer = attribute(2, struct.pack('!I', what) + ident)
    return answer + attribute(10, payload) if payload else answer


def listen(number, size):
    """A socket of queue NUMBER, which gets so many bytes of each packet"""
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    sock.bind((0, 0))
    sock.send(message(CONFIG, number, attribute(1, struct.pack('!BBH', 1, 0, 0))))
    sock.send(message(CONFIG, number, attribute(2, struct.pack('!IB', size, 2))))
    print('ready', flush=True)
    return sock


def main():
    number, hold = int(sys.argv[1]), int(sys.argv[2])
    sock = listen(number, 64)
    held = []
    while True:
        held += [ident for ident, _ in packets(sock.recv(65536))]
        if len(held) < hold:
            continue
        for ident in held:
            sock.send(message(VERDICT, number, verdict(1, ident)))
        held = []
        if hold:
            print('released', flush=True)
        hold = 0


if __name__ == '__main__':
    main()
