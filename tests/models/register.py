#!/usr/bin/env python3
"""register.py - a model of the register that holds the ring, and of ways to get it wrong.

One value is agreed by CASPaxos among stewards that the value itself names. Time is a list of
messages from which chance takes one; messages are lost, doubled and overtaken, processes crash and
lose what was not synced, disks are wiped. Every step may be the last one of a proposer.

What must hold
  M1  learners never hold two values of one seq
  M2  a change whose proposer was told "done" is in every value of a later seq, exactly once
  M3  a change that was refused for good is in no value
  M4  a read sees every change that was done before the read began, and reads never go back

    register.py [RUNS] [MUTANT]     without MUTANT: the protocol, then every mutant

Source: Rystsov, "CASPaxos", arXiv 1802.07000; the steward change is that of reference
"algorithms" A.2: majorities of the old and of the new stewards while both are named.
"""
import random
import sys

MUTANTS = {
    "reply-before-sync": "an acceptor answers before its promise is on disk",
    "reuse-ballot": "a proposer keeps its ballot for another value after an unknown outcome",
    "ignore-accepted": "a proposer builds on what it knew instead of what was accepted",
    "read-without-write": "a read answers what was accepted without writing it back",
    "wiped-votes": "a steward whose disk was lost goes on to vote",
    "one-step-stewards": "stewards are replaced without a step in which both sets agree",
}
NODES = 5
ZERO = (0, 0, 0)


class Value:
    """seq, the changes in it, and two sets of stewards; a steward is (node, incarnation)."""

    def __init__(self, seq, changes, old, new=()):
        self.seq, self.changes = seq, tuple(changes)
        self.old, self.new = frozenset(old), frozenset(new)

    def key(self):
        return (self.seq, self.changes, self.old, self.new)


class Node:
    def __init__(self, number, first):
        self.number, self.incarnation, self.first = number, 1, first
        self.disk = self.fresh()
        self.cache = dict(self.disk)
        self.up = True

    def fresh(self):
        return dict(promised=ZERO, ballot=ZERO, accepted=None, known=self.first, round=0)

    def sync(self):
        self.disk = dict(self.cache)

    def crash(self):
        self.cache = dict(self.disk)

    def wipe(self, mutant):
        self.disk = self.fresh()
        self.cache = dict(self.disk)
        if mutant != "wiped-votes":
            self.incarnation += 1


class Proposal:
    def __init__(self, node, kind, number):
        self.node, self.life, self.kind, self.number = node, node.incarnation, kind, number
        self.phase, self.sent, self.outcome = "start", False, None
        self.base = self.read = None


def has_majority(voters, stewards):
    return not stewards or 2 * len(voters & stewards) > len(stewards)


class Run:
    def __init__(self, seed, mutant):
        self.random, self.mutant = random.Random(seed), mutant
        first = Value(0, (), {(n, 1) for n in range(3)})
        self.nodes = [Node(n, first) for n in range(NODES)]
        self.net, self.proposals, self.learned = [], [], {}
        self.done, self.refused, self.floor, self.number = [], [], 0, 0
        self.problem = None
        self.counts = dict(done=0, refused=0, unknown=0, rebased=0, joint=0)

    def fail(self, rule, text):
        self.problem = self.problem or "%s: %s" % (rule, text)

    # ---- the proposer

    def start(self):
        self.number += 1
        kind = self.random.choices(("change", "read", "stewards"), (5, 2, 2))[0]
        proposal = Proposal(self.random.choice(self.nodes), kind, self.number)
        proposal.floor = self.floor
        self.proposals.append(proposal)
        self.prepare(proposal)

    def prepare(self, p, keep_ballot=False):
        node = p.node
        p.base = node.cache["known"]
        if not keep_ballot:
            node.cache["round"] += 1
            node.sync()
            p.ballot = (node.cache["round"], node.number, node.incarnation)
        p.phase, p.votes, p.best, p.best_ballot = "prepare", set(), p.base, ZERO
        for number, _ in p.base.old | p.base.new:
            self.net.append((number, "prepare", p, p.ballot, None))

    def next_value(self, p, value):
        """What the change makes of the value; None: nothing, the value stands."""
        if p.kind == "read" or p.number in value.changes:
            return None
        if p.kind == "change":
            return Value(value.seq + 1, value.changes + (p.number,), value.old, value.new)
        if value.new:
            both = Value(value.seq + 1, value.changes, value.new)
            return both
        wanted = {(n.number, n.incarnation) for n in self.random.sample(self.nodes, 3)}
        if self.mutant == "one-step-stewards":
            return Value(value.seq + 1, value.changes, wanted)
        self.counts["joint"] += 1
        return Value(value.seq + 1, value.changes, value.old, wanted)

    def promised(self, p, voter, ballot, value):
        p.votes.add(voter)
        if value is not None and ballot > p.best_ballot:
            p.best_ballot, p.best = ballot, value
        if not (has_majority(p.votes, p.base.old) and has_majority(p.votes, p.base.new)):
            return
        best = p.best if self.mutant != "ignore-accepted" else p.base
        if best.seq > p.base.seq and (best.old, best.new) != (p.base.old, p.base.new):
            # Its stewards may have to agree too. It is not known to be chosen: ask them under it.
            self.counts["rebased"] += 1
            p.base, p.phase = best, "prepare"
            p.node.cache["round"] += 1
            p.node.sync()
            p.ballot = (p.node.cache["round"], p.node.number, p.node.incarnation)
            p.votes, p.best_ballot = set(), ZERO
            for number, _ in best.old | best.new:
                self.net.append((number, "prepare", p, p.ballot, None))
            return
        wanted = self.next_value(p, best)
        if wanted is None and self.mutant == "read-without-write" and p.kind == "read":
            p.read = best
            self.finish(p, best)
            return
        p.value = wanted or best
        p.read = best if wanted is None else None
        # A joint value is first agreed by both sets as it stands, then left.
        p.phase, p.votes, p.sent = "accept", set(), True
        p.quorums = [best.old, best.new, p.value.old, p.value.new]
        for number, _ in frozenset().union(*p.quorums):
            self.net.append((number, "accept", p, p.ballot, p.value))

    def accepted(self, p, voter):
        p.votes.add(voter)
        if all(has_majority(p.votes, quorum) for quorum in p.quorums):
            self.finish(p, p.value)

    def finish(self, p, value):
        p.phase, p.outcome = "over", "done"
        if p.kind == "change" and p.number not in value.changes:
            self.fail("M2", "change %u ended without being in its value" % p.number)
        if p.kind == "change":
            self.done.append((p.number, value.seq))
            self.counts["done"] += 1
        if value.seq < p.floor:
            self.fail("M4", "a proposal that began at seq %u ended at %u" % (p.floor, value.seq))
        self.floor = max(self.floor, value.seq)
        if p.read is None or self.mutant != "read-without-write":
            self.learn(p.node, value)

    def learn(self, node, value):
        kept = self.learned.setdefault(value.seq, value)
        if kept.key() != value.key():
            self.fail("M1", "two values of seq %u" % value.seq)
        if value.seq > node.cache["known"].seq:
            node.cache["known"] = value
            node.sync()

    def give_up(self, p):
        if p.phase == "over":
            return
        if p.phase == "accept" and self.mutant == "reuse-ballot" and self.random.random() < .5:
            self.number += 1
            other = Proposal(p.node, "change", self.number)
            other.floor, other.ballot = self.floor, p.ballot
            other.base, other.quorums = p.base, p.quorums
            other.value = Value(p.value.seq, p.base.changes + (other.number,), p.value.old)
            other.phase, other.votes = "accept", set()
            self.proposals.append(other)
            for number, _ in frozenset().union(*p.quorums):
                self.net.append((number, "accept", other, p.ballot, other.value))
        if p.sent:
            p.outcome = "unknown"
            self.counts["unknown"] += 1
            if self.random.random() < .5:  # the same change again: it may be there already
                p.outcome = None
                self.prepare(p)
                return
        else:
            p.outcome = "refused"
            self.refused.append(p.number)
            self.counts["refused"] += 1
        p.phase = "over"

    # ---- acceptors

    def deliver(self, number, kind, p, ballot, value):
        node = self.nodes[number]
        if not node.up:
            return
        state = node.cache
        if kind == "prepare":
            if ballot <= state["promised"]:
                return
            state["promised"] = ballot
            answer = (number, "promise", p, ballot, (state["ballot"], state["accepted"]))
        else:
            if ballot < state["promised"]:
                return
            state.update(promised=ballot, ballot=ballot, accepted=value)
            answer = (number, "accepted", p, ballot, None)
        if self.mutant != "reply-before-sync" or self.random.random() < .5:
            node.sync()
        self.net.append(answer + ((number, node.incarnation),))

    def answer(self, message):
        _, kind, p, ballot, content, voter = message
        if p.phase == "over" or ballot != p.ballot:
            return
        if kind == "promise" and p.phase == "prepare":
            self.promised(p, voter, *content)
        elif kind == "accepted" and p.phase == "accept":
            self.accepted(p, voter)

    # ---- chance

    def step(self):
        draw = self.random.random()
        open_ones = [p for p in self.proposals if p.phase != "over"]
        if draw < .08 and len(open_ones) < 4:
            self.start()
        elif draw < .095 and open_ones:
            self.give_up(self.random.choice(open_ones))
        elif draw < .15:
            node = self.random.choice(self.nodes)
            if not node.up:
                node.up = True
            else:
                node.crash()
                node.up = self.random.random() < .5
                for p in open_ones:
                    if p.node is node:
                        p.phase = "over"
        elif draw < .155:
            wiped = [n for n in self.nodes if n.incarnation > 1]
            if len(wiped) < 1:
                node = self.random.choice(self.nodes)
                node.wipe(self.mutant)
                for p in open_ones:
                    if p.node is node:
                        p.phase = "over"
        elif draw < .20:
            giver, taker = self.random.sample(self.nodes, 2)
            if giver.up and taker.up:
                self.learn(taker, giver.cache["known"])
        elif self.net:
            at = self.random.randrange(len(self.net))
            message = self.net[at]
            fate = self.random.random()
            if fate < .9:
                self.net.pop(at)
            if fate < .05:
                return
            if len(message) == 5:
                self.deliver(*message)
            else:
                self.answer(message)

    def check(self):
        for seq, value in self.learned.items():
            if len(set(value.changes)) != len(value.changes):
                self.fail("M2", "a change stands twice in seq %u" % seq)
            for number, since in self.done:
                if seq >= since and number not in value.changes:
                    self.fail("M2", "change %u, done at seq %u, is not in %u" % (number, since, seq))
            for number in self.refused:
                if number in value.changes:
                    self.fail("M3", "refused change %u is in seq %u" % (number, seq))

    def run(self, steps=700):
        for _ in range(steps):
            self.step()
            if self.problem:
                return
        self.check()


def campaign(runs, mutant):
    bad, first, totals = 0, None, {}
    for seed in range(runs):
        run = Run(seed, mutant)
        run.run()
        for name, count in run.counts.items():
            totals[name] = totals.get(name, 0) + count
        if run.problem:
            bad += 1
            first = first or "seed %u %s" % (seed, run.problem)
    print("%-20s runs %u, wrong %u%s   %s" % (mutant or "the protocol", runs, bad,
                                              " (%s)" % first if first else "", totals))
    return bad


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    if len(sys.argv) > 2:
        return 0 if campaign(runs, sys.argv[2]) > 0 else 1
    failed = campaign(runs, None) > 0
    for mutant in MUTANTS:
        failed |= campaign(runs, mutant) == 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
