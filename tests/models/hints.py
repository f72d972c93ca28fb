#!/usr/bin/env python3
"""Hinted handoff: when a copy at a fallback may count, and when it may go.

Three owners and two fallbacks, versions of one key, messages that are lost and repeated, owners and
fallbacks that are away, and disks that are destroyed. Each acknowledged write promises w disks; it is
lost only if at least w disks that held it were destroyed.

H1  a fallback stands in for one owner that has not acknowledged; the two count once
H2  its hint is owed to that owner, and goes only when that owner has acknowledged what is in it
H3  hints of one key are merged: the newest version, owed to all owners that any of them was owed to
    (a choice of care: where each version covers those before, the newest owner alone would do)

Run it without arguments, or with a number of runs. Mutants leave out a rule and must be noticed:
  any-owner     a hint goes to any owner, and is then dropped (the rule of Dynamo and of most after it)
  both-count    an owner and its stand-in count for two copies
  on-send       the hint is dropped when it is sent
"""

import random
import sys

OWNERS, FALLBACKS = (0, 1, 2), (3, 4)
MUTANTS = ("any-owner", "both-count", "on-send")
STEPS = 60


class World:
    """A disk is the newest version it holds (0: none); later versions cover earlier ones."""

    def __init__(self, seed, mutant):
        self.random = random.Random(seed)
        self.mutant = mutant
        self.owner = {node: 0 for node in OWNERS}
        self.hint = {node: None for node in FALLBACKS}  # (version, owners it is owed to)
        self.up = set(OWNERS) | set(FALLBACKS)
        self.versions = 0
        self.promises = []  # [version, disks promised, disks destroyed that held it]

    def one_in(self, count):
        return self.random.randrange(count) == 0

    def keep_hint(self, node, version, owner):
        kept = self.hint[node]
        owed = {owner} if kept is None else kept[1] | {owner}
        self.hint[node] = (max(version, kept[0] if kept else 0), owed)

    def write(self):
        minter = self.random.choice(OWNERS)
        if minter not in self.up:
            return
        self.versions += 1
        version, w = self.versions, self.random.randint(1, 3)
        self.owner[minter] = version
        counted = {minter}
        spare = [node for node in FALLBACKS if node in self.up]
        for owner in OWNERS:
            if owner == minter:
                continue
            stored = owner in self.up and not self.one_in(4)
            heard = stored and not self.one_in(4)  # the acknowledgement may be lost
            if stored:
                self.owner[owner] = max(self.owner[owner], version)
            if heard:
                counted.add(owner)
            if len(counted) < w and spare and (not heard or self.mutant == "both-count"):
                fallback = spare.pop(0)
                self.keep_hint(fallback, version, owner)
                counted.add(("for", owner) if self.mutant == "both-count" else owner)  # H1
        if len(counted) >= w:
            self.promises.append([version, w, 0])

    def hand_off(self):
        node = self.random.choice(FALLBACKS)
        if node not in self.up or self.hint[node] is None:
            return
        version, owed = self.hint[node]
        targets = OWNERS if self.mutant == "any-owner" else sorted(owed)
        target = self.random.choice(list(targets))
        arrives = target in self.up and not self.one_in(3)
        if arrives:
            self.owner[target] = max(self.owner[target], version)
        answered = arrives and not self.one_in(3)
        if not answered and self.mutant != "on-send":
            return
        left = set() if self.mutant == "any-owner" else owed - {target}  # H2
        self.hint[node] = (version, left) if left else None

    def destroy(self):
        """One disk; those that held a version have one copy less of it."""
        node = self.random.randrange(5)
        held = self.owner[node] if node in self.owner else (self.hint[node] or (0,))[0]
        for promise in self.promises:
            promise[2] += promise[0] <= held
        if node in self.owner:
            self.owner[node] = 0
        else:
            self.hint[node] = None
        best = max(list(self.owner.values()) + [h[0] for h in self.hint.values() if h])
        for version, w, destroyed in self.promises:
            if best < version and destroyed < w:
                raise AssertionError("version %d was promised on %d disks, %d are destroyed, and "
                                     "none has it" % (version, w, destroyed))
        self.promises = [p for p in self.promises if p[0] <= best]

    def step(self):
        action = self.random.randrange(20)
        if action < 8:
            self.write()
        elif action < 14:
            self.hand_off()
        elif action < 19:
            node = self.random.randrange(5)
            self.up ^= {node}
        else:
            self.destroy()

    def settle(self):
        """All are back and nothing is lost any more: no hint is left, and the owners agree."""
        self.up = set(OWNERS) | set(FALLBACKS)
        for node in FALLBACKS:
            if self.hint[node]:
                for owner in self.hint[node][1]:
                    self.owner[owner] = max(self.owner[owner], self.hint[node][0])
                self.hint[node] = None
        best = max(self.owner.values())  # log sync
        for version, w, destroyed in self.promises:
            if best < version and destroyed < w:
                raise AssertionError("version %d is gone in the end" % version)


def run(seed, mutant):
    world = World(seed, mutant)
    try:
        for _ in range(STEPS):
            world.step()
        world.settle()
    except AssertionError as error:
        return str(error)
    return None


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20000
    for seed in range(runs):
        error = run(seed, None)
        if error:
            print("FAILED with seed %d: %s" % (seed, error))
            return 1
    print("%d runs: no promised copy is lost" % runs)
    survivors = 0
    for mutant in MUTANTS:
        caught = next((seed for seed in range(runs) if run(seed, mutant)), None)
        survivors += caught is None
        print("mutant %s: %s" % (mutant, "NOT CAUGHT" if caught is None
                                 else "caught with seed %d" % caught))
    return 1 if survivors else 0


sys.exit(main())
