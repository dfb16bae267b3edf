#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What cluster and HMARK make of a connection, worked out anew, for spread.sh.

  spread.py node SRC SEED TOTAL				the node, from 1, that takes it
  spread.py mark SRC DST SPORT DPORT PROTO RND MOD OFFSET	its mark

The hash is Bob Jenkins' lookup3, as the kernel has it (include/linux/jhash.h).
"""
import ipaddress
import struct
import sys

INITVAL = 0xdeadbeef
WORD = 0xffffffff


def rol(word, n):
    return (word << n | word >> (32 - n)) & WORD


def final(a, b, c):
    c = ((c ^ b) - rol(b, 14)) & WORD
    a = ((a ^ c) - rol(c, 11)) & WORD
    b = ((b ^ a) - rol(a, 25)) & WORD
    c = ((c ^ b) - rol(b, 16)) & WORD
    a = ((a ^ c) - rol(c, 4)) & WORD
    b = ((b ^ a) - rol(a, 14)) & WORD
    return ((c ^ b) - rol(b, 24)) & WORD


def jhash(words, seed):
    """Of one to three words"""
    start = seed + INITVAL + 4 * len(words)
    return final(*((word + start) & WORD for word in (*words, 0, 0)[:3]))


def share(value, total):
    return value * total >> 32


def words(text, order):
    raw = ipaddress.ip_address(text).packed
    return struct.unpack("%s%dI" % (order, len(raw) // 4), raw)


def node(src, seed, total):
    """Of an IPv6 address the first word counts, and no other."""
    return share(jhash(words(src, "=")[:1], int(seed, 0)), int(total)) + 1


def folded(text):
    word = 0
    for part in words(text, ">"):
        word ^= part
    return word


def mark(src, dst, *numbers):
    sport, dport, proto, rnd, modulus, offset = (int(n, 0) for n in numbers)
    low, high = sorted((folded(src), folded(dst)))
    ports = max(sport, dport) << 16 | min(sport, dport)
    return share(jhash((low, high, ports), rnd) ^ proto, modulus) + offset


print({"node": node, "mark": mark}[sys.argv[1]](*sys.argv[2:]))
