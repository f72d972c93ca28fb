#!/usr/bin/env python3
"""A sorted set read by its owners' score indexes: is any acknowledged score missed, or an old one shown?

An owner has one cell for each member: live versions (time, owner, score), tombstones among them,
and a context. Its index names the member by the scores of its versions. A range is read from a
quorum: a name that all of them have by one and the same version stands; every other one is looked
at in the cells of that quorum, merged, and goes by the newest version that lives there.

Claims, against a read of the same cells by name: the range shows a member exactly when its merged
score lies in it, and by that score. Rules, each with a mutant:
  Z1  the index names a member by each of its versions, not only by the one that it shows
  Z2  one that has rivals is looked at, also where all owners name it by that version
  O1  a name stands only when all that were asked have it
Usage: score_order.py [runs]
"""
import random
import sys

OWNERS, MEMBERS, SCORES, STEPS, QUORUM = 3, 2, 4, 30, 2
DELETED = None


def merge(a, b):
    """Versions stay that both have, or that the other one has not covered."""
    live = {v for v in a[0] if v in b[0] or v not in b[1]} | \
           {v for v in b[0] if v in a[0] or v not in a[1]}
    return live, a[1] | b[1]


def shown(cell):
    """The newest version with a score: an addition wins over a removal that has not seen it."""
    scores = [v for v in cell[0] if v[2] is not DELETED]
    return max(scores)[2] if scores else None


def index(cell, mutant):
    """Names of the member: score, and the version by which it stands; None: it is looked at."""
    versions = [v for v in cell[0] if v[2] is not DELETED]
    alone = len(versions) == 1 or mutant == 'Z2'
    if mutant == 'Z1':
        versions = [max(versions)] if versions else []
    return {v[2]: v if alone else None for v in versions}


def read_range(cells, low, high, mutant):
    """The member's score, if it is in the range, as the quorum tells it."""
    names = [index(cell, mutant) for cell in cells]
    looked = False
    for score in range(low, high + 1):
        said = [one[score] for one in names if score in one]
        complete = len(said) == len(names) or mutant == 'O1'
        if said and complete and len(set(said)) == 1 and said[0] is not None:
            return score
        looked = looked or bool(said)
    if not looked:
        return None
    whole = (set(), frozenset())
    for cell in cells:
        whole = merge(whole, cell)
    score = shown(whole)
    return score if score is not None and low <= score <= high else None


def run(seed, mutant):
    rng = random.Random(seed)
    owners = [[(set(), frozenset()) for _ in range(MEMBERS)] for _ in range(OWNERS)]
    network, clock = [], 0
    for _ in range(STEPS):
        draw, m = rng.random(), rng.randrange(MEMBERS)
        if draw < 0.4:  # ZADD or ZREM, on what its maker has seen; some copies come late or never
            clock += 1
            maker = rng.randrange(OWNERS)
            live, context = owners[maker][m]
            score = DELETED if rng.random() < 0.25 else rng.randrange(SCORES)
            # Z1 and Z2: rivals stay where a version was brought by others and is not yet seen here
            new = (clock - rng.randrange(3) / 4, maker, score)
            owners[maker][m] = ({new}, context | live | {new})
            network += [(o, m, owners[maker][m]) for o in range(OWNERS) if o != maker]
        elif draw < 0.75 and network:
            other, member, cell = network.pop(rng.randrange(len(network)))
            if rng.random() < 0.85:
                owners[other][member] = merge(owners[other][member], cell)
        else:
            low = rng.randrange(SCORES)
            high = rng.randrange(low, SCORES)
            cells = [owners[o][m] for o in rng.sample(range(OWNERS), QUORUM)]
            whole = (set(), frozenset())
            for cell in cells:
                whole = merge(whole, cell)
            score = shown(whole)
            wanted = score if score is not None and low <= score <= high else None
            if read_range(cells, low, high, mutant) != wanted:
                return False
    return True


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    status = 0
    for mutant in (None, 'Z1', 'Z2', 'O1'):
        bad = sum(not run(seed, mutant) for seed in range(runs))
        right = bad == 0 if mutant is None else bad > 0
        status |= not right
        print(f'{mutant or "as built":9} runs={runs} wrong={bad} {"" if right else "UNEXPECTED"}')
    sys.exit(status)


if __name__ == '__main__':
    main()
