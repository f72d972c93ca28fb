#!/usr/bin/python3
"""Model of a ring change: one partition moves between sets of owners while everything goes on.

The register names the owners C of a partition, and while it moves those that will be, N. Its tag is
(epoch, phase): STABLE(C) -> JOINT(C, N) -> SWITCHED(C, N) -> STABLE(N) in the next epoch, or JOINT ->
STABLE(C) in the next epoch when it is given up. Each node has on its disk which value it goes by.

    T1  every message about the partition has its sender's tag; a node refuses any other: STALE_TAG for
        an older one, NOT_READY for a newer one until it has that value itself
    T2  in JOINT and SWITCHED writes go to both sets and need their level in each. Reads and new events
        are for C in JOINT, for N in SWITCHED; but what a read at a majority shows is written back to both
        before, for the next read may ask the other. A request that meets a newer tag begins anew with it:
        same dot, nobody counted yet. One whose coordinator is no owner any more ends as uncertain
    T3  an owner of N alone begins empty under a new actor, and answers no read until it is complete: it
        absorbed every owner that leaves, and so many of C that each majority is met. A source counts when
        it has the tag of JOINT, for then nothing is acknowledged there behind the back of N
    T4  STABLE(N) waits until all of N are complete, with the stores that they have now, and until every
        owner that leaves, and a majority of C, goes by SWITCHED and has no request of its own under way
    T5  who leaves drops its copy and pushes nothing; it can become an owner again when that is done. A
        copy made for N in one epoch is worth nothing in the next one, unless its node is in C by then
    T6  for collecting, the owners are C and N; what they said counts under the tag in which they said it
    T7  a hint for an owner that leaves is owed to all of N, and while the change can be given up to that
        owner too
    T8  a store declared lost is waited for no longer, as long as a majority of N is complete and one that
        absorbed who leaves. A node with a new store reads the register before it serves: what its old
        store had persisted was counted upon

Oracle: sets of events. A strict read with r + w > n shows every write acknowledged before it began, and
what reads at a majority have shown by then; what w holders acknowledged is there in the end unless w
disks with it were destroyed; no value returns; the owners agree, and no tombstone is left. Each mutant
leaves out a rule and must be noticed. ring_change.py RUNS sets the number of runs.
"""
import random
import sys

from stability import EMPTY, Clock, covered, merge

NODES, KEYS, WAIT, STEPS = 6, ("a", "b"), 25, 700
STABLE, JOINT, SWITCHED = 0, 1, 2


class Value:
    """What the register says of the partition. `new` is `old` while it is stable."""

    def __init__(self, epoch, phase, old, new, lost=frozenset()):
        self.tag, self.old, self.new, self.lost = (epoch, phase), old, new, lost

    def owners(self):
        return self.old | self.new

    def readers(self):
        return self.new if self.tag[1] == SWITCHED else self.old

    def leavers(self):
        return self.old - self.new - self.lost


def majority(count):
    return count // 2 + 1


class State:
    """A replica as a disk holds it."""

    def __init__(self, adopted, rebuilding):
        self.adopted, self.rebuilding, self.absorbed = adopted, rebuilding, set()
        self.cells, self.clock, self.trimmed, self.log = {}, Clock(), Clock(), []
        self.whole = None  # [source, its incarnation, its first clock, next key]
        self.dropping = False

    def copy(self):
        out = State(self.adopted, self.rebuilding)
        out.absorbed, out.dropping = set(self.absorbed), self.dropping
        out.cells, out.log = dict(self.cells), list(self.log)
        out.clock, out.trimmed = self.clock.copy(), self.trimmed.copy()
        out.whole = list(self.whole) if self.whole else None
        return out


class Node:
    def __init__(self, index):
        self.index, self.up, self.incarnation, self.boot, self.sequence = index, True, 1, 1, 0
        self.known = 0  # index of a value; on its disk. None: a new store that has not asked yet
        self.state, self.disk, self.hybrid = None, None, 0
        self.lives = {i: (1, 1) for i in range(NODES)}
        self.hints = []  # [owed to, key, cell, tag in which that was found]; on its disk
        self.forget()

    def forget(self):
        """What was heard for collecting."""
        self.reports, self.coming, self.since, self.ripe, self.hint_free = {}, None, 0, None, 0

    def life(self):
        return (self.incarnation, self.boot)


class Request:
    """A read or a write, at its coordinator."""

    def __init__(self, node, tag, key, needed, now):
        self.node, self.life, self.tag, self.key = node, node.life(), tag, key
        self.needed, self.until, self.acked, self.fallbacks = needed, now + WAIT, set(), set()


class World:
    def __init__(self, seed, lww, mutant):
        self.random, self.lww, self.mutant, self.now = random.Random(seed), lww, mutant, 100
        self.count = self.random.choice((2, 3, 3, 3, 4))
        first = frozenset(range(self.count))
        self.values = [Value(1, STABLE, first, first)]
        self.nodes = [Node(i) for i in range(NODES)]
        for node in self.nodes[:self.count]:
            node.state, node.disk = State(0, False), State(0, False)
        self.events, self.tokens, self.net = {}, [], []
        self.writes, self.reads, self.acknowledged = [], [], []
        self.destroyed = {}  # event -> disks with it that are no more
        self.drivers = [{"view": 0, "seen": set()} for _ in range(2)]
        self.wipes, self.changes, self.wrong, self.marks = 2, 5, None, {}
        self.busy = self.random.random() < .5

    def mark(self, name):
        self.marks[name] = self.marks.get(name, 0) + 1

    def fail(self, text):
        self.wrong = self.wrong or text

    def value(self, node):
        return self.values[node.known]

    # ---- which value a node goes by

    def usable(self, node):
        return node.up and node.known is not None and node.state is not None and not node.state.dropping

    def active(self, node):
        return self.usable(node) and not node.state.rebuilding

    def actor(self, node):
        adopted = 0 if self.mutant == "adopted again as the old actor" else node.state.adopted
        return (node.index, node.incarnation, node.boot, adopted)

    def fits(self, node, tag):
        """T1."""
        return self.mutant == "no fencing by tag" or self.value(node).tag == tag

    def commit(self, node):
        node.disk = node.state.copy() if node.state else None

    def learn(self, node, index):
        if node.known is None:
            trusted = self.mutant == "a new store takes any value"
            index = index if trusted else len(self.values) - 1
        elif index <= node.known:
            return
        before = None if node.known is None else self.value(node).tag
        node.known = index
        if before != self.value(node).tag and self.mutant != "reports outlive their tag":
            node.forget()
        self.reconcile(node)
        self.commit(node)

    def reconcile(self, node):
        value = self.value(node)
        if node.state is not None and not node.state.dropping:
            kept = node.index in value.old or (node.index in value.new and node.state.adopted == value.tag[0])
            if self.mutant == "a copy outlives its epoch":
                kept = node.index in value.owners()
            node.state.dropping = not kept
            if not kept:
                self.mark("dropped")
        at_once = self.mutant == "adopted while it is dropped" and node.state is not None and node.state.dropping
        if (node.state is None or at_once) and node.index in value.owners():
            left = node.state.cells if at_once else {}
            epoch = value.tag[0] if node.index not in value.old else 0
            node.state = State(epoch, True)
            node.state.cells = dict(left)
            if self.mutant == "new owners answer at once":
                node.state.rebuilding = False
            node.sequence = 0
            self.mark("adopted")

    def drop_step(self, node):
        if node.state is None or not node.state.dropping:
            return
        if node.state.cells:
            node.state.cells.pop(min(node.state.cells))
        else:
            node.state = None
            self.reconcile(node)
        self.commit(node)

    # ---- one replica: as in stability.py

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
        news = (frozenset(d for d in cell[0] if d in local[0] or not node.state.clock.has(d)), cell[1])
        if local == EMPTY and not news[0] and node.state.clock.covers(cell[1]):
            self.put(node, key, EMPTY)
        else:
            self.put(node, key, merge(local, news, self.lww, self.events))
        self.absorb(node, satisfied, key)
        self.absorb(node, cell[0], key)

    def mint(self, node, key, tombstone, context, observed, above):
        local = node.state.cells.get(key, EMPTY)
        if self.lww:
            context = merge((frozenset(), local[1]), (frozenset(), context), False, None)[1]
            observed = observed | local[0]
        node.sequence += 1
        dot = (self.actor(node), node.sequence)
        if dot in self.events:
            self.fail("one dot for two events")
        floor = max([above] + [self.events[d]["time"] for d in local[0]])
        node.hybrid = max(node.hybrid + 1, self.now, floor + 1)
        self.events[dot] = {"key": key, "tombstone": tombstone, "time": node.hybrid, "observed": observed}
        live = frozenset(d for d in local[0] if not covered(context, d)) | {dot}
        joined = merge((live, local[1]), (frozenset(), context), False, None)[1]
        joined[dot[0]] = dot[1]
        cell = (live, joined)
        if self.lww:
            cell = merge(cell, EMPTY, True, self.events)
        self.put(node, key, cell)
        self.absorb(node, [dot], key)
        return dot, cell

    # ---- collecting: as in stability.py, over the owners of all live tags

    def others(self, node):
        value = self.value(node)
        owners = value.owners()
        if self.mutant == "collecting without those that leave":
            owners = value.new
        if self.mutant == "collecting without those that come":
            owners = value.old
        return owners - {node.index}

    def view(self, node):
        others = self.others(node)
        heard = {i: r for i, r in node.reports.items() if i in others}
        if set(heard) != others:
            return None
        actors = {i: actor for i, (_, _, actor) in heard.items()}
        actors[node.index] = self.actor(node)
        return [c.copy() for c, _, _ in heard.values()] + [node.state.clock.copy()], actors

    def stable(self, view, context):
        clocks, actors = view
        for actor, number in context.items():
            if all(c.covers({actor: number}) for c in clocks):
                continue
            if actors.get(actor[0]) == actor:
                return False
            held = [{k for k in range(1, number + 1) if c.has((actor, k))} for c in clocks]
            if any(h != held[0] for h in held):
                return False
            self.mark("hole of a retired actor")
        return True

    def purge(self, node):
        if not self.active(node):
            return
        if node.coming is not None and self.now - node.since >= WAIT and node.hint_free >= node.since + WAIT:
            node.ripe, node.coming = node.coming, None
        view = self.view(node)
        if node.coming is None and view and all(node.state.clock.descends(c) for c in view[0]):
            node.since, node.coming = self.now, view
        for key, (live, context) in list(node.state.cells.items()):
            values = frozenset(d for d in live if not self.events[d]["tombstone"])
            if (values == live and live) or node.ripe is None or not self.stable(node.ripe, context):
                continue
            self.mark("purged")
            self.put(node, key, (values, {a: n for a, n in values} if values else {}))

    def trim(self, node):
        if not self.active(node):
            return
        view = self.view(node)
        while node.state.log and view and all(c.has(node.state.log[0][0]) for c in view[0]):
            node.state.trimmed.add(node.state.log.pop(0)[0])
        if node.state.log and self.random.random() < .5:  # the byte cap
            node.state.trimmed.add(node.state.log.pop(0)[0])

    def report(self, a, b):
        """b tells a what is on its disk."""
        if not (self.usable(a) and self.usable(b)) or b.disk is None or b.disk.dropping:
            return
        self.meet(a, b)
        if not self.fits(a, self.value(b).tag) and self.mutant != "reports outlive their tag":
            return
        if b.disk.rebuilding:
            if a.reports.pop(b.index, None):
                a.forget()
        else:
            a.reports[b.index] = (b.disk.clock.copy(), b.life(), self.actor(b))

    # ---- catching up

    def sync(self, asker, source):
        if not (self.usable(asker) and self.usable(source)) or source.disk is None:
            return
        if asker.state.rebuilding and source.disk.rebuilding:
            return
        unsealed = self.mutant == "a source need not be sealed" and asker.state.rebuilding
        if not self.fits(source, self.value(asker).tag) and not unsealed:
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
            asker.state.absorbed.add(source.index)
            self.complete(asker)

    def complete(self, node):
        """T3, and of an owner whose store was lost: enough of the others."""
        value = self.value(node)
        others = value.old - {node.index}
        enough = min(self.count - majority(self.count) + 1, len(others))
        leavers = value.leavers() - {node.index}
        if self.mutant == "one source is enough":
            enough, leavers = 1, set()
        if self.mutant == "who leaves is not absorbed":
            leavers = set()
        if leavers <= node.state.absorbed and len(node.state.absorbed & others) >= enough:
            node.state.rebuilding = False
            self.mark("complete")

    def whole_step(self, asker, source):
        whole = asker.state.whole
        if whole and whole[0] != source.index:
            begun = self.nodes[whole[0]]
            if self.active(begun) and begun.incarnation == whole[1] and begun.disk and not begun.disk.rebuilding \
                    and self.fits(begun, self.value(asker).tag):
                source = begun
                self.meet(asker, source)
        if not whole or whole[:2] != [source.index, source.incarnation] or \
                not source.disk.clock.descends(whole[2]):
            whole = asker.state.whole = [source.index, source.incarnation, source.disk.clock.copy(), ""]
        if self.mutant == "clock joined before the data":
            asker.state.clock.join(whole[2])
        rest = [k for k in KEYS if k >= whole[3]]
        if rest:
            self.apply(asker, rest[0], source.disk.cells.get(rest[0], EMPTY))
            whole[3] = rest[0] + "~"
            return
        asker.state.trimmed.join(whole[2])
        asker.state.clock.join(whole[2])
        asker.state.whole = None
        self.mark("whole-partition sync")

    def meet(self, a, b):
        """A connection between their present lives: what earlier lives sent is gone."""
        for x, y in ((a, b), (b, a)):
            if x.lives[y.index] != y.life():
                if x.reports.pop(y.index, None):
                    x.forget()
                x.lives[y.index] = y.life()
                self.net = [m for m in self.net if (m["to"], m["from"]) != (x.index, y.index) or
                            m["life"] == y.life()]

    # ---- requests

    def begin_write(self, node):
        if not self.active(node) or node.index not in self.value(node).readers():
            return
        key, context, observed, above = self.random.choice(KEYS), {}, frozenset(), 0
        if self.tokens and self.random.random() < .6:
            key, context, observed, above = self.random.choice(self.tokens[-6:])
        if any(a == self.actor(node) and n > node.sequence for a, n in context.items()):
            return
        needed = min(self.random.choice((1, 1, 2, 2, 3)), self.count)
        write = self.write(node, key, needed, self.random.random() < .4, context, observed, above)
        write.sloppy = self.random.random() < .4

    def write(self, node, key, needed, tombstone=False, context=None, observed=frozenset(), above=0):
        write = Request(node, self.value(node).tag, key, needed, self.now)
        write.sloppy = False
        write.dot, write.cell = self.mint(node, key, tombstone, context or {}, observed, above)
        self.writes.append(write)
        return write

    def begin_read(self, node):
        if node.known is None:
            return
        self.read(node, self.random.choice(KEYS), self.random.randint(1, self.count))

    def read(self, node, key, needed):
        read = Request(node, self.value(node).tag, key, needed, self.now)
        read.floor, read.result, read.answers = len(self.acknowledged), EMPTY, {}
        self.reads.append(read)
        return read

    def write_back(self, read):
        """T2: what a read at a majority shows, as many of each set hold before."""
        back = Request(read.node, read.tag, read.key, read.needed, self.now)
        back.until, back.sloppy, back.dot, back.cell = read.until, False, None, read.result
        back.acked = {i for i, cell in read.answers.items() if cell == read.result}
        self.writes.append(back)
        self.answer(back)
        return back

    def is_over(self, request):
        """At its coordinator: out of time, which is looked at first, or its coordinator died."""
        node = request.node
        if request.life != node.life() or self.now > request.until:
            return True
        if not node.up:
            return False
        value = self.value(node)
        if request.tag != value.tag and self.mutant != "no fencing by tag":
            if hasattr(request, "dot"):
                if request.dot and (not self.usable(node) or request.dot[0] != self.actor(node)):
                    self.mark("uncertain")
                    return True  # T2
            else:
                request.result, request.answers = EMPTY, {}
            request.tag = value.tag
            if self.mutant != "counted under the old tag":
                request.acked, request.fallbacks = set(), set()
            self.mark("begun anew")
        return False

    def value_of(self, tag):
        return next(v for v in reversed(self.values) if v.tag == tag)

    def targets(self, write):
        value = self.value_of(write.tag)
        return value.readers() if self.mutant == "no dual write" else value.owners()

    def is_met(self, write):
        value = self.value_of(write.tag)
        sets = [value.old, value.new]
        one = "no dual write" if write.dot else "reads are repaired where they were made"
        if self.mutant == one:
            sets = [value.readers()]
        return all(len(write.acked & s) >= write.needed for s in sets)

    def write_step(self):
        if not self.writes:
            return
        write = self.random.choice(self.writes)
        if self.is_over(write):
            self.writes.remove(write)
            return
        node, left = write.node, sorted(self.targets(write) - write.acked)
        if not node.up or not left:
            return
        target, free = self.random.choice(left), []
        if target == node.index and self.usable(node):
            if not write.dot:
                self.apply(node, write.key, write.cell)
            self.commit(node)
            write.acked.add(target)
            self.answer(write)
            return
        if write.sloppy and self.random.random() < .3:
            free = [n for n in range(NODES) if n not in self.targets(write) | write.fallbacks]
        if free:
            fallback = self.random.choice(free)
            write.fallbacks.add(fallback)
            self.net.append(self.packet(write, fallback, target))
        else:
            self.net.append(self.packet(write, target, None))
        if self.random.random() < .6:
            self.deliver(len(self.net) - 1)

    def packet(self, write, to, instead_of):
        return {"to": to, "incarnation": self.nodes[to].incarnation, "from": write.node.index,
                "life": write.node.life(), "tag": write.tag, "key": write.key, "cell": write.cell,
                "write": write, "for": instead_of, "until": write.until}

    def answer(self, write):
        if write in self.writes and self.is_met(write):
            self.writes.remove(write)
            if write.dot:
                self.acknowledged.append(write)
                self.mark("acknowledged in phase %d" % write.tag[1])
                return
            self.mark("shown in phase %d" % write.tag[1])
            for dot in write.cell[0]:
                shown = Request(write.node, write.tag, write.key, write.needed, self.now)
                shown.dot, shown.sloppy = dot, False
                self.acknowledged.append(shown)

    def deliver(self, index):
        message = self.net[index]
        if not self.nodes[message["to"]].up:
            return
        if self.random.random() < .75:
            self.net.pop(index)  # else it comes again, much later
        self.receive(message)

    def receive(self, message):
        node, sender = self.nodes[message["to"]], self.nodes[message["from"]]
        if message["incarnation"] != node.incarnation or message["life"] < node.lives[message["from"]]:
            return
        if node.known is None:
            return
        if not self.fits(node, message["tag"]):
            if message["tag"] < self.value(node).tag:
                self.mark("stale")
                if sender.up and sender.known is not None and self.random.random() < .7:
                    self.learn(sender, node.known)
            elif self.random.random() < .5:
                self.learn(node, sender.known or 0)
            return
        if message["for"] is not None:
            if self.now > message["until"]:
                return
            node.hints.append([{message["for"]}, message["key"], message["cell"], message["tag"]])
            self.mark("hint kept")
        elif self.usable(node):
            self.apply(node, message["key"], message["cell"])
            self.commit(node)
        else:
            return
        write = message["write"]
        if write in self.writes and write.tag == message["tag"] and sender.up and self.random.random() < .85:
            write.acked.add(message["to"] if message["for"] is None else message["for"])
            self.answer(write)

    def read_step(self):
        if not self.reads:
            return
        read = self.random.choice(self.reads)
        if self.is_over(read):
            self.reads.remove(read)
            return
        left = sorted(self.value_of(read.tag).readers() - read.acked)
        if not read.node.up or not left:
            return
        self.answer_read(read, self.nodes[self.random.choice(left)])

    def answer_read(self, read, node):
        if not node.up or node.known is None:
            return
        if not self.fits(node, read.tag):
            if read.tag < self.value(node).tag:
                self.learn(read.node, node.known)
            return
        if not self.active(node) or node.disk is None or node.disk.rebuilding or node.disk.dropping:
            return
        read.acked.add(node.index)
        read.answers[node.index] = node.disk.cells.get(read.key, EMPTY)
        read.result = merge(read.result, node.disk.cells.get(read.key, EMPTY), self.lww, self.events)
        if len(read.acked) == read.needed:
            self.reads.remove(read)
            self.mark("read in phase %d" % read.tag[1])
            self.judge(read)
            if read.needed >= majority(self.count) and read.node.up:
                self.write_back(read)
            live, context = read.result
            above = max([self.events[d]["time"] for d in live], default=0)
            self.tokens.append((read.key, context, live, above))

    def is_excused(self, write):
        return self.destroyed.get(write.dot, 0) >= write.needed

    def order(self, dot):
        return (self.events[dot]["time"], dot)

    def judge(self, read):
        live = read.result[0]
        for write in self.acknowledged[:read.floor]:
            if write.key != read.key or write.sloppy or self.is_excused(write) or \
                    write.needed + read.needed <= self.count:
                continue
            if self.lww:
                newest = max([self.order(d) for d in live], default=None)
                beaten = newest is None and any(
                    e["key"] == read.key and e["tombstone"] and self.order(d) >= self.order(write.dot)
                    for d, e in self.events.items())
                seen = beaten or (newest is not None and newest >= self.order(write.dot))
            else:
                seen = write.dot in live or self.events[write.dot]["tombstone"] or \
                    any(write.dot in e["observed"] for e in self.events.values())
            if not seen:
                self.fail("a read at %d does not show what %d acknowledged" % (read.needed, write.needed))

    # ---- hints

    def owe(self, node, hint):
        """T7: to whom, as the fallback's value says."""
        value = self.value(node)
        if hint[3] == value.tag:
            return
        owed = set()
        for target in hint[0]:
            if target in value.new:
                owed.add(target)
                continue
            if self.mutant == "hints of an owner that left are dropped":
                continue
            may_return = target in value.old and (
                value.tag[1] == JOINT or self.mutant == "hints go to the owner that leaves")
            owed |= {target} if may_return else set()
            if not may_return or self.mutant != "hints go to the owner that leaves":
                owed |= value.new
                self.mark("hint owed to others")
        hint[0], hint[3] = owed, value.tag
        if not owed:
            node.hints.remove(hint)

    def hand_off(self, node):
        if not node.up or node.known is None or not node.hints:
            return
        hint = self.random.choice(node.hints)
        self.owe(node, hint)
        if not hint[0]:
            return
        target = self.nodes[self.random.choice(sorted(hint[0]))]
        if not self.usable(target) or not self.fits(target, self.value(node).tag):
            return
        self.apply(target, hint[1], hint[2])
        self.commit(target)
        if self.random.random() < .7:
            hint[0] = hint[0] - {target.index}
            if not hint[0]:
                node.hints.remove(hint)
                self.mark("hint handed off")

    # ---- the register and those who drive a change

    def choose(self, driver, value):
        """CAS: only if the register still says what the driver went by."""
        if driver["view"] != len(self.values) - 1:
            driver["view"] = len(self.values) - 1
            return
        self.values.append(value)
        driver["view"] += 1

    def store_of(self, node):
        """As the register says: a new store is told there before it serves (T8)."""
        return 0 if self.mutant == "complete with a store that was lost" else node.incarnation

    def drive(self, driver):
        if self.random.random() < .4:
            driver["view"] = len(self.values) - 1
        value = self.values[driver["view"]]
        tag, old, new = value.tag, value.old, value.new
        node = self.nodes[self.random.choice(sorted(value.owners()))]
        if node.up and node.known is not None and self.value(node).tag >= tag:
            quiet = not any(w.node is node and w.dot for w in self.writes)
            if quiet:
                driver["seen"].add(("goes by", tag, node.index))
            if self.active(node) and node.disk is not None and not node.disk.rebuilding:
                driver["seen"].add(("complete", tag[0], node.index, self.store_of(node)))
        complete = {i for i in new if ("complete", tag[0], i, self.store_of(self.nodes[i])) in driver["seen"]}
        by = {i for i in old if ("goes by", tag, i) in driver["seen"]}
        if tag[1] == STABLE:
            if self.changes > 0 and self.random.random() < .12:
                self.changes -= 1
                out = frozenset(self.random.sample(sorted(old), self.random.choice((1, 1, min(2, self.count)))))
                pool = [i for i in range(NODES) if i not in old]
                into = frozenset(self.random.sample(pool, min(len(out), len(pool))))
                out = frozenset(sorted(out)[:len(into)])
                self.choose(driver, Value(tag[0], JOINT, old, (old - out) | into))
        elif tag[1] == JOINT and self.random.random() < .01:
            self.mark("given up")
            self.choose(driver, Value(tag[0] + 1, STABLE, old, old))
        elif tag[1] == JOINT:
            if len(complete) >= majority(self.count) and (complete >= new - value.lost or self.random.random() < .3):
                self.mark("switched")
                self.choose(driver, Value(tag[0], SWITCHED, old, new, value.lost))
        else:
            if self.may_finish(value, complete, by):
                self.mark("changed")
                self.choose(driver, Value(tag[0] + 1, STABLE, new, new))

    def may_finish(self, value, complete, by):
        """T4, T8: whether SWITCHED may become STABLE(N)."""
        most = majority(self.count)
        heirs = value.new - value.old
        enough = complete >= value.new - value.lost and len(complete) >= most and \
            (complete & heirs or not value.leavers() or self.mutant == "a lost heir is enough")
        if self.mutant == "lost stores are enough":
            enough = complete >= value.new - value.lost
        if self.mutant == "a majority is complete":
            enough = len(complete) >= most
        gone = by >= value.leavers() and len(by) >= most
        if self.mutant == "a majority goes by SWITCHED":
            gone = len(by) >= most
        if self.mutant == "nobody is waited for":
            gone = True
        return bool(enough) and gone

    # ---- faults

    def crash(self, node):
        """Power loss: the unsynced is gone, and its actor with it."""
        node.state = node.disk.copy() if node.disk else None
        node.boot, node.sequence = node.boot + 1, 0
        node.forget()
        if node.known is not None:
            self.reconcile(node)

    def wipe(self, node):
        value = self.values[-1]
        others = [self.nodes[i] for i in value.old if i != node.index]
        whole = all(n.state and not n.state.rebuilding and n.disk and not n.disk.rebuilding for n in others)
        if self.wipes == 0 or not whole or node.state is None or node.known is None:
            return
        self.wipes -= 1
        self.mark("wiped")
        held = set(node.disk.clock.dots()) if node.disk else set()
        for hint in node.hints:
            held |= hint[2][0]
        for dot in held:
            self.destroyed[dot] = self.destroyed.get(dot, 0) + 1
        node.state = node.disk = node.known = None
        node.hints = []
        node.incarnation, node.boot, node.sequence, node.hybrid = node.incarnation + 1, 1, 0, 0
        node.forget()
        if value.tag[1] != STABLE and node.index in value.owners() and self.random.random() < .5:
            self.mark("declared lost")
            self.values.append(Value(*value.tag, value.old, value.new, value.lost | {node.index}))

    # ---- the world

    def step(self):
        self.now += self.random.random() < .4
        a, b = self.random.sample(self.nodes, 2)
        x = self.random.random()
        if not self.busy and self.random.random() < .5:
            x = self.random.choice((.56, .56, .60, .60, .60, .65, .75, .85))
        if x < .08:
            self.begin_write(a)
        elif x < .14 and a.up:
            self.begin_read(a)
        elif x < .34:
            self.write_step()
        elif x < .47:
            self.read_step()
        elif x < .51 and self.net:
            self.deliver(self.random.randrange(len(self.net)))
        elif x < .54:
            self.hand_off(a)
        elif x < .57 and a.up and a.state:
            self.commit(a)
        elif x < .63:
            self.report(a, b)
            if not any(n.hints for n in self.nodes):
                a.hint_free = self.now
        elif x < .68:
            self.purge(a)
        elif x < .71:
            self.trim(a)
        elif x < .80:
            self.sync(a, b)
        elif x < .83 and a.up:
            self.drop_step(a)
        elif x < .88 and a.up:
            self.learn(a, self.random.randint(a.known or 0, len(self.values) - 1))
        elif x < .96:
            self.drive(self.random.choice(self.drivers))
        elif x < .965 and a.up:
            self.crash(a)
        elif x < .985:
            a.up = not a.up or sum(n.up for n in self.nodes) < NODES - 1
        elif x < .99:
            self.wipe(a)

    def settle(self):
        for node in self.nodes:
            node.up = True
        for turn in range(60):
            for node in self.nodes:
                self.learn(node, len(self.values) - 1)
                for _ in range(len(KEYS) + 2):
                    self.drop_step(node)
                for _ in range(4):
                    self.hand_off(node)
            for a in self.nodes:
                if a.state:
                    self.commit(a)
                for b in self.nodes:
                    if a is not b:
                        self.sync(a, b)
            self.changes = 0
            self.now += WAIT if turn > 30 else 1
            for write in list(self.writes):
                if self.is_over(write):
                    self.writes.remove(write)
            for _ in range(12):
                self.drive(self.random.choice(self.drivers))
        late = list(self.net)
        for message in late:
            self.net = [message]
            self.deliver(0)
        for _ in range(6):
            for a in self.nodes:
                for b in self.nodes:
                    if a is not b:
                        if a.state:
                            self.commit(a)
                        self.sync(a, b)
                        self.report(a, b)
            self.now += WAIT
            for a in self.nodes:
                while a.hints and any(self.usable(self.nodes[i]) for h in a.hints for i in h[0]):
                    self.hand_off(a)
                a.hint_free = self.now if not any(n.hints for n in self.nodes) else 0
            for a in self.nodes:
                self.purge(a)
        for message in late:  # copies of any age
            self.net = [message]
            self.deliver(0)

    def check_end(self):
        value = self.values[-1]
        if value.tag[1] != STABLE:
            self.fail("the change does not end")
            return
        owners = [self.nodes[i] for i in sorted(value.old)]
        if any(not self.active(n) for n in owners):
            self.fail("an owner is not complete")
            return
        if any(n.state for n in self.nodes if n not in owners):
            self.fail("a copy is left where it does not belong")
        if any(n.hints for n in self.nodes):
            self.fail("a hint is left")
        known = set()
        for node in owners:
            known |= set(node.state.clock.dots())
        known &= set(self.events)
        superseded, above = set(), list(known)
        while above:  # also through an event that was read, and lost before it was acknowledged
            for dot in self.events[above.pop()]["observed"] - superseded:
                superseded.add(dot)
                above.append(dot)
        for write in self.acknowledged:
            if write.dot in known or self.is_excused(write):
                continue
            beaten = any(write.dot in e["observed"] for e in self.events.values())
            if not beaten:
                self.fail("what %d acknowledged is gone" % write.needed)
        for key in KEYS:
            mine = [d for d in known if self.events[d]["key"] == key]
            if self.lww:
                mine = [max(mine, key=self.order)] if mine else []
            want = {d for d in mine if (self.lww or d not in superseded) and not self.events[d]["tombstone"]}
            for node in owners:
                live = node.state.cells.get(key, EMPTY)[0]
                values = {d for d in live if not self.events[d]["tombstone"]}
                if values - want:
                    self.fail("n%d %s: a value came back %s" % (node.index, key, sorted(values - want)))
                if want - values:
                    self.fail("n%d %s: lost %s" % (node.index, key, sorted(want - values)))
                if live and values != live:
                    self.fail("a tombstone is left")


# ---- stories: what random runs meet too seldom

class Story(World):
    """Owners 0, 1, 2; what happens is said, and nothing is left to chance."""

    def __init__(self, mutant, lww=False):
        super().__init__(0, lww, mutant)
        self.count, first = 3, frozenset((0, 1, 2))
        self.values = [Value(1, STABLE, first, first)]
        for node in self.nodes:
            node.state = State(0, False) if node.index < 3 else None
            self.commit(node)
        self.random.random = lambda: .5  # what is sent arrives once and is answered

    def chosen(self, epoch, phase, new, lost=()):
        old = self.values[-1].old
        new = old if new is None else frozenset(new)
        self.values.append(Value(epoch, phase, new if phase == STABLE else old, new, frozenset(lost)))

    def tell(self, *nodes):
        for index in nodes or range(NODES):
            self.learn(self.nodes[index], len(self.values) - 1)
            for _ in range(len(KEYS) + 2):
                self.drop_step(self.nodes[index])

    def copy_to(self, write, *nodes, instead_of=None):
        for index in nodes:
            if self.nodes[index] is write.node:
                self.commit(write.node)
                write.acked.add(index)
                self.answer(write)
            elif not self.is_over(write):
                self.receive(self.packet(write, index, instead_of))

    def pull(self, asker, *sources):
        for source in sources:
            for _ in range(len(KEYS) + 2):
                self.sync(self.nodes[asker], self.nodes[source])
            self.commit(self.nodes[asker])

    def ask(self, coordinator, key, needed, *nodes):
        read = self.read(self.nodes[coordinator], key, needed)
        for index in nodes:
            if read in self.reads and not self.is_over(read):
                self.answer_read(read, self.nodes[index])

    def finish(self, complete, by):
        """STABLE(N), if it may be."""
        value = self.values[-1]
        if self.may_finish(value, set(complete), set(by)):
            self.chosen(value.tag[0] + 1, STABLE, value.new)
            self.tell()

    def collect(self, *nodes):
        for _ in range(3):
            for a in nodes:
                for b in nodes:
                    if a != b:
                        self.report(self.nodes[a], self.nodes[b])
            for a in nodes:
                self.nodes[a].hint_free = self.now
                self.purge(self.nodes[a])
                self.commit(self.nodes[a])
            self.now += WAIT

    def end(self):
        del self.random.random  # all that may happen does
        if self.wrong is None:
            self.settle()
            self.check_end()


def written_before_the_change(s):
    s.copy_to(s.write(s.nodes[1], "a", 2), 1, 2)
    s.chosen(1, JOINT, (0, 1, 3))
    s.tell()
    s.pull(3, 0)
    s.chosen(1, SWITCHED, (0, 1, 3))
    s.tell()
    s.ask(3, "a", 2, 0, 3)


def written_in_joint(s):
    s.chosen(1, JOINT, (0, 1, 3))
    s.tell()
    s.pull(3, 0, 1, 2)
    s.copy_to(s.write(s.nodes[1], "a", 2), 1, 2)
    s.chosen(1, SWITCHED, (0, 1, 3))
    s.tell()
    s.ask(3, "a", 2, 0, 3)


def read_before_it_is_in_both_sets(s):
    s.chosen(1, JOINT, (0, 1, 3))
    s.tell()
    s.pull(3, 0, 1, 2)
    s.copy_to(s.write(s.nodes[1], "a", 2), 1, 2)
    s.ask(1, "a", 2, 1, 2)
    s.chosen(1, SWITCHED, (0, 1, 3))
    s.tell()
    s.ask(3, "a", 2, 0, 3)


def adopted_before_the_old_copy_is_gone(s):
    value = s.write(s.nodes[0], "a", 3)
    s.copy_to(value, 0, 1, 2)
    s.chosen(1, JOINT, (0, 1, 3))
    s.tell()
    s.pull(3, 0, 1, 2)
    s.chosen(2, STABLE, None)
    s.tell(0, 1, 2)
    s.learn(s.nodes[3], 2)
    s.copy_to(s.write(s.nodes[0], "a", 3, True, value.cell[1], frozenset([value.dot])), 0, 1, 2)
    s.collect(0, 1, 2)
    s.chosen(2, JOINT, (0, 1, 3))
    s.learn(s.nodes[3], 3)
    s.tell()
    s.pull(3, 0, 1, 2)
    s.chosen(2, SWITCHED, (0, 1, 3))
    s.tell()
    s.finish((0, 1, 3), (0, 1, 2))


def a_coordinator_sleeps_over_a_change(s):
    s.chosen(1, JOINT, (0, 1, 3))
    s.tell(1, 2, 3)
    s.pull(3, 2, 1)
    s.chosen(1, SWITCHED, (0, 1, 3))
    s.tell(1, 2, 3)
    s.copy_to(s.write(s.nodes[0], "a", 2), 0, 2)
    s.ask(3, "a", 2, 1, 3)


def a_source_goes_on_in_the_old_epoch(s):
    s.chosen(1, JOINT, (0, 1, 3))
    s.tell(0, 1, 3)
    s.pull(3, 2, 1)
    s.copy_to(s.write(s.nodes[2], "a", 1), 2)
    s.tell()
    if s.active(s.nodes[3]):
        s.chosen(1, SWITCHED, (0, 1, 3))
        s.tell()
        s.finish((0, 1, 3), (0, 1, 2))


def one_leaver_alone_has_a_write(s):
    s.copy_to(s.write(s.nodes[2], "a", 1), 2)
    s.chosen(1, JOINT, (0, 1, 3))
    s.tell()
    s.pull(3, 0, 1)
    s.chosen(1, SWITCHED, (0, 1, 3))
    s.tell()
    s.finish((0, 1, 3) if s.active(s.nodes[3]) else (0, 1), (0, 1, 2))


def a_leaver_sleeps_in_joint(s):
    s.chosen(1, JOINT, (0, 1, 3))
    s.tell()
    s.pull(3, 0, 1, 2)
    s.chosen(1, SWITCHED, (0, 1, 3))
    s.tell(0, 1, 3)
    value = s.values[-1]
    if s.may_finish(value, {0, 1, 3}, {0, 1}):
        s.chosen(2, STABLE, value.new)
        s.tell(0, 1, 3)
        s.copy_to(s.write(s.nodes[0], "a", 3), 0, 1, 3)
    s.ask(2, "a", 1, 2)


def deleted_in_joint_but_at_a_leaver(s):
    value = s.write(s.nodes[0], "a", 3)
    s.copy_to(value, 0, 1, 2)
    s.chosen(1, JOINT, (0, 1, 3))
    s.tell()
    s.pull(3, 0, 1, 2)
    s.copy_to(s.write(s.nodes[0], "a", 2, True, value.cell[1], frozenset([value.dot])), 0, 1, 3)
    s.collect(0, 1, 3)
    s.chosen(2, STABLE, None)
    s.tell()


def deleted_in_joint_but_at_a_joiner(s):
    value = s.write(s.nodes[0], "a", 3)
    s.copy_to(value, 0, 1, 2)
    s.chosen(1, JOINT, (0, 1, 3))
    s.tell()
    s.pull(3, 0)
    s.copy_to(s.write(s.nodes[0], "a", 2, True, value.cell[1], frozenset([value.dot])), 0, 1, 2)
    s.collect(0, 1, 2)


def deleted_between_two_adoptions(s):
    value = s.write(s.nodes[0], "a", 3)
    s.copy_to(value, 0, 1, 2)
    s.chosen(1, JOINT, (0, 1, 3))
    s.tell()
    s.pull(3, 0, 1, 2)
    s.copy_to(s.write(s.nodes[0], "a", 2, True, value.cell[1], frozenset([value.dot])), 0, 3)
    for node in (0, 1, 2):
        s.report(s.nodes[node], s.nodes[3])
    s.chosen(2, STABLE, None)
    s.tell()
    s.chosen(2, JOINT, (0, 1, 3))
    s.tell()
    s.pull(3, 1)
    s.pull(1, 0)
    s.pull(2, 0)
    s.collect(0, 1, 2)


def a_hint_for_an_owner_that_leaves(s):
    write = s.write(s.nodes[0], "a", 2)
    s.copy_to(write, 0)
    s.copy_to(write, 5, instead_of=2)
    s.chosen(1, JOINT, (0, 1, 3))
    s.tell()
    s.pull(3, 1, 2)
    for _ in range(40):
        s.hand_off(s.nodes[5])
    s.chosen(1, SWITCHED, (0, 1, 3))
    s.tell()
    s.finish((0, 1, 3), (0, 1, 2))
    for _ in range(40):
        s.hand_off(s.nodes[5])
    s.wipe(s.nodes[0])


def an_owner_returns(s):
    for epoch, new in enumerate(((0, 1, 3), (0, 1, 2), (0, 1, 3)), 1):
        s.chosen(epoch, JOINT, new)
        s.tell()
        for node in (0, 1, 2, 3):
            s.pull(node, 0, 1, 2, 3)
        s.chosen(epoch, SWITCHED, new)
        s.tell()
        s.copy_to(s.write(s.nodes[new[2]], "a", 2), 0, 1, *new)
        s.finish(new, s.values[-1].old)


def a_copy_from_an_aborted_change(s):
    s.chosen(1, JOINT, (0, 1, 3))
    s.tell()
    s.pull(3, 0, 1, 2)
    s.chosen(2, STABLE, None)
    s.tell(0, 1, 2)
    s.copy_to(s.write(s.nodes[0], "a", 2), 0, 2)
    s.chosen(2, JOINT, (0, 1, 3))
    s.tell()
    s.chosen(2, SWITCHED, (0, 1, 3))
    s.tell()
    s.ask(3, "a", 2, 1, 3)


def counted_before_a_change_was_aborted(s):
    s.chosen(1, JOINT, (0, 3, 4))
    s.tell()
    write = s.write(s.nodes[0], "a", 2)
    s.copy_to(write, 0, 3)
    s.chosen(2, STABLE, None)
    s.tell()
    s.chosen(2, JOINT, (0, 3, 4))
    s.tell()
    s.pull(3, 1, 2)
    s.pull(4, 1, 2)
    s.copy_to(write, 1)
    s.chosen(2, SWITCHED, (0, 3, 4))
    s.tell()
    s.ask(3, "a", 2, 3, 4)


def a_sealed_store_is_lost(s):
    s.chosen(1, JOINT, (0, 1, 3))
    s.tell(1, 2, 3)
    s.pull(3, 1, 2)
    s.wipe(s.nodes[2])
    s.learn(s.nodes[2], 0)  # what owner 0, which was away, goes by
    s.copy_to(s.write(s.nodes[0], "a", 2), 0, 2)
    s.chosen(1, SWITCHED, (0, 1, 3))
    s.tell(1, 3)
    s.ask(3, "a", 2, 1, 3)


def two_stores_of_n_are_lost(s):
    s.chosen(1, JOINT, (0, 1, 3))
    s.tell()
    s.pull(3, 0, 1, 2)
    s.chosen(1, SWITCHED, (0, 1, 3))
    s.tell()
    complete = {(i, s.store_of(s.nodes[i])) for i in (0, 1, 3)}
    s.wipe(s.nodes[3])
    s.wipe(s.nodes[0])
    if s.mutant == "lost stores are enough":
        s.chosen(1, SWITCHED, (0, 1, 3), lost=(0, 3))
    s.tell()
    s.finish((i for i, store in complete if store == s.store_of(s.nodes[i])), (0, 1, 2))


def the_only_heir_is_lost(s):
    s.copy_to(s.write(s.nodes[2], "a", 1), 2)
    s.chosen(1, JOINT, (0, 1, 3))
    s.tell()
    s.chosen(1, SWITCHED, (0, 1, 3))
    s.tell()
    s.wipe(s.nodes[3])
    s.chosen(1, SWITCHED, (0, 1, 3), lost=(3,))
    s.tell()
    s.finish((0, 1), (0, 1, 2))


STORIES = (
    ("no fencing by tag", a_coordinator_sleeps_over_a_change),
    ("one source is enough", written_before_the_change),
    ("new owners answer at once", written_before_the_change),
    ("no dual write", written_in_joint),
    ("reads are repaired where they were made", read_before_it_is_in_both_sets),
    ("adopted while it is dropped", adopted_before_the_old_copy_is_gone),
    ("a source need not be sealed", a_source_goes_on_in_the_old_epoch),
    ("who leaves is not absorbed", one_leaver_alone_has_a_write),
    ("a majority is complete", one_leaver_alone_has_a_write),
    ("a majority goes by SWITCHED", a_leaver_sleeps_in_joint),
    ("nobody is waited for", a_leaver_sleeps_in_joint),
    ("collecting without those that leave", deleted_in_joint_but_at_a_leaver),
    ("collecting without those that come", deleted_in_joint_but_at_a_joiner),
    ("reports outlive their tag", deleted_between_two_adoptions),
    ("hints of an owner that left are dropped", a_hint_for_an_owner_that_leaves),
    ("hints go to the owner that leaves", a_hint_for_an_owner_that_leaves),
    ("adopted again as the old actor", an_owner_returns),
    ("a copy outlives its epoch", a_copy_from_an_aborted_change),
    ("counted under the old tag", counted_before_a_change_was_aborted),
    ("a new store takes any value", a_sealed_store_is_lost),
    ("complete with a store that was lost", two_stores_of_n_are_lost),
    ("lost stores are enough", two_stores_of_n_are_lost),
    ("a lost heir is enough", the_only_heir_is_lost))
MUTANTS = ("clock joined before the data",)


def tell_story(story, mutant):
    world = Story(mutant)
    story(world)
    world.end()
    return world.wrong


def run(seed, lww, mutant, marks):
    world = World(seed, lww, mutant)
    for _ in range(STEPS):
        world.step()
        if world.wrong:
            return world.wrong
    world.settle()
    if world.wrong is None:
        world.check_end()
    for name, count in world.marks.items():
        marks[name] = marks.get(name, 0) + count
    return world.wrong


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    failed, marks = False, {}
    for mutant, story in STORIES:
        faithful, caught = tell_story(story, None), tell_story(story, mutant)
        print("%-40s directed: %s" % (mutant, caught or "NOT CAUGHT"))
        if faithful:
            print("  without it: " + faithful)
        failed |= faithful is not None or caught is None
    for lww in (False, True):
        for seed in range(runs):
            wrong = run(seed, lww, None, marks)
            if wrong:
                failed = True
                print("%s, seed %d: %s" % ("lww" if lww else "siblings", seed, wrong))
    print("%d runs of each policy: " % runs + ", ".join("%s %d" % mark for mark in sorted(marks.items())))
    for mutant in MUTANTS:
        for seed in range(2 * runs):
            wrong = run(seed // 2, seed % 2 == 1, mutant, {})
            if wrong:
                print("%-40s seed %d: %s" % (mutant, seed // 2, wrong))
                break
        else:
            print("%-40s NOT CAUGHT" % mutant)
            failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
