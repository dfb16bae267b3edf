#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What two trackers made of the same packets.

	differ.py NF OURS DIFFERENCES

NF and OURS are what /proc/ct_fuzz printed with one and with the other. In a
conversation only the first difference counts: what comes behind it may follow
from it, and is counted as that. DIFFERENCES lists what may differ, one a line:

	PROTOCOL NAME MUTATION NF OURS		shell patterns, then a tab and why

where NF and OURS are a verdict, or what the rules saw: "state-reply-seen-assured",
each but the first only where it is so; or "invalid:why".
A conversation is poisoned where one tracker refuses PATIENCE packets of it in a row,
none of them spoiled, which the other lets pass: the ends go on, and it does not.
Prints a table of the differences, largest first, and exits with 1 where one of
them is not listed.
"""

import collections
import fnmatch
import re
import sys

STATES = ['none', 'invalid', 'new', 'established', 'related', 'untracked',
          'none', 'none']
EXAMPLES = 3
PATIENCE = 8


def why(text):
    """What it logged, without what it logs with everything, and numbers"""
    text = re.sub(r'^(ip_conntrack:_invalid,|nf_ct_proto_\d+:)_', '', text)
    return re.sub(r'\d+', 'N', text).rstrip(':_')


def seen(fields):
    """One word for what a tracker made of the packet"""
    verdict, mark = fields[8], int(fields[9])
    if verdict != 'accept':
        return verdict
    text = STATES[mark & 7]
    if text == 'invalid':
        return 'invalid:' + why(fields[10])
    for bit, word in ((8, '-reply'), (16, '-seen'), (32, '-assured')):
        if mark & bit:
            text += word
    return text


def read_differences(path):
    listed = []
    with open(path, encoding='ascii') as file:
        for line in file:
            if line.strip() and not line.startswith('#'):
                patterns, why = line.rstrip('\n').split('\t', 1)
                listed.append((patterns.split(), why.strip()))
    return listed


def reason(listed, what):
    for patterns, why in listed:
        if all(fnmatch.fnmatchcase(word, pattern)
               for word, pattern in zip(what, patterns)):
            return why
    return None


class Poison:
    """Conversations that one tracker only refuses, by what they began with"""

    def __init__(self):
        self.refused = collections.Counter()
        self.first = {}
        self.ours = collections.Counter()
        self.nf = 0

    def begin(self):
        self.refused.clear()
        self.first.clear()

    def part(self, talk, what):
        self.first.setdefault(talk, what)

    def look(self, talk, one, other):
        """One packet, not spoiled, as both saw it"""
        nf, ours = (word.startswith('invalid') for word in (one, other))
        if nf == ours:
            if not ours:
                self.refused[talk] = 0
            return
        step = 1 if ours else -1
        if self.refused[talk] * step < 0:
            self.refused[talk] = 0
        self.refused[talk] += step
        if self.refused[talk] == PATIENCE:
            self.ours[self.first.get(talk)] += 1
        elif self.refused[talk] == -PATIENCE:
            self.nf += 1


def compare(nf_path, ours_path):
    """Counts, examples, packets, packets behind a difference, and the poisoned"""
    counts = collections.Counter()
    examples = collections.defaultdict(list)
    packets = behind = 0
    parted = set()
    poison = Poison()
    with open(nf_path, encoding='ascii') as nf, \
            open(ours_path, encoding='ascii') as ours:
        for one, other in zip(nf, ours, strict=True):
            packets += 1
            one, other = one.split(), other.split()
            if one[0] == '0':
                parted.clear()
                poison.begin()
            if one[:8] != other[:8]:
                sys.exit('differ.py: these are not the same packets')
            what = (one[2] + one[3], one[6], one[7], seen(one), seen(other))
            if one[2] == 'tcp' and one[7] == 'none':
                poison.look(one[1], *what[3:])
            if one[8] == other[8] and (one[9] == other[9] or
                                       one[8] != 'accept'):
                continue
            if one[1] in parted:
                behind += 1
                continue
            parted.add(one[1])
            poison.part(one[1], what)
            counts[what] += 1
            if len(examples[what]) < EXAMPLES:
                examples[what].append(one[0])
    return counts, examples, packets, behind, poison


def main():
    counts, examples, packets, behind, poison = compare(*sys.argv[1:3])
    listed = read_differences(sys.argv[3])
    reasons = collections.Counter()
    unexplained = 0
    for what, count in counts.most_common():
        why = reason(listed, what)
        reasons[why] += count
        if why is None:
            unexplained += count
            print('%6d  %-9s %-9s %-13s %-27s %-27s at %s' %
                  ((count,) + what + (', '.join(examples[what]),)))
    print('packets: %d' % packets)
    print('judged alike: %d' % (packets - behind - sum(counts.values())))
    for why, count in reasons.most_common():
        print('%6d  %s' % (count, why or 'not explained'))
    print('behind one of these, in its conversation: %d' % behind)
    print('poisoned by nf_conntrack: %d, by ours: %d' %
          (poison.nf, sum(poison.ours.values())))
    for what, count in poison.ours.most_common():
        print('%6d  poisoned behind %s' % (count, ' '.join(what or ('-',))))
    sys.exit(1 if unexplained else 0)


if __name__ == '__main__':
    main()
