#!/usr/bin/python3
"""Model of garbage collection: when may a tombstone, a log record or a context go?

Three owners of one partition write, delete, crash (losing what was not synced and going on as a
new actor), lose their disks, exchange durable clocks, purge, trim their logs, and catch up by log
or, when the log no longer reaches back, by a whole-partition sync key by key.

    G1  a cell without a value goes when its whole context lies within the durable base of every
        owner, as each said over the connection of its present life (never majority, never entries)
        A retired actor may have left holes: events that were lost with its memory while a later one
        had been sent. Of its numbers only those count that some owner has
    G2  and when the purging replica holds all that each owner held when it said so (rule C7)
        What is stable is acted on after WAIT, the longest that a request lasts
    G3  a log record goes when all owners have its dots; a pull that needs it gets the whole partition
    G4  the answerer's first clock is joined only after the last key has come; keys come from later
        views. Absence is never a delete: what the asker holds stays
    G6  nothing is collected before every fallback has said, WAIT after it was stable, that it keeps no
        hints. A hint is stored within WAIT of its write, comes any number of times at any age, and is
        dropped after its owner has it on disk; it may hold the last copy of an event

Oracle: sets of events. With siblings the live ones are those that nothing observed; with
last-writer-wins the highest of all events that any owner has. Run without arguments: the faithful
protocol must hold and each mutant must be caught. stability.py RUNS sets the number of runs.
"""
import random
import sys

KEYS = ("a", "b", "c")
OWNERS = 3
SKEW = 3
WAIT = 8


class Clock:
    def __init__(self):
        self.base, self.above = {}, {}

    def has(self, dot):
        return dot[1] <= self.base.get(dot[0], 0) or dot[1] in self.above.get(dot[0], ())

    def add(self, dot):
        if self.has(dot):
            return
        above, base = self.above.setdefault(dot[0], set()), self.base.get(dot[0], 0)
        above.add(dot[1])
        while base + 1 in above:
            base += 1
            above.discard(base)
        self.base[dot[0]] = base

    def dots(self):
        for actor, base in self.base.items():
            for number in range(1, base + 1):
                yield (actor, number)
            for number in self.above.get(actor, ()):
                yield (actor, number)

    def copy(self):
        out = Clock()
        out.base = dict(self.base)
        out.above = {a: set(x) for a, x in self.above.items()}
        return out

    def join(self, other):
        for dot in other.dots():
            self.add(dot)

    def descends(self, other):
        return all(self.has(d) for d in other.dots())

    def covers(self, context):
        return all(n <= self.base.get(a, 0) for a, n in context.items())


def covered(context, dot):
    return dot[1] <= context.get(dot[0], 0)


def merge(x, y, lww, events):
    """Cells are (live dots, context)."""
    live = {d for d in x[0] if d in y[0] or not covered(y[1], d)}
    live |= {d for d in y[0] if d in x[0] or not covered(x[1], d)}
    context = dict(x[1])
    for actor, number in y[1].items():
        context[actor] = max(number, context.get(actor, 0))
    if lww and len(live) > 1:
        live = {max(live, key=lambda d: (events[d]["time"], d))}
    return (frozenset(live), context)


EMPTY = (frozenset(), {})


class State:
    """What a disk holds."""

    def __init__(self):
        self.cells, self.clock, self.trimmed = {}, Clock(), Clock()
        self.log = []  # (dot, key), oldest first
        self.whole = None  # a whole-partition sync: [source, its incarnation, clock, next key]
        self.rebuilding, self.sources = False, set()

    def copy(self):
        out = State()
        out.cells, out.log = dict(self.cells), list(self.log)
        out.clock, out.trimmed = self.clock.copy(), self.trimmed.copy()
        out.whole = list(self.whole) if self.whole else None
        out.rebuilding, out.sources = self.rebuilding, set(self.sources)
        return out


class Node:
    def __init__(self, index, skew):
        self.index, self.skew = index, skew
        self.incarnation, self.boot, self.sequence, self.up = 1, 1, 0, True
        self.state, self.disk = State(), State()
        self.reports = {}  # owner -> its durable clock
        self.lives = {i: (1, 1) for i in range(OWNERS)}  # newest life heard of each peer
        self.hybrid = 0
        self.forget_stable()

    def forget_stable(self):
        self.coming, self.since, self.ripe, self.hint_free = None, 0, None, 0

    def life(self):
        return (self.incarnation, self.boot)

    def actor(self):
        return (self.index, self.incarnation, self.boot)


class World:
    def __init__(self, seed, lww, mutant):
        self.random, self.lww, self.mutant = random.Random(seed), lww, mutant
        self.nodes = [Node(i, self.random.randint(-SKEW, SKEW)) for i in range(OWNERS)]
        self.events, self.net, self.tokens = {}, [], []
        self.hint_net, self.hints = [], []  # on their way to the fallback; on its disk
        self.busy = self.random.random() < .5
        self.now, self.wipes, self.wrong, self.marks = 100, 3, None, {}

    def mark(self, name):
        self.marks[name] = self.marks.get(name, 0) + 1

    # ---- one replica

    def put(self, node, key, cell):
        if cell == EMPTY:
            node.state.cells.pop(key, None)
        else:
            node.state.cells[key] = cell

    def absorb(self, node, dots, key):
        for dot in dots:
            if not node.state.clock.has(dot):
                node.state.clock.add(dot)
                node.state.log.append((dot, key))

    def apply(self, node, key, cell, satisfied=()):
        local = node.state.cells.get(key, EMPTY)
        for dot in cell[0]:
            node.hybrid = max(node.hybrid, self.events[dot]["time"])
        incoming = (frozenset(d for d in cell[0] if d in local[0] or not node.state.clock.has(d)), cell[1])
        if local == EMPTY and not incoming[0] and node.state.clock.covers(cell[1]):
            self.put(node, key, EMPTY)
        else:
            self.put(node, key, merge(local, incoming, self.lww, self.events))
        self.absorb(node, satisfied, key)
        self.absorb(node, cell[0], key)

    def mint(self, node, key, tombstone, context, observed, above):
        local = node.state.cells.get(key, EMPTY)
        if self.lww:  # a write replaces whatever its owner has
            context = merge((frozenset(), local[1]), (frozenset(), context), False, None)[1]
            observed = observed | local[0]
        node.sequence += 1
        dot = (node.actor(), node.sequence)
        floor = max([above] + [self.events[d]["time"] for d in local[0]])
        node.hybrid = max(node.hybrid + 1, self.now + node.skew, floor + 1)
        self.events[dot] = {"key": key, "tombstone": tombstone, "time": node.hybrid, "observed": observed}
        live = frozenset(d for d in local[0] if not covered(context, d)) | {dot}
        joined = merge((live, local[1]), (frozenset(), context), False, None)[1]
        joined[dot[0]] = dot[1]
        cell = (live, joined)
        if self.lww:
            cell = merge(cell, EMPTY, True, self.events)
        self.put(node, key, cell)
        self.absorb(node, [dot], key)
        for peer in self.nodes:
            if peer is not node and self.random.random() < .8:
                self.net.append((peer.index, peer.incarnation, node.index, node.life(), key, cell))
            if peer is not node and self.random.random() < .4:
                self.hint_net.append((self.now + WAIT, peer.index, key, cell))

    # ---- what is known of the others

    def view(self, node):
        """The clocks of all that were heard, the own one last, and the actors that mint now."""
        actors = {i: (i,) + life for i, (_, life) in node.reports.items()}
        actors[node.index] = node.actor()
        return [c.copy() for c, _ in node.reports.values()] + [node.state.clock.copy()], actors

    def stable(self, view, context):
        clocks, actors = view
        if self.mutant == "purge at a majority":
            return sum(c.covers(context) for c in clocks) >= 2
        if len(clocks) < OWNERS:
            return False
        for actor, number in context.items():
            if all(c.covers({actor: number}) for c in clocks):
                continue
            if actors[actor[0]] == actor or self.mutant == "retired actors count as others":
                return False
            held = [{k for k in range(1, number + 1) if c.has((actor, k))} for c in clocks]
            if any(h != held[0] for h in held):
                return False
            self.mark("hole of a retired actor")
        return True

    def everywhere(self, node, dot):
        return len(node.reports) == OWNERS - 1 and node.state.clock.has(dot) and \
            all(c.has(dot) for c, _ in node.reports.values())

    def rivals_arrived(self, node):
        if not self.lww or self.mutant == "rivals may be under way":
            return True
        return all(node.state.clock.descends(c) for c, _ in node.reports.values())

    def advance(self, node):
        """What is stable now comes into force when it has stood for WAIT (G3), and no hint is left (G6)."""
        waited = node.coming is not None and self.now - node.since >= WAIT
        hint_free = node.hint_free >= node.since + WAIT or self.mutant == "hints hold nothing back"
        if waited and hint_free:
            node.ripe, node.coming = node.coming, None
        elif waited:
            self.mark("held back by hints")
        if node.coming is None and self.rivals_arrived(node):
            node.since, node.coming = self.now, self.view(node)

    def is_ripe(self, node, context):
        return node.ripe is not None and self.stable(node.ripe, context)

    def purge(self, node):
        if node.state.rebuilding:
            return
        self.advance(node)
        for key, (live, context) in list(node.state.cells.items()):
            if self.mutant == "entries are stripped one by one":
                kept = {a: n for a, n in context.items() if not self.is_ripe(node, {a: n})}
                for actor, number in live:
                    kept[actor] = max(number, kept.get(actor, 0))
                self.put(node, key, (live, kept))
                context = kept
            values = frozenset(d for d in live if not self.events[d]["tombstone"])
            if values == live and live:
                continue
            if not self.is_ripe(node, context):
                self.mark("purge held back")
                continue
            self.mark("purged")
            self.put(node, key, (values, {a: n for a, n in values} if values else {}))

    def trim(self, node):
        if node.state.rebuilding:
            return
        while node.state.log and self.everywhere(node, node.state.log[0][0]):
            node.state.trimmed.add(node.state.log.pop(0)[0])
            self.mark("log trimmed")
        if node.state.log and self.random.random() < .3:  # the byte cap
            node.state.trimmed.add(node.state.log.pop(0)[0])
            self.mark("log cut")

    # ---- catching up, always from what is on the answerer's disk

    def sync(self, asker, source):
        if not (asker.up and source.up) or (asker.state.rebuilding and source.disk.rebuilding):
            return
        self.meet(asker, source)
        have = source.disk
        missing = [d for d in have.clock.dots() if not asker.state.clock.has(d)]
        if any(have.trimmed.has(d) for d in missing):
            self.whole_step(asker, source)
            return
        for key in KEYS:
            dots = [d for d, k in have.log if k == key and d in missing]
            if dots:
                self.apply(asker, key, have.cells.get(key, EMPTY), dots)
        if asker.state.rebuilding:
            asker.state.sources.add(source.index)
            if len(asker.state.sources) == OWNERS - 1:
                asker.state.rebuilding = False
                self.mark("rebuilt")

    def whole_step(self, asker, source):
        whole = asker.state.whole
        if whole and whole[0] != source.index:
            begun = self.nodes[whole[0]]
            if begun.up and begun.incarnation == whole[1] and not begun.disk.rebuilding:
                source = begun  # one source at a time, or two would begin again for ever
                self.meet(asker, source)
        if not whole or whole[:2] != [source.index, source.incarnation] or \
                not source.disk.clock.descends(whole[2]):
            whole = asker.state.whole = [source.index, source.incarnation, source.disk.clock.copy(), ""]
        if self.mutant == "clock joined before the partition":
            for dot in list(whole[2].dots()):
                asker.state.clock.add(dot)
        rest = [k for k in KEYS if k >= whole[3]]
        if rest:
            key = rest[0]
            self.apply(asker, key, source.disk.cells.get(key, EMPTY))  # a later view
            whole[3] = key + "~"
            return
        asker.state.trimmed.join(whole[2])
        asker.state.clock.join(whole[2])
        # R3: a dot is in the log or in `trimmed`, and being in both is harmless
        asker.state.whole = None
        self.mark("whole-partition sync")

    # ---- the world

    def meet(self, a, b):
        """A connection between their present lives: what earlier lives sent is gone."""
        for x, y in ((a, b), (b, a)):
            if x.lives[y.index] != y.life():
                if x.reports.pop(y.index, None):
                    x.forget_stable()
                x.lives[y.index] = y.life()
                self.net = [m for m in self.net if (m[0], m[2]) != (x.index, y.index) or m[3] == y.life()]

    def deliver(self):
        if not self.net:
            return
        index = self.random.randrange(len(self.net))
        message = self.net[index]
        to, incarnation, sender, life, key, cell = message
        node = self.nodes[to]
        if not node.up:
            return
        if self.random.random() < .7:
            self.net.pop(index)  # else it comes again, much later
        if incarnation == node.incarnation and life >= node.lives[sender]:
            self.apply(node, key, cell)

    def deliver_hint(self):
        if not self.hints:
            return
        hint = self.random.choice(self.hints)
        to, key, cell = hint
        if not self.nodes[to].up:
            return
        self.mark("hint delivered")
        self.apply(self.nodes[to], key, cell)
        if self.random.random() < .5:
            self.nodes[to].disk = self.nodes[to].state.copy()
            self.hints.remove(hint)

    def store_hint(self):
        """At the fallback, unless its request is over."""
        if self.hint_net:
            until, to, key, cell = self.hint_net.pop(self.random.randrange(len(self.hint_net)))
            if self.now <= until:
                self.hints.append((to, key, cell))

    def tell_hint_free(self, node):
        node.hint_free = self.now if not self.hints else 0

    def crash(self, node):
        """Power loss: the unsynced is gone, and its actor with it."""
        node.state = node.disk.copy()
        node.boot += 1
        node.sequence, node.reports = 0, {}
        node.forget_stable()
        self.mark("crash")

    def wipe(self, node):
        others = Clock()
        for peer in self.nodes:
            if peer is not node:
                if peer.state.rebuilding or peer.disk.rebuilding or not peer.up:
                    return
                others.join(peer.disk.clock)
        if self.wipes == 0 or node.state.rebuilding or not others.descends(node.state.clock):
            return
        self.wipes -= 1
        self.mark("wipe")
        node.state, node.disk = State(), State()
        node.state.rebuilding = node.disk.rebuilding = True
        node.incarnation, node.boot, node.sequence, node.reports = node.incarnation + 1, 1, 0, {}
        node.hybrid = 0
        node.forget_stable()

    def write(self, node):
        key = self.random.choice(KEYS)
        context, observed, above = {}, frozenset(), 0
        mode = self.random.random()
        if mode < .5:
            ready = [n for n in self.nodes if n.up and not n.state.rebuilding]
            cell = EMPTY
            for peer in self.random.sample(ready, min(len(ready), self.random.randint(1, 2))):
                cell = merge(cell, peer.disk.cells.get(key, EMPTY), self.lww, self.events)
            context, observed = cell[1], cell[0]
            above = max([self.events[d]["time"] for d in observed], default=0)
            self.tokens.append((key, context, observed, above))
        elif mode < .7 and self.tokens:
            key, context, observed, above = self.random.choice(self.tokens)
        if any(a == node.actor() and n > node.sequence for a, n in context.items()):
            return
        self.mint(node, key, self.random.random() < .45, context, observed, above)

    def check_live(self):
        for node in self.nodes:
            for key, cell in node.state.cells.items():
                for dot in cell[0]:
                    if not node.state.clock.has(dot):
                        self.wrong = "a live dot outside the clock"

    def report(self, a, b):
        if a.up and b.up:
            self.meet(a, b)
            if b.disk.rebuilding:
                if a.reports.pop(b.index, None):
                    a.forget_stable()
            else:
                a.reports[b.index] = (b.disk.clock.copy(), b.life())

    def step(self):
        self.now += 1
        a, b = self.random.sample(self.nodes, 2)
        x = self.random.random()
        if not self.busy and self.random.random() < .6:
            x = self.random.choice((.45, .6, .6, .7, .7, .79, .85))  # much becomes stable
        if x < .16 and a.up and not a.state.rebuilding:
            self.write(a)
        elif x < .30:
            self.deliver()
        elif x < .36:
            self.random.choice((self.store_hint, self.deliver_hint))()
        elif x < .50 and a.up:
            a.disk = a.state.copy()
        elif x < .66:
            self.report(a, b)
            self.tell_hint_free(a)
        elif x < .76 and a.up:
            self.purge(a)
        elif x < .80 and a.up:
            self.trim(a)
        elif x < .93:
            self.sync(a, b)
        elif x < .96 and a.up:
            self.crash(a)
        elif x < .98:
            a.up = not a.up or sum(n.up for n in self.nodes) < OWNERS
        else:
            self.wipe(a)
        self.check_live()

    def heal(self):
        for node in self.nodes:
            node.up = True
        for _ in range(40):
            for a in self.nodes:
                a.disk = a.state.copy()
                for b in self.nodes:
                    if a is not b:
                        self.sync(a, b)
            for _ in range(4):
                self.deliver()
                self.deliver_hint()
            self.now += 3 * SKEW
        self.hint_net = []  # their requests are over
        while self.hints:
            self.deliver_hint()
        late = list(self.net)
        while self.net:
            self.deliver()
        for _ in range(4):
            for a in self.nodes:
                a.disk = a.state.copy()
            for a in self.nodes:
                for b in self.nodes:
                    if a is not b:
                        self.sync(a, b)
                        self.report(a, b)
            self.now += WAIT
            for a in self.nodes:
                self.tell_hint_free(a)
                self.purge(a)
        for a in self.nodes:
            self.trim(a)
        self.net = late  # copies of any age
        while self.net:
            self.deliver()

    def check_end(self):
        known = set()
        for node in self.nodes:
            known |= set(node.state.clock.dots())
        superseded = set()
        for dot in known:
            superseded |= self.events[dot]["observed"]
        for key in KEYS:
            mine = [d for d in known if self.events[d]["key"] == key]
            if self.lww:
                mine = [max(mine, key=lambda d: (self.events[d]["time"], d))] if mine else []
            want = {d for d in mine if (self.lww or d not in superseded) and not self.events[d]["tombstone"]}
            for node in self.nodes:
                live = node.state.cells.get(key, EMPTY)[0]
                values = {d for d in live if not self.events[d]["tombstone"]}
                if values != want:
                    self.wrong = "n%d %s has %s wants %s" % (node.index, key, sorted(values), sorted(want))
                if live and values != live:
                    self.wrong = self.wrong or "a tombstone is left"


def run(runs, lww, mutant, marks, steps=260):
    """How many runs go wrong."""
    bad = 0
    for seed in range(runs):
        world = World(seed, lww, mutant)
        for _ in range(steps):
            world.step()
        world.heal()
        if world.wrong is None:
            world.check_end()
        for name, count in world.marks.items():
            marks[name] = marks.get(name, 0) + count
        if world.wrong:
            bad += 1
            if mutant is None and bad <= 3:
                print("  seed %d: %s" % (seed, world.wrong))
    return bad


def quiet_world(lww, mutant):
    world = World(1, lww, mutant)
    for node in world.nodes:
        node.skew = 0
    world.nodes[1].hybrid = 1
    return world


def settle(world, purge=(), trim=()):
    """All owners commit and report; some purge or trim."""
    for _ in range(3):  # it becomes known, stable and ripe
        for node in world.nodes:
            node.disk = node.state.copy()
        for a in world.nodes:
            for b in world.nodes:
                if a is not b:
                    world.report(a, b)
        for index in purge:
            world.tell_hint_free(world.nodes[index])
            world.purge(world.nodes[index])
        world.now += WAIT
    for index in trim:
        while world.nodes[index].state.log:
            world.trim(world.nodes[index])
    for node in world.nodes:
        node.disk = node.state.copy()


def a_rival_comes_late(mutant):
    """Two concurrent writes; the older one reaches the third owner after the delete is stable."""
    world = quiet_world(True, mutant)
    x, y, z = world.nodes
    world.mint(y, "a", False, {}, frozenset(), 0)
    rival = y.state.cells["a"]
    world.now += 1
    world.mint(z, "a", True, {}, frozenset(), 0)
    world.net, world.hint_net, tombstone = [], [], z.state.cells["a"]
    world.apply(x, "a", tombstone)
    world.apply(y, "a", tombstone)
    settle(world, purge=(0,))
    world.apply(x, "a", rival)
    world.heal()
    world.check_end()
    return world.wrong


def a_hint_reaches_a_new_disk(mutant):
    """A fallback keeps a copy for one owner, which has the delete; then that owner loses its disk."""
    world = quiet_world(False, mutant)
    x, y, z = world.nodes
    world.mint(x, "a", False, {}, frozenset(), 0)
    value = x.state.cells["a"]
    for node in (y, z):
        world.apply(node, "a", value)
    world.mint(x, "a", True, value[1], value[0], world.now)
    for node in (y, z):
        world.apply(node, "a", x.state.cells["a"])
    world.net, world.hint_net, world.hints = [], [], [(2, "a", value)]
    settle(world, purge=(0, 1, 2), trim=(0, 1))
    world.wipe(z)
    world.sync(z, x)
    world.heal()
    world.check_end()
    return world.wrong


def a_fallback_has_the_last_copy(mutant):
    """A write reaches a fallback alone before its maker crashes; a later delete wins over it."""
    world = quiet_world(True, mutant)
    x, y, z = world.nodes
    world.mint(x, "a", False, {}, frozenset(), 0)
    world.net, world.hint_net, world.hints = [], [], [(1, "a", x.state.cells["a"])]
    world.crash(x)
    world.now += 1
    world.mint(z, "a", True, {}, frozenset(), 0)
    world.net, world.hint_net = [], []
    for node in (x, y):
        world.apply(node, "a", z.state.cells["a"])
    settle(world, purge=(0, 1, 2))
    world.heal()
    world.check_end()
    return world.wrong


DIRECTED = (("rivals may be under way", a_rival_comes_late),
            ("hints hold nothing back", a_hint_reaches_a_new_disk),
            ("hints hold nothing back", a_fallback_has_the_last_copy))


MUTANTS = (("purge at a majority", (False, True)),
           ("entries are stripped one by one", (False,)),
           ("clock joined before the partition", (False, True)),
           ("retired actors count as others", (False, True)))


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    failed, marks = False, {}
    for lww in (False, True):
        bad = run(runs, lww, None, marks)
        print("%-40s %-16s runs=%d wrong=%d" % ("faithful", "lww" if lww else "siblings", runs, bad))
        failed |= bad > 0
    for name, policies in MUTANTS:
        bad = sum(run(runs, lww, name, {}) for lww in policies)
        print("%-40s %-16s runs=%d wrong=%d" % (name, "", runs * len(policies), bad))
        failed |= bad == 0
    for name, story in DIRECTED:
        faithful, mutant = story(None), story(name)
        print("%-40s %-16s %s" % (name, "directed", mutant or "not caught"))
        if faithful:
            print("  without it: " + faithful)
        failed |= faithful is not None or mutant is None
    print("reached: " + ", ".join("%s %d" % mark for mark in sorted(marks.items())))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
