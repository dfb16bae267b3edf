#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Messages and settings that nobody would send, for fuzz.sh.

	fuzz.py netlink SEED SECONDS [COUNT]	ctnetlink: messages that are right
						but for something, many at once
	fuzz.py sysctl SEED SECONDS [COUNT]	sysctls: numbers near every bound,
						and what is no number
	fuzz.py params SEED SECONDS [COUNT]	the same for module parameters

until the time is over or so many were sent, whichever is first. Prints
"NAME: N sent, ..."; exits with 1, and a line for each, where something was not
answered, or a refused value was half taken.
"""

import collections
import errno
import glob
import os
import random
import re
import select
import socket
import struct
import sys
import time

from netlink import ACK, CREATE, CT, DUMP, EXCL, EXP, NESTED, REPLACE, REQUEST
from netlink import ask, connect, message, messages

complaints = []


def complain(text):
    print(text)
    complaints.append(text)


class Limit:
    """Time, or a number, whichever is first"""

    def __init__(self, seconds, count):
        self.end = time.monotonic() + seconds
        self.count = count
        self.done = 0

    def left(self):
        return time.monotonic() < self.end and \
            not (self.count and self.done >= self.count)


# --- ctnetlink ---------------------------------------------------------------
#
# The grammar: for each type of attribute its size in bytes, or what is in it.

IP = {1: 4, 2: 4, 3: 16, 4: 16}
PROTO = {1: 1, 2: 2, 3: 2, 4: 2, 5: 1, 6: 1, 7: 2, 8: 1, 9: 1}
TUPLE = {1: IP, 2: PROTO, 3: 2}
PROTOINFO = {1: {1: 1, 2: 1, 3: 1, 4: 2, 5: 2}, 2: {1: 1, 2: 1, 3: 8},
             3: {1: 1, 2: 4, 3: 4}}
COUNTERS = {1: 8, 2: 8, 3: 4, 4: 4}
ADJUST = {1: 4, 2: 4, 3: 4}
NAT = {1: 4, 2: 4, 3: {1: 2, 2: 2}, 4: 16, 5: 16}
FLOW = {1: TUPLE, 2: TUPLE, 3: 4, 4: PROTOINFO, 5: {1: 5}, 6: NAT, 7: 4, 8: 4,
        9: COUNTERS, 10: COUNTERS, 11: 4, 12: 4, 13: NAT, 14: TUPLE,
        15: ADJUST, 16: ADJUST, 17: 4, 18: 2, 19: {1: 6}, 20: {1: 8, 2: 8},
        21: 4, 22: 16, 23: 16, 24: {1: 4, 2: 4, 3: 4}, 25: {1: 4, 2: 4}, 26: 4}
EXPECTATION = {1: TUPLE, 2: TUPLE, 3: TUPLE, 4: 4, 5: 4, 6: 5, 7: 2, 8: 4,
               9: 4, 10: NAT, 11: 5}
PROTOCOLS = (1, 6, 6, 17, 17, 33, 47, 58, 99, 132, 136)


class Grammar:
    """Makes messages"""

    def __init__(self, rnd):
        self.rnd = rnd

    def one_in(self, n):
        return self.rnd.random() * n < 1

    def value(self, size):
        """Mostly small numbers: those meet flows that exist"""
        kind = self.rnd.random()
        if kind < 0.7:
            return self.rnd.randrange(16).to_bytes(size, 'big')
        if kind < 0.8:
            return b'\xff' * size
        return self.rnd.randbytes(size)

    def attribute(self, kind, data, nested):
        size = 4 + len(data)
        if self.one_in(200):
            size = self.rnd.choice((0, 1, 3, 4, size - 1, size + 1, 0xffff))
        if self.one_in(200):
            kind = self.rnd.randrange(64)
        if nested != self.one_in(100):
            kind |= NESTED
        return struct.pack('=HH', size & 0xffff, kind) + data + \
            bytes(-len(data) % 4)

    def content(self, spec, kinds=None):
        parts = []
        kinds = list(kinds or spec)
        if self.one_in(30):
            kinds += self.rnd.choices(list(spec), k=2)
        if self.one_in(30):
            self.rnd.shuffle(kinds)
        for kind in kinds:
            inner = spec[kind]
            if isinstance(inner, dict):
                data = self.content(inner, self.some(inner))
            else:
                data = self.value(inner)
                if self.one_in(150):
                    data = self.rnd.randbytes(self.rnd.randrange(40))
            parts.append(self.attribute(kind, data, isinstance(inner, dict)))
        return b''.join(parts)

    def some(self, spec):
        if spec is IP:
            return (1, 2) if self.one_in(1.5) else (3, 4)
        if spec is TUPLE:
            return (1, 2) if not self.one_in(20) else (1, 2, 3)
        return [kind for kind in spec if not self.one_in(3)]

    def tuple(self, family, protonum, reply):
        ends = [bytes([10, 0, end, self.rnd.randrange(4)]).rjust(
            4 if family == 2 else 16, b'\x20') for end in (0, 1)]
        ports = [struct.pack('>H', self.rnd.randrange(1, 20))] * 2
        if reply:
            ends.reverse()
        first = 1 if family == 2 else 3
        proto = [self.attribute(1, bytes([protonum]), False)]
        if protonum in (1, 58):
            echo = (8, 0) if protonum == 1 else (128, 129)
            base = 4 if protonum == 1 else 7
            proto += [self.attribute(base, ports[0], False),
                      self.attribute(base + 1, bytes([echo[reply]]), False),
                      self.attribute(base + 2, b'\0', False)]
        else:
            proto += [self.attribute(2, ports[0], False),
                      self.attribute(3, ports[1], False)]
        ip = self.attribute(first, ends[0], False) + \
            self.attribute(first + 1, ends[1], False)
        return self.attribute(1, ip, True) + \
            self.attribute(2, b''.join(proto), True)

    def flow(self, family):
        """A flow as it should be, with some more about it"""
        protonum = self.rnd.choice(PROTOCOLS)
        state = self.rnd.getstate()
        body = self.attribute(1, self.tuple(family, protonum, 0), True)
        self.rnd.setstate(state)
        body += self.attribute(2, self.tuple(family, protonum, 1), True)
        body += self.attribute(7, struct.pack('>I', self.rnd.randrange(300)),
                               False)
        more = [kind for kind in FLOW if kind > 2 and self.one_in(12)]
        return body + (self.content(FLOW, more) if more else b'')

    def message(self, seq):
        family = self.rnd.choice((2, 2, 10, 10, 10, 0)) \
            if not self.one_in(50) else self.rnd.randrange(256)
        subsys = CT if not self.one_in(8) else EXP
        if self.one_in(5000):	# the kernel looks for a module each time
            subsys = self.rnd.randrange(16)
        kind = self.rnd.choice((0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7)) \
            if not self.one_in(100) else self.rnd.randrange(256)
        flags = REQUEST | self.rnd.choice((0, ACK)) | \
            self.rnd.choice((0, CREATE, CREATE, CREATE | EXCL, REPLACE, EXCL))
        if self.one_in(40):
            flags |= DUMP
        if self.one_in(100):
            flags = self.rnd.randrange(65536) | REQUEST
        if subsys == EXP:
            body = self.content(EXPECTATION, self.some(EXPECTATION))
        elif self.one_in(3):
            body = self.content(FLOW, [kind for kind in FLOW
                                       if self.one_in(4)] or [1])
        else:
            body = self.flow(10 if family == 10 else 2)
        data = bytearray(message(kind, flags, body, family, subsys,
                                 0 if not self.one_in(100) else 7, seq))
        return self.spoil(data)

    def spoil(self, data):
        if self.one_in(30):
            for _ in range(self.rnd.randrange(1, 4)):
                data[self.rnd.randrange(4, len(data))] = self.rnd.randrange(256)
        if self.one_in(60):
            del data[self.rnd.randrange(20, len(data) + 1):]
            if self.one_in(2):
                struct.pack_into('=I', data, 0, len(data))
        return bytes(data) + bytes(-len(data) % 4)


def drain(sock, errors):
    """What was answered, until there is no more"""
    while select.select([sock], [], [], 0)[0]:
        try:
            data = sock.recv(1 << 17)
        except OSError as error:
            errors[errno.errorcode.get(error.errno, error.errno)] += 1
            continue
        for kind, _, body in messages(data):
            if kind == 2:
                code = -struct.unpack_from('=i', body)[0]
                errors[errno.errorcode.get(code, code)] += 1


def answered(sock, seq):
    """Does a plain question get its answer, whatever came before?"""
    sock.settimeout(20)
    sock.send(message(5, REQUEST | ACK, b'', 0, CT, 0, seq))
    try:
        while True:
            for kind, _, _ in messages(sock.recv(1 << 17)):
                if kind == 2:
                    return True
    except OSError:
        return False
    finally:
        sock.settimeout(None)


def listener():
    sock = connect(1 << 16)
    for group in range(1, 7):
        sock.setsockopt(270, 1, group)
    return sock


def fuzz_netlink(rnd, limit):
    grammar = Grammar(rnd)
    errors = collections.Counter()
    heard = collections.Counter()
    sock, ears = connect(), listener()
    rounds = 0
    while limit.left():
        batch = [grammar.message(limit.done + i + 1)
                 for i in range(rnd.choice((1, 5, 50, 150)))]
        limit.done += len(batch)
        sock.send(b''.join(batch))
        drain(sock, errors)
        rounds += 1
        if not rounds % 8:
            drain(ears, heard)
        if not rounds % 500:
            drain(sock, errors)
            if not answered(sock, 0x7fffffff):
                complain('a question was not answered')
            if rnd.random() < 0.3:	# in the middle of whatever it does
                sock.close()
                sock = connect()
    sock.close()
    code, text, _ = ask(connect(), message(5, REQUEST | ACK, b'', 0))
    if code:
        complain('statistics: error %d %s' % (code, text))
    taken = errors.pop('0', 0) + errors.pop(0, 0)
    return 'acknowledged %d, %s' % (taken, ', '.join(
        '%s %d' % pair for pair in errors.most_common(8)))


# --- settings ----------------------------------------------------------------

BOUNDS = [0, 1, 2, 3, 255, 256, 65535, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1,
          2 ** 32, 2 ** 63, 2 ** 64 - 1, 2 ** 64, 10 ** 30, 86400, 432000]
WORDS = ['', ' ', '\n', '\t1', '1 2', '1\n2', '0x10', '1e3', '+1', '--1', '1x',
         'x', 'auto', 'on', 'Y', 'evict', 'drop-new', 'untracked', '\0', '1\0x',
         '%n%s', '1' * 5000, ' ' * 5000 + '1', '0' * 400 + '1']


def setting(rnd):
    kind = rnd.random()
    if kind < 0.35:
        return str(rnd.choice(BOUNDS) + rnd.choice((-1, 0, 0, 1))).encode()
    if kind < 0.6:
        return str(rnd.randrange(5000)).encode()
    if kind < 0.9:
        return rnd.choice(WORDS).encode()
    return rnd.randbytes(rnd.randrange(40))


def read(path):
    with open(path, 'rb', buffering=0) as file:
        return file.read(8192)


def write(path, data):
    """0, or what it was refused with"""
    try:
        fd = os.open(path, os.O_WRONLY)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)
    except OSError as error:
        return error.errno
    return 0


def fuzz_settings(rnd, limit, paths, moving):
    errors = collections.Counter()
    values = {path: read(path) for path in paths if
              os.stat(path).st_mode & 0o200}
    for path in set(paths) - set(values):
        before = read(path)
        if not write(path, b'7'):
            complain('%s is read-only, and was written' % path)
        if not re.search(moving, path) and read(path) != before:
            complain('%s is read-only, and changed' % path)
    keep = dict(values)
    paths = sorted(values)
    while limit.left():
        time.sleep(0.005)	# the packets and messages are more
        limit.done += 1
        path = rnd.choice(paths)
        data = setting(rnd)
        code = write(path, data)
        now = read(path)
        errors[errno.errorcode.get(code, 0)] += 1
        if code and now != values[path] and not re.search(moving, path):
            complain('%s: %r was refused, and %r became %r' %
                     (path, data[:40], values[path], now))
        if not re.fullmatch(rb'[\w,/.:-]*( [\w-]+)*\n', now):
            complain('%s: %r made it %r' % (path, data[:40], now))
        values[path] = now
    for path, data in keep.items():
        write(path, data.strip())
    return 'taken %d, %s' % (errors.pop(0, 0), ', '.join(
        '%s %d' % pair for pair in errors.most_common(8)))


def main():
    what, seed, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    limit = Limit(seconds, int(sys.argv[4]) if len(sys.argv) > 4 else 0)
    rnd = random.Random(seed)
    if what == 'netlink':
        text = fuzz_netlink(rnd, limit)
    elif what == 'sysctl':
        text = fuzz_settings(rnd, limit, glob.glob(
            '/proc/sys/net/ipv4/netfilter/ip_conntrack_*'), r'count|buckets')
    else:
        text = fuzz_settings(rnd, limit, glob.glob(
            '/sys/module/ip_conntrack/parameters/*'), r'hashsize')
    print('%s: %d sent, %s' % (what, limit.done, text))
    sys.exit(1 if complaints else 0)


if __name__ == '__main__':
    main()
