#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Sends rules that translate, as no tool would write them, for nat_rules.sh.

  nat_forge.py chains   for nft(8): what those of "nft" and "fuzz" are put in
  nat_forge.py xt       tables "nat" of ip_tables and ip6_tables, one rule in each
  nat_forge.py nft      messages of nf_tables
  nat_forge.py fuzz SEED SECONDS
                        all of these with something in them changed, over and over;
                        prints how many were accepted, and how many were not

xt and nft: one line each, name, and the error, or "accepted". A name that begins with
"+" is of something that the kernel's own accepts, and that ours refuses.
"""
import ctypes
import errno
import random
import socket
import struct
import sys
import time

from netlink import attr, be32, nest

V4, V6 = socket.AF_INET, socket.AF_INET6
PRE, IN, FORWARD, OUT, POST = range(5)
TCP, UDP = 6, 17
MAP, PORTS, RANDOM, PERSISTENT, FULLY, OFFSET, NETMAP = \
    (1 << n for n in range(7))
VALID = {"nat": (PRE, IN, OUT, POST), "filter": (IN, FORWARD, OUT)}


def name_of(error):
    return errno.errorcode.get(error, str(error)) if error else "accepted"


# ip_tables, ip6_tables

def address(text, family=V4):
    return socket.inet_pton(family, text) if text else b""


def ports(low, high):
    return struct.pack(">HH", low, high)


def v4(flags=MAP, low="10.0.0.1", high="10.0.0.1", port=(0, 0), n=1):
    return struct.pack("=II", n, flags) + address(low) + address(high) + \
        ports(*port)


def any_of(flags=MAP, low="10.0.0.1", high="10.0.0.1", port=(0, 0), base=None):
    family = V6 if ":" in low else V4
    range_ = struct.pack("=I", flags) + \
        address(low, family).ljust(16, b"\0") + \
        address(high, family).ljust(16, b"\0") + ports(*port)
    return range_ if base is None else range_ + struct.pack(">HH", base, 0)


def target(name, revision, data):
    data = data + b"\0" * (-len(data) % 8)
    return struct.pack("=H29sB", 32 + len(data), name.encode(), revision) + data


def entry(family, goal, proto=0, invflags=0):
    if family == V4:
        head = struct.pack("=16s64xHBB", b"", proto, 0, invflags)
        head += struct.pack("=IHHI16x", 0, 112, 112 + len(goal), 0)
    else:
        head = struct.pack("=64s64xHBBB3x", b"", proto, 0,
                           1 if proto else 0, invflags)
        head += struct.pack("=IHHI4x16x", 0, 168, 168 + len(goal), 0)
    return head + goal


ACCEPT = target("", 0, struct.pack("=i4x", -2))
ERROR = target("ERROR", 0, b"ERROR".ljust(30, b"\0"))


class Table:
    """One of the two layers, of which "nat" is replaced as a whole."""

    def __init__(self, family):
        self.family = family
        self.level = socket.SOL_IP if family == V4 else 41
        self.sock = socket.socket(family, socket.SOCK_RAW, 255)

    def count(self, table):
        info = bytearray(84)
        info[:len(table)] = table.encode()
        libc = ctypes.CDLL(None, use_errno=True)
        buffer = (ctypes.c_char * 84).from_buffer(info)
        size = ctypes.c_uint(84)
        if libc.getsockopt(self.sock.fileno(), self.level, 64, buffer,
                           ctypes.byref(size)):
            return -1
        return struct.unpack_from("=I", info, 32 + 4 + 20 + 20)[0]

    def replace(self, table, hook=None, rule=b""):
        entries, starts, policies = b"", [0] * 5, [0] * 5
        for each in VALID[table]:
            starts[each] = len(entries)
            if each == hook:
                entries += rule
            policies[each] = len(entries)
            entries += entry(self.family, ACCEPT)
        entries += entry(self.family, ERROR)
        old = self.count(table)
        if old < 0:
            return ctypes.get_errno()
        counters = ctypes.create_string_buffer(16 * max(old, 1))
        head = struct.pack(
            "=32sIII5I5IIQ", table.encode(), sum(1 << h for h in VALID[table]),
            len(VALID[table]) + 1 + bool(rule), len(entries), *starts,
            *policies, old, ctypes.addressof(counters))
        try:
            self.sock.setsockopt(self.level, 64, head + entries)
        except OSError as why:
            return why.errno
        return 0


def xt_cases():
    """name, family, table, hook, target, revision, data, protocol, inverted"""
    up = dict(low="10.0.0.9", high="10.0.0.1")
    up6 = dict(low="fd00::9", high="fd00::1")
    one6 = dict(low="fd00::1", high="fd00::1")
    yield "SNAT 0", V4, "nat", POST, "SNAT", 0, v4()
    yield "SNAT 1", V4, "nat", POST, "SNAT", 1, any_of()
    yield "SNAT 2", V4, "nat", POST, "SNAT", 2, any_of(base=0)
    yield "DNAT 0 of IN", V4, "nat", IN, "DNAT", 0, v4()
    yield "DNAT 0", V4, "nat", OUT, "DNAT", 0, v4()
    yield "DNAT 2 with all flags", V4, "nat", PRE, "DNAT", 2, \
        any_of(127, port=(1, 9), base=5), TCP
    yield "SNAT 3", V4, "nat", POST, "SNAT", 3, any_of(base=0)
    yield "SNAT 0 of IPv6", V6, "nat", POST, "SNAT", 0, v4()
    yield "SNAT 1 of IPv6", V6, "nat", POST, "SNAT", 1, any_of(**one6)
    yield "no range", V4, "nat", POST, "SNAT", 0, v4(n=0)
    yield "two ranges", V4, "nat", POST, "SNAT", 0, v4(n=2)
    yield "too short", V4, "nat", POST, "SNAT", 1, v4()
    yield "too long", V4, "nat", POST, "SNAT", 0, any_of(base=0)
    yield "empty", V4, "nat", POST, "SNAT", 2, b""
    yield "in PREROUTING", V4, "nat", PRE, "SNAT", 2, any_of(base=0)
    yield "in POSTROUTING", V4, "nat", POST, "DNAT", 2, any_of(base=0)
    yield "in filter", V4, "filter", IN, "SNAT", 2, any_of(base=0)
    yield "in FORWARD", V4, "filter", FORWARD, "DNAT", 2, any_of(base=0)
    yield "addresses upside down 0", V4, "+nat", POST, "SNAT", 0, v4(**up)
    yield "addresses upside down 1", V4, "+nat", POST, "SNAT", 1, any_of(**up)
    yield "addresses upside down 2", V4, "+nat", POST, "SNAT", 2, \
        any_of(base=0, **up)
    yield "addresses upside down of IPv6", V6, "+nat", POST, "SNAT", 2, \
        any_of(base=0, **up6)
    yield "ports upside down", V4, "+nat", PRE, "DNAT", 2, \
        any_of(MAP | PORTS, port=(9, 1), base=0), TCP
    yield "ports of any protocol", V4, "+nat", PRE, "DNAT", 2, \
        any_of(MAP | PORTS, port=(1, 9), base=0)
    yield "ports of all protocols but one", V4, "+nat", PRE, "DNAT", 2, \
        any_of(MAP | PORTS, port=(1, 9), base=0), TCP, 0x40
    yield "ports of any protocol of IPv6", V6, "+nat", PRE, "DNAT", 2, \
        any_of(MAP | PORTS, port=(1, 9), base=0, **one6)
    yield "unknown flags", V4, "+nat", PRE, "DNAT", 2, any_of(0x101, base=0)
    for which, good in (("MASQUERADE", POST), ("REDIRECT", PRE)):
        bad = PRE if good == POST else POST
        yield which, V4, "nat", good, which, 0, v4(0)
        yield which + " with ports", V4, "nat", good, which, 0, \
            v4(PORTS, port=(1, 9)), UDP
        yield which + " with an address", V4, "nat", good, which, 0, v4()
        yield which + " without a range", V4, "nat", good, which, 0, v4(0, n=0)
        yield which + " at a wrong hook", V4, "nat", bad, which, 0, v4(0)
        yield which + " in filter", V4, "filter", IN, which, 0, v4(0)
        yield which + " of IPv6", V6, "nat", good, which, 0, any_of(0, **one6)
        yield which + " of IPv6 with an address", V6, "nat", good, which, 0, \
            any_of(**one6)
        yield which + " with ports upside down", V4, "+nat", good, which, 0, \
            v4(PORTS, port=(9, 1)), UDP
        yield which + " 1", V4, "nat", good, which, 1, v4(0)
    yield "NETMAP", V4, "nat", PRE, "NETMAP", 0, v4(high="10.0.0.15")
    yield "NETMAP without a network", V4, "nat", PRE, "NETMAP", 0, v4(0)
    yield "NETMAP of two", V4, "nat", PRE, "NETMAP", 0, v4(n=2)
    yield "NETMAP of IPv6", V6, "nat", POST, "NETMAP", 0, \
        any_of(low="fd00::", high="fd00::ffff")
    yield "NETMAP of IPv6 without", V6, "nat", POST, "NETMAP", 0, \
        any_of(0, **one6)
    yield "NETMAP in filter", V4, "filter", IN, "NETMAP", 0, v4()


def xt():
    layers = {family: Table(family) for family in (V4, V6)}
    for name, family, table, hook, which, revision, data, *rest in xt_cases():
        layer = layers[family]
        rule = entry(family, target(which, revision, data), *rest)
        plus = "+" if table[0] == "+" else ""
        table = table.lstrip("+")
        print(f"{plus}{name}: {name_of(layer.replace(table, hook, rule))}")
        if layer.replace(table):
            print(f"{name}: the empty table is refused")


# nf_tables

NEWTABLE, NEWCHAIN, NEWRULE, DELRULE, BEGIN, END = 0, 3, 6, 8, 16, 17
IP, IP6, INET, BRIDGE = 2, 10, 1, 7
SNAT, DNAT = 0, 1


def text(kind, string):
    return attr(kind, string.encode() + b"\0")


def expr(name, *parts):
    return nest(1, text(1, name), nest(2, *parts))


def load(register, data):
    return expr("immediate", be32(1, register), nest(2, attr(1, data)))


def message(kind, flags, sequence, family, *parts, resource=0):
    body = struct.pack(">BBH", family, 0, resource) + b"".join(parts)
    return struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 0) + \
        body


class Tables:
    """nf_tables, told in batches of one rule."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        self.sock.bind((0, 0))
        self.sock.settimeout(60)
        self.sequence = 0

    def rule(self, family, chain, *exprs):
        return self.batch(NEWRULE, 0x400 | 0x800, family, text(1, "n"),
                          text(2, chain), nest(4, *exprs))

    def table(self, family):
        return self.batch(NEWTABLE, 0x400, family, text(1, "n"))

    def nat_chain(self, family, hook):
        return self.batch(NEWCHAIN, 0x400, family, text(1, "n"), text(3, "c"),
                          nest(4, be32(1, hook), be32(2, -100 & 0xffffffff)),
                          text(7, "nat"))

    def flush(self, family, chain):
        return self.batch(DELRULE, 0, family, text(1, "n"), text(2, chain))

    def batch(self, kind, flags, family, *parts):
        self.sequence += 3
        first = self.sequence
        self.sock.send(
            message(BEGIN, 1, first, 0, resource=10) +
            message(10 << 8 | kind, 0x1 | 0x4 | flags, first + 1, family,
                    *parts) +
            message(END, 1, first + 2, 0, resource=10))
        while True:
            answer = self.sock.recv(65536)
            _, kind, _, sequence, _ = struct.unpack_from("=IHHII", answer)
            if kind == 2 and sequence in (first, first + 1, first + 2):
                return -struct.unpack_from("=i", answer, 16)[0]


FAMILIES = {"ip": IP, "ip6": IP6, "inet": INET, "bridge": BRIDGE}
CHAINS = {"pre": "prerouting", "in": "input", "out": "output",
          "post": "postrouting"}


def chains():
    for family in FAMILIES:
        kind = "filter" if family == "bridge" else "nat"
        print(f"table {family} n {{")
        for name, hook in CHAINS.items():
            print(f"chain {name} {{ type {kind} hook {hook} priority 0; }}")
        print("chain filter { type filter hook forward priority 0; }")
        goal = "dnat to 10.0.0.1;" if family == "ip" else ""
        print(f"chain dnats {{ {goal} }}\n}}")
    print("table arp n { }")


def nft_cases():
    """name, family, chain, expressions"""
    low = load(1, address("10.0.0.1"))
    port = load(9, b"\0\x50")
    low6 = load(1, address("fd00::1", V6))

    def nat(*parts):
        return expr("nat", *parts)

    snat, dnat = be32(1, SNAT), be32(1, DNAT)
    ip, ip6, inet = be32(2, IP), be32(2, IP6), be32(2, INET)
    yield "snat", IP, "post", low, nat(snat, ip, be32(3, 1))
    yield "dnat with ports", IP, "pre", low, port, \
        nat(dnat, ip, be32(3, 1), be32(5, 9))
    yield "snat of IPv6", IP6, "post", low6, nat(snat, ip6, be32(3, 1))
    yield "no type", IP, "post", low, nat(ip, be32(3, 1))
    yield "a type that there is not", IP, "post", low, \
        nat(be32(1, 2), ip, be32(3, 1))
    yield "no family", IP, "post", low, nat(snat, be32(3, 1))
    yield "another family", IP, "post", low6, nat(snat, ip6, be32(3, 1))
    yield "inet in ip", IP, "pre", port, nat(dnat, inet, be32(5, 9))
    yield "ip in inet", INET, "post", low, nat(snat, ip, be32(3, 1))
    yield "inet in inet", INET, "pre", port, nat(dnat, inet, be32(5, 9))
    yield "inet with an address", INET, "pre", low, \
        nat(dnat, inet, be32(3, 1))
    yield "bridge in inet", INET, "pre", low, \
        nat(dnat, be32(2, BRIDGE), be32(3, 1))
    yield "neither address nor port", IP, "post", nat(snat, ip)
    yield "the last address alone", IP, "post", low, nat(snat, ip, be32(4, 1))
    yield "the last port alone", IP, "pre", port, nat(dnat, ip, be32(6, 9))
    yield "a register of the verdict", IP, "post", nat(snat, ip, be32(3, 0))
    yield "a register that there is not", IP, "post", \
        nat(snat, ip, be32(3, 24))
    yield "a register far away", IP, "post", nat(snat, ip, be32(3, 0x7fffffff))
    yield "over the end of registers", IP6, "post", \
        nat(snat, ip6, be32(3, 23))
    yield "a register that nobody wrote", IP, "post", nat(snat, ip, be32(3, 2))
    yield "the same for a port", IP, "post", low, \
        nat(snat, ip, be32(3, 1), be32(5, 14))
    yield "all flags", IP, "post", low, \
        nat(snat, ip, be32(3, 1), be32(7, 127))
    yield "one flag more", IP, "post", low, nat(snat, ip, be32(3, 1), be32(7, 128))
    yield "flags of the other end", IP, "post", low, \
        nat(snat, ip, be32(3, 1), be32(7, 1 << 31))
    yield "a short type", IP, "post", low, nat(attr(1, b"\0"), ip, be32(3, 1))
    yield "a short register", IP, "post", low, nat(snat, ip, attr(3, b"\0\1"))
    yield "an attribute that there is not", IP, "post", low, \
        nat(snat, ip, be32(3, 1), be32(8, 1))
    for chain in "pre", "out", "filter":
        yield "snat in " + chain, IP, chain, low, nat(snat, ip, be32(3, 1))
    for chain in "post", "in", "filter":
        yield "dnat in " + chain, IP, chain, low, nat(dnat, ip, be32(3, 1))
    yield "in a bridge", BRIDGE, "pre", low, nat(dnat, ip, be32(3, 1))
    yield "masq", IP, "post", expr("masq")
    yield "masq with flags", INET, "post", expr("masq", be32(1, 28))
    yield "masq with one flag more", IP, "post", expr("masq", be32(1, 128))
    yield "masq with ports", IP, "post", port, expr("masq", be32(2, 9))
    yield "masq with the last port", IP, "post", port, expr("masq", be32(3, 9))
    yield "masq with a port of nobody", IP, "post", expr("masq", be32(2, 30))
    for chain in "pre", "in", "out", "filter":
        yield "masq in " + chain, INET, chain, expr("masq")
    yield "masq in a bridge", BRIDGE, "pre", expr("masq")
    yield "redir", IP, "pre", expr("redir")
    yield "redir with ports", IP6, "out", port, \
        expr("redir", be32(1, 9), be32(2, 9), be32(3, 2))
    yield "redir with one flag more", IP, "pre", expr("redir", be32(3, 128))
    yield "redir with a port of nobody", IP, "pre", expr("redir", be32(1, 30))
    for chain in "post", "in", "filter":
        yield "redir in " + chain, IP, chain, expr("redir")
    yield "redir in a bridge", BRIDGE, "pre", expr("redir")


def nft():
    tables = Tables()
    for name, family, chain, *exprs in nft_cases():
        print(f"{name}: {name_of(tables.rule(family, chain, *exprs))}")


# Something changed

def spoiled(data):
    """A few of its bytes, or none"""
    data = bytearray(data)
    for _ in range(random.choice((0, 1, 1, 2, 5))):
        if data:
            data[random.randrange(len(data))] = random.choice(
                (0, 1, 2, 4, 127, 128, 255, random.randrange(256)))
    return bytes(data)


def fuzz_xt(layers, cases):
    _, family, table, hook, which, revision, data, *rest = random.choice(cases)
    if random.random() < 0.2:
        hook = random.choice(VALID["nat"])
    if random.random() < 0.2:
        rest = [random.choice((0, 1, TCP, UDP, 132, 47, 255))]
    if random.random() < 0.1:
        data += b"\0" * random.choice((1, 8, 16, 40))
    layer = layers[family]
    rule = entry(family, target(which, revision, spoiled(data)), *rest)
    if random.random() < 0.1:
        rule = spoiled(rule)
    error = layer.replace(table.lstrip("+"), hook, rule)
    if random.random() < 0.3:
        layer.replace("nat")
    return error


def fuzz_nft(tables, cases):
    _, family, chain, *exprs = random.choice(cases)
    if random.random() < 0.2:
        chain = random.choice(("pre", "in", "out", "post", "filter", "dnats"))
    exprs = [spoiled(each) if random.random() < 0.5 else each for each in exprs]
    error = tables.rule(family, chain, *exprs)
    if random.random() < 0.1:
        for each in FAMILIES.values():
            tables.flush(each, random.choice(tuple(CHAINS) + ("dnats",)))
    return error


def fuzz(seed, seconds):
    random.seed(int(seed))
    layers = {family: Table(family) for family in (V4, V6)}
    tables = Tables()
    of_xt, of_nft = list(xt_cases()), list(nft_cases())
    until = time.monotonic() + int(seconds)
    accepted = refused = 0
    while time.monotonic() < until:
        if random.random() < 0.5:
            error = fuzz_xt(layers, of_xt)
        else:
            error = fuzz_nft(tables, of_nft)
        accepted += not error
        refused += bool(error)
    print(f"accepted {accepted}, refused {refused}")


def main():
    {"chains": chains, "xt": xt, "nft": nft,
     "fuzz": fuzz}[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
