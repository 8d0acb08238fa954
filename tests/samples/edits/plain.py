import functools
import asyncio

LIMIT = 10
NAMES = ["a", "b"]


def helper(a, b=2):
    return a + b


@functools.lru_cache(maxsize=None)
@functools.wraps(helper)
def decorated(
    first,  # the first
    second=[],
    *,
    flag=True,
):
    """Docs: stay.

    Even the `if x > 1` in here.
    """
    total = 0  # a comment with "quotes" and (brackets
    for index, value in enumerate(first):
        if value > LIMIT and not flag or index == len(first) - 1: total += value; continue
        total = (
            total  # old
            + helper(value, second[index])
            * 2
        )
    while total >= 100: total -= 1
    return total if flag else -total


async def fetch(session, urls, retries=3):
    results = []
    async with session.lock as lock:
        async for url in urls:
            try:
                response = await session.get(url)
            except (KeyError, asyncio.TimeoutError) as error:
                results.append((url, error))
            else:
                results.append(response)
            finally:
                lock.release()
    return [r async for r in session.stream(results) if r is not None]


def shapes(value, default=None):
    match value:
        case {"kind": "circle", "r": r} if r > 0:
            return 3.14 * r ** 2
        case [x, y, *rest] | (x, y, *rest):
            return x * y - len(rest)
        case str() as text:
            return f"{text!r:>10} {value.upper()} {len(text) + 1:03d}" 'tail' "\n"
        case _:
            return default or None


def walrus(lines):
    found = [y for x in lines if (y := x.strip()) and not y.startswith("#")]
    if (n := len(found)) > 3:
        print(f"{n} lines", end="")
    last = found[-1] if found else \
        ""
    pairs = {k: v for k, _, v in (line.partition("=") for line in found)}
    return sorted(pairs, key=lambda k, p=pairs: p[k].lower())[:n], last


def nested(items):
    count = 0

    def bump(by):
        """One docstring."""
        count = by + 1
        return count

    class Local:
        size = 3

        def get(self):
            return self.size - count

    def numbers(limit):
        for n in range(limit):
            if n % 2:
                yield n
            else:
                yield from numbers(n // 2)
        return

    handlers = []
    for item in items:
        handlers.append(lambda: bump(item))
    text = """multi
  line
""" + "x"
    assert text, "empty"
    del handlers[0]
    return [h() for h in handlers] + [Local().get(), *numbers(3)], text, ü_name(items)


def ü_name(ä): return ä[0] if len(ä) == 1 else "größer – ünïcode" + str(ä[1:-1])


def tabs(rows):
	best = None
	for row in rows:
		if not row:
			continue
		elif best is None or row[0] < best:
			best = row[0]
		else:
			pass
	else:
		best = best if best is not None else 0
	with open("x") as a, open("y") as b:
		raise ValueError(f"bad {best}")
	return best
