#!/usr/bin/env python3
"""tree_exchange.py [RUNS] [--mutant NAME]: what may be concluded when two owners' leaves differ.

Three owners of one partition write, delete, lose messages and catch up by log sync; tombstones
are purged once all owners durably have them. Now and then one owner's disk silently loses a cell,
or shows an older version of it, behind an intact clock. Owners compare leaves: a listing (cells'
versions and the clock of the same turn) goes to the peer, which answers with forced copies and a
listing of its own. All messages are delayed; those of one link keep their order.

A known limit stands outside: when a key gets another sibling between a silent loss and its
discovery, the seen-filter drops the lost version from that delivery as if it had been superseded,
and the context then says so to everybody. A purge looks the same to the filter.

Checked at the end: all owners agree, and hold exactly the values that no event observed (siblings)
or the newest of those (last-writer-wins). A lost value, a deleted one that returned and a
difference that stays are failures. Every mutant must fail; without one nothing may.
"""
import random
import sys

MUTANTS = ("absence-deletes", "join-clock", "keep-seen-filter", "no-recheck",
           "news-or-not")
OWNERS, KEYS, STEPS = 3, 3, 160
CLAIM_AGE, HOLD = 12, 14  # a stable tombstone stays longer than any listing may be acted upon


class Cell:
    def __init__(self, live=None, ctx=None):
        self.live, self.ctx = dict(live or {}), dict(ctx or {})  # dot -> (time, is_value); actor -> seq

    def covers(self, dot):
        return self.ctx.get(dot[0], 0) >= dot[1]

    def values(self):
        return {d for d, (_, value) in self.live.items() if value}

    def version(self):
        return frozenset(self.live), frozenset(self.ctx.items())


def merge(a, b, lww):
    out = Cell()
    for x, y in ((a, b), (b, a)):
        out.live.update({d: v for d, v in x.live.items() if d in y.live or not y.covers(d)})
        for actor, seq in x.ctx.items():
            out.ctx[actor] = max(seq, out.ctx.get(actor, 0))
    if lww and len(out.live) > 1:
        top = max(out.live, key=lambda d: (out.live[d][0], d))
        out.live = {top: out.live[top]}
    return out


class Owner:
    def __init__(self, name):
        self.name, self.seq, self.clock, self.cells, self.time = name, 0, set(), {}, 0
        self.told = {}     # owner -> clock it said it durably has
        self.history = {}  # key -> earlier versions of the cell on this disk
        self.stable = {}   # key -> (version, since when it is stable)

    def cell(self, key):
        return self.cells.get(key, Cell())

    def store(self, key, cell):
        if key in self.cells:
            self.history.setdefault(key, []).append(self.cells[key])
        self.cells[key] = cell


class World:
    def __init__(self, seed, mutant):
        self.rng, self.mutant, self.now = random.Random(seed), mutant, 0
        self.lww = self.rng.random() < 0.5
        self.owners = [Owner(i) for i in range(OWNERS)]
        self.links, self.key_of, self.events = {}, {}, {}  # events: key -> [(dot, time, value, ctx)]
        self.damaged = None  # (owner, key): one at a time

    # ---- the ordinary ways of a cell
    def send(self, to, message, sender):
        if self.rng.random() < 0.25:
            return  # lost
        if self.rng.random() < 0.1:  # held back in a connection that was replaced
            self.links[(sender, to, self.now)] = [(self.now + self.rng.randint(0, 40), message)]
            return
        queue = self.links.setdefault((sender, to), [])
        due = max([self.now + self.rng.randint(0, 6)] + [d for d, _ in queue])
        queue.append((due, message))

    def write(self, me, key, is_value):
        local = me.cell(key)
        me.seq += 1
        dot = (me.name, me.seq)
        me.time = max([me.time] + [t for t, _ in local.live.values()]) + 1
        new = Cell({dot: (me.time, is_value)}, local.ctx)
        if not self.lww and self.rng.random() < 0.3:
            new.live.update(local.live)  # a blind write: replaces nothing
            new.ctx = {a: s for a, s in local.ctx.items()}
        new.ctx[me.name] = me.seq
        covered = {d for d in self.key_of if self.key_of[d] == key and new.covers(d)} - set(new.live)
        self.key_of[dot] = key
        self.events.setdefault(key, []).append((dot, me.time, is_value, covered))
        me.store(key, new)
        me.clock.add(dot)
        for other in self.owners:
            if other is not me:
                self.send(other.name, ("cell", key, new, {dot}), me.name)

    def apply(self, me, key, cell, dots, force=False):
        local = me.cell(key)
        me.time = max([me.time] + [t for t, _ in cell.live.values()])
        live = {d: v for d, v in cell.live.items() if force or d in local.live or d not in me.clock}
        # Nothing in it is news: then it must not teach a damaged cell that more was superseded.
        known = all((a, s) in me.clock for a, s in cell.ctx.items())
        if force or not known or self.mutant == "news-or-not":
            merged = merge(local, Cell(live, cell.ctx), self.lww)
            if force and (local.values() | cell.values()) and not merged.live:
                return  # each covers the other: no honest history does that; keep both
            if merged.version() != local.version() or key not in me.cells:
                me.store(key, merged)
        me.clock |= dots | set(cell.live)

    def log_sync(self, me, other):
        for dot in sorted(other.clock - me.clock):
            self.apply(me, self.key_of[dot], other.cell(self.key_of[dot]), {dot})

    def purge(self, me):
        known = [me.clock] + [me.told.get(o.name, set()) for o in self.owners if o is not me]
        for key, cell in list(me.cells.items()):
            stable = all((a, s) in clock for clock in known for a, s in cell.ctx.items())
            held = all(clock <= me.clock for clock in known)  # rule C7 of src/causal
            if cell.values() or not stable or not held or self.damaged == (me.name, key):
                continue
            version, since = me.stable.get(key, (None, 0))
            if version != cell.version():
                me.stable[key] = (cell.version(), self.now)
            elif self.now - since > HOLD:
                del me.cells[key]

    # ---- the exchange
    def judge(self, me, mine, other_cell, other_clock):
        """Does the other lack what its clock says it has? Only evidence counts, never absence."""
        # What covers has a live version above what it covers, or it is no honest cell.
        if not any(d in other_clock and not (other_cell.live and other_cell.covers(d))
                   for d in mine.live if d not in other_cell.live):
            return "behind"
        return "corrupt" if me.clock >= other_clock else "in-flight"

    def compare(self, me, listing, other_clock, claim, peer, final):
        forced, back = [], {}
        for key in range(KEYS):
            mine, theirs = me.cell(key), listing.get(key, Cell())
            if final and key not in listing or mine.values() == theirs.values():
                continue
            if self.judge(me, mine, theirs, other_clock) == "corrupt":
                forced.append((key, Cell(mine.live, mine.ctx), theirs.version(), claim))
            back[key] = Cell(mine.live, mine.ctx)
            if self.mutant == "absence-deletes" and not theirs.live and mine.values() & other_clock:
                me.store(key, Cell({}, mine.ctx))
        if self.mutant == "join-clock" and listing:
            me.clock |= other_clock
        if forced:
            self.send(peer, ("force", forced), me.name)
        if back and not final:
            self.send(peer, ("listing", back, set(me.clock), self.now, True), me.name)

    def begin(self, me, peer):
        self.send(peer.name, ("listing", {k: Cell(c.live, c.ctx) for k, c in me.cells.items()},
                              set(me.clock), self.now, False), me.name)

    def receive(self, me, sender, message):
        if message[0] == "cell":
            self.apply(me, *message[1:])
        elif message[0] == "durable":
            me.told[sender] = message[1]
        elif message[0] == "listing":
            self.compare(me, message[1], message[2], message[3], sender, message[4])
        else:
            for key, cell, expected, claim in message[1]:
                fresh = self.now - claim <= CLAIM_AGE and me.cell(key).version() == expected
                if fresh or self.mutant == "no-recheck":
                    self.apply(me, key, cell, set(), self.mutant != "keep-seen-filter")

    # ---- the run
    def damage(self):
        me, key = self.rng.choice(self.owners), self.rng.randrange(KEYS)
        whole = [o for o in self.owners if o is not me and o.cell(key).version() == me.cell(key).version()]
        known = {dot for dot, of in self.key_of.items() if of == key}
        if not me.cell(key).values() or len(whole) < OWNERS - 1 or \
                not all(known <= o.clock for o in self.owners):
            return  # within what is promised: the others have it, and nothing is on its way
        older = [c for c in me.history.get(key, []) if c.values()]
        self.damaged = (me.name, key)
        if older and self.rng.random() < 0.5:
            me.cells[key] = self.rng.choice(older)
        else:
            del me.cells[key]

    def deliver(self):
        for (sender, to, *_), queue in list(self.links.items()):
            while queue and queue[0][0] <= self.now:
                self.receive(self.owners[to], sender, queue.pop(0)[1])

    def check(self):
        for key in range(KEYS):
            events = self.events.get(key, [])
            gone = set().union(*(covered for *_, covered in events)) if events else set()
            left = [e for e in events if e[0] not in gone]
            if self.lww and left:
                left = [max(left, key=lambda e: (e[1], e[0]))]
            wanted = {dot for dot, _, is_value, _ in left if is_value}
            for owner in self.owners:
                if owner.cell(key).values() != wanted:
                    return "owner %d key %d holds %s, wanted %s" % (
                        owner.name, key, sorted(owner.cell(key).values()), sorted(wanted))
        return None

    def healed(self):
        name, key = self.damaged
        others = [o.cell(key).values() for o in self.owners if o.name != name]
        return all(v == self.owners[name].cell(key).values() for v in others)

    def run(self):
        for _ in range(STEPS):
            self.now += 1
            me, peer = self.rng.sample(self.owners, 2)
            what = self.rng.random()
            if what < 0.25:
                key = self.rng.randrange(KEYS)
                # The known limit: a sibling beside one that was lost here makes it look superseded.
                if self.lww or self.damaged is None or self.damaged[1] != key:
                    self.write(me, key, self.rng.random() < 0.7)
            elif what < 0.40:
                self.log_sync(me, peer)
            elif what < 0.60:
                self.begin(me, peer)
            elif what < 0.75:
                self.send(peer.name, ("durable", set(me.clock)), me.name)
            elif what < 0.85:
                self.purge(me)
            elif what < 0.90 and self.damaged is None:
                self.damage()
            self.deliver()
            if self.damaged is not None and self.healed():
                self.damaged = None
        for round_ in range(80):
            self.now += 4
            self.deliver()
            for me in self.owners:
                for peer in self.owners:
                    if me is not peer:
                        self.log_sync(me, peer)
                        if round_ % 2:
                            self.begin(me, peer)
        return self.check()


class Quiet(random.Random):
    def random(self):
        return 0.99  # nothing is lost or held back


def late_force(mutant):
    """A forced copy comes when its cell has been deleted and purged everywhere meanwhile."""
    world = World(0, mutant)
    world.lww, world.rng = True, Quiet(0)
    holder, lacker, third = world.owners

    def settle():
        for _ in range(8):
            world.now += 1
            world.deliver()

    world.write(holder, 0, True)
    settle()
    del lacker.cells[0]
    world.begin(lacker, holder)
    world.now += 7
    late = []
    world.send = lambda to, message, sender: late.append((to, sender, message))
    world.deliver()
    del world.send
    world.write(third, 0, False)
    settle()
    for _ in range(HOLD + 9):
        for me in world.owners:
            for peer in world.owners:
                me.told[peer.name] = set(peer.clock)
            world.purge(me)
        world.now += 1
    for to, sender, message in late:
        world.receive(world.owners[to], sender, message)
    return world.check() if late and not any(o.cells for o in world.owners if o is not lacker) else "void"


def main():
    arguments = sys.argv[1:]
    mutant = None
    if "--mutant" in arguments:
        mutant = arguments.pop(arguments.index("--mutant") + 1)
        arguments.remove("--mutant")
    runs = int(arguments[0]) if arguments else 2000
    for name in ([mutant] if mutant else [None, *MUTANTS]):
        problem = late_force(name)
        failures = [("late-force", problem)] if problem else []
        for seed in range(runs):
            problem = World(seed, name).run()
            if problem:
                failures.append((seed, problem))
        print("%-18s %6d runs %6d fail %s" % (name or "as designed", runs, len(failures),
                                              failures[0] if failures else ""))
        if bool(failures) != bool(name):
            sys.exit(1)


main()
