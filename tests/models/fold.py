#!/usr/bin/python3
"""Model of how request ids leave a counter: folding, with restarts, lost disks, hints, ring changes.

A request id carries its time. An owner counts it only while its own clock is below that time +
WINDOW; a retry that finds it counted changes nothing. A version holds the whole state its writer saw:

    runs    id -> amount, whether it was reset, and the dot of the event that counted it
    folded  cut, sum, basis: every id below the cut is in the sum, and basis covers their dots
    resets  a vector: what lies below was reset; the folded sum is, once resets cover its basis

    F1  the join takes the higher cut with its sum, and drops ids below it; resets are maxima
    F2  cut = settled - WINDOW. Settled is a safe time (safe_time.py) of which every owner has said
        afterwards that it holds all that this replica held then, this replica holds all they
        held when they said so, and WAIT later no member keeps hints (G2, G3, G6 of stability.py)
    F3  so whoever folds at one cut sums the same ids, and a reset that the folder has not seen was
        made by an owner that had them all: it covers the whole basis, or nothing of it

Oracle: each version knows the set of ids it has seen and of those it has reset; what a replica
shows must be the sum of the difference, after every step. An id has one amount. Each mutant leaves
out one rule and must be caught. fold.py RUNS sets the number of runs.
"""
import random
import sys

SKEW, WINDOW, WAIT, STEPS, NODES = 2, 24, 12, 700, 4
MUTANTS = ("fold before the safe time", "fold into own slots", "ids below the cut are kept",
           "resets by id alone", "count ids of any age")
RARE = (("fold at the safe time", (127, 241)), ("hints do not hold back", (127,)))  # and their seeds


def join_vector(a, b):
    return {k: max(a.get(k, 0), b.get(k, 0)) for k in a.keys() | b.keys()}


def covers(vector, basis):
    return bool(basis) and all(vector.get(k, 0) >= v for k, v in basis.items())


class State:
    def __init__(self):
        self.runs, self.cut, self.sums, self.basis, self.resets = {}, 0, {}, {}, {}

    def copy(self):
        out = State()
        out.runs, out.cut, out.sums = dict(self.runs), self.cut, dict(self.sums)
        out.basis, out.resets = dict(self.basis), dict(self.resets)
        return out

    def join(self, other, world):
        for name, (amount, reset, dot) in other.runs.items():
            mine = self.runs.get(name, (amount, reset, dot))
            self.runs[name] = (amount, reset or mine[1], min(dot, mine[2]))
        self.resets = join_vector(self.resets, other.resets)
        if world.mutant == "fold into own slots":
            self.sums = join_vector(self.sums, other.sums)
            self.cut = max(self.cut, other.cut)
        elif other.cut > self.cut:
            self.cut, self.sums, self.basis = other.cut, dict(other.sums), dict(other.basis)
        elif other.cut == self.cut:
            self.sums = join_vector(self.sums, other.sums)
            self.basis = join_vector(self.basis, other.basis)
        self.settle(world)

    def settle(self, world):
        if world.mutant != "ids below the cut are kept":
            self.runs = {n: r for n, r in self.runs.items() if world.times[n] >= self.cut}
        if world.mutant != "resets by id alone" and covers(self.resets, self.basis):
            self.sums, self.basis = {}, {}

    def reset(self, world):
        for _, _, dot in self.runs.values():
            self.resets = join_vector(self.resets, {dot[0]: dot[1]})
        self.resets = join_vector(self.resets, self.basis)
        self.runs = {n: (a, True, d) for n, (a, _, d) in self.runs.items()}
        if world.mutant == "resets by id alone":
            self.sums = {}
        self.settle(world)

    def fold(self, cut, actor, world):
        old = [n for n in self.runs if world.times[n] < cut]
        if not old or cut <= self.cut:
            return
        into = actor if world.mutant == "fold into own slots" else "all"
        for name in old:
            amount, reset, dot = self.runs.pop(name)
            if not reset:
                self.sums[into] = self.sums.get(into, 0) + amount
                self.basis = join_vector(self.basis, {dot[0]: dot[1]})
        self.cut = cut
        world.mark("folded")

    def total(self):
        return sum(a for a, reset, _ in self.runs.values() if not reset) + sum(self.sums.values())


class Version:
    def __init__(self, dot, state, seen, reset):
        self.dot, self.state, self.seen, self.was_reset = dot, state, seen, reset


class Cell:
    def __init__(self, live=(), context=()):
        self.live, self.context = dict(live), set(context)

    def copy(self):
        return Cell(self.live, self.context)

    def merge(self, other):
        self.live = {d: v for x, y in ((self, other), (other, self)) for d, v in x.live.items()
                     if d in y.live or d not in y.context}
        self.context |= other.context

    def joined(self, world):
        state, seen, reset = State(), set(), set()
        for dot in sorted(self.live):
            state.join(self.live[dot].state, world)
            seen |= self.live[dot].seen
            reset |= self.live[dot].was_reset
        return state, seen, reset


class Node:
    def __init__(self, index, world):
        self.index, self.world, self.life, self.sequence = index, world, 1, 0
        self.offset = world.random.randint(-1, 1)
        self.cell, self.clock, self.hybrid, self.closed = Cell(), set(), 0, 0
        self.disk, self.ceiling = (Cell(), set()), 0
        self.old_disks, self.sources = [], None  # sources: still to absorb, while rebuilding
        self.hints, self.lives, self.checked = [], {}, None
        self.forget_all()

    def forget_all(self):
        self.reports, self.safe, self.coming, self.settled = {}, 0, None, 0
        self.stable = None

    def wall(self):
        return max(self.world.now + self.offset, self.closed)

    def actor(self):
        return (self.index, self.life)

    def commit(self):
        self.disk = (self.cell.copy(), set(self.clock))
        self.ceiling = max(self.ceiling, self.hybrid + 8, self.wall() + 8)

    def promise(self):
        self.closed = max(self.closed, min(self.wall() - 2 * SKEW, self.ceiling - SKEW))
        self.hybrid = max(self.hybrid, self.closed)
        return self.closed

    def absorb(self, cell, dots):
        new = Cell({d: v for d, v in cell.live.items() if d not in self.clock or d in self.cell.live},
                   cell.context)
        if not cell.context <= self.clock:
            self.cell.merge(new)
        self.clock |= dots | set(cell.live)

    def check(self):
        live = frozenset(self.cell.live)
        if live == self.checked:
            return
        self.checked = live
        state, seen, reset = self.cell.joined(self.world)
        wanted = sum(self.world.amounts[i] for i in seen - reset)
        if state.total() != wanted:
            self.world.wrong = "n%d shows %d, its events are %d" % (self.index, state.total(), wanted)


class World:
    def __init__(self, seed, mutant):
        self.random, self.mutant, self.now = random.Random(seed), mutant, 1000
        self.times, self.amounts, self.marks, self.wrong = {}, {}, {}, None
        self.nodes = [Node(i, self) for i in range(NODES)]
        self.owners, self.joined_at = [0, 1, 2], {0: 0, 1: 0, 2: 0}
        self.packets = []
        self.quiet = self.random.random() < .5

    def mark(self, name):
        self.marks[name] = self.marks.get(name, 0) + 1

    # ---- writes ----

    def may_mint(self, node):
        joined = self.joined_at.get(node.index)
        return (joined is not None and node.sources is None and node.hybrid <= node.wall() + SKEW and
                (joined == 0 or node.wall() >= joined + WAIT + SKEW))

    def write(self, node, name):
        if not self.may_mint(node):
            return
        base = node.cell.copy()
        other = self.nodes[self.random.choice(self.owners)]
        if other is not node and self.random.random() < .6:
            read = other.disk[0]
            base.merge(Cell({d: v for d, v in read.live.items()
                             if d not in node.clock or d in node.cell.live}, read.context))
        state, seen, reset = base.joined(self)
        dot = (node.actor(), node.sequence + 1)
        if name is None:
            state.reset(self)
            reset = set(seen)
            self.mark("reset")
        elif name in state.runs:
            self.mark("known")
            return
        elif self.mutant != "count ids of any age" and (
                self.times[name] + WINDOW <= node.wall() or self.times[name] < state.cut):
            self.mark("too old")
            return
        settled = node.wall() if self.mutant == "fold before the safe time" else node.settled
        if self.mutant == "fold at the safe time":
            settled = node.safe
        state.fold(settled - WINDOW, node.actor(), self)
        if name is not None:
            if self.times[name] < state.cut and self.mutant is None:
                self.wrong = "an id below the cut is accepted"
            state.runs[name] = (self.amounts[name], False, dot)
            seen = seen | {name}
        node.sequence += 1
        node.hybrid = max(node.hybrid + 1, node.wall())
        node.cell = Cell({dot: Version(dot, state, frozenset(seen), frozenset(reset))},
                         base.context | {dot})
        node.clock.add(dot)
        for index in range(NODES):
            if index != node.index:
                self.packets.append((self.now, node.index, node.life, index, node.cell.copy()))

    # ---- what is heard ----

    def deliver(self, packet):
        sent, source, life, to, cell = packet
        node = self.nodes[to]
        if self.now - sent > WAIT or node.lives.get(source, 0) > life:
            self.packets.remove(packet)
            return
        if self.random.random() < .7:
            self.packets.remove(packet)
        if to in self.owners:
            node.absorb(cell, set())
        elif self.random.random() < .5:
            node.hints.append(cell)  # for an owner that could not be reached
            self.mark("hint")

    def hand_off(self, node):
        if node.hints:
            self.nodes[self.random.choice(self.owners)].absorb(self.random.choice(node.hints), set())
            if self.random.random() < .5:
                for index in self.owners:
                    for cell in node.hints:
                        self.nodes[index].absorb(cell, set())
                    self.nodes[index].commit()
                node.hints = []

    def sync(self, to, source):
        if source.sources is None:
            to.absorb(source.disk[0], source.disk[1])
        if to.sources is not None and source.sources is None:
            to.sources.discard(source.index)
            if not to.sources & set(self.owners):
                to.sources = None
                to.commit()

    def report(self, to, source):
        """Over the link of the source's present life."""
        to.lives[source.index] = max(to.lives.get(source.index, 0), source.life)
        if source.index not in self.owners:
            return
        if source.sources is not None:
            to.reports.pop(source.index, None)
            to.coming = to.stable = None
            return
        source.commit()
        to.reports[source.index] = (source.promise(), frozenset(source.disk[1]))

    def advance(self, node):
        """Safe time, settled time, stability: F2."""
        if node.index not in self.owners or node.sources is not None:
            return
        node.commit()
        heard = [node.reports.get(o) for o in self.owners if o != node.index]
        if None in heard:
            return
        holds_all = all(clock <= node.clock for _, clock in heard)
        if holds_all:
            node.safe = max(node.safe, min([node.promise()] + [closed for closed, _ in heard]))
        if node.coming is None:
            node.coming = [node.safe, frozenset(node.clock), None]
        coming = node.coming
        if coming[2] is None and holds_all and all(coming[1] <= clock for _, clock in heard):
            coming[2] = self.now
        hint_free = (all(not n.hints for n in self.nodes) or
                     self.mutant == "hints do not hold back")
        if coming[2] is not None and self.now >= coming[2] + WAIT and hint_free:
            node.settled = max(node.settled, coming[0])
            node.coming = None
            self.mark("settled")
        self.purge(node, heard, holds_all, hint_free)

    def purge(self, node, heard, holds_all, hint_free):
        context = frozenset(node.cell.context | set(node.cell.live))
        if node.stable is None or node.stable[0] != context:
            known = holds_all and all(context <= clock for _, clock in heard)
            node.stable = (context, self.now) if known else None
        elif self.now >= node.stable[1] + WAIT and hint_free:
            for dot in sorted(node.cell.live):
                rest = Cell({d: v for d, v in node.cell.live.items() if d != dot})
                version = node.cell.live[dot]
                if version.state.total() == 0 and not any(
                        not r for _, r, _ in version.state.runs.values()) and (
                            not version.state.sums and
                            rest.joined(self)[0].total() == node.cell.joined(self)[0].total() and
                            not version.seen - version.was_reset):
                    without, _, _ = rest.joined(self)
                    left = {n for n, r in without.runs.items() if not r[1]}
                    having, _, _ = node.cell.joined(self)
                    if left == {n for n, r in having.runs.items() if not r[1]} and \
                            without.sums == having.sums:
                        del node.cell.live[dot]
                        self.mark("purged")
            node.cell.context = set(node.cell.live)

    # ---- faults ----

    def restart(self, node, how):
        if how != "crash" and any(n.sources is not None for n in self.nodes):
            return
        if how != "crash":  # only what the others have, too, may be destroyed
            for index in self.owners:
                other = self.nodes[index]
                if other is not node:
                    other.absorb(node.disk[0], node.disk[1])
                    other.commit()
        if how == "wipe":
            node.disk, node.hints, node.ceiling = (Cell(), set()), [], 0
        elif how == "roll back" and node.old_disks:
            node.disk = self.random.choice(node.old_disks)
        node.cell, node.clock = node.disk[0].copy(), set(node.disk[1])
        node.life, node.sequence, node.hybrid, node.closed = node.life + 1, 0, node.ceiling, 0
        node.offset = self.random.randint(-1, 1)
        node.forget_all()
        if how != "crash" and node.index in self.owners:
            node.sources = set(self.owners) - {node.index}
        for other in self.nodes:
            if other.reports.pop(node.index, None):
                other.coming = other.stable = None
        self.mark(how)

    def change_owners(self):
        spare = [i for i in range(NODES) if i not in self.owners]
        if not spare or self.now - max(self.joined_at.values()) < 6 * WAIT or any(
                n.sources is not None for n in self.nodes):
            return
        joiner = self.random.choice(spare)
        if len(self.owners) == 4:
            return
        self.owners = self.owners + [joiner]  # JOINT: owners of both tags count
        self.joined_at[joiner] = self.now
        node = self.nodes[joiner]
        node.sources = set(self.owners) - {joiner}
        node.forget_all()
        for other in self.nodes:
            other.coming = other.stable = None
        self.mark("owner joined")

    def leave(self):
        if len(self.owners) < 4 or any(n.sources is not None for n in self.nodes):
            return
        gone = self.random.choice(self.owners[:3])
        self.nodes[gone].commit()
        for index in self.owners:  # SWITCHED only when the others have all of it
            if index != gone:
                self.nodes[index].absorb(*self.nodes[gone].disk)
                self.nodes[index].commit()
                self.nodes[index].reports.pop(gone, None)
        self.owners = [i for i in self.owners if i != gone]
        del self.joined_at[gone]
        self.nodes[gone].cell, self.nodes[gone].clock = Cell(), set()
        self.nodes[gone].disk, self.nodes[gone].life = (Cell(), set()), self.nodes[gone].life + 1
        self.nodes[gone].sequence = 0
        self.packets = [p for p in self.packets if p[1] != gone]
        self.mark("owner left")

    def hear_each_other(self):
        for node in self.nodes:
            self.hand_off(node)
        for _ in range(2):
            for a in self.owners:
                for b in self.owners:
                    if a != b and self.random.random() < .95:
                        self.sync(self.nodes[a], self.nodes[b])
                        self.report(self.nodes[a], self.nodes[b])
                if self.random.random() < .8:
                    self.advance(self.nodes[a])

    def step(self):
        draw, rng = self.random.random(), self.random
        self.now += rng.random() < .6
        node = self.nodes[rng.choice(self.owners)]
        if draw < .10:
            name = len(self.times)
            self.times[name] = self.now - rng.choice([0, 0, 1, WINDOW // 2, WINDOW - 2])
            self.amounts[name] = rng.choice([1, 3, 10, 100]) * 1000 + name
            self.write(node, name)
        elif draw < .19 and self.times:  # the same request, through whatever owner
            self.write(node, rng.choice(sorted(self.times)[-12:]))
        elif draw < .20 and self.times:
            self.write(node, rng.choice(sorted(self.times)))
        elif draw < .22:
            self.write(node, None)
        elif draw < .42 and self.packets:
            self.deliver(rng.choice(self.packets))
        elif draw < .55:
            self.sync(node, self.nodes[rng.choice(self.owners)])
        elif draw < .75:
            self.report(self.nodes[rng.randrange(NODES)], node)
        elif draw < .90:
            self.advance(node)
        elif draw < .93:
            self.hand_off(rng.choice(self.nodes))
        elif draw < .95:
            node.old_disks = (node.old_disks + [(node.disk[0].copy(), set(node.disk[1]))])[-3:]
        elif draw < .9 + .05 + .003 and not self.quiet:
            self.restart(rng.choice(self.nodes), "crash")
        elif draw < .954 and not self.quiet:
            self.restart(node, rng.choice(["wipe", "roll back"]))
        elif draw < .956:
            self.change_owners()
        elif draw < .957:
            self.leave()
        elif draw < .985:  # a while in which all hear each other
            self.hear_each_other()
        for one in self.nodes:
            one.check()


def run(seeds, mutant, marks):
    bad = 0
    for seed in seeds:
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


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    marks = {}
    bad = run(range(runs), None, marks)
    failed = bad > 0
    print("%-30s runs=%d wrong=%d" % ("as built", runs, bad))
    for mutant, seeds in tuple((name, range(runs)) for name in MUTANTS) + RARE:
        bad = run(seeds, mutant, {})
        print("%-30s runs=%d wrong=%d" % (mutant, len(seeds), bad))
        failed |= bad == 0
        if mutant in dict(RARE):
            failed |= run(seeds, None, {}) > 0
    print("reached: " + ", ".join("%s %d" % mark for mark in sorted(marks.items())))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
