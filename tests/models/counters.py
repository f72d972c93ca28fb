#!/usr/bin/env python3
"""Counters in one cell per key: slots by actor, resets by maximum, increments by request id.

A replica's cell holds a string (last writer wins) and counting versions (siblings by dot); the
oracle is two plain sets of events, those seen and those reset. Mutants show that the model can
fail. Usage: counters.py [runs]
"""
import random
import sys


def joined(versions, mutant):
    """The state that live counting versions hold together: slots, and increments by id."""
    slots, ids = {}, {}
    for state_slots, state_ids in versions:
        for name, slot in state_slots.items():
            old = slots.get(name, (0, 0))
            slots[name] = ((old[0] + slot[0], old[1] + slot[1]) if mutant == 'delta'
                           else tuple(map(max, old, slot)))
        for name, (amount, reset) in state_ids.items():
            known = ids.get(name, (amount, False))
            ids[name] = (known[0], known[1] or reset)
    return slots, ids


def total(versions, mutant):
    slots, ids = joined(versions, mutant)
    return sum(up - reset for up, reset in slots.values()) + sum(
        amount for amount, reset in ids.values() if not reset)


class Replica:
    def __init__(self, name):
        self.name, self.sequence = name, 0
        self.live, self.context = {}, {}  # dot -> state; actor -> sequence
        self.string = (0, 0, 0)  # time, actor, number
        self.seen, self.reset = set(), set()

    def write(self, state):
        self.sequence += 1
        self.live = {(self.name, self.sequence): state}
        self.context[self.name] = self.sequence

    def increment(self, event, amount, by_id, mutant):
        slots, ids = joined(self.live.values(), mutant)
        if by_id and mutant != 'id in slots':
            if event in ids:
                return
            ids[event] = (amount, False)
        else:
            up, reset = slots.get(self.name, (0, 0))
            slots[self.name] = (up + amount, reset)
        self.write((slots, ids))
        self.seen.add(event)

    def set(self, time, number, mutant):
        slots, ids = joined(self.live.values(), mutant)
        slots = {name: ((0, 0) if mutant == 'forget sums' else (up, up))
                 for name, (up, _) in slots.items()}
        ids = {} if mutant == 'forget ids' else {name: (amount, True)
                                                 for name, (amount, _) in ids.items()}
        self.write((slots, ids))
        self.string = (time, self.name, number)
        self.reset |= self.seen

    def absorb(self, other):
        live = {dot: state for dot, state in self.live.items()
                if dot in other.live or dot[1] > other.context.get(dot[0], 0)}
        live.update({dot: state for dot, state in other.live.items()
                     if dot in self.live or dot[1] > self.context.get(dot[0], 0)})
        self.live = live
        for actor, sequence in other.context.items():
            self.context[actor] = max(sequence, self.context.get(actor, 0))
        self.string = max(self.string, other.string)
        self.seen |= other.seen
        self.reset |= other.reset


def run(seed, mutant):
    """Whether every replica always shows what its sets of events say."""
    rng = random.Random(seed)
    replicas = [Replica(name) for name in range(3)]
    amounts, requests = {}, []
    for step in range(1, 90):
        replica = rng.choice(replicas)
        draw = rng.random()
        if draw < 0.35:
            amounts[step] = rng.choice([1, 2, 5])
            by_id = rng.random() < 0.4
            if by_id:
                requests.append(step)
            replica.increment(step, amounts[step], by_id, mutant)
        elif draw < 0.5 and requests:  # the same request, through whatever owner
            event = rng.choice(requests)
            replica.increment(event, amounts[event], True, mutant)
        elif draw < 0.58:
            replica.set(step, rng.randrange(100), mutant)
        else:
            replica.absorb(rng.choice(replicas))
        shown = replica.string[2] + total(replica.live.values(), mutant)
        wanted = replica.string[2] + sum(amounts[e] for e in replica.seen - replica.reset)
        if shown != wanted:
            return False
    return True


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    status = 0
    for mutant in (None, 'delta', 'forget sums', 'forget ids', 'id in slots'):
        bad = sum(not run(seed, mutant) for seed in range(runs))
        right = bad == 0 if mutant is None else bad > 0
        status |= not right
        print(f'{mutant or "as built":12} runs={runs} wrong={bad} {"" if right else "UNEXPECTED"}')
    sys.exit(status)


if __name__ == '__main__':
    main()
