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

import ctypes
import re
import subprocess
import sys
import time

import wire

COUNTER = re.compile(r'counter (\w+) \{\s+packets (\d+) ')


class Nft:
    """nft without a process for each command"""

    def __init__(self):
        self.lib = ctypes.CDLL('libnftables.so.1')
        self.lib.nft_ctx_new.restype = ctypes.c_void_p
        self.lib.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
        self.lib.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        self.ctx = ctypes.c_void_p(self.lib.nft_ctx_new(0))
        self.lib.nft_ctx_buffer_output(self.ctx)
        self.lib.nft_ctx_buffer_error(self.ctx)

    def run(self, command):
        if self.lib.nft_run_cmd_from_buffer(self.ctx, command.encode()):
            error = self.lib.nft_ctx_get_error_buffer(self.ctx)
            sys.exit('nft %s: %s' % (command, error.decode()))
        return self.lib.nft_ctx_get_output_buffer(self.ctx).decode()

    def counters(self, command='list'):
        found = COUNTER.findall(self.run(command + ' counters'))
        return {name: int(packets) for name, packets in found}


def settle(nft):
    """The counters, when they have come to rest; then they are zero"""
    before = None
    while True:
        now = nft.counters()
        if now == before:
            return nft.counters('reset')
        before = now
        time.sleep(0.02)


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
    nft = Nft()
    name = None
    for line in list(sys.stdin) + ['= \n']:
        line = line.strip()
        if line.startswith('= '):
            report(name, settle(nft))
            name = line[2:].strip()
        elif line == '=':
            report(name, settle(nft))
        elif line.startswith('run '):
            _, namespace, command = line.split(None, 2)
            subprocess.run(['nsenter', '--net=/run/netns/' + namespace,
                            'bash', '-c', command], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False)
        elif line:
            wire.send(wires, line)


if __name__ == '__main__':
    main()
