"""The cases that every client runs, and whether what it got is what was to come.

A step of cases.json is one command ("send") with its reply, or a whole iteration ("scan") with the
keys it must give. "only" limits it: "plain" to clients that talk to one node (a
cluster client spreads what names no key over nodes, each in its own way), and "connection" to
those that keep one connection; "except" names a client that reads the reply in a way of its
own. A client's driver runs the steps in their order and
tells the replies as JSON; an error is {"error": text}.

A reply is a value, or one of: {"error": beginning}, {"from": n, "to": n},
{"sorted": list} in any order, {"one_of": list}, {"numbers": count}.
"""

import json
import os

HERE = os.path.dirname(os.path.realpath(__file__))


def load(client, kinds, redis=False):
    """The steps for a client of these kinds ('plain', 'connection'); `redis`: without our own."""
    with open(os.path.join(HERE, "cases.json"), encoding="utf-8") as file:
        steps = json.load(file)
    return [step for step in steps if ("send" in step or "scan" in step) and
            ("only" not in step or step["only"] in kinds) and step.get("except") != client and
            not (redis and step.get("not_redis"))]


def is_number(value):
    """Whether it is a number, which some clients give as text."""
    return isinstance(value, int) and not isinstance(value, bool) or \
        isinstance(value, str) and value.isdigit()


def same(expected, found):
    """Whether a reply is as expected; clients may turn OK and 1 into true, 0 and null into false."""
    if isinstance(expected, dict):
        if "error" in expected:
            text = found.get("error") if isinstance(found, dict) else None
            # Some clients show an error without its first word.
            return text is not None and (text.startswith(expected["error"]) or
                                         text.startswith(expected["error"].partition(" ")[2]))
        if "from" in expected:
            return is_number(found) and expected["from"] <= int(found) <= expected["to"]
        if "sorted" in expected:
            return isinstance(found, list) and sorted(found) == expected["sorted"]
        if "one_of" in expected:
            return found in expected["one_of"]
        return isinstance(found, list) and len(found) == expected["numbers"] and \
            all(map(is_number, found))
    if found is True:
        return expected in ("OK", "PONG") or expected == 1
    if found is False:
        return expected is None or expected == 0
    if isinstance(expected, int) and isinstance(found, str):
        return found == str(expected)
    return found == expected


def differences(steps, replies):
    """A line for each step that went wrong."""
    lines = []
    for step, found in zip(steps, replies):
        expected = {"sorted": step["keys"]} if "scan" in step else step["reply"]
        if not same(expected, found):
            lines.append("%s: %s instead of %s" % (" ".join(step.get("send") or step["scan"]),
                                                   json.dumps(found), json.dumps(expected)))
    if len(steps) != len(replies):
        lines.append("%d replies to %d steps" % (len(replies), len(steps)))
    return lines
