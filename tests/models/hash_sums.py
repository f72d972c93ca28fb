#!/usr/bin/env python3
"""Fields of a hash that count: sums that a DEL resets, and the names by which it finds them.

An owner has for each field a sum, as a set of increments and a set of those that were reset, and
for the field's name a set of live writes and a context; an increment makes both in one event pair
(n, n + 1). Cells travel alone and in any order, as log sync and repair bring them. A DEL lists the
names that a read quorum has, then removes each field on what that quorum and its maker hold.

Claims, at every owner once all have heard of all: no sum is shown without its name, and a DEL has
reset every increment that was acknowledged before it began, unless another one had done so. Rules, each with a mutant:
  S1  every increment writes the name anew, also when it is there
  S2  a removal takes a name away only when it covers the increment of each of its writes
  S3  so does an increment that writes the name anew: else it stands beside the others
Usage: hash_sums.py [runs]
"""
import random
import sys

OWNERS, FIELDS, STEPS, QUORUM = 3, 1, 24, 2


class Owner:
    def __init__(self, name):
        self.name, self.sequence = name, 0
        self.sums = {f: (frozenset(), frozenset()) for f in range(FIELDS)}   # counted, reset
        self.names = {f: (frozenset(), frozenset()) for f in range(FIELDS)}  # live, covered

    def take(self, cell):
        kind, field, a, b = cell
        if kind == 'sum':
            counted, reset = self.sums[field]
            self.sums[field] = (counted | a, reset | b)
        else:
            live, covered = self.names[field]
            self.names[field] = ((live & a) | (live - b) | (a - covered), covered | b)

    def cells(self, field):
        return [('sum', field) + self.sums[field], ('name', field) + self.names[field]]

    def increment(self, field, mutant):
        dot, self.sequence = (self.name, self.sequence + 1), self.sequence + 2
        self.take(('sum', field, frozenset([dot]), frozenset()))
        live, covered = self.names[field]
        if mutant != 'S1' or not live:
            name = frozenset([(self.name, dot[1] + 1)])
            replaced = live if mutant == 'S3' or self.matches(field) else frozenset()
            self.names[field] = (live - replaced | name, covered | live | name)
        return dot

    def matches(self, field):
        counted, _ = self.sums[field]
        return all((owner, n - 1) in counted for owner, n in self.names[field][0])

    def remove(self, field, quorum, mutant):
        for other in quorum:
            self.take(other.cells(field)[0])
        counted, _ = self.sums[field]
        self.sums[field] = (counted, counted)
        live, covered = self.names[field]
        if mutant == 'S2' or self.matches(field):
            self.names[field] = (frozenset(), covered | live)

    def shows(self, field):
        counted, reset = self.sums[field]
        return bool(counted - reset)


def run(seed, mutant):
    rng = random.Random(seed)
    owners, network, acked = [Owner(name) for name in range(OWNERS)], [], []
    for _ in range(STEPS):
        owner, draw, field = rng.choice(owners), rng.random(), rng.randrange(FIELDS)
        if draw < 0.35:
            dot = owner.increment(field, mutant)
            others = rng.sample([o for o in owners if o is not owner], OWNERS - 1)
            if rng.random() < 0.2:  # acknowledged by a quorum: both cells are there
                for other in others[:QUORUM - 1]:
                    for cell in owner.cells(field):
                        other.take(cell)
                acked.append((field, dot))
            network += [(other, cell) for other in others for cell in owner.cells(field)]
        elif draw < 0.5:
            before = list(acked)
            quorum = [owner] + rng.sample([o for o in owners if o is not owner], QUORUM - 1)
            listed = [f for f in range(FIELDS) if any(o.names[f][0] for o in quorum)]
            for f in listed:
                owner.remove(f, quorum, mutant)
                network += [(o, cell) for o in owners if o is not owner for cell in owner.cells(f)]
            if any(all(dot not in o.sums[f][1] for o in owners) for f, dot in before):
                return False
        elif network:
            other, cell = network.pop(rng.randrange(len(network)))
            if rng.random() < 0.8:  # else lost: it comes at the end
                other.take(cell)
    for _ in range(2):
        for other in owners:
            for owner in owners:
                for field in range(FIELDS):
                    for cell in owner.cells(field):
                        other.take(cell)
    return all(not owner.shows(f) or owner.names[f][0] for owner in owners for f in range(FIELDS))


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    status = 0
    for mutant in (None, 'S1', 'S2', 'S3'):
        bad = sum(not run(seed, mutant) for seed in range(runs))
        right = bad == 0 if mutant is None else bad > 0
        status |= not right
        print(f'{mutant or "as built":9} runs={runs} wrong={bad} {"" if right else "UNEXPECTED"}')
    sys.exit(status)


if __name__ == '__main__':
    main()
