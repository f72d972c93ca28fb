#!/usr/bin/env python3
"""Collections with a cell per element: add and remove, DEL with an exact clock, sweep, count.

An owner has a clock (the events whose effect it has), a cell for each element (live versions and
a context) and, in the key's header, cuts: the clocks of all whole-key deletes, joined. An element
lives when one of its live adds is in no cut. Nothing is scanned when a delete arrives; a
sweeper visits what it killed later.

The oracle is the history: each event with what its maker had seen. Rules, each with a mutant:
  E1  a cut is the exact clock of its maker, not the highest sequence numbers in it
  E2  each element that a command changes has a dot of its own
  E3  a dead element's context stays until every owner has all that it covers, and the delete
  E4  a cut that does not cover all that an owner has leaves its count unknown until the
      sweeper has been through; elements carry the generation in which they were counted
Usage: collections.py [runs]
"""
import random
import sys

OWNERS, ELEMENTS, STEPS = 3, 4, 110
ADD, TOMB = 'add', 'tomb'


class Cell:
    def __init__(self, live=(), context=()):
        self.live, self.context = dict(live), dict(context)

    def copy(self):
        return Cell(self.live, self.context)

    def covers(self, dot):
        return dot[1] <= self.context.get(dot[0], 0)


def merged(a, b):
    live = {d: k for d, k in a.live.items() if d in b.live or not b.covers(d)}
    live.update({d: k for d, k in b.live.items() if d in a.live or not a.covers(d)})
    context = dict(a.context)
    for actor, sequence in b.context.items():
        context[actor] = max(sequence, context.get(actor, 0))
    return Cell(live, context)


class Owner:
    def __init__(self, name):
        self.name, self.sequence = name, 0
        self.clock, self.cut, self.deletes = set(), set(), set()
        self.cells = {}
        self.log = {}  # dot -> element, or None for a delete
        self.generation, self.count, self.unknown = 0, 0, False
        self.stamps = {}  # element -> generation in which it was counted as living, or absent

    def dot(self):
        self.sequence += 1
        return (self.name, self.sequence)

    def lives(self, element):
        cell = self.cells.get(element)
        return cell is not None and any(kind is ADD and dot not in self.cut
                                        for dot, kind in cell.live.items())

    def put(self, element, cell, mutant):
        counted = self.stamps.get(element) == self.generation
        self.cells[element] = cell
        now = self.lives(element)
        if mutant == 'E4' and element not in self.stamps:
            counted = False
        self.count += now - counted
        if now:
            self.stamps[element] = self.generation
        else:
            self.stamps.pop(element, None)

    def take_cut(self, header, mutant):
        cut, deletes = header
        self.deletes |= deletes
        if cut <= self.cut:
            return
        # Covering all that is here, dead or alive, it leaves nothing to count.
        covers_all = all(dot in cut or dot in self.cut for dot in self.clock
                         if self.log.get(dot) is not None)
        self.cut |= cut
        self.generation += 1
        self.count = 0
        self.unknown = (self.unknown and not covers_all) or not covers_all
        if mutant == 'E4':
            self.unknown = False

    def change(self, elements, kind, mutant):
        """One command on several elements; what it must deliver."""
        shared = self.dot() if mutant == 'E2' else None
        out, events = [], []
        for element in elements:
            dot = shared or self.dot()
            old = self.cells.get(element, Cell())
            context = dict(old.context)
            context[self.name] = max(dot[1], context.get(self.name, 0))
            self.clock.add(dot)
            self.log[dot] = element
            self.put(element, Cell({dot: kind}, context), mutant)
            out.append((element, self.cells[element].copy(), {dot}))
            events.append((dot, element, kind, set(old.live)))
        return out, events

    def delete(self, mutant):
        cut = set(self.clock)
        if mutant == 'E1':
            highest = {}
            for actor, sequence in self.clock:
                highest[actor] = max(sequence, highest.get(actor, 0))
            cut = {(a, n) for a, m in highest.items() for n in range(1, m + 1)}
        dot, seen = self.dot(), set(self.clock)
        self.take_cut((cut, {dot}), mutant)
        self.clock.add(dot)
        self.log[dot] = None
        return [(None, self.header(), {dot})], [(dot, None, 'del', seen)]

    def header(self):
        return set(self.cut), set(self.deletes)

    def known(self):
        """Events whose effect is here: a state may bring that of events before its own dots."""
        covered = {(a, n, element) for element, cell in self.cells.items()
                   for a, m in cell.context.items() for n in range(1, m + 1)}
        return self.clock | self.deletes, covered

    def apply(self, delivery, mutant):
        for element, state, dots in delivery:
            if element is None:
                self.take_cut(state, mutant)
            else:
                local, incoming = self.cells.get(element), state.copy()
                for dot in list(incoming.live):  # the seen-filter
                    if dot in self.clock and not (local and dot in local.live):
                        del incoming.live[dot]
                dots = dots | set(state.live)
                if local or incoming.live or any((a, n) not in self.clock
                                                 for a, m in state.context.items()
                                                 for n in range(1, m + 1)):
                    for dot in dots:
                        self.log.setdefault(dot, element)
                    self.put(element, merged(local, incoming) if local else incoming, mutant)
            for dot in dots:
                self.clock.add(dot)
                self.log.setdefault(dot, element)

    def sweep(self, element, stable, mutant):
        cell = self.cells.get(element)
        if cell is None:
            return
        if self.lives(element):
            if self.stamps.get(element) != self.generation:
                self.stamps[element] = self.generation
                self.count += 1
            return
        self.stamps.pop(element, None)
        covered = {(a, n) for a, m in cell.context.items() for n in range(1, m + 1)
                   if self.log.get((a, n)) == element}
        gone = all(kind is TOMB or dot in self.cut for dot, kind in cell.live.items())
        whole = stable is not None and covered <= stable and set(cell.live) <= stable
        if gone and (whole or mutant == 'E3'):
            del self.cells[element]

    def sweep_all(self, stable, mutant):
        for element in list(self.cells):
            self.sweep(element, stable, mutant)
        self.unknown = False


def stable_dots(owners):
    """What every owner has, once each has every delete that another has."""
    cuts = [owner.cut for owner in owners]
    if any(cut != cuts[0] for cut in cuts):
        return None
    return set.intersection(*(owner.clock for owner in owners))


def expected(history, known):
    """Elements that live for one who knows these events."""
    dots, covered = known
    happened = [event for event in history.values()
                if event[0] in dots or event[0] + (event[1],) in covered]
    gone = set().union(*(seen for _, _, _, seen in happened)) if happened else set()
    return {element for dot, element, kind, _ in happened if kind is ADD and dot not in gone}


def run(seed, mutant):
    rng = random.Random(seed)
    owners, network, history = [Owner(name) for name in range(OWNERS)], [], {}

    def check(owner):
        living = {element for element in range(ELEMENTS) if owner.lives(element)}
        if living != expected(history, owner.known()):
            return False
        return owner.unknown or owner.count == len(living)

    def made(owner, delivery, events):
        for event in events:
            history[(event[0], event[1])] = event
        for other in owners:
            if other is not owner:
                network.append((other, delivery))

    def pull(asker, answerer):
        missing = [dot for dot in answerer.log if dot not in asker.clock]
        for dot in missing:
            element = answerer.log[dot]
            state = answerer.header() if element is None else answerer.cells.get(
                element, Cell()).copy()
            asker.apply([(element, state, {dot})], mutant)

    for _ in range(STEPS):
        owner, draw = rng.choice(owners), rng.random()
        if draw < 0.25:
            elements = rng.sample(range(ELEMENTS), rng.randint(1, ELEMENTS))
            made(owner, *owner.change(elements, ADD, mutant))
        elif draw < 0.35:
            elements = [e for e in range(ELEMENTS) if owner.lives(e)]
            if elements:
                made(owner, *owner.change(rng.sample(elements, 1), TOMB, mutant))
        elif draw < 0.42:
            made(owner, *owner.delete(mutant))
        elif draw < 0.75 and network:
            index = rng.randrange(len(network))
            owner, delivery = network[index]
            if rng.random() < 0.7:
                network.pop(index)
            if rng.random() < 0.85:
                if mutant == 'E2':  # cells of one command come apart
                    for part in rng.sample(delivery, len(delivery)):
                        owner.apply([part], mutant)
                else:
                    owner.apply(delivery, mutant)
        elif draw < 0.85:
            owner.sweep(rng.randrange(ELEMENTS), stable_dots(owners), mutant)
        elif draw < 0.9:
            owner.sweep_all(stable_dots(owners), mutant)
        else:
            pull(owner, rng.choice(owners))
        if not check(owner):
            return False
    late = rng.sample(network, min(6, len(network)))
    for _ in range(2):
        for asker in owners:
            for answerer in owners:
                pull(asker, answerer)
    for owner in owners:
        owner.sweep_all(stable_dots(owners), mutant)
    for owner, delivery in late:  # old copies, after everything was swept
        owner.apply(delivery, mutant)
    return all(check(owner) and not (owner.cells and not any(
        owner.lives(e) for e in owner.cells)) for owner in owners)


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    status = 0
    for mutant in (None, 'E1', 'E2', 'E3', 'E4'):
        bad = sum(not run(seed, mutant) for seed in range(runs))
        right = bad == 0 if mutant is None else bad > 0
        status |= not right
        print(f'{mutant or "as built":9} runs={runs} wrong={bad} {"" if right else "UNEXPECTED"}')
    sys.exit(status)


if __name__ == '__main__':
    main()
