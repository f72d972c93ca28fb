#!/usr/bin/python3
"""Model of closed times and the safe time of a partition, with restarts, lost disks and ring changes.

    T1  a node promises `closed`: what it makes from now on has a later time, and was judged by a
        clock past it. It is 2 * SKEW behind its wall clock and never above the ceiling of times on
        its disk, where a start begins; the promise lets go of no event of its own
    T2  a report is complete at a replica that holds all that the reporter held when it closed
    S   safe time = the least complete closed time over all owners of all live tags, unheard ones too
    T3  an owner that joins makes nothing before COMMIT + 3 s + SKEW; a replica whose ring was not
        confirmed for 2 s leaves its safe time where it was

Checked at every delivery: no event comes to a replica at or below its safe time (except one that
its maker lost with its memory: such an event stands for itself and extends nothing that is gone).
And once a replica has dropped a value that had expired, nobody extends that value. Each mutant
must be caught. safe_time.py RUNS sets the number of runs.
"""
import random
import sys

SKEW = 500
NODES, STEPS = 5, 700


class Node:
    def __init__(self, index, world):
        self.index, self.up = index, True
        self.offset = world.random.randint(-SKEW // 2, SKEW // 2)
        self.hybrid, self.ceiling, self.closed, self.safe = 0, 0, 0, 0
        self.disk, self.seen = set(), set()  # numbers of events
        self.reports = {}  # owner -> (closed, events)
        self.epoch, self.confirmed = 0, 0


class World:
    def __init__(self, seed, mutant):
        self.random, self.mutant, self.now = random.Random(seed), mutant, 100000
        self.nodes = [Node(i, self) for i in range(NODES)]
        self.rings = [(0, frozenset(range(3)))]  # commit time, owners of all live tags
        self.events, self.wrong, self.marks, self.expires = [], None, {}, self.now + 8000
        self.dropped, self.lost = set(), set()
        self.values = {0}  # events that hold the value; number 0 is the first
        self.events.append((self.now, -1))
        for node in self.nodes[:3]:
            node.seen.add(0)
            node.disk.add(0)

    def mark(self, name):
        self.marks[name] = self.marks.get(name, 0) + 1

    def wall(self, node):
        return self.now + node.offset

    def owners(self, node):
        return self.rings[node.epoch][1]

    def may_mint(self, node):
        if not node.up or node.index not in self.owners(node):
            return False
        joined = next(t for t, o in self.rings[:node.epoch + 1] if node.index in o)
        waits = 0 if joined == 0 or self.mutant == "a joiner makes events at once" else 3000 + SKEW
        return self.wall(node) >= joined + waits and node.hybrid <= self.wall(node) + SKEW

    def mint(self, node, extends):
        judged = self.wall(node)
        judged = max(judged, node.closed)
        if extends and (0 not in node.seen or judged >= self.expires or node.index in self.dropped):
            return
        if extends and self.dropped:
            self.wrong = "a value was extended that others had dropped"
        node.hybrid = max(node.hybrid + 1, self.wall(node))
        self.events.append((node.hybrid, node.index))
        node.seen.add(len(self.events) - 1)

    def commit(self, node):
        node.disk = set(node.seen)
        node.ceiling = max(node.ceiling, node.hybrid + 2000, self.wall(node) + 2000)

    def report(self, a, b):
        """b tells a what is on its disk once all that it made so far is there."""
        if b.disk != b.seen:
            self.commit(b)
        behind = -SKEW if self.mutant == "closed ahead of the wall clock" else 2 * SKEW
        ceiling = self.now * 2 if self.mutant == "closed above the ceiling" else b.ceiling
        b.closed = max(b.closed, min(self.wall(b) - behind, ceiling))
        b.hybrid = max(b.hybrid, b.closed)
        a.reports[b.index] = (b.closed, frozenset(b.disk))

    def update_safe(self, node):
        if node.index not in self.owners(node):
            return
        if self.now - node.confirmed > 2000 and self.mutant != "an unconfirmed ring counts":
            self.mark("frozen")
            return
        least = node.closed
        for owner in self.owners(node):
            if owner == node.index:
                continue
            if owner not in node.reports:
                if self.mutant == "heard owners only":
                    continue
                self.mark("unheard")
                return
            closed, events = node.reports[owner]
            if not events <= node.disk:
                return
            least = min(least, closed)
        if least > node.safe:
            node.safe = least
            self.mark("advanced")
        if node.safe > self.expires and 0 in node.seen:
            self.dropped.add(node.index)
            self.mark("expired value dropped")

    def deliver(self, to, source, everything=False):
        news = sorted(source.disk - to.seen)
        limit = len(news) if everything else min(len(news), self.random.randint(1, 5))
        for number in self.random.sample(news, limit):
            time, maker = self.events[number]
            lost = maker >= 0 and number in self.lost
            if time <= to.safe and not lost:
                self.wrong = "n%d: an event of n%d at %d, safe was %d" % (to.index, maker, time, to.safe)
            to.seen.add(number)
            to.hybrid = max(to.hybrid, time)

    def restart(self, node, wiped):
        self.lost |= {n for n in node.seen - node.disk if self.events[n][1] == node.index}
        if wiped:  # only what the other owners have too may be destroyed
            for other in self.nodes:
                if other.index in self.rings[-1][1]:
                    self.deliver(other, node, everything=True)
                    other.disk = set(other.seen)
        node.disk = set() if wiped else node.disk
        node.seen, node.reports, node.closed, node.safe = set(node.disk), {}, 0, 0
        if wiped:
            node.ceiling = 0
            self.dropped.discard(node.index)
        node.hybrid = node.ceiling
        node.offset = self.random.randint(-SKEW // 2, SKEW // 2)
        if not wiped and self.random.random() < .3:
            node.offset -= 8 * SKEW  # a wrong clock that no other node has looked at yet
        for other in self.nodes:
            other.reports.pop(node.index, None)
        self.mark("wiped" if wiped else "restarted")

    def change_ring(self):
        if len(self.rings) == 1 or self.now - self.rings[-1][0] > 6000:
            start = self.rings[-1][1]
            joiner = self.random.choice([i for i in range(NODES) if i not in start] or [None])
            if joiner is not None:
                self.rings.append((self.now, start | {joiner}))
                self.mark("ring change")

    def step(self):
        self.now += self.random.randint(1, 40)
        a, b = self.random.sample(self.nodes, 2)
        x = self.random.random()
        if x < .08 and self.may_mint(a):
            self.mint(a, self.random.random() < .3)
        elif x < .14 and a.up:
            self.commit(a)
        elif x < .62 and a.up and b.up:
            self.deliver(a, b)
        elif x < .80 and a.up and b.up and b.index in self.owners(a):
            self.report(a, b)
        elif x < .86 and a.up:
            self.update_safe(a)
        elif x < .94 and a.up:
            a.epoch, a.confirmed = len(self.rings) - 1, self.now
        elif x < .943:
            a.up = not a.up
        elif x < .95 and a.up:
            self.restart(a, False)
        elif x < .955 and a.up:
            self.restart(a, True)
        elif x < .96:
            self.change_ring()
        for node in self.nodes:  # the others are close by most of the time
            if node.up and self.random.random() < .5:
                peer = self.random.choice(self.nodes)
                if peer.up and peer is not node:
                    self.deliver(node, peer)
                    if peer.index in self.owners(node):
                        self.report(node, peer)
                    self.update_safe(node)


def run(runs, mutant, marks):
    bad = 0
    for seed in range(runs):
        world = World(seed, mutant)
        for _ in range(STEPS):
            world.step()
            if world.wrong:
                break
        for name, count in world.marks.items():
            marks[name] = marks.get(name, 0) + count
        if world.wrong:
            bad += 1
            if mutant is None and bad <= 3:
                print("  seed %d: %s" % (seed, world.wrong))
    return bad


def quiet_world(mutant):
    world = World(1, mutant)
    for node in world.nodes:
        node.offset, node.ceiling = 0, world.now + 2000
        node.epoch, node.confirmed = 0, world.now
    return world


def close_and_look(world, at=0):
    """All first owners report to one, which says what is safe."""
    for owner in range(3):
        if owner != at:
            world.report(world.nodes[at], world.nodes[owner])
            world.report(world.nodes[owner], world.nodes[at])
    world.update_safe(world.nodes[at])


def mint_and_show(world, maker, ring):
    """What the maker makes, when it may, comes to owner 0 a little later."""
    node = world.nodes[maker]
    node.epoch = ring
    if world.may_mint(node):
        world.mint(node, False)
        world.commit(node)


def a_joiner_is_unknown_for_a_while(mutant):
    world = quiet_world(mutant)
    world.rings.append((world.now + 1, frozenset(range(4))))
    world.now += 10
    mint_and_show(world, 3, 1)
    world.now += 1800
    for node in world.nodes[:3]:
        world.commit(node)
    close_and_look(world)
    world.deliver(world.nodes[0], world.nodes[3], everything=True)
    return world.wrong


def a_ring_was_not_confirmed(mutant):
    world = quiet_world(mutant)
    world.rings.append((world.now + 1, frozenset(range(4))))
    world.now += 4000
    mint_and_show(world, 3, 1)
    world.now += 3000
    for node in world.nodes[:3]:
        node.ceiling = world.now + 2000
    close_and_look(world)
    world.deliver(world.nodes[0], world.nodes[3], everything=True)
    return world.wrong


def a_clock_is_set_back_while_its_node_is_away(mutant):
    world = quiet_world(mutant)
    world.now += 20000
    world.nodes[0].confirmed = world.now
    world.nodes[0].ceiling = world.nodes[2].ceiling = world.now + 2000
    close_and_look(world)
    node = world.nodes[1]
    node.hybrid, node.closed, node.offset = node.ceiling, 0, -15000
    mint_and_show(world, 1, 0)
    world.deliver(world.nodes[0], node, everything=True)
    return world.wrong


DIRECTED = (("a joiner makes events at once", a_joiner_is_unknown_for_a_while),
            ("an unconfirmed ring counts", a_ring_was_not_confirmed),
            ("closed above the ceiling", a_clock_is_set_back_while_its_node_is_away))
MUTANTS = ("heard owners only", "closed ahead of the wall clock")


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    marks = {}
    bad = run(runs, None, marks)
    failed = bad > 0
    print("%-42s runs=%d wrong=%d" % ("faithful", runs, bad))
    for mutant in MUTANTS:
        bad = run(runs, mutant, {})
        print("%-42s runs=%d wrong=%d" % (mutant, runs, bad))
        failed |= bad == 0
    for mutant, story in DIRECTED:
        faithful, caught = story(None), story(mutant)
        print("%-42s directed: %s" % (mutant, caught or "not caught"))
        failed |= faithful is not None or caught is None
    print("reached: " + ", ".join("%s %d" % mark for mark in sorted(marks.items())))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
