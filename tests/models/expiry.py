#!/usr/bin/python3
"""Model of how expired values leave the disk: two steps, over copies of any age.

Three owners of one key under last-writer-wins write values with and without an expiry, extend
expiries, crash (losing what was not synced, while copies of it may be under way or with a fallback),
and merge whole cells. safe_time.py has how the safe time is made; here it is its definition: the
least closed time of all owners, for who holds all that they had when they closed.

    X1  past the safe time an expired value becomes its own tombstone: the same dot and time
    X2  where a value and its tombstone meet, the tombstone stays; dots are equal, so nobody repairs
    X3  the tombstone goes when every owner durably has all that its cell covers, this one holds all
        that they have, and no copy is under way of an event that no owner has (G1, G2 and G6 of
        stability.py)

Oracle: of all events that any owner has at the end, the highest decides; when it has expired the key
is absent, whatever older copies came when. No owner shows a value that another has dropped. Each
mutant must be caught. expiry.py RUNS sets the number of runs.
"""
import random
import sys

OWNERS, SKEW, STEPS = 3, 50, 400


class Node:
    def __init__(self, index, offset):
        self.index, self.offset, self.boot = index, offset, 1
        self.live, self.context, self.dropped = frozenset(), frozenset(), frozenset()
        self.clock, self.hybrid, self.closed = frozenset(), 0, 0
        self.save(0)

    def save(self, now):
        """And promise, for what is on the disk by then."""
        self.closed = max(self.closed, now + self.offset - 2 * SKEW)
        self.hybrid = max(self.hybrid, self.closed)
        self.disk = (self.live, self.context, self.dropped, self.clock)
        self.report = (self.closed, self.clock)

    def load(self):
        self.live, self.context, self.dropped, self.clock = self.disk
        self.report = (0, frozenset())


class World:
    def __init__(self, seed, mutant):
        self.random, self.mutant, self.now = random.Random(seed), mutant, 10000
        self.nodes = [Node(i, self.random.randint(-SKEW // 2, SKEW // 2)) for i in range(OWNERS)]
        self.events, self.net, self.wrong, self.marks = {}, [], None, {}
        self.hints = []  # copies that a fallback keeps, for long

    def mark(self, name):
        self.marks[name] = self.marks.get(name, 0) + 1

    def wall(self, node):
        return max(self.now + node.offset, node.closed + 1)

    def shown(self, node):
        for dot in node.live - node.dropped:
            if self.events[dot][1] is None or self.events[dot][1] > self.wall(node):
                return dot
        return None

    def merge(self, node, live, context, dropped):
        live = frozenset(d for d in live if d in node.live or d not in node.clock)
        news = live - node.clock
        both, before = node.live & live, node.dropped
        if self.mutant == "the value stays where both meet":
            node.dropped = (node.dropped - both) | (dropped & news)
        else:
            node.dropped |= dropped & live
        left = both | (node.live - context) | (live - node.context)
        if left:
            left = frozenset([max(left, key=lambda d: (self.events[d][0], d))])
        node.live, node.context = left, node.context | context
        node.dropped &= left
        if before & left - node.dropped:
            self.wrong = "a value that was dropped came back"
        node.clock |= news
        node.hybrid = max([node.hybrid] + [self.events[d][0] for d in news])

    def mint(self, node, expires):
        time = max([node.hybrid + 1, self.wall(node)] + [self.events[d][0] + 1 for d in node.live])
        dot = (time, node.index, node.boot)
        node.hybrid = time
        self.events[dot] = (time, expires)
        node.live, node.context = frozenset([dot]), node.context | {dot}
        node.dropped, node.clock = frozenset(), node.clock | {dot}
        for peer in self.nodes:
            copy = (peer.index, node.live, node.context, node.dropped)
            if peer is not node and self.random.random() < .5:
                self.net.append(copy)
            elif peer is not node and self.random.random() < .5:
                self.hints.append(copy)

    def write(self, node):
        choice = self.random.random()
        shown = self.shown(node)
        if choice < .4:
            self.mint(node, self.wall(node) + self.random.randint(1, 200))
        elif choice < .6:
            self.mint(node, None)
        elif shown is not None:  # EXPIRE or PERSIST
            self.mark("extended")
            self.mint(node, None if choice < .7 else self.wall(node) + self.random.randint(1, 300))

    def safe(self, node):
        complete = all(other.report[1] <= node.clock for other in self.nodes)
        return min(other.report[0] for other in self.nodes) if complete else 0

    def drop(self, node):
        safe = self.safe(node)
        if self.mutant == "dropped by the own clock":
            safe = self.wall(node)
        for dot in node.live - node.dropped:
            expires = self.events[dot][1]
            if expires is None or expires >= safe:
                continue
            self.mark("dropped")
            if any(self.wall(other) <= expires for other in self.nodes):
                self.wrong = "an owner shows what another has dropped"
            if self.mutant == "dropped at once":
                node.live -= {dot}
            else:
                node.dropped |= {dot}

    def purge(self, node):
        if self.mutant == "purged with the next step":
            known = True
        else:
            had = [other.disk[3] for other in self.nodes]
            left = node.context & frozenset().union(*had)  # the rest was lost with its maker
            flying = {d for message in self.net + self.hints for d in message[1]}
            known = all(left <= h <= node.clock for h in had) and \
                all(any(d in h for h in had) for d in flying)
        if known and (node.dropped or (not node.live and node.context)):
            self.mark("purged")
            node.live, node.context, node.dropped = frozenset(), frozenset(), frozenset()

    def deliver(self, copies):
        index = self.random.randrange(len(copies))
        to, live, context, dropped = copies[index]
        if self.random.random() < .6:
            copies.pop(index)  # else it comes again
        self.merge(self.nodes[to], live, context, dropped)

    def sync(self, a, b):
        missing = b.disk[3] - a.clock
        self.merge(a, b.disk[0], b.disk[1], b.disk[2])
        a.clock |= missing
        a.context |= b.disk[1]

    def step(self):
        self.now += self.random.randint(1, 12)
        a, b = self.random.sample(self.nodes, 2)
        x = self.random.random()
        if x < .12:
            self.write(a)
        elif x < .30 and self.net:
            self.deliver(self.net)
        elif x < .32 and self.hints:
            self.deliver(self.hints)
        elif x < .5:
            a.save(self.now)
        elif x < .64:
            self.sync(a, b)
        elif x < .8:
            self.drop(a)
        elif x < .92:
            self.purge(a)
        else:
            self.mark("crash")
            a.load()
            a.boot += 1

    def heal(self):
        for _ in range(12):
            for copies in (self.net, self.hints):
                while copies and self.random.random() < .95:
                    self.deliver(copies)
            self.now += 100
            for a in self.nodes:
                a.save(self.now)
            for a in self.nodes:
                for b in self.nodes:
                    if a is not b:
                        self.sync(a, b)
            for a in self.nodes:
                self.drop(a)
            for a in self.nodes:
                self.purge(a)
                a.save(self.now)

    def check_end(self):
        known = frozenset().union(*(n.clock for n in self.nodes))
        top = max(known, key=lambda d: (self.events[d][0], d), default=None)
        want = None if top is None or self.events[top][1] is not None else top
        for node in self.nodes:
            if self.shown(node) != want:
                self.wrong = self.wrong or "n%d shows %s, not %s" % (node.index, self.shown(node), want)
            if node.dropped or node.live - {want}:
                self.wrong = self.wrong or "n%d keeps what has expired" % node.index


MUTANTS = ("dropped by the own clock", "dropped at once", "purged with the next step",
           "the value stays where both meet")


def run(runs, mutant, marks):
    bad = 0
    for seed in range(runs):
        world = World(seed, mutant)
        for _ in range(STEPS):
            world.step()
            if world.wrong:
                break
        if not world.wrong:
            world.heal()
            world.check_end()
        for name, count in world.marks.items():
            marks[name] = marks.get(name, 0) + count
        if world.wrong:
            bad += 1
            if mutant is None and bad <= 3:
                print("  seed %d: %s" % (seed, world.wrong))
    return bad


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    marks = {}
    bad = run(runs, None, marks)
    failed = bad > 0
    print("%-36s runs=%d wrong=%d" % ("faithful", runs, bad))
    for mutant in MUTANTS:
        bad = run(runs, mutant, {})
        print("%-36s runs=%d wrong=%d" % (mutant, runs, bad))
        failed |= bad == 0
    print("reached: " + ", ".join("%s %d" % mark for mark in sorted(marks.items())))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
