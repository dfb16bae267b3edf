#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""One allocation fails, the first, the second, and so on, for oom.sh.

	nth.py WHAT [STRIDE]	what is done again and again: resize, dump, make (a
				flow by ctnetlink), event (a packet whose flow a
				listener hears of), netns, load, table (the legacy
				table nat), chain (of type nat)

The kernel's fail-nth makes the n-th allocation of one task fail, whatever it is for
(Documentation/fault-injection). WHAT is done with n = 1, 1 + STRIDE, ... until it
needs no n-th allocation any more. Prints "WHAT: N failures, M refused"; exits with
1 where something does not work when nothing fails.
"""

import ctypes
import errno
import glob
import os
import socket
import sys
import threading

import nat_forge
from netlink import connect, flow

CLONE_NEWNET = 0x40000000
FINIT_MODULE, DELETE_MODULE = 313, 176
LIBC = ctypes.CDLL(None, use_errno=True)


class Fault:
    """The n-th allocation of this thread fails."""

    def __init__(self):
        self.fd = os.open('/proc/self/task/%d/fail-nth' %
                          threading.get_native_id(), os.O_RDWR)

    def arm(self, n):
        os.pwrite(self.fd, b'%d' % n, 0)

    def disarm(self):
        """Did it fail?"""
        left = int(os.pread(self.fd, 32, 0).split(b'\0')[0])
        if left:
            os.pwrite(self.fd, b'0', 0)
        return not left

    def close(self):
        os.close(self.fd)


def attempt(fault, n, action):
    """Returns whether an allocation failed, and the error of the action."""
    error = 0
    fault.arm(n)
    try:
        action()
    except (OSError, MemoryError) as exc:
        error = getattr(exc, 'errno', None) or errno.ENOMEM
    return fault.disarm(), error


def libc_error():
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


class Resize:
    """Between two sizes"""

    def __init__(self):
        self.fd = os.open('/sys/module/ip_conntrack/parameters/hashsize',
                          os.O_RDWR)
        self.size = 0

    def prepare(self):
        self.size = 8192 if self.size != 8192 else 4096

    def __call__(self):
        os.write(self.fd, b'%d' % self.size)


class Dump:
    """All of the list"""

    def prepare(self):
        pass

    def __call__(self):
        fd = os.open('/proc/net/ip_conntrack', os.O_RDONLY)
        try:
            while os.read(fd, 4096):
                pass
        finally:
            os.close(fd)


class Make:
    """Flows, each another one"""

    def __init__(self):
        self.sock = connect()
        self.number = 50000

    def prepare(self):
        self.number += 1
        self.data = flow(self.number)

    def __call__(self):
        self.sock.send(self.data)


class Event:
    """Datagrams of this host, while somebody listens"""

    def __init__(self):
        self.ears = connect(1 << 20)
        for group in range(1, 4):
            self.ears.setsockopt(270, 1, group)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = 20000

    def prepare(self):
        self.port += 1

    def __call__(self):
        self.sock.sendto(b'x', ('127.0.0.1', self.port))


class Netns:
    """A namespace, in a process of its own"""

    def prepare(self):
        pass

    def __call__(self):
        if LIBC.unshare(CLONE_NEWNET):
            raise libc_error()


class Alone:
    """Something in a namespace that was made before"""

    def prepare(self):
        pass

    def enter(self):
        if LIBC.unshare(CLONE_NEWNET):
            raise libc_error()


class Table(Alone):
    """The legacy table nat, made when it is looked at"""

    def enter(self):
        super().enter()
        self.layer = nat_forge.Table(nat_forge.V4)

    def __call__(self):
        if self.layer.count('nat') < 0:
            raise libc_error()


class Chain(Alone):
    """A chain of type nat, for both families"""

    def enter(self):
        super().enter()
        self.tables = nat_forge.Tables()
        self.tables.table(nat_forge.INET)

    def __call__(self):
        error = self.tables.nat_chain(nat_forge.INET, nat_forge.PRE)
        if error:
            raise OSError(error, os.strerror(error))


class Load:
    """The module itself; what it needs is there already"""

    def __init__(self):
        path = glob.glob('/lib/modules/%s/updates/ip_conntrack.ko' %
                         os.uname().release)[0]
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def prepare(self):
        if os.path.isdir('/sys/module/ip_conntrack') and \
                LIBC.syscall(DELETE_MODULE, b'ip_conntrack', 0):
            raise libc_error()

    def __call__(self):
        if LIBC.syscall(FINIT_MODULE, self.fd, b'hashsize=2048', 0):
            raise libc_error()


def in_child(action, n):
    """Exit status 1: it failed; 2: it was refused; 3: both; 4: it was not tried"""
    pid = os.fork()
    if not pid:
        status = 4
        try:
            if isinstance(action, Alone):
                action.enter()
            failed, error = attempt(Fault(), n, action)
            status = failed + 2 * bool(error)
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status not in range(4):
        sys.exit('it could not be tried')
    return bool(status & 1), errno.ENOMEM if status & 2 else 0


def main():
    what, stride = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    action = {'resize': Resize, 'dump': Dump, 'make': Make, 'event': Event,
              'netns': Netns, 'load': Load, 'table': Table, 'chain': Chain}[what]()
    fault = None if what in ('netns', 'table', 'chain') else Fault()
    refused = failures = 0
    n = 1
    while True:
        action.prepare()
        if fault:
            failed, error = attempt(fault, n, action)
        else:
            failed, error = in_child(action, n)
        if not failed:
            break
        failures += 1
        refused += bool(error)
        n += stride
    print('%s: %d failures, %d refused' % (what, failures, refused))
    if error:
        print('%s: error %d where nothing failed' % (what, error))
    sys.exit(1 if error else 0)


if __name__ == '__main__':
    main()
