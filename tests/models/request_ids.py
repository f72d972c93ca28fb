#!/usr/bin/env python3
"""Requests with ids that are sent again: a model of why an effect shows once.

    request_ids.py [RUNS] [MUTANT]      without a mutant: 0 when nothing broke; with one: 0 when it did
    request_ids.py RUNS all             the protocol and every mutant

Owners hold registers (last writer wins) whose value is the list of ids that were appended: its
lineage. A version has a dot, a time and a stamp, the id it was minted for. Beside its cells a
replica has a clock K (exactly the dots it absorbed) and records Q: id -> dot. The invariant

    Q1  an id's dot in K  =>  the id in Q, with at least this dot

is kept on every way in: minting, replication (the record travels along), log sync (likewise) and
read repair (only live dots enter K, and a live version carries its stamp). A request may change several
keys in one step; what a stamp tells is then only part of its record.

A lookup asks a read quorum for cells, record, and whether K covers each cell's context. A record counts when
the effect of all its dots is in its owner's state: in K, or covered by the cell. Nothing found
proves that an id is not in the merged lineage only if each event that the merged context covers was
absorbed by one of those asked; else, and when only part of a record was found, the answer is "unknown", and
nothing is minted. The minting owner checks all of it again, in the step that mints.

Checked: no version's lineage has an id twice. An id that was acknowledged, and minted once, gets
the same dot as answer for ever.
"""
import random, sys

KEYS, OWNERS, IDS, STEPS = ("x", "y"), 3, 8, 260
MAJORITY = OWNERS // 2 + 1
MUTANTS = {
    "no-stamp": "a repaired version brings no record",
    "no-cover-check": "a lookup that found nothing mints, whatever was superseded unseen",
    "sync-without-records": "log sync brings cells and dots alone",
    "no-second-look": "the minting owner does not look again",
    "record-apart": "cell and record are two batches, and a crash may fall between",
    "record-without-effect": "a record counts although not all its dots were absorbed",
}


class Version:
    def __init__(self, dot, time, lineage, stamp):
        self.dot, self.time, self.lineage, self.stamp = dot, time, lineage, stamp


class Cell:
    def __init__(self, context=None, live=None):
        self.context, self.live = dict(context or {}), live

    def copy(self):
        return Cell(self.context, self.live)


def covers(context, dot):
    return dot[1] <= context.get(dot[0], 0)


def join(a, b):
    out = dict(a)
    for actor, sequence in b.items():
        out[actor] = max(out.get(actor, 0), sequence)
    return out


def merge(a, b):
    kept = []
    for one, other in ((a, b), (b, a)):
        v = one.live
        if v and ((other.live and other.live.dot == v.dot) or not covers(other.context, v.dot)):
            kept.append(v)
    return Cell(join(a.context, b.context), max(kept, key=lambda v: (v.time, v.dot), default=None))


class Owner:
    def __init__(self, number):
        self.number, self.sequence, self.boot = number, 0, 1
        self.cells = {key: Cell() for key in KEYS}
        self.clock, self.log, self.records = set(), {}, {}
        self.up, self.skew = True, 0

    def covered(self, vector):
        return all((a, s) in self.clock for a, top in vector.items() for s in range(1, top + 1))


class Broken(Exception):
    pass


def keys_of(identity):
    return KEYS if identity % 3 == 0 else (KEYS[identity % len(KEYS)],)


class Run:
    def __init__(self, seed, mutant):
        self.r, self.mutant, self.now = random.Random(seed), mutant, 0
        self.owners = [Owner(i) for i in range(OWNERS)]
        for owner in self.owners:
            owner.skew = self.r.randrange(6)
        self.net = []
        self.minted, self.acked = {}, {}
        self.count = {"ok": 0, "again": 0, "unknown": 0, "unavailable": 0, "uncertain": 0}

    # ---- replicas

    def absorb(self, owner, key, cell, dots, records):
        live, cell = cell.live, cell.copy()
        if live and live.dot in owner.clock and owner.cells[key].live is not live:
            cell.live = None  # the seen-filter
        owner.cells[key] = merge(owner.cells[key], cell)
        for dot in set(dots) | ({live.dot} if live else set()):
            owner.clock.add(dot)
            owner.log.setdefault(dot, (key, None))
        for identity, record in records.items():
            if self.mutant == "record-apart" and self.r.random() < 0.1:
                continue
            self.keep_record(owner, identity, record)
        if live and live.stamp is not None and self.mutant != "no-stamp":
            self.keep_record(owner, live.stamp, {key: live.dot})

    def keep_record(self, owner, identity, record):
        old = owner.records.get(identity, {})
        if len(record) > len(old):
            owner.records[identity] = dict(record)

    def mint(self, owner, keys, identity, read, vouched):
        if self.mutant != "no-second-look":
            state = self.record_state(owner, identity)
            if state is not None:
                return owner.records[identity] if state == "whole" else None
        base = {key: merge(owner.cells[key], read[key]) for key in keys}
        if self.mutant != "no-cover-check":
            for key in keys:
                for actor, top in base[key].context.items():
                    if top > vouched[key].get(actor, 0) and not owner.covered({actor: top}):
                        return None
        record = {}
        for key in keys:
            live = base[key].live
            owner.sequence += 1
            dot = ((owner.number, owner.boot), owner.sequence)
            time = max(self.now + owner.skew, live.time + 1 if live else 0)
            lineage = (live.lineage if live else ()) + (identity,)
            if len(set(lineage)) < len(lineage):
                raise Broken("id %s twice in %s of %s" % (identity, lineage, key))
            version = Version(dot, time, lineage, identity)
            owner.cells[key] = Cell(join(base[key].context, {dot[0]: dot[1]}), version)
            owner.clock.add(dot)
            owner.log[dot] = (key, identity)
            record[key] = dot
        if not (self.mutant == "record-apart" and self.r.random() < 0.1):
            owner.records[identity] = record
        self.minted.setdefault(identity, []).append(record)
        return record

    def record_state(self, owner, identity):
        record = owner.records.get(identity)
        if record is None:
            return None
        if self.mutant == "record-without-effect":
            return "whole"
        held = [d in owner.clock or covers(owner.cells[k].context, d) for k, d in record.items()]
        return "whole" if all(held) and len(record) == len(keys_of(identity)) else "part"

    # ---- the ways between them

    def deliver(self):
        at = self.r.randrange(len(self.net))
        to, key, cell, records = self.net[at]
        if self.r.random() < 0.9:  # else it stays, to come twice
            self.net.pop(at)
        if self.owners[to].up and self.r.random() < 0.8:
            self.absorb(self.owners[to], key, cell, (), records)

    def sync(self):
        a, b = self.r.sample(self.owners, 2)
        if not (a.up and b.up):
            return
        missing = sorted(d for d in b.clock if d not in a.clock)
        for dot in missing[: self.r.randrange(1, 4)]:  # a page holds only some
            key = b.log[dot][0]
            records = {i: r for i, r in b.records.items() if dot in r.values()}
            if self.mutant == "sync-without-records":
                records = {}
            cell = b.cells[key].copy()
            if self.mutant == "sync-without-records" and cell.live:
                cell.live = Version(cell.live.dot, cell.live.time, cell.live.lineage, None)
            self.absorb(a, key, cell, (dot,), records)
            a.log[dot] = b.log[dot]

    def quorum(self):
        up = [o for o in self.owners if o.up]
        return self.r.sample(up, MAJORITY) if len(up) >= MAJORITY else None

    def read_with_repair(self):
        asked, key = self.quorum(), self.r.choice(KEYS)
        if asked is None:
            return
        merged = Cell()
        for owner in asked:
            merged = merge(merged, owner.cells[key])
        for owner in asked:
            if self.r.random() < 0.7:
                self.absorb(owner, key, merged, (), {})

    # ---- a request

    def attempt(self, identity):
        keys = keys_of(identity)
        asked = self.quorum()
        if asked is None:
            self.count["unavailable"] += 1
            return
        coordinator = asked[0]
        merged, vouched = {k: Cell() for k in keys}, {k: {} for k in keys}
        found, part = None, False
        for owner in asked:
            for key in keys:
                cell = owner.cells[key]
                merged[key] = merge(merged[key], cell)
                if owner.covered(cell.context):
                    vouched[key] = join(vouched[key], cell.context)
            state = self.record_state(owner, identity)
            part = part or state == "part"
            if state == "whole":
                found = found or owner.records[identity]
        for _ in range(self.r.randrange(3)):  # the world goes on between lookup and mint
            self.background()
        if not coordinator.up:
            return
        if found is None:
            unseen = any(top > vouched[key].get(a, 0)
                         for key in keys for a, top in merged[key].context.items())
            if (part or unseen) and self.mutant != "no-cover-check":
                self.count["unknown"] += 1
                return
            found = self.mint(coordinator, keys, identity, merged, vouched)
            if found is None:
                self.count["unknown"] += 1
                return
        else:
            self.count["again"] += 1
        acks = 0
        whole = {key: merge(merged[key], coordinator.cells[key]) for key in keys}
        for owner in self.owners:
            if owner.up and self.r.random() < 0.6:
                for key in keys:
                    self.absorb(owner, key, whole[key], (), {identity: found})
                acks += 1
            else:
                for key in keys:  # the message is one batch; two make it harder
                    self.net.append((owner.number, key, whole[key], {identity: found}))
        if acks < MAJORITY:
            self.count["uncertain"] += 1
            return
        self.count["ok"] += 1
        first = self.acked.setdefault(identity, found)
        if first != found and len(self.minted[identity]) == 1:
            raise Broken("id %s was answered %s, then %s" % (identity, first, found))
        for key in keys:
            if key not in found or not covers(whole[key].context, found[key]):
                raise Broken("id %s was acknowledged without its effect on %s" % (identity, key))

    def background(self):
        self.now += 1
        draw = self.r.random()
        if draw < 0.35 and self.net:
            self.deliver()
        elif draw < 0.55:
            self.sync()
        elif draw < 0.8:
            self.read_with_repair()
        elif draw < 0.9:
            owner = self.r.choice(self.owners)
            owner.up = not owner.up
        elif self.r.random() < 0.3:
            owner = self.r.choice(self.owners)  # a crash: what is durable stays, the actor is new
            owner.boot, owner.sequence = owner.boot + 1, 0

    def run(self):
        for _ in range(STEPS):
            if self.r.random() < 0.4:
                self.attempt(self.r.randrange(IDS))
            else:
                self.background()


def broken_runs(runs, mutant):
    broken, first, total = 0, None, {}
    for seed in range(runs):
        run = Run(seed, mutant)
        try:
            run.run()
        except Broken as error:
            broken += 1
            first = first or "seed %u: %s" % (seed, error)
        for name, count in run.count.items():
            total[name] = total.get(name, 0) + count
    print("%-22s %5u of %u runs broken%s" % (mutant or "the protocol", broken, runs,
                                           "; " + first if first else ""))
    if mutant is None:
        print("%-22s %s" % ("", " ".join("%s=%u" % item for item in sorted(total.items()))))
        reached = all(total[name] > 0 for name in ("ok", "again", "unknown"))
        return broken == 0 and reached
    return broken > 0


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    which = sys.argv[2] if len(sys.argv) > 2 else None
    if which not in (None, "all") and which not in MUTANTS:
        sys.exit("unknown mutant: %s (%s)" % (which, ", ".join(MUTANTS)))
    wanted = [None] + list(MUTANTS) if which == "all" else [which]
    sys.exit(0 if all([broken_runs(runs, mutant) for mutant in wanted]) else 1)


main()
