#!/usr/bin/env python3
"""Sloppy reads: what a hint may add to an answer.

Three owners and two fallbacks, one key, nodes that are away and come back. An owner has the versions it
has seen (its clock) and the one that it shows; 0 shows nothing. A delete is a version of its own. Once all
owners have seen a delete, they forget it: nothing is left of the key but their clocks. (The product waits for
hints before that, G6 of stability.py. Reads must not need it.)

A hint may be older than that. So it is never merged into an answer: it is given to the owners that
answered, as a hint is that is handed off, and they are asked again. An owner that has seen its
version already drops it.

S1  no answer shows a version that an owner which answered has seen replaced or deleted
S2  an answer misses no version of a hint, unless an owner that answered knew it already
S3  a fallback stands in for one owner that did not answer, and only with a hint of this key for it
S4  at least one owner answers

Run it without arguments, or with a number of runs. Mutants leave out a rule and must be noticed:
  merge         hints are merged into the answer (S1)
  absence       a fallback counts without a hint (S3: a read that no holder of the value took part in)
  hints-alone   fallbacks answer without any owner (S1 by what owners know, S4)
"""

import random
import sys

OWNERS, FALLBACKS = (0, 1, 2), (3, 4)
MUTANTS = ("merge", "absence", "hints-alone")
STEPS = 80


class World:
    def __init__(self, seed, mutant):
        self.random = random.Random(seed)
        self.mutant = mutant
        self.shown = {node: 0 for node in OWNERS}
        self.seen = {node: set() for node in OWNERS}
        self.hint = {node: None for node in FALLBACKS}  # (version, owners it is owed to)
        self.up = set(OWNERS) | set(FALLBACKS)
        self.deletes = set()
        self.versions = 0
        self.sloppy_answers = 0

    def one_in(self, count):
        return self.random.randrange(count) == 0

    def apply(self, owner, version):
        """The one merge: what was seen is not taken again; the later version stays."""
        if version in self.seen[owner]:
            return
        self.seen[owner].add(version)
        self.shown[owner] = max(self.shown[owner], version)

    def write(self):
        minter = self.random.choice(OWNERS)
        if minter not in self.up:
            return
        self.versions += 1
        version = self.versions
        if self.one_in(3):
            self.deletes.add(version)
        self.apply(minter, version)
        for owner in OWNERS:
            if owner != minter and owner in self.up and not self.one_in(3):
                self.apply(owner, version)
            elif owner != minter and not self.one_in(3):
                spare = [node for node in FALLBACKS if node in self.up]
                if spare:
                    node = self.random.choice(spare)
                    kept, owed = self.hint[node] or (0, set())
                    self.hint[node] = (max(kept, version), owed | {owner})

    def sync(self):
        """Owners that are up learn from each other; what all have seen deleted is forgotten."""
        a, b = self.random.sample(OWNERS, 2)
        if a in self.up and b in self.up:
            for version in sorted(self.seen[a] - self.seen[b]):
                if version == self.shown[a]:
                    self.apply(b, version)
                else:
                    self.seen[b].add(version)
            if self.shown[b] not in (0, self.shown[a]) and self.shown[b] in self.seen[a]:
                self.shown[b] = max(self.shown[b], self.shown[a])
        for version in self.deletes:
            if all(version in self.seen[owner] and self.shown[owner] in (0, version)
                   for owner in OWNERS):
                for owner in OWNERS:
                    self.shown[owner] = 0

    def hand_off(self):
        node = self.random.choice(FALLBACKS)
        if node in self.up and self.hint[node] is not None and self.one_in(2):
            version, owed = self.hint[node]
            target = self.random.choice(sorted(owed))
            if target in self.up:
                self.apply(target, version)
                owed = owed - {target}
                self.hint[node] = (version, owed) if owed else None

    def read(self):
        """None: not answered. Else the answer, checked."""
        need = self.random.choice((1, 2, 3))
        answered = [o for o in OWNERS if o in self.up][:need]
        lost = [o for o in OWNERS if o not in self.up]
        hints, stand_ins = [], 0
        for node in FALLBACKS:
            if node not in self.up:
                continue
            version, owed = self.hint[node] or (0, set())
            place = next((o for o in lost if o in owed or self.mutant == "absence"), None)
            if version:
                hints.append(version)
            if place is not None:
                lost.remove(place)
                stand_ins += 1
        if len(answered) + stand_ins < need:
            return
        if not answered and self.mutant not in ("hints-alone", "absence"):
            return  # S4
        if self.mutant == "merge" or not answered:
            answer = max([self.shown[o] for o in answered] + hints + [0])
        else:
            for version in hints:
                for owner in answered:
                    self.apply(owner, version)
            answer = max(self.shown[o] for o in answered)
        self.sloppy_answers += bool(hints)
        known = set().union(*(self.seen[o] for o in answered)) if answered else set()
        for version in known:
            gone = version not in [self.shown[o] for o in answered]
            assert not (answer == version and gone), "S1: what an owner knows to be gone is shown"
        assert answered, "S4: no owner has answered"
        for version in hints:
            old = version in known and version != answer
            assert answer >= version or old, "S2: a hint is missed"

    def run(self):
        for _ in range(STEPS):
            action = self.random.randrange(6)
            if action == 0:
                node = self.random.choice(OWNERS + FALLBACKS)
                self.up ^= {node}
            else:
                (self.write, self.sync, self.hand_off, self.read, self.read)[action - 1]()


def try_out(runs, mutant):
    """The first failure, and how many reads had hints."""
    answers = 0
    for seed in range(runs):
        world = World(seed, mutant)
        try:
            world.run()
        except AssertionError as error:
            return "seed %d: %s" % (seed, error), answers
        answers += world.sloppy_answers
    return None, answers


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    failure, answers = try_out(runs, None)
    assert failure is None, failure
    assert answers > runs, "hints were hardly read"
    print("sloppy reads: %d runs, %d answers beside hints" % (runs, answers))
    for mutant in MUTANTS:
        failure, _ = try_out(runs, mutant)
        assert failure is not None, "the mutant %s was not noticed" % mutant
        print("mutant %s noticed: %s" % (mutant, failure))


main()
