"""callgrind_profile - what one dump of callgrind says: instructions by function.

A function is known by the number that callgrind gives it, so static functions of the same name
in different files stay apart. How often a function was called is no use here: callgrind counts
calls also while it collects nothing. The format: "callgrind format specification" in Valgrind's manual.
"""

import re

NUMBERED = re.compile(r"\((\d+)\)(?: (.*))?$")
COST = re.compile(r"[+*-]?\d* (\d+)$")


class Function:
    """One function: instructions of its own, and with those of what it calls."""

    def __init__(self):
        self.name, self.file = "?", "?"
        self.own = self.inclusive = 0


class Profile:
    """
    One dump. `port` is the file whose functions stand for the store, `harness` the one whose own
    instructions are no part of a node.
    """

    def __init__(self, path, port, harness):
        self.functions = {}
        self._names = {"fn": {}, "fl": {}}
        self._calls = []  # caller, callee, instructions
        with open(path, encoding="utf-8") as file:
            self._read(file)
        self.total = sum(function.own for function in self.functions.values())
        for caller, callee, cost in self._calls:
            if caller is not callee:
                caller.inclusive += cost
        self.store = sum(cost for caller, callee, cost in self._calls
                         if callee.file.endswith(port) and not caller.file.endswith(port))
        self.node = self.total - self.store - sum(
            function.own for function in self.functions.values()
            if function.file.endswith(harness))

    def _name(self, kind, text):
        number, name = NUMBERED.match(text).groups()
        if name is not None:
            self._names[kind][number] = name
        return number, self._names[kind][number]

    def _function(self, text, file):
        number, name = self._name("fn", text)
        function = self.functions.setdefault(number, Function())
        function.name = name.partition("'")[0]  # without the depth of a recursion
        if file is not None:
            function.file = file
        return function

    def _read(self, lines):
        file, function, callee = "?", None, None
        for line in lines:
            key, _, rest = line.rstrip("\n").partition("=")
            if key in ("fl", "fi", "fe", "cfi", "cfl"):
                name = self._name("fl", rest)[1]
                file = name if key == "fl" else file
            elif key == "fn":
                function = self._function(rest, file)
            elif key == "cfn":
                callee = self._function(rest, None)
            elif function is not None and COST.match(key):
                self._cost(function, callee, int(COST.match(key).group(1)))
                callee = None

    def _cost(self, function, callee, cost):
        if callee is None:
            function.own += cost
            function.inclusive += cost
        else:
            self._calls.append((function, callee, cost))

    def inclusive(self, names):
        """Of all functions with one of these names, which do not call each other."""
        return sum(function.inclusive for function in self.functions.values()
                   if function.name in names)

    def own(self, prefixes):
        """Of all functions whose names begin so, without what they call."""
        return sum(function.own for function in self.functions.values()
                   if function.name.startswith(prefixes))

    def dearest(self, count):
        """The functions with the most instructions of their own."""
        return sorted(self.functions.values(), key=lambda function: -function.own)[:count]
