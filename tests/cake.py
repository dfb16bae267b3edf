#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""How is a line shared between a host with one flow and one with eight?

	cake.py out WANTED	what namespace c sends to s, which is 10.2.0.2
	cake.py in WANTED	what s sends back, to 10.2.0.1, for both hosts

The hosts are 10.1.0.2 and 10.1.0.3 in c; their ports, which no translation may
change, say who they are. Of each flow more is sent than fits. Prints how the line
was shared by the packets of the last second or two: "by hosts", "by flows", or how
many packets of each came through; not before it is WANTED, or after 90 s.
"""

import select
import socket
import sys
import time

from wire import enter

FEW, MANY = 6000, range(7000, 7008)
SERVER, ROUTER = ('10.2.0.2', 53), '10.2.0.1'
WINDOW = 200


def udp(address, port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((address, port))
    return sock


class Line:
    """Both ends of it"""

    def __init__(self, is_out):
        self.is_out = is_out
        enter('c')
        self.clients = [udp('10.1.0.2', FEW)] + \
            [udp('10.1.0.3', port) for port in MANY]
        for sock in self.clients:
            sock.connect(SERVER)
        enter('s')
        self.server = udp(*SERVER)

    def send(self, client):
        try:
            if self.is_out:
                client.send(bytes(1000))
            else:
                self.server.sendto(bytes(1000),
                                   (ROUTER, client.getsockname()[1]))
        except OSError:     # the wire is full
            pass

    def received(self):
        """The client's port of each packet that came through"""
        ends = [self.server] if self.is_out else self.clients
        for sock in select.select(ends, [], [], 0.004)[0]:
            try:
                while True:
                    _, sender = sock.recvfrom(2000)
                    yield sender[1] if self.is_out else sock.getsockname()[1]
            except OSError:
                pass

    def window(self, end):
        """How many packets of each host, of the next ones that come through"""
        count = [0, 0]
        while sum(count) < WINDOW and time.monotonic() < end:
            for client in self.clients[:1] * 3 + self.clients:
                self.send(client)
            for port in self.received():
                count[port != FEW] += 1
        return count


def verdict(few, many):
    if few + many < WINDOW:
        return 'too few packets: %d and %d' % (few, many)
    if 0.8 <= few / many <= 1.25:
        return 'by hosts'
    return 'by flows' if many >= 4 * few else '%d and %d' % (few, many)


def main():
    way, wanted = sys.argv[1:]
    line = Line(way == 'out')
    end = time.monotonic() + 90
    got = ''
    while got != wanted and time.monotonic() < end:
        got = verdict(*line.window(end))
    print(got)


main()
