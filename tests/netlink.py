#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Speaks ctnetlink with nothing in between, for netlink.sh.

  netlink.py bad              send what is wrong; one line each: name, error, and
                              what the extended acknowledgement says
  netlink.py fill N [FIRST]   make N flows, the first with number FIRST
  netlink.py churn RATE       make and delete flows until killed; prints the
                              number made
  netlink.py dump             all flows that "fill" made: how many are there
                              once, how many twice, how many others
  netlink.py listen BUF SECS [reliable] [slow=S]
                              hear events with a buffer of BUF bytes: prints
                              new=N update=N destroy=N enobufs=N twice=N
  netlink.py begin N          begin to listen, N times, a moment after a flow that
                              nobody heard of; prints how many times the
                              next flow was heard of
  netlink.py half             begin a dump and stop in the middle, until killed
  netlink.py fields           attributes of one flow, as tools do not show them
"""
import errno
import os
import select
import socket
import struct
import sys
import time

NETLINK_NETFILTER = 12
SOL_NETLINK = 270
NETLINK_ADD_MEMBERSHIP, NETLINK_BROADCAST_ERROR = 1, 4
NETLINK_CAP_ACK, NETLINK_EXT_ACK = 10, 11
REQUEST, MULTI, ACK = 1, 2, 4
DUMP, EXCL, CREATE, REPLACE = 0x300, 0x200, 0x400, 0x100
ACK_TLVS = 0x200
NESTED = 0x8000
CT, EXP = 1, 2
NEW, GET, DELETE, CTRZERO, STATS_CPU, STATS, DYING, UNCONFIRMED = range(8)

(ORIG, REPLY, STATUS, PROTOINFO, HELP, NAT_SRC, TIMEOUT, MARK, C_ORIG, C_REPLY,
 USE, ID, NAT_DST, MASTER, SEQ_ORIG, SEQ_REPLY, SECMARK, ZONE, SECCTX, STAMP,
 MARK_MASK, LABELS, LABELS_MASK, SYNPROXY, FILTER, STATUS_MASK) = range(1, 27)


def attr(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + \
        b"\0" * (-len(data) % 4)


def nest(kind, *parts):
    return attr(kind | NESTED, b"".join(parts))


def u8(kind, n):
    return attr(kind, struct.pack("B", n))


def be16(kind, n):
    return attr(kind, struct.pack(">H", n))


def be32(kind, n):
    return attr(kind, struct.pack(">I", n))


def ip4(src="1.2.3.4", dst="5.6.7.8"):
    return nest(1, attr(1, socket.inet_aton(src)),
                attr(2, socket.inet_aton(dst)))


def ip6(src="fd00::1", dst="fd00::2"):
    return nest(1, attr(3, socket.inet_pton(socket.AF_INET6, src)),
                attr(4, socket.inet_pton(socket.AF_INET6, dst)))


def l4(num=17, sport=1000, dport=2000):
    return nest(2, u8(1, num), be16(2, sport), be16(3, dport))


def icmp(kind=8, code=0, ident=77):
    return nest(2, u8(1, 1), be16(4, ident), u8(5, kind), u8(6, code))


def both(num=17, sport=1000, dport=2000):
    return nest(ORIG, ip4(), l4(num, sport, dport)) + \
        nest(REPLY, ip4("5.6.7.8", "1.2.3.4"), l4(num, dport, sport))


def message(kind, flags, body, family=2, subsys=CT, version=0, seq=1):
    return struct.pack("=IHHII", 20 + len(body), subsys << 8 | kind, flags,
                       seq, 0) + struct.pack("=BBH", family, version, 0) + body


def connect(buf=None):
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    if buf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buf)
    sock.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
    sock.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
    sock.bind((0, 0))
    return sock


def attrs(data):
    found = {}
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        if size < 4:
            break
        found[kind & 0x3fff] = data[4:size]
        data = data[(size + 3) & ~3:]
    return found


def messages(data):
    while len(data) >= 16:
        size, kind, flags, seq, pid = struct.unpack_from("=IHHII", data)
        if size < 16:
            break
        yield kind, flags, data[16:size]
        data = data[(size + 3) & ~3:]


def ask(sock, msg):
    """(error, text of the extended acknowledgement, answers)"""
    sock.send(msg)
    answers = []
    while True:
        for kind, flags, body in messages(sock.recv(1 << 16)):
            if kind == 2:
                code = -struct.unpack_from("=i", body)[0]
                text = ""
                if flags & ACK_TLVS:
                    tlvs = attrs(body[20:])
                    text = tlvs.get(1, b"").rstrip(b"\0").decode()
                    if 2 in tlvs:
                        text += " @%d" % struct.unpack("=I", tlvs[2])
                return code, text, answers
            if kind == 3:
                return 0, "", answers
            answers.append(body)


# --- what is wrong -----------------------------------------------------------

def table():
    """name, message; in this order, for some need what others made"""
    def new(body, flags=CREATE | EXCL, **more):
        return message(NEW, REQUEST | ACK | flags, body, **more)

    def get(body, **more):
        return message(GET, REQUEST | ACK, body, **more)

    def delete(body, **more):
        return message(DELETE, REQUEST | ACK, body, **more)

    def dump(body, **more):
        return message(GET, REQUEST | ACK | DUMP, body, **more)

    t100 = be32(TIMEOUT, 100)
    orig = nest(ORIG, ip4(), l4())
    tcp = both(6)
    yield "get without a tuple", get(b"")
    yield "get nothing there", get(orig)
    yield "get family 0", get(orig, family=0)
    yield "get family 7", get(orig, family=7)
    yield "get empty tuple", get(nest(ORIG))
    yield "get tuple without ip", get(nest(ORIG, l4()))
    yield "get tuple without proto", get(nest(ORIG, ip4()))
    yield "get tuple without source", get(nest(ORIG, nest(1, attr(2, b"abcd")), l4()))
    yield "get tuple without destination", get(nest(ORIG, nest(1, attr(1, b"abcd")), l4()))
    yield "get v6 addresses in v4", get(nest(ORIG, ip6(), l4()))
    yield "get v4 addresses in v6", get(orig, family=10)
    yield "get short address", get(nest(ORIG, nest(1, attr(1, b"ab"), attr(2, b"abcd")), l4()))
    yield "get short v6 address", get(nest(ORIG, nest(1, attr(3, b"abcd"), attr(4, b"abcd")), l4()), family=10)
    yield "get long address", get(nest(ORIG, nest(1, attr(1, b"abcdefgh"), attr(2, b"abcd")), l4()))
    yield "get no protocol number", get(nest(ORIG, ip4(), nest(2, be16(2, 1), be16(3, 2))))
    yield "get no source port", get(nest(ORIG, ip4(), nest(2, u8(1, 17), be16(3, 2))))
    yield "get no destination port", get(nest(ORIG, ip4(), nest(2, u8(1, 6), be16(2, 2))))
    yield "get short port", get(nest(ORIG, ip4(), nest(2, u8(1, 17), attr(2, b"a"), be16(3, 2))))
    yield "get empty protocol number", get(nest(ORIG, ip4(), nest(2, attr(1, b""), be16(2, 1), be16(3, 2))))
    yield "get icmp without id", get(nest(ORIG, ip4(), nest(2, u8(1, 1), u8(5, 8), u8(6, 0))))
    yield "get icmp without type", get(nest(ORIG, ip4(), nest(2, u8(1, 1), be16(4, 8), u8(6, 0))))
    yield "get icmp type 3", get(nest(ORIG, ip4(), icmp(3)))
    yield "get icmp type 200", get(nest(ORIG, ip4(), icmp(200)))
    yield "get icmp", get(nest(ORIG, ip4(), icmp()))
    yield "get unknown protocol", get(nest(ORIG, ip4(), nest(2, u8(1, 99))))
    yield "get gre without keys", get(nest(ORIG, ip4(), nest(2, u8(1, 47))))
    yield "get sctp", get(nest(ORIG, ip4(), l4(132)))
    yield "get tuple no nest", get(attr(ORIG, b"ab"))
    yield "get tuple garbage", get(nest(ORIG, b"\xff" * 12))
    yield "get short zone", get(orig + attr(ZONE, b"a"))
    yield "get zone", get(orig + be16(ZONE, 5))
    yield "get tuple zone", get(nest(ORIG, ip4(), l4(), be16(3, 5)))
    yield "get zone and same tuple zone", get(nest(ORIG, ip4(), l4(), be16(3, 5)) + be16(ZONE, 5))
    yield "get zone 0 and tuple zone", get(nest(ORIG, ip4(), l4(), be16(3, 5)) + be16(ZONE, 0))
    yield "get zone and tuple zone", get(nest(ORIG, ip4(), l4(), be16(3, 6)) + be16(ZONE, 5))
    yield "get short status", get(orig + attr(STATUS, b"ab"))
    yield "get by reply", get(nest(REPLY, ip4(), l4()))

    yield "new without create", new(both() + t100, 0)
    yield "new without create or tuples", new(t100, 0)
    yield "new nothing", new(b"")
    yield "new orig only", new(orig + t100)
    yield "new reply only", new(nest(REPLY, ip4(), l4()) + t100)
    yield "new protocols differ", new(orig + nest(REPLY, ip4("5.6.7.8", "1.2.3.4"), l4(6, 2000, 1000)) + t100)
    yield "new no timeout", new(both())
    yield "new short timeout", new(both() + attr(TIMEOUT, b"ab"))
    yield "new status expected", new(both() + t100 + be32(STATUS, 1 | 8))
    yield "new status not confirmed", new(both() + t100 + be32(STATUS, 2))
    yield "new status dying", new(both() + t100 + be32(STATUS, 0x208))
    yield "new helper without name", new(both() + t100 + nest(HELP))
    yield "new unknown helper", new(both() + t100 + nest(HELP, attr(1, b"nosuch\0")))
    yield "new master not there", new(both() + t100 + nest(MASTER, ip4("9.9.9.9", "8.8.8.8"), l4()))
    yield "new tcp bad state", new(tcp + t100 + nest(PROTOINFO, nest(1, u8(1, 99))))
    yield "new tcp scale 15", new(tcp + t100 + nest(PROTOINFO, nest(1, u8(1, 3), u8(2, 15), u8(3, 15))))
    yield "delete that", delete(nest(ORIG, ip4(), l4(6)))
    yield "new sctp bad state", new(both(132) + t100 + nest(PROTOINFO, nest(3, u8(1, 99), be32(2, 1), be32(3, 1))))
    yield "new tcp empty state", new(tcp + t100 + nest(PROTOINFO, nest(1, attr(1, b""))))
    yield "new tcp short flags", new(tcp + t100 + nest(PROTOINFO, nest(1, u8(1, 3), attr(4, b"a"))))
    yield "new sctp no tags", new(both(132) + t100 + nest(PROTOINFO, nest(3, u8(1, 3))))
    yield "new empty helper", new(both(17, 99) + t100 + nest(HELP, attr(1, b"\0")))
    yield "new seqadj", new(both(17, 98) + t100 + nest(SEQ_ORIG, be32(1, 1), be32(2, 1), be32(3, 1)))
    yield "new synproxy", new(both(17, 97) + t100 + nest(SYNPROXY, be32(1, 1), be32(2, 1), be32(3, 1)))
    yield "new zone", new(both(17, 96) + t100 + be16(ZONE, 7))
    yield "new tuple zone", new(nest(ORIG, ip4(), l4(17, 95), be16(3, 7)) + nest(REPLY, ip4("5.6.7.8", "1.2.3.4"), l4(17, 2000, 95)) + t100)
    yield "new long label", new(both() + t100 + attr(LABELS, b"\1" * 20))
    yield "new odd label", new(both(17, 91) + t100 + attr(LABELS, b"\1" * 3))
    yield "new label", new(both(17, 92) + t100 + attr(LABELS, b"\1" * 16))
    yield "get still nothing", get(orig)

    yield "new", new(both() + t100 + be32(MARK, 7))
    yield "new again", new(both() + t100)
    yield "new again by reply", new(orig.replace(b"\x03\xe8", b"\x03\xe9") + nest(REPLY, ip4("5.6.7.8", "1.2.3.4"), l4(17, 2000, 1000)) + t100)
    yield "new with protoinfo of another", new(both(17, 5) + t100 + nest(PROTOINFO, nest(1, u8(1, 3))))
    yield "new empty protoinfo", new(both(6, 6) + t100 + nest(PROTOINFO))
    yield "update", new(orig + t100, 0)
    yield "update replace", new(orig + t100, CREATE | REPLACE)
    yield "update by reply", new(nest(REPLY, ip4("5.6.7.8", "1.2.3.4"), l4(17, 2000, 1000)) + t100, 0)
    yield "update nothing", new(orig, 0)
    yield "update snat", new(orig + nest(NAT_SRC, attr(1, b"abcd")), 0)
    yield "update dnat", new(orig + nest(NAT_DST, attr(1, b"abcd")), 0)
    yield "update master", new(orig + nest(MASTER, ip4("9.9.9.9", "8.8.8.8"), l4()), 0)
    yield "update status unconfirmed", new(orig + be32(STATUS, 0), 0)
    yield "update status dying", new(orig + be32(STATUS, 0x208), 0)
    yield "update status assured", new(orig + be32(STATUS, 0xe), 0)
    yield "update status unassured", new(orig + be32(STATUS, 0xa), 0)
    yield "update status unseen", new(orig + be32(STATUS, 0xc), 0)
    yield "update status nat", new(orig + be32(STATUS, 0x3e), 0)
    yield "update unknown helper", new(orig + nest(HELP, attr(1, b"nosuch\0")), 0)
    yield "update empty helper", new(orig + nest(HELP, attr(1, b"\0")), 0)
    yield "update helper no name", new(orig + nest(HELP), 0)
    yield "update mark", new(orig + be32(MARK, 1) + be32(MARK_MASK, 0xff), 0)
    yield "update fix timeout", new(orig + be32(STATUS, 0x40e), 0)
    yield "update fixed timeout", new(orig + t100, 0)
    yield "update label", new(orig + attr(LABELS, b"\1" * 16), 0)
    yield "update seqadj", new(orig + nest(SEQ_ORIG, be32(1, 1), be32(2, 1), be32(3, 1)), 0)
    yield "update not there", new(nest(ORIG, ip4("4.4.4.4"), l4()) + t100, 0)
    yield "get it", get(orig)
    yield "get it as v6", get(orig, family=10)
    yield "get it with a zone", get(orig + be16(ZONE, 5))

    yield "new snat", new(both(17, 94) + t100 + nest(NAT_SRC, attr(1, b"abcd")))
    yield "new dnat", new(both(17, 93) + t100 + nest(NAT_DST, attr(1, b"abcd")))
    yield "dump", dump(b"", family=0)
    yield "dump family 7", dump(b"", family=7)
    yield "dump mark mask alone", dump(be32(MARK_MASK, 1))
    yield "dump short mark", dump(attr(MARK, b"a"))
    yield "dump status mask alone", dump(be32(STATUS_MASK, 1))
    yield "dump status 0", dump(be32(STATUS, 0))
    yield "dump status mask 0", dump(be32(STATUS, 8) + be32(STATUS_MASK, 0))
    yield "dump status", dump(be32(STATUS, 8))
    yield "dump empty filter", dump(nest(FILTER))
    yield "dump filter without tuple", dump(nest(FILTER, attr(1, struct.pack("=I", 1))))
    yield "dump filter family 0", dump(orig + nest(FILTER, attr(1, struct.pack("=I", 1))), family=0)
    yield "dump filter unknown flag", dump(orig + nest(FILTER, attr(1, struct.pack("=I", 1 << 20))))
    yield "dump filter ports alone", dump(orig + nest(FILTER, attr(1, struct.pack("=I", 0x30))))
    yield "dump filter short flags", dump(orig + nest(FILTER, attr(1, b"a")))
    yield "dump filter source", dump(nest(ORIG, ip4()) + nest(FILTER, attr(1, struct.pack("=I", 1))))
    yield "dump filter no source", dump(nest(ORIG, l4()) + nest(FILTER, attr(1, struct.pack("=I", 1))))
    yield "dump filter reply no tuple", dump(orig + nest(FILTER, attr(2, struct.pack("=I", 1))))
    yield "dump filter 0", dump(orig + nest(FILTER, attr(1, struct.pack("=I", 0))))

    yield "delete not there", delete(nest(ORIG, ip4("4.4.4.4"), l4()))
    yield "delete bad tuple", delete(nest(ORIG, ip4()))
    yield "delete family 0", delete(orig, family=0)
    yield "delete wrong id", delete(orig + be32(ID, 1))
    yield "delete short id", delete(orig + attr(ID, b"a"))
    yield "delete in a zone", delete(orig + be16(ZONE, 9))
    yield "delete", delete(orig)
    yield "delete again", delete(orig)
    yield "flush mark mask alone", delete(be32(MARK_MASK, 1))
    yield "flush status mask alone", delete(be32(STATUS_MASK, 1))
    yield "flush mark", delete(be32(MARK, 12345))
    yield "flush family 7 version 1", delete(b"", family=7, version=1)

    yield "dying no dump", message(DYING, REQUEST | ACK, b"")
    yield "unconfirmed no dump", message(UNCONFIRMED, REQUEST | ACK, b"")
    yield "dying", message(DYING, REQUEST | DUMP, b"")
    yield "unconfirmed", message(UNCONFIRMED, REQUEST | DUMP, b"")
    yield "stats", message(STATS, REQUEST | ACK, b"")
    yield "stats cpu no dump", message(STATS_CPU, REQUEST | ACK, b"")
    yield "message 8", message(8, REQUEST | ACK, b"")
    yield "message 200", message(200, REQUEST | ACK, b"")
    yield "short header", struct.pack("=IHHII", 17, CT << 8 | GET, REQUEST | ACK, 1, 0) + b"\0\0\0\0"

    yield "expect get nothing", message(GET, REQUEST | ACK, b"", subsys=EXP)
    yield "expect get", message(GET, REQUEST | ACK, nest(2, ip4(), l4()), subsys=EXP)
    yield "expect get bad", message(GET, REQUEST | ACK, nest(2, ip4()), subsys=EXP)
    yield "expect dump", message(GET, REQUEST | DUMP, b"", subsys=EXP)
    yield "expect new nothing", message(NEW, REQUEST | ACK | CREATE, b"", subsys=EXP)
    yield "expect new no create", message(NEW, REQUEST | ACK, nest(1, ip4(), l4()) + nest(2, ip4(), l4()) + nest(3, ip4(), l4()), subsys=EXP)
    yield "expect delete", message(DELETE, REQUEST | ACK, nest(2, ip4(), l4()), subsys=EXP)
    yield "expect flush", message(DELETE, REQUEST | ACK, b"", subsys=EXP)
    yield "expect stats no dump", message(3, REQUEST | ACK, b"", subsys=EXP)
    yield "expect message 4", message(4, REQUEST | ACK, b"", subsys=EXP)


def bad():
    for name, msg in table():
        sock = connect()
        sock.settimeout(5)
        try:
            code, text, _ = ask(sock, msg)
            what = errno.errorcode[code] if code else "ok"
        except socket.timeout:
            what, text = "no answer", ""
        print("%s: %s | %s" % (name, what, text), flush=True)
        sock.close()


# --- many --------------------------------------------------------------------

def flow(number, what=NEW, timeout=3600):
    src = struct.pack(">I", 0x0b000000 + number)
    dst = b"\x0a\x63\x00\x01"
    one = nest(ORIG, nest(1, attr(1, src), attr(2, dst)), l4(17, 7, 9))
    if what == DELETE:
        return message(DELETE, REQUEST, one)
    two = nest(REPLY, nest(1, attr(1, dst), attr(2, src)), l4(17, 9, 7))
    return message(NEW, REQUEST | CREATE, one + two + be32(TIMEOUT, timeout))


def fill(count, first=0):
    sock = connect()
    for at in range(first, first + count, 64):
        sock.send(b"".join(flow(n) for n in
                           range(at, min(at + 64, first + count))))
    code, text, _ = ask(sock, message(STATS, REQUEST | ACK, b""))
    print("filled" if not code else errno.errorcode[code], flush=True)


def churn(rate):
    """Numbers above 0x400000; each lives for a moment."""
    sock = connect()
    made, start = 0, time.monotonic()
    import signal
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    while not stop:
        batch = [0x400000 + (made + i) % 0x100000 for i in range(50)]
        sock.send(b"".join(flow(n) for n in batch))
        sock.send(b"".join(flow(n, DELETE) for n in batch[:48]))
        made += 50
        ahead = start + made / rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
    print("made=%d rate=%d" % (made, made / (time.monotonic() - start)),
          flush=True)


def number_of(body):
    orig = attrs(attrs(body[4:])[ORIG])
    return struct.unpack(">I", attrs(orig[1])[1])[0] - 0x0b000000


def dump():
    sock = connect(1 << 20)
    seen = bytearray(0x400000)
    other, done = 0, False
    biggest = 0
    sock.send(message(GET, REQUEST | DUMP, b"", family=0))
    while not done:
        data = sock.recv(1 << 16)
        biggest = max(biggest, len(data))
        for kind, _, body in messages(data):
            if kind == 3:
                done = True
                break
            number = number_of(body)
            if 0 <= number < 0x400000:
                seen[number] = min(seen[number] + 1, 2)
            else:
                other += 1
    print("once=%d twice=%d other=%d biggest=%d" %
          (seen.count(1), seen.count(2), other, biggest), flush=True)


def listen(buf, seconds, *options):
    sock = connect(buf)
    slow = 0.0
    for option in options:
        if option == "reliable":
            sock.setsockopt(SOL_NETLINK, NETLINK_BROADCAST_ERROR, 1)
        elif option.startswith("slow="):
            slow = float(option[5:])
    for group in (1, 2, 3):
        sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
    print("listening", flush=True)
    count = {"new": 0, "update": 0, "destroy": 0, "enobufs": 0, "twice": 0}
    gone = set()
    end = time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        if left <= 0 or not select.select([sock], [], [], left)[0]:
            break
        try:
            data = sock.recv(1 << 16)
        except OSError as err:
            if err.errno != errno.ENOBUFS:
                raise
            count["enobufs"] += 1
            continue
        for kind, flags, body in messages(data):
            if kind & 0xff == DELETE:
                name = attrs(body[4:])[ID] + attrs(body[4:])[ORIG]
                count["twice"] += name in gone
                gone.add(name)
                count["destroy"] += 1
            elif flags & CREATE:
                count["new"] += 1
            else:
                count["update"] += 1
        if slow:
            time.sleep(slow)
    print(" ".join("%s=%d" % item for item in count.items()), flush=True)


def begin(count):
    maker, heard = connect(), 0
    for n in range(0, 2 * count, 2):
        ask(maker, flow(n) + message(STATS, REQUEST | ACK, b""))
        sock = connect()
        sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 1)
        maker.send(flow(n + 1))
        heard += bool(select.select([sock], [], [], 2)[0])
        sock.close()
    print(heard, flush=True)


def half():
    sock = connect()
    sock.send(message(GET, REQUEST | DUMP, b"", family=0))
    sock.recv(1 << 16)
    print("half", flush=True)
    time.sleep(1000)


def fields():
    """Puts in what can be put in, and looks at what comes back."""
    sock = connect()
    tcp = nest(ORIG, ip4("1.1.1.1", "2.2.2.2"), l4(6, 1, 2))
    info = nest(PROTOINFO, nest(1, u8(1, 3), u8(2, 7), u8(3, 9),
                                attr(4, b"\x0b\x0b"), attr(5, b"\x03\x03")))
    reply = nest(REPLY, ip4("2.2.2.2", "3.3.3.3"), l4(6, 2, 4000))
    print(ask(sock, message(NEW, REQUEST | ACK | CREATE | EXCL, tcp + reply +
                            be32(TIMEOUT, 90) + be32(MARK, 0x1234) + info +
                            be32(STATUS, 0xe)))[:2])
    for name in (tcp, reply):
        _, _, answers = ask(sock, message(GET, REQUEST | ACK, name))
        for body in answers:
            got = attrs(body[4:])
            print(sorted(got))
            print("status", got[STATUS].hex(), "mark", got[MARK].hex(),
                  "tcp", {k: v.hex() for k, v in sorted(
                      attrs(attrs(got[PROTOINFO])[1]).items())})
            print("reply", got[REPLY].hex())
    print(ask(sock, message(DELETE, REQUEST | ACK, tcp))[0])


if __name__ == "__main__":
    arguments = [int(a) if a.isdigit() else a for a in sys.argv[2:]]
    try:
        globals()[sys.argv[1]](*arguments)
    except BrokenPipeError:
        os._exit(1)
