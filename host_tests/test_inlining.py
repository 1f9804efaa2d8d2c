"""What is called in one place is put there by the build: it costs less, and does the same."""

import pytest
from tools.inlining import inlined

HEAD = "class Counter:\n    def __init__(self):\n        self.seen = []\n\n"


def behaviour(source: str, *arguments):
    """(what Counter().run(…) returns or raises, what it has seen)."""
    scope: dict = {}
    exec(source, scope)
    counter = scope["Counter"]()
    try:
        result = counter.run(*arguments)
    except ArithmeticError as error:
        result = type(error)
    return result, counter.seen


def put_in(source: str) -> str:
    """The source as the build makes it; nobody else uses it."""
    return inlined({"lib/one.py": source}, ())["lib/one.py"].text


# Each is the body of run(self, n) and the private functions that it calls.
ONCE = {
    "a statement": """
    def run(self, n):
        self._note(n + 1)
        return len(self.seen)

    def _note(self, n):
        self.seen.append(n)
""",
    "an expression": """
    def run(self, n):
        return 2 * self._twice(n) + 1

    def _twice(self, value):
        return value + value
""",
    "early returns": """
    def run(self, n):
        if self._is_odd(n) and n > 2:
            return "odd"
        return n

    def _is_odd(self, value):
        if value < 0:
            return False
        left = value % 2
        self.seen.append(left)
        return left == 1
""",
    "a result that is kept": """
    def run(self, n):
        left, right = self._parts(n)
        return left * 100 + right

    def _parts(self, n):
        left = n // 3
        n = n % 3
        return left, n
""",
    "returned as it is": """
    def run(self, n):
        if n > 1:
            return self._more(n)
        return "less"

    def _more(self, n):
        if n == 2:
            return "two"
        self.seen.append(n)
""",
    "names that both have": """
    def run(self, n):
        found = n + 1
        self._look(found)
        return found

    def _look(self, n):
        found = n * 2
        for n in range(found):
            self.seen.append(n)
""",
    "a loop in it": """
    def run(self, n):
        step = 0
        for step in range(n):
            if step == 2:
                continue
            self._count(step, times=2)
        return step

    def _count(self, start, times, by=1):
        while times:
            times -= 1
            if start > 3:
                break
            self.seen.append(start + by)
""",
    "an exception": """
    def run(self, n):
        try:
            return self._divided(n)
        finally:
            self.seen.append("end")

    def _divided(self, n):
        if n == 1:
            return 0
        return 6 // (n - 2)
""",
    "of the module": """
    def run(self, n):
        total = _sum(n, 4)
        return total


def _sum(first, second):
    third = first + second
    return third + second
""",
}
# What may not move: the private function stays where it is.
STAYS = {
    "called twice": """
    def run(self, n):
        return self._next(n) + self._next(n)

    def _next(self, n):
        return n + 1
""",
    "given away": """
    def run(self, n):
        return list(map(self._next, [n]))

    def _next(self, n):
        return n + 1
""",
    "after something that may change": """
    def run(self, n):
        return len(self.seen) + self._add(n)

    def _add(self, n):
        self.seen.append(n)
        return 1
""",
    "only perhaps called": """
    def run(self, n):
        return n > 1 and self._add(n)

    def _add(self, n):
        self.seen.append(n)
        return True
""",
    "a return in its loop": """
    def run(self, n):
        if self._first(n):
            return "found"
        return None

    def _first(self, n):
        for step in range(n):
            if step == 2:
                return True
        return False
""",
    "a generator": """
    def run(self, n):
        for one in self._all(n):
            self.seen.append(one)

    def _all(self, n):
        yield from range(n)
""",
}


@pytest.mark.parametrize("name", ONCE)
def test_what_is_called_once_is_put_there_and_does_the_same(name):
    source = HEAD.rstrip("\n") + "\n" + ONCE[name]
    made = put_in(source)
    assert made.count("def ") == source.count("def ") - 1, made
    for n in range(-2, 6):
        assert behaviour(made, n) == behaviour(source, n), made


@pytest.mark.parametrize("name", STAYS)
def test_what_could_do_something_else_there_stays(name):
    source = HEAD.rstrip("\n") + "\n" + STAYS[name]
    made = put_in(source)
    assert made.count("def ") == source.count("def "), made
    for n in range(5):
        assert behaviour(made, n) == behaviour(source, n)


def test_what_another_file_reaches_or_derives_from_stays():
    source = HEAD + ONCE["a statement"]
    users = (
        "from one import Counter\nCounter()._note(3)\n",
        "getattr(counter, '_note')(3)\n",
    )
    for user in users:
        assert "_note" in inlined({"lib/one.py": source}, (user,))["lib/one.py"].text
    derived = (
        "from one import Counter\nclass Other(Counter):\n    def _note(self, n):\n        pass\n"
    )
    both = inlined({"lib/one.py": source, "lib/two.py": derived}, ())
    assert "_note" in both["lib/one.py"].text


def test_an_awaited_function_is_awaited_where_it_was():
    source = """
async def run(line):
    await _send(line, b"1")
    return "sent"


async def _send(line, data):
    await line.write(data)
    await line.drain()
"""
    made = put_in(source)
    assert "_send" not in made
    assert made.count("await line.") == 2


def test_each_line_knows_where_it_was():
    source = HEAD + ONCE["early returns"]
    text = inlined({"lib/one.py": source}, ())["lib/one.py"]
    assert len(text.lines) == len(text.numbers)
    former = source.splitlines()
    for line, number in zip(text.lines, text.numbers, strict=True):
        if "seen" in line or "value % 2" in line:
            assert former[number - 1].strip() in (line.strip(), "left = value % 2")
