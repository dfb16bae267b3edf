#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Sends packets made by hand, right or wrong in every field.

	wire.py NS:DEVICE:MAC...

reads commands, a line each, and answers each with "sent" or what was wrong:

	NS [repeat=N] LAYER [FIELD=VALUE]... / LAYER [FIELD=VALUE]... / ...

Layers: ip ip6 tcp udp icmp icmp6 sctp chunk gre ext frag data. What is not
said is made right: lengths, checksums, the number of the next protocol. All
layers have
	cut=N	only the first N bytes of it and of what is in it
	pad=N	N zero bytes behind it
and ip and ip6 have
	split=N	sent in fragments of N bytes
and ip6 has
	final=A	the address that checksums are over, instead of dst
	home=A	the same instead of src
With repeat=N, a VALUE that ends in ++ goes up by one with each packet.
"""

import ctypes
import ipaddress
import os
import socket
import struct
import sys

PROTOCOLS = {'icmp': 1, 'tcp': 6, 'udp': 17, 'gre': 47, 'icmp6': 58,
             'sctp': 132, 'ip': 4, 'ip6': 41, 'frag': 44, 'ext': 60}
TCP_FLAGS = 'FSRPAUEC'


def internet_sum(data):
    """RFC 1071"""
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def crc32c(data):
    """RFC 9260, Appendix A"""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return ~crc & 0xffffffff


class Fields(dict):
    """What was said of a layer"""

    def num(self, name, usual=0):
        return int(self[name], 0) if name in self else usual

    def hex(self, name):
        return bytes.fromhex(self.get(name, ''))


class Packet:
    """A packet from its layers, built from the innermost outwards"""

    def __init__(self, layers):
        self.layers = layers
        self.fragments = None
        self.data = self.build(0, None)

    def next_protocol(self, index):
        if index + 1 < len(self.layers):
            return PROTOCOLS.get(self.layers[index + 1][0], 59)
        return 59

    def build(self, index, pseudo):
        """Layer index and all inside it; pseudo: addresses around it"""
        if index == len(self.layers):
            return b''
        name, f = self.layers[index]
        over = pseudo
        if name in ('ip', 'ip6'):
            pseudo, over = ([ipaddress.ip_address(end).packed for end in ends]
                            for ends in ((f['src'], f['dst']),
                                         (f.get('home', f['src']),
                                          f.get('final', f['dst']))))
        inner = self.build(index + 1, over)
        data = getattr(self, name)(f, inner, pseudo, index)
        if 'cut' in f:
            data = data[:f.num('cut')]
        return data + bytes(f.num('pad'))

    def checksum(self, f, head, inner, pseudo, protocol, at):
        """Put the checksum of head + inner into head at offset at"""
        if 'ck' in f:
            value = f.num('ck')
        else:
            data = head + inner
            text = b''.join(pseudo) + struct.pack('!HH', protocol, len(data))
            value = internet_sum((text if protocol != 1 else b'') + data)
            if not value and protocol == 17:
                value = 0xffff
        return head[:at] + struct.pack('!H', value) + head[at + 2:] + inner

    def ip(self, f, inner, pseudo, index):
        options = f.hex('opts')

        def head(payload, offset):
            ihl = f.num('ihl', 5 + len(options) // 4)
            length = f.num('len', 20 + len(options) + len(payload))
            data = struct.pack(
                '!BBHHHBBH4s4s', f.num('ver', 4) << 4 | ihl, f.num('tos'),
                length, f.num('id', 1), offset, f.num('ttl', 64),
                f.num('proto', self.next_protocol(index)), 0, *pseudo)
            data += options
            value = f.num('ck', internet_sum(data))
            return data[:10] + struct.pack('!H', value) + data[12:] + payload

        flags = f.num('df') << 14 | f.num('mf') << 13
        if 'split' in f:
            self.split(f.num('split'), inner, lambda part, at, more:
                       head(part, more << 13 | at // 8))
        return head(inner, flags | f.num('off') // 8)

    def ip6(self, f, inner, pseudo, index):
        def head(payload, following):
            return struct.pack(
                '!IHBB16s16s', f.num('ver', 6) << 28 | f.num('flow'),
                f.num('len', len(payload)), f.num('nh', following),
                f.num('hop', 64), *pseudo) + payload

        following = self.next_protocol(index)
        if 'split' in f:
            self.split(f.num('split'), inner, lambda part, at, more:
                       head(struct.pack('!BBHI', following, 0, at | more,
                                        f.num('id', 1)) + part, 44))
        return head(inner, following)

    def split(self, size, inner, head):
        self.fragments = [head(inner[at:at + size], at,
                               int(at + size < len(inner)))
                          for at in range(0, len(inner), size)]

    def tcp(self, f, inner, pseudo, _):
        options = f.hex('opts')
        flags = sum(1 << TCP_FLAGS.index(c) for c in f.get('flags', 'S'))
        head = struct.pack('!HHIIBBHHH', f.num('sport'), f.num('dport'),
                           f.num('seq') & 0xffffffff,
                           f.num('ack') & 0xffffffff,
                           f.num('doff', 5 + len(options) // 4) << 4, flags,
                           f.num('win', 64000), 0, 0) + options
        return self.checksum(f, head, inner, pseudo, 6, 16)

    def udp(self, f, inner, pseudo, _):
        head = struct.pack('!HHHH', f.num('sport'), f.num('dport'),
                           f.num('len', 8 + len(inner)), 0)
        return self.checksum(f, head, inner, pseudo, 17, 6)

    def icmp(self, f, inner, pseudo, _, protocol=1):
        head = struct.pack('!BBH', f.num('type', 8), f.num('code'), 0)
        head += (f.hex('rest') if 'rest' in f else
                 struct.pack('!HH', f.num('id'), f.num('seq')))
        return self.checksum(f, head, inner, pseudo, protocol, 2)

    def icmp6(self, f, inner, pseudo, _):
        f.setdefault('type', '128')
        return self.icmp(f, inner, pseudo, _, 58)

    def sctp(self, f, inner, _pseudo, _):
        head = struct.pack('!HHI', f.num('sport'), f.num('dport'),
                           f.num('vtag'))
        value = f.num('ck', crc32c(head + bytes(4) + inner))
        return head + struct.pack('<I', value) + inner

    def chunk(self, f, inner, _pseudo, _):
        """What is inside follows the chunk"""
        body = f.hex('hex')
        data = struct.pack('!BBH', f.num('type'), f.num('flags'),
                           f.num('len', 4 + len(body))) + body
        return data + bytes(-len(data) % 4) + inner

    def gre(self, f, inner, _pseudo, _):
        return struct.pack('!HH', f.num('flags'),
                           f.num('proto', 0x0800)) + f.hex('hex') + inner

    def ext(self, f, inner, _pseudo, index):
        body = f.hex('hex') or bytes.fromhex('010400000000')
        return bytes([f.num('nh', self.next_protocol(index)),
                      f.num('hlen', (len(body) + 2) // 8 - 1)]) + body + inner

    def frag(self, f, inner, _pseudo, index):
        return struct.pack('!BBHI', f.num('nh', self.next_protocol(index)), 0,
                           f.num('off') | f.num('more'), f.num('id', 1)) + inner

    def data(self, f, inner, _pseudo, _):
        if 'random' in f:
            return os.urandom(f.num('random')) + inner
        return f.hex('hex') + b'x' * f.num('n') + inner


def enter(namespace):
    libc = ctypes.CDLL(None, use_errno=True)
    with open('/run/netns/' + namespace, encoding='ascii') as file:
        if libc.setns(file.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), 'setns ' + namespace)


def open_wires(places):
    wires = {}
    for place in places:
        namespace, device, mac = place.split(':', 2)
        enter(namespace)
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.bind((device, 0))
        wires[namespace] = (sock, bytes.fromhex(mac.replace(':', '')) +
                            sock.getsockname()[4])
    return wires


def advance(value, step):
    if not value.endswith('++'):
        return value
    value = value[:-2]
    if ':' in value or value.count('.') == 3:
        return str(ipaddress.ip_address(value) + step)
    return str(int(value, 0) + step)


def parse(text, step):
    layers = []
    for part in text.split(' / '):
        name, *fields = part.split()
        pairs = (field.split('=', 1) for field in fields)
        layers.append((name, Fields((k, advance(v, step)) for k, v in pairs)))
    return layers


def send(wires, line):
    namespace, text = line.split(None, 1)
    repeat = 1
    if text.startswith('repeat='):
        count, text = text.split(None, 1)
        repeat = int(count[7:])
    sock, head = wires[namespace]
    for step in range(repeat):
        packet = Packet(parse(text, step))
        for data in packet.fragments or [packet.data]:
            kind = b'\x86\xdd' if text.startswith('ip6') else b'\x08\x00'
            while True:
                try:
                    sock.send(head[:6] + head[6:12] + kind + data)
                    break
                except OSError as error:
                    if error.errno != 105:   # ENOBUFS: the wire is full
                        raise


def main():
    wires = open_wires(sys.argv[1:])
    for line in sys.stdin:
        try:
            send(wires, line)
            print('sent', flush=True)
        except Exception as error:  # whatever it is, the test wants to know
            print('%s: %s' % (type(error).__name__, error), flush=True)


if __name__ == '__main__':
    main()
