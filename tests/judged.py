#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Packets that say themselves how they are to be judged, for judged.sh.

	judged.py begin HOSTS CLIENT SERVER	connections that are permitted
	judged.py send HOSTS END SEED COUNT	COUNT packets of all kinds
	judged.py answer HOSTS END SEED COUNT	the same of the permitted server
	judged.py last HOSTS END		the one that "hear" waits for
	judged.py queue NUMBER SEED		holds packets of a queue, lets them go
						in another order, some changed, some
						twice through the hook, some not at all
	judged.py hear NS DEVICE		what arrives there, until the last one

HOSTS: addresses of the client, of the permitted and of the forbidden server. An END is
NS:DEVICE:MAC, and more MACs, separated by commas, for those who are sent to by chance.
Ports say what a packet is (judged.sh has the rules), its data says it once more.
"hear" prints whatever should not have arrived.
"""

import random
import select
import socket
import struct
import sys

from answers import MSS, PARTS, PACKET_VNET_HDR, SOL_PACKET, TRAIN
from answers import datagram, ipv4, segment, total
from nfqueue import VERDICT, listen, message, packets, verdict
from wire import enter

SEQ, ACK, FLOWS = 0x100000, 5001, 8
TCP, UDP, ICMP = 6, 17, 1
DROP, ACCEPT, REPEAT = 0, 1, 4
SYN, RST, PUSH, PLAIN = 2, 4, 8, 16
LAST = 15


def data_of(protocol, ports, size):
    """The data of a packet: eight bytes that say whose it is, again and again"""
    unit = struct.pack('!3sBHH', b'ct=', protocol, *ports)
    return unit * (size // len(unit))


class End:
    """Who sends there"""

    def __init__(self, text):
        namespace, self.device, macs = text.split(':', 2)
        enter(namespace)
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self.sock.bind((self.device, 0))
        own = self.sock.getsockname()[4]
        self.heads = [(bytes.fromhex(mac.replace(':', '')) if mac != 'own' else
                       own) + own + b'\x08\0' for mac in macs.split(',')]

    def send(self, packet, chance=None):
        """@packet: of which kind it is, for a driver, and the IP packet"""
        head = chance.choice(self.heads) if chance else self.heads[0]
        try:
            self.sock.send(packet[0] + head + packet[1])
        except OSError:     # the wire is full
            pass


class Hosts:
    """Makes packets between them; each is a list, of its fragments"""

    def __init__(self, text):
        self.client, self.friend, self.victim = map(
            socket.inet_aton, text.split(','))

    @staticmethod
    def whole(packet):
        return [(bytes(10), packet)]

    def tcp(self, to, ports, seq, flags=PLAIN, size=MSS):
        data = data_of(TCP, ports, size)
        return self.whole(ipv4(self.client, to, TCP, seq >> 5 & 0xffff, segment(
            self.client, to, ports, seq, ACK, data, flags=flags)))

    def train(self, to, ports, seq):
        """Of the same numbers, and taken apart on its way"""
        data = data_of(TCP, ports, MSS * PARTS)
        return [(TRAIN, ipv4(self.client, to, TCP, seq >> 5 & 0xffff, segment(
            self.client, to, ports, seq, ACK, data, False)))]

    def udp(self, to, ports, tos=0, size=MSS):
        return self.whole(ipv4(self.client, to, UDP, 7, datagram(
            self.client, to, ports, data_of(UDP, ports, size)), tos))

    def fragments(self, to, ports, ident):
        """@ident: of a flow's own, or parts of two are put together"""
        data = datagram(self.client, to, ports, data_of(UDP, ports, 1016))
        return [(bytes(10), ipv4(self.client, to, UDP, ident,
                                 data[at:at + 512], 0, more << 13 | at >> 3))
                for at, more in ((0, 1), (512, 0))]

    def back(self, protocol, body):
        return self.whole(ipv4(self.friend, self.client, protocol, 9, body))

    def error(self, to, ports, code):
        """About a segment of the client"""
        quote = ipv4(self.client, to, TCP, 1, segment(
            self.client, to, ports, SEQ, ACK, b''))
        body = struct.pack('!BBHI', 3, code, 0, 0) + quote
        value = struct.pack('!H', 0xffff & ~total(body))
        return self.back(ICMP, body[:2] + value + body[4:])

    def from_client(self, rnd):
        """One packet of each kind, all by chance"""
        flow, seq = rnd.randrange(FLOWS), SEQ + MSS * rnd.randrange(1800)
        port = 1000 + rnd.randrange(4000)
        known, closed = (40080 + flow, 80), (40022 + flow, 22)
        return [
            self.tcp(self.friend, known, seq),
            self.tcp(self.friend, known, seq, PLAIN | PUSH),
            self.train(self.friend, known, seq),
            self.tcp(self.victim, closed, seq),
            self.tcp(self.victim, closed, seq, SYN),
            self.train(self.victim, closed, seq),
            self.tcp(self.friend, closed, seq),
            self.tcp(self.friend, (port, 11), seq, RST, 0),
            self.udp(self.victim, (port, 9)),
            self.udp(self.friend, (41000 + flow, 10)),
            self.fragments(self.friend, (41000 + flow, 10), port << 3 | flow),
            self.fragments(self.victim, (41000 + flow, 9), port << 3 | flow),
            self.udp(self.friend, (port, 12)),
            self.udp(self.friend, (port, 13), (port & 3) << 2),
            self.udp(self.friend, (port, 14), (port & 3) << 2),
        ]

    def from_server(self, rnd):
        flow = rnd.randrange(FLOWS)
        known, closed = (40080 + flow, 80), (40022 + flow, 22)
        return [
            self.back(TCP, segment(self.friend, self.client, known[::-1], ACK,
                                   SEQ, data_of(TCP, known[::-1], MSS))),
            self.back(UDP, datagram(self.friend, self.client, (10, 41000 + flow),
                                    data_of(UDP, (10, 41000 + flow), MSS))),
            self.error(self.friend, known, 1),
            self.error(self.victim, closed, 13),
        ]


def begin(hosts, client, server):
    client, server = End(client), End(server)
    me, friend = hosts.client, hosts.friend
    for flow in range(FLOWS):
        ports = (40080 + flow, 80)
        answer = segment(friend, me, ports[::-1], ACK - 1, SEQ, b'', flags=18)
        for end, packet in (
                (client, hosts.tcp(friend, ports, SEQ - 1, SYN, 0)),
                (server, hosts.back(TCP, answer)),
                (client, hosts.tcp(friend, ports, SEQ, PLAIN, 0)),
                (client, hosts.udp(friend, (41000 + flow, 10))),
                (server, hosts.back(UDP, datagram(
                    friend, me, (10, 41000 + flow),
                    data_of(UDP, (10, 41000 + flow), MSS))))):
            end.send(packet[0])


def send(make, end, seed, count):
    rnd = random.Random(seed)
    ready = [packet for _ in range(100) for packet in make(rnd)]
    end = End(end)
    while count > 0:
        for part in rnd.choice(ready):
            end.send(part, rnd)
            count -= 1


def changed(packet):
    """Another time to live, and the header's checksum; if it is a plain one"""
    if packet[:1] != b'\x45' or len(packet) < 20:
        return b''
    head = packet[:8] + b'\x3f' + packet[9:10] + b'\0\0' + packet[12:20]
    return head[:10] + struct.pack('!H', 0xffff & ~total(head)) + head[12:] + \
        packet[20:]


def queue(number, seed):
    rnd, held = random.Random(seed), []
    sock = listen(number, 65535)
    while True:
        if select.select([sock], [], [], 0.05 if held else None)[0]:
            try:
                held += packets(sock.recv(1 << 17))
            except OSError:     # too many wait: what came behind them is lost
                pass
            if len(held) < rnd.randrange(16):
                continue
        rnd.shuffle(held)
        for ident, packet in held:
            what = rnd.choices((ACCEPT, REPEAT, DROP), (8, 1, 1))[0]
            other = changed(packet) if rnd.random() < 0.2 else b''
            sock.send(message(VERDICT, number, verdict(what, ident, other)))
        held = []


def complaint(packet):
    """What is wrong about an IP packet that arrived; None: nothing is"""
    body = packet[20:]
    if struct.unpack('!H', packet[6:8])[0] & 0x1fff:
        return None     # not where its ports are
    if packet[9] == ICMP:
        return 'an error about a forbidden packet' if body[1] == 13 else None
    ports = struct.unpack('!HH', body[:4])
    data = body[20:] if packet[9] == TCP else body[8:]
    if packet[9] == TCP and ports[1] != 80 and ports[0] != 80:
        return 'forbidden: TCP %d %d' % ports
    if packet[9] == UDP and (ports[1] == 9 or ports[1] == 13 and ports[0] & 4):
        return 'forbidden: UDP %d %d' % ports
    data = data[:len(data) // 8 * 8]
    if packet[9] in (TCP, UDP) and data != data_of(packet[9], ports, len(data)):
        return 'ports %d %d, but its data: %s' % (*ports, data[:16].hex())
    return None


def hear(namespace, device):
    enter(namespace)
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0x0008)
    sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)     # SO_RCVBUFFORCE
    sock.bind((device, 0x0800))
    print('ready', flush=True)
    count = 0
    while True:
        packet, where = sock.recvfrom(65535)
        if where[2] == 4:   # sent, not heard
            continue
        if packet[9] == UDP and packet[22:24] == struct.pack('!H', LAST):
            break
        count += 1
        wrong = complaint(packet)
        if wrong:
            print(wrong, flush=True)
    print('heard', count, flush=True)


def main():
    what, *args = sys.argv[1:]
    if what == 'begin':
        begin(Hosts(args[0]), *args[1:])
    elif what in ('send', 'answer'):
        hosts = Hosts(args[0])
        send(hosts.from_client if what == 'send' else hosts.from_server,
             args[1], int(args[2]), int(args[3]))
    elif what == 'last':
        hosts = Hosts(args[0])
        End(args[1]).send(hosts.udp(hosts.friend, (LAST, LAST))[0])
    elif what == 'queue':
        queue(int(args[0]), int(args[1]))
    elif what == 'hear':
        hear(*args)
    else:
        sys.exit(__doc__)


main()
