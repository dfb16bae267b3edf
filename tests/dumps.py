#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Reads /proc/net/ip_conntrack in ways that programs do and should not do.

	dumps.py same FILE
		in pieces of odd sizes, from odd places, rewound: it must always
		be the same text. The table must be quiet, and no number of
		seconds may change its width meanwhile.
	dumps.py complete FILE COUNT SECONDS TEXT
		dump after dump, at least five, while the table is changed by
		others: each of the COUNT lines with TEXT must be in each dump
		exactly once.

Prints "right", or what is wrong.
"""

import collections
import os
import random
import re
import sys
import time

SECONDS = re.compile(rb'^(.{8} \d+ )(\d+)(?= )', re.M)


def steady(text):
    """Without what changes while we look: the digits of the seconds"""
    return SECONDS.sub(lambda m: m[1] + b'T' * len(m[2]), text)


def read_all(file, size):
    parts = []
    while True:
        part = os.read(file, size() if callable(size) else size)
        if not part:
            return b''.join(parts)
        parts.append(part)


def same(name):
    with open(name, 'rb', buffering=0) as stream:
        file = stream.fileno()
        whole = read_all(file, 1 << 20)
        wanted = steady(whole)
        if len(wanted.splitlines()) < 100:
            return 'too few lines: %d' % len(wanted.splitlines())

        def compare(what, text):
            if steady(text) != wanted:
                return '%s: %d bytes instead of %d' % (what, len(text),
                                                       len(wanted))
            return ''

        sizes = [1, 7, 100, 333, 4095, 4096, 4097, 65536]
        sizes.append(lambda: random.randint(1, 1000))
        for size in sizes:
            os.lseek(file, 0, os.SEEK_SET)
            if size == 1:       # slow: the beginning will do
                text = b''.join(os.read(file, 1) for _ in range(3000))
                if steady(text + whole[3000:]) != wanted:
                    return 'in pieces of 1'
                continue
            wrong = compare('in pieces of %s' % size, read_all(file, size))
            if wrong:
                return wrong
        for place in (1, 100, 4096, len(whole) // 2, len(whole) - 10):
            os.lseek(file, place, os.SEEK_SET)
            text = read_all(file, 1 << 20)
            wrong = compare('from %d' % place, whole[:place] + text)
            if wrong:
                return wrong
            text = whole[:place] + os.pread(file, 9999, place)
            text = text[:text.rindex(b'\n')]
            if steady(text + b'\n') != wanted[:len(text) + 1]:
                return 'pread from %d' % place
        os.lseek(file, len(whole) + 100, os.SEEK_SET)
        if os.read(file, 100):
            return 'something behind the end'
    return 'right'


def complete(name, count, seconds, text):
    text = text.encode()
    end = time.monotonic() + seconds
    dump = 0
    while dump < 5 or time.monotonic() < end:
        dump += 1
        with open(name, 'rb', buffering=0) as stream:
            whole = read_all(stream.fileno(),
                             random.choice([4096, 1000, 65536, 10000]))
        seen = collections.Counter(
            line[line.index(b'src='):line.index(b' packets=')]
            for line in whole.splitlines() if text in line)
        twice = [line for line, n in seen.items() if n > 1]
        if len(seen) != count or twice:
            return 'dump %d: %d of %d lines, %d more than once: %s' % (
                dump, len(seen), count, len(twice), twice[:3])
    return 'right'


def main():
    if sys.argv[1] == 'same':
        print(same(sys.argv[2]))
    else:
        print(complete(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]),
                       sys.argv[5]))


if __name__ == '__main__':
    main()
