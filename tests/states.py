#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Which counters of a ruleset do packets meet?

	states.py NS WIRE...  < SCENARIO

Each WIRE is NS:DEVICE:MAC, as for wire.py. NS is where the ruleset with named
counters is. A line of the scenario is one of

	= TEXT		what came before is one step: its counters are printed;
			this begins a step of that name. With "~" before the
			text only the names of its counters are printed: for
			traffic whose number of packets is chance.
	run NS COMMAND	a command of the shell, in a namespace
	NS LAYERS...	a packet made by hand: see wire.py
"""

import socket
import struct
import subprocess
import sys
import time

import wire

NETLINK_NETFILTER = 12
GETOBJ_RESET = 10 << 8 | 21
DONE, REQUEST_DUMP = 3, 0x301
OBJ_NAME, OBJ_DATA, COUNTER_PACKETS = 2, 4, 2


def attributes(data):
    """Type and content of each attribute"""
    while len(data) >= 4:
        size, kind = struct.unpack('HH', data[:4])
        yield kind & 0x3fff, data[4:size]
        data = data[size + -size % 4:]


class Counters:
    """Named counters of nft, by netlink: a process for each would take long"""

    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                  NETLINK_NETFILTER)

    def messages(self):
        while True:
            data = self.sock.recv(65536)
            while len(data) >= 16:
                size, kind = struct.unpack('IH', data[:6])
                if kind <= DONE:
                    return
                yield data[20:size]
                data = data[size + -size % 4:]

    def reset(self):
        """Those that are not zero, which they are afterwards"""
        self.sock.send(struct.pack('=IHHIIBBH', 20, GETOBJ_RESET, REQUEST_DUMP,
                                   1, 0, 0, 0, 0))
        counters = {}
        for message in self.messages():
            obj = dict(attributes(message))
            packets = dict(attributes(obj[OBJ_DATA]))[COUNTER_PACKETS]
            if any(packets):
                name = obj[OBJ_NAME].rstrip(b'\0').decode()
                counters[name] = struct.unpack('!Q', packets)[0]
        return counters


def settle(counters):
    """What was counted, when it has come to rest"""
    total = {}
    quiet = 0
    while quiet < (1 if total else 2):
        time.sleep(0.03)
        now = counters.reset()
        quiet = 0 if now else quiet + 1
        for name, n in now.items():
            total[name] = total.get(name, 0) + n
    return total


def report(name, counters):
    if not name:
        return
    # Neighbours are looked for at any time
    counters = {text: n for text, n in counters.items() if text != 'nd'}
    if name.startswith('~'):
        seen = [text for text, n in counters.items() if n]
    else:
        seen = ['%s=%d' % (text, n) for text, n in counters.items() if n]
    print('%s | %s' % (name, ' '.join(sorted(seen))), flush=True)


def main():
    wires = wire.open_wires(sys.argv[2:])
    wire.enter(sys.argv[1])
    counters = Counters()
    name = None
    for line in list(sys.stdin) + ['= ']:
        command, _, rest = line.strip().partition(' ')
        if command == '=':
            report(name, settle(counters))
            name = rest
        elif command == 'run':
            namespace, text = rest.split(None, 1)
            subprocess.run(['nsenter', '--net=/run/netns/' + namespace,
                            'bash', '-c', text], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False)
        elif command:
            wire.send(wires, line.strip())


if __name__ == '__main__':
    main()
