#!/usr/bin/env python3
"""Time to live of collections: one deadline for all elements, kept in the cell of the key.

A deadline is a version beside what else the key's cell has. Its value says until when elements of
an earlier life are dead (`floor`), and since when it counts (`since`, by which the last writer
wins). No event is made when it passes: every reader finds the elements dead that were written
before it. Past the safe time one owner makes tombstones of these, and says in a new version that
it has; that one is collected as every tombstone is.

  L1  an element is dead when it was written (hybrid time, in ms) before the floor of any deadline
      that the cell has, or before the winner's end, once that has come
  L2  who writes judges by the time of what it writes, so what is written after the end sees the
      elements dead; and what is written before it dies with them
  L3  a new deadline has as floor all that its writer sees dead; so an end that has passed stays
  L4  an element that is added where none is alive lifts the deadline that is there still
  L5  tombstones are made past the safe time: then nothing of before the end comes any more, and
      nobody puts it off. The version that says so counts since the one that it replaces, so an
      EXPIRE that was not seen is not undone by it
  L6  it goes when each owner has it and all events of its maker before it: so the tombstones too

Writes read a majority and reach one. Beside each owner goes a shadow, which has the same client
events and neither sweeps nor collects: both must show the same at any time. Each mutant must be
caught. Usage: deadlines.py [runs]
"""
import random
import sys

OWNERS, ELEMENTS, STEPS, SKEW, UNIT = 3, 3, 260, 40, 1 << 16


class Cell:
    def __init__(self, live=(), context=()):
        self.live, self.context = dict(live), set(context)

    def merge(self, other):
        live = {d: v for d, v in self.live.items() if d in other.live or d not in other.context}
        live.update({d: v for d, v in other.live.items()
                     if d in self.live or d not in self.context})
        self.live, self.context = live, self.context | other.context

    def copy(self):
        return Cell(self.live, self.context)


class State:
    """Cells by name; None is the key's. A version is (time, None or a deadline)."""

    def __init__(self):
        self.cells, self.clock = {}, set()

    def cell(self, name):
        return self.cells.setdefault(name, Cell())

    def take(self, name, cell, dots):
        cell = cell.copy()
        mine = self.cell(name)
        for dot in list(cell.live):
            if dot in self.clock and dot not in mine.live:
                del cell.live[dot]
        if dots <= self.clock and not cell.live:
            return
        mine.merge(cell)
        self.clock |= dots | set(cell.live)

    def deadline(self, now_ms):
        """(floor, end that is to come or 0, the winner)"""
        head = self.cell(None).live
        if not head:
            return 0, 0, None
        dot = max(head, key=lambda d: (head[d][1][2], d))
        end = head[dot][1][0]
        floor = max(value[1] for _, value in head.values())
        if end and end <= now_ms:
            return max(floor, end), 0, dot
        return floor, end, dot

    def alive(self, name, floor):
        return {d: v for d, v in self.cell(name).live.items() if v[1] != 'tomb' and v[0] // UNIT >= floor}

    def visible(self, now_ms):
        floor, _, _ = self.deadline(now_ms)
        return {name for name in range(ELEMENTS) if self.alive(name, floor)}


class Owner:
    def __init__(self, index, world):
        self.index, self.world = index, world
        self.offset = world.random.randint(-SKEW // 2, SKEW // 2)
        self.hybrid, self.sequence, self.closed, self.safe = 0, 0, 0, 0
        self.real, self.shadow = State(), State()
        self.reports = {}

    def wall(self):
        return self.world.now + self.offset

    def next_time(self, peek=False):
        time = max(self.hybrid + 1, self.wall() * UNIT)
        if not peek:
            self.hybrid = time
        return time

    def make(self, name, value, states):
        """One version in the place of all others; what has to be delivered."""
        self.sequence += 1
        dot, time = (self.index, self.sequence), self.next_time()
        for state in states:
            cell = state.cell(name)
            cell.live = {dot: (time, value)}
            cell.context.add(dot)
            state.clock.add(dot)
        return name, dot

    def base(self, actor):
        n = 0
        while (actor, n + 1) in self.real.clock:
            n += 1
        return n


class World:
    def __init__(self, seed, mutant):
        self.random, self.mutant, self.now, self.wrong, self.marks = random.Random(seed), mutant, 1000, None, {}
        self.owners = [Owner(i, self) for i in range(OWNERS)]
        self.net = []

    def mark(self, name):
        self.marks[name] = self.marks.get(name, 0) + 1

    def check(self, owner):
        now = owner.wall()
        a, b = owner.real.visible(now), owner.shadow.visible(now)
        if a != b and not self.wrong:
            self.wrong = "n%d shows %s, not %s" % (owner.index, sorted(a), sorted(b))

    def copies(self, owner, made):
        return [(name, owner.real.cell(name).copy(), owner.shadow.cell(name).copy(), {dot})
                for name, dot in made]

    def deliver(self, owner, copies):
        for name, real, shadow, dots in copies:
            for time, _ in list(real.live.values()) + list(shadow.live.values()):
                owner.hybrid = max(owner.hybrid, time)
            owner.real.take(name, real, dots)
            owner.shadow.take(name, shadow, dots)
        self.check(owner)

    def sync(self, to, source):
        missing = source.real.clock - to.real.clock
        for name in list(source.real.cells) + list(source.shadow.cells):
            real, shadow = source.real.cell(name).copy(), source.shadow.cell(name).copy()
            to.real.take(name, real, missing & real.context | set(real.live))
            to.shadow.take(name, shadow, missing & shadow.context | set(shadow.live))
            for time, _ in list(real.live.values()) + list(shadow.live.values()):
                to.hybrid = max(to.hybrid, time)
        to.real.clock |= missing
        to.shadow.clock |= missing
        self.check(to)

    def write(self, owner):
        peer = self.random.choice([o for o in self.owners if o is not owner])
        self.sync(owner, peer)  # a read of a majority
        judged = owner.wall() if self.mutant == "judged by the wall clock" else owner.next_time(True) // UNIT
        both, made, state = (owner.real, owner.shadow), [], owner.shadow
        floor, end, winner = state.deadline(judged)
        alive = state.visible(judged)
        x, name = self.random.random(), self.random.randrange(ELEMENTS)
        if x < .45:
            if end and not alive and self.mutant != "an end that outlives its key":
                made.append(self.deadline(owner, 0, judged))
                self.mark("lifted")
            made.append(owner.make(name, 'add', both))
        elif x < .6 and name in alive:
            made.append(owner.make(name, 'tomb', both))
        elif x < .9 and alive:
            made.append(self.deadline(owner, judged + self.random.randint(1, 250), judged))
        elif alive and end:
            made.append(self.deadline(owner, 0, judged))
            self.mark("persisted")
        if not made:
            return
        self.check(owner)
        copies = self.copies(owner, made)
        self.deliver(peer if self.random.random() < .5 else self.random.choice(
            [o for o in self.owners if o is not owner]), copies)
        for other in self.owners:
            if other is not owner:
                self.net.append((other, copies))
        if x < .45 and not alive and self.mutant is not None:
            later = owner.shadow.deadline(owner.next_time(True) // UNIT)
            if later[1] and not self.wrong:
                self.wrong = "a new life began with an old end"

    def deadline(self, owner, end, judged):
        made = None
        owner.sequence += 1
        dot, time = (owner.index, owner.sequence), owner.next_time()
        for state in (owner.real, owner.shadow):
            floor, _, _ = state.deadline(judged)
            if self.mutant == "no floor":
                floor = 0 if state is owner.real else floor
            cell = state.cell(None)
            cell.live = {dot: (time, (end, floor, time, floor == 0))}
            cell.context.add(dot)
            state.clock.add(dot)
            made = (None, dot)
        return made

    def report(self, a, b):
        b.closed = max(b.closed, b.wall() - 2 * SKEW)
        b.hybrid = max(b.hybrid, b.closed * UNIT)
        a.reports[b.index] = (b.closed, frozenset(b.real.clock), [b.base(i) for i in range(OWNERS)])

    def advance(self, owner):
        owner.closed = max(owner.closed, owner.wall() - 2 * SKEW)
        owner.hybrid = max(owner.hybrid, owner.closed * UNIT)
        least = owner.closed
        for other in self.owners:
            if other is owner:
                continue
            closed, clock, _ = owner.reports.get(other.index, (0, frozenset(), None))
            if not clock <= owner.real.clock:
                return
            least = min(least, closed)
        owner.safe = max(owner.safe, least)

    def sweep(self, owner):
        safe = owner.wall() + SKEW if self.mutant == "swept by the own clock" else owner.safe
        floor, end, winner = owner.real.deadline(safe - 1)
        if winner is None or floor == 0 or floor >= safe:
            return
        head = owner.real.cell(None).live
        if head[winner][1][0] == end and \
                max((v[1][1] for v in head.values() if v[1][3]), default=0) == floor:
            return  # somebody has said so
        dead = [n for n in range(ELEMENTS)
                if len(owner.real.alive(n, 0)) > len(owner.real.alive(n, floor))]
        made = []
        for name in dead[:self.random.randint(1, ELEMENTS)]:
            made.append(self.bury(owner, name, floor))
            self.mark("buried")
        if len(made) == len(dead):
            since = owner.next_time(True) if self.mutant == "swept counts as new" else head[winner][1][2]
            owner.sequence += 1
            dot, time = (owner.index, owner.sequence), owner.next_time()
            cell = owner.real.cell(None)
            cell.live = {dot: (time, (end, floor, since, True))}
            cell.context.add(dot)
            owner.real.clock.add(dot)
            owner.shadow.clock.add(dot)
            made.append((None, dot))
            self.mark("swept")
        self.check(owner)
        for other in self.owners:
            if other is not owner:
                for one in self.copies(owner, made):
                    self.net.append((other, [one]))

    def bury(self, owner, name, floor):
        owner.sequence += 1
        dot, time = (owner.index, owner.sequence), owner.next_time()
        cell = owner.real.cell(name)
        cell.live = owner.real.alive(name, floor)
        cell.live[dot] = (time, 'tomb')
        cell.context.add(dot)
        owner.real.clock.add(dot)
        owner.shadow.clock.add(dot)
        return name, dot

    def ripe(self, owner, context):
        for other in self.owners:
            if other is owner:
                bases = [owner.base(i) for i in range(OWNERS)]
            else:
                if other.index not in owner.reports:
                    return False
                _, clock, bases = owner.reports[other.index]
                if not clock <= owner.real.clock:
                    return False
            if any(sequence > bases[actor] for actor, sequence in context):
                return False
        return True

    def purge(self, owner):
        for name, cell in list(owner.real.cells.items()):
            if name is None:
                garbage = cell.live and all(v[1][0] == 0 and v[1][3] for v in cell.live.values())
                floor = max([v[1][1] for v in cell.live.values()] or [0])
                if any(len(owner.real.alive(n, 0)) > len(owner.real.alive(n, floor)) for n in range(ELEMENTS)):
                    continue
                if self.mutant == "collected before its end is swept":
                    garbage = cell.live and all(v[1][0] == 0 or v[1][0] <= owner.safe for v in cell.live.values())
            else:
                garbage = cell.live and all(v[1] == 'tomb' for v in cell.live.values())
            early = self.mutant == "collected at once" and name is None
            if garbage and (early or self.ripe(owner, cell.context)):
                del owner.real.cells[name]
                self.mark("collected")
        self.check(owner)

    def step(self):
        self.now += self.random.randint(1, 14)
        a, b = self.random.sample(self.owners, 2)
        x = self.random.random()
        if x < .25:
            self.write(a)
        elif x < .5 and self.net:
            index = self.random.randrange(len(self.net))
            to, copies = self.net[index]
            if self.random.random() < .8:
                self.net.pop(index)
            if self.random.random() < .8:
                self.deliver(to, copies)
        elif x < .6:
            self.sync(a, b)
        elif x < .75:
            self.report(a, b)
            self.advance(a)
        elif x < .87:
            self.sweep(a)
        else:
            self.purge(a)
        for owner in self.owners:
            self.check(owner)

    def heal(self):
        for _ in range(8):
            for a in self.owners:
                for b in self.owners:
                    if a is not b:
                        self.sync(a, b)
            self.now += 400
            for a in self.owners:
                for b in self.owners:
                    if a is not b:
                        self.report(a, b)
                self.advance(a)
                for _ in range(ELEMENTS + 1):
                    self.sweep(a)
                self.purge(a)
        self.net.clear()
        for a in self.owners:
            for cell in a.real.cells.values():
                if any(v[1] == 'tomb' for v in cell.live.values()):
                    self.wrong = self.wrong or "a tombstone is left"
            head = a.real.cell(None).live
            if any(v[1][0] == 0 for v in head.values()):
                self.wrong = self.wrong or "a deadline is left that says nothing: %s" % head


MUTANTS = ("judged by the wall clock", "an end that outlives its key", "no floor",
           "swept by the own clock", "swept counts as new", "collected at once",
           "collected before its end is swept")


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
        for name, count in world.marks.items():
            marks[name] = marks.get(name, 0) + count
        if world.wrong:
            bad += 1
            if mutant is not None:
                return bad  # it is caught
            if bad <= 3:
                print("  seed %d: %s" % (seed, world.wrong))
    return bad


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    marks = {}
    bad = run(runs, None, marks)
    failed = bad > 0
    print("%-36s runs=%d wrong=%d" % ("faithful", runs, bad))
    for mutant in MUTANTS:
        bad = run(runs, mutant, {})
        print("%-36s %s" % (mutant, "caught" if bad else "not caught"))
        failed |= bad == 0
    print("reached: " + ", ".join("%s %d" % mark for mark in sorted(marks.items())))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
