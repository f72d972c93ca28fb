#!/usr/bin/python3
"""Model of dropping a keyspace and making one with its number again.

A keyspace has a number, which clients name, and an id, by which everything is stored and sent. The
register counts how often a number was dropped, and the id is made of number and count: it is never
given twice. So what is left of a dropped keyspace, on whatever disk, in whatever message, of
whatever age, is never taken for part of a later one, and nobody has to wait for anybody.

    K1  an id is given once; one below the count of its number is dropped, for ever
    K2  who knows a drop answers no command in it, mints nothing, keeps no hint
    K3  what arrives for a dropped id enters the clock as ever, and its cell is discarded
    K4  cells and hints of a dropped id are removed in the background; that is no event
    K5  who compares cells leaves out those that it knows to be dropped: one side has removed them
        and the other not yet

Three owners and a fallback, each knowing some prefix of the register's changes, write, replicate,
keep hints, pull what they lack, compare cells, are wiped, and are put back from an old copy.

Oracle: a reader in the keyspace of one life sees values of that life alone. When all have learned and
exchanged, all owners have the same clock and the same cells, none of them dropped, no hint is left
and comparing finds nothing. The mutant `wait_for_clean` is the other way to do it: the number is the
id, and may be used again when all have reported that they are clean; a disk put back from a copy
breaks it. Each mutant must be caught. keyspace_drop.py RUNS sets the number of runs.
"""
import random
import sys

OWNERS, NODES, KEYS, STEPS = 3, 4, 3, 250


class Node:
    def __init__(self, index, life):
        self.index, self.actor, self.made = index, (index, life), 0
        self.known = 0           # changes of the register that it has on its disk
        self.cells = {}          # (id, key) -> (dot, life of its keyspace)
        self.clock = frozenset()
        self.hints = {}          # (owner, id, key) -> (dot, life)
        self.clean_at = 0        # of wait_for_clean: changes for which it has reported

    def copy_to(self, other):
        other.known, other.cells, other.clock = self.known, dict(self.cells), self.clock
        other.hints, other.clean_at = dict(self.hints), self.clean_at


class World:
    def __init__(self, seed, mutant):
        self.random, self.mutant, self.wrong, self.marks = random.Random(seed), mutant, None, {}
        self.changes = [("create", 1)]  # with the life that it makes or ends
        self.nodes = [Node(i, 1) for i in range(NODES)]
        self.net, self.copies, self.repairs, self.lives = [], {}, 0, 1
        self.log = {}  # dot -> id, as the records of the owners' logs have it

    def mark(self, name):
        self.marks[name] = self.marks.get(name, 0) + 1

    # ---- the register ----

    def id_of(self, life):
        return 1 if self.mutant in ("reuse_id", "wait_for_clean") else life

    def live(self, node):
        """The life of the keyspace as the node knows it; None when there is none."""
        what, life = self.changes[node.known - 1] if node.known else ("drop", 0)
        return life if what == "create" else None

    def is_dropped(self, node, ident):
        life = self.live(node)
        if life is not None and self.id_of(life) == ident:
            return False
        return any(self.id_of(life) == ident for what, life in self.changes[:node.known])

    def change(self):
        what, life = self.changes[-1]
        if what == "create":
            self.changes.append(("drop", life))
        elif self.mutant != "wait_for_clean" or all(
                node.clean_at == len(self.changes) for node in self.nodes):
            self.lives += 1
            self.changes.append(("create", self.lives))
            self.mark("made again")
        else:
            return
        self.learn(self.random.choice(self.nodes))

    def learn(self, node):
        if node.known < len(self.changes):
            node.known = self.random.randint(node.known + 1, len(self.changes))

    # ---- data ----

    def write(self):
        node = self.nodes[self.random.randrange(OWNERS)]
        life, key = self.live(node), self.random.randrange(KEYS)
        if life is None:
            return
        node.made += 1
        dot, ident = (node.actor, node.made), self.id_of(life)
        self.log[dot] = ident
        self.take(node, ident, key, dot, life)
        for other in range(OWNERS):
            if other == node.index:
                continue
            self.net.append(("cell", other, ident, key, dot, life))
            if self.random.random() < 0.2:
                self.net.append(("hint", other, ident, key, dot, life))

    def take(self, node, ident, key, dot, life, forced=False):
        """The one way in."""
        seen = dot in node.clock
        if self.is_dropped(node, ident):
            self.mark("discarded")
            if self.mutant != "discard_dots":
                node.clock |= {dot}
            return
        if not seen or forced:
            old = node.cells.get((ident, key))
            if old is None or (dot[1], dot[0]) > (old[0][1], old[0][0]):
                node.cells[(ident, key)] = (dot, life)
        node.clock |= {dot}

    def knows_of(self, node, ident):
        """Else it is refused, and comes again: this node has not heard of that keyspace."""
        return self.is_dropped(node, ident) or (
            self.live(node) is not None and self.id_of(self.live(node)) == ident)

    def deliver(self):
        if not self.net:
            return
        message = self.net[self.random.randrange(len(self.net))]
        kind, target, ident, key, dot, life = message
        if self.random.random() < 0.8:
            self.net.remove(message)
        node = self.nodes[target if kind == "cell" else NODES - 1]
        if kind == "hint":
            if self.live(node) is not None and self.id_of(self.live(node)) == ident:
                node.hints[(target, ident, key)] = (dot, life)
        elif self.knows_of(node, ident):
            self.take(node, ident, key, dot, life)

    def hand_off(self):
        node = self.nodes[NODES - 1]
        for (target, ident, key), (dot, life) in list(node.hints.items()):
            other = self.nodes[target]
            if self.is_dropped(node, ident):
                if self.mutant != "hints_stay":
                    del node.hints[(target, ident, key)]
                    self.mark("hint removed")
            elif not self.is_dropped(other, ident) and self.knows_of(other, ident):
                self.take(other, ident, key, dot, life)
                del node.hints[(target, ident, key)]

    def pull(self, a, b):
        """What b has seen and a has not: with the cell that holds it, or without one."""
        for dot in sorted(b.clock - a.clock):
            ident = self.log[dot]
            if not self.knows_of(a, ident):
                continue
            held = [(key, life) for (_, key), (live, life) in b.cells.items() if live == dot]
            if held:
                self.take(a, ident, held[0][0], dot, held[0][1])
            elif self.mutant != "discard_dots" or not self.is_dropped(a, ident):
                a.clock |= {dot}

    def compare(self, a, b):
        """Trees: a cell that b's clock has seen and b does not show was lost there."""
        if not b.clock >= a.clock or not a.clock >= b.clock:
            return
        for (ident, key), (dot, life) in list(a.cells.items()):
            if self.is_dropped(a, ident) and self.mutant != "compare_dropped":
                continue
            if (ident, key) not in b.cells:
                if self.is_dropped(a, ident):
                    self.wrong = "what was removed there is taken for lost"
                self.repairs += 1
                self.mark("repaired")
                self.take(b, ident, key, dot, life, forced=True)

    def sweep(self, node):
        gone = [name for name in node.cells if self.is_dropped(node, name[0])]
        for name in gone[:1]:
            del node.cells[name]
            self.mark("removed")
        left_hints = any(self.is_dropped(node, name[1]) for name in node.hints)
        if not gone and not left_hints and self.live(node) is None:
            node.clean_at = node.known

    def read(self, node):
        life = self.live(node)
        for key in range(KEYS):
            found = node.cells.get((self.id_of(life), key)) if life is not None else None
            if found is not None and found[1] != life:
                self.wrong = f"n{node.index} reads a value of life {found[1]} in life {life}"

    def replace(self, node):
        """A wiped disk, or one put back from a copy: another actor in both cases."""
        fresh = Node(node.index, self.random.getrandbits(30))
        old = self.copies.get(node.index)
        if old is not None and self.random.random() < 0.7:
            old.copy_to(fresh)
            self.mark("put back")
        else:
            self.mark("wiped")
        self.nodes[node.index] = fresh

    def keep_copy(self, node):
        kept = Node(node.index, 0)
        node.copy_to(kept)
        self.copies[node.index] = kept

    def step(self):
        draw, node = self.random.random(), self.random.choice(self.nodes)
        a, b = self.random.sample(self.nodes[:OWNERS], 2)
        if draw < 0.25:
            self.write()
        elif draw < 0.50:
            self.deliver()
        elif draw < 0.56:
            self.change()
        elif draw < 0.64:
            self.learn(node)
        elif draw < 0.68:
            self.hand_off()
        elif draw < 0.78:
            self.pull(a, b)
        elif draw < 0.84:
            self.compare(a, b)
        elif draw < 0.97:
            self.sweep(node)
        elif draw < 0.985:
            self.keep_copy(node)
        else:
            self.replace(node)
        for node in self.nodes[:OWNERS]:
            self.read(node)

    def settle(self):
        for node in self.nodes:
            node.known = len(self.changes)
        owners = self.nodes[:OWNERS]
        for _ in range(8 + NODES * KEYS * (self.lives + 1)):
            while self.net:
                self.deliver()
            self.hand_off()
            for a in owners:
                for b in owners:
                    if a is not b:
                        self.pull(a, b)
                        self.compare(a, b)
            for node in self.nodes:
                self.sweep(node)
                self.read(node)
        self.repairs = 0
        for a in owners:
            for b in owners:
                if a is not b:
                    self.compare(a, b)
        if self.wrong is not None:
            return
        if any(node.clock != owners[0].clock for node in owners):
            self.wrong = "clocks differ for ever"
        elif any(node.cells != owners[0].cells for node in owners):
            self.wrong = "cells differ for ever"
        elif any(self.is_dropped(node, name[0]) for node in owners for name in node.cells):
            self.wrong = "a cell of a dropped keyspace is left"
        elif any(node.hints for node in self.nodes):
            self.wrong = "a hint is left"
        elif self.repairs:
            self.wrong = "comparing never finds nothing"

    def run(self):
        for _ in range(STEPS):
            self.step()
            if self.wrong is not None:
                return self.wrong
        self.settle()
        return self.wrong


MUTANTS = ("reuse_id", "wait_for_clean", "discard_dots", "compare_dropped", "hints_stay")


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    marks = {}
    for seed in range(runs):
        world = World(seed, None)
        wrong = world.run()
        if wrong is not None:
            print(f"seed {seed}: {wrong}")
            return 1
        for name, count in world.marks.items():
            marks[name] = marks.get(name, 0) + count
    print(f"{runs} runs:", ", ".join(f"{name} {marks[name]}" for name in sorted(marks)))
    for name in ("made again", "discarded", "removed", "hint removed", "put back", "wiped"):
        if not marks.get(name):
            print(f"never: {name}")
            return 1
    for mutant in MUTANTS:
        for seed in range(runs):
            wrong = World(seed, mutant).run()
            if wrong is not None:
                print(f"{mutant}: seed {seed}: {wrong}")
                break
        else:
            print(f"{mutant} was not caught")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
