"""`make demo`: makes a small shop in demo/shop, whose branch breaks one function, and reviews that branch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "demo"
SHOP = DEMO / "shop"
BRANCH = "feature/express-shipping"

PYPROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "shop"
version = "1.0"
requires-python = ">=3.8"

[project.optional-dependencies]
test = ["pytest"]

[tool.setuptools]
packages = ["shop"]
"""

PRICING = '''\
"""Prices, in cents."""


def line_total(price, quantity):
    """What one line of an order costs."""
    if quantity < 0:
        raise ValueError("quantity must not be negative")
    return price * quantity


def discount(amount, percent):
    """The amount with a discount taken off, rounded to whole cents."""
    if not 0 <= percent <= 100:
        raise ValueError("percent must lie between 0 and 100")
    return amount - round(amount * percent / 100)


def tax(amount, rate=19):
    """The tax in a net amount."""
    return round(amount * rate / 100)


def shipping(weight):
    """What a parcel of so many grams costs."""
    if weight <= 0:
        return 0
    if weight <= 500:
        return 390
    if weight <= 2000:
        return 590
    return 990


def money(cents):
    """An amount for people to read."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02d}"
'''

# The feature is real: express parcels. The slip is one character, in the line for light ones.
PRICING_AFTER = PRICING.replace(
    '''\
def shipping(weight):
    """What a parcel of so many grams costs."""
    if weight <= 0:
        return 0
    if weight <= 500:
        return 390
    if weight <= 2000:
        return 590
    return 990
''',
    '''\
def shipping(weight, express=False):
    """What a parcel of so many grams costs; express parcels cost 500 more."""
    extra = 500 if express else 0
    if weight <= 0:
        return 0
    if weight < 500:
        return 390 + extra
    if weight <= 2000:
        return 590 + extra
    return 990 + extra
''',
)

CART = '''\
"""A cart and what it costs."""

from shop.pricing import discount, line_total, shipping


class Cart:
    """Items by name, each with price, quantity and weight."""

    def __init__(self):
        self.items = {}

    def add(self, name, price, quantity=1, weight=0):
        """Adds an item, or more of it."""
        _, before, _ = self.items.get(name, (price, 0, weight))
        self.items[name] = (price, before + quantity, weight)

    def remove(self, name):
        """Takes an item out; it need not be there."""
        self.items.pop(name, None)

    def count(self):
        """How many pieces there are."""
        return sum(quantity for _, quantity, _ in self.items.values())

    def weight(self):
        """Grams."""
        return sum(quantity * weight for _, quantity, weight in self.items.values())

    def total(self, percent=0):
        """Goods, less a discount, plus shipping."""
        goods = sum(line_total(price, quantity) for price, quantity, _ in self.items.values())
        return discount(goods, percent) + shipping(self.weight())
'''

NAMES = '''\
"""Names for people and for addresses."""


def slug(title):
    """A title as part of an address."""
    words = []
    for word in title.lower().split():
        words.append("".join(c for c in word if c.isalnum()))
    return "-".join(word for word in words if word)


def initials(name):
    """The first letters of a name."""
    return "".join(part[0].upper() for part in name.split())
'''

NAMES_AFTER = NAMES.replace(
    """\
    words = []
    for word in title.lower().split():
        words.append("".join(c for c in word if c.isalnum()))
    return "-".join(word for word in words if word)
""",
    """\
    words = ("".join(c for c in word if c.isalnum()) for word in title.lower().split())
    return "-".join(filter(None, words))
""",
)

TEST_PRICING = """\
import pytest

from shop.pricing import discount, line_total, money, shipping, tax


@pytest.mark.parametrize(("price", "quantity", "total"), [(100, 1, 100), (250, 4, 1000), (100, 0, 0)])
def test_line_total(price, quantity, total):
    assert line_total(price, quantity) == total


def test_line_total_refuses_a_negative_quantity():
    with pytest.raises(ValueError):
        line_total(100, -1)


@pytest.mark.parametrize(("percent", "left"), [(0, 999), (10, 899), (100, 0)])
def test_discount(percent, left):
    assert discount(999, percent) == left


def test_discount_refuses_more_than_everything():
    with pytest.raises(ValueError):
        discount(999, 101)


def test_tax():
    assert tax(1000) == 190
    assert tax(1000, 7) == 70


@pytest.mark.parametrize(("weight", "cost"), [(0, 0), (1, 390), (500, 390), (501, 590), (2000, 590), (2001, 990)])
def test_shipping(weight, cost):
    assert shipping(weight) == cost


@pytest.mark.parametrize(("cents", "text"), [(0, "0.00"), (5, "0.05"), (1234, "12.34"), (-150, "-1.50")])
def test_money(cents, text):
    assert money(cents) == text
"""

TEST_PRICING_AFTER = (
    TEST_PRICING
    + """

@pytest.mark.parametrize(("weight", "cost"), [(0, 0), (300, 890), (1500, 1090), (5000, 1490)])
def test_express_shipping(weight, cost):
    assert shipping(weight, express=True) == cost
"""
)

TEST_CART = """\
from shop.cart import Cart


def test_an_empty_cart_costs_nothing():
    assert Cart().total() == 0


def test_adding_twice_adds_up():
    cart = Cart()
    cart.add("tea", 450)
    cart.add("tea", 450, quantity=2)
    assert cart.count() == 3


def test_removing():
    cart = Cart()
    cart.add("tea", 450)
    cart.remove("tea")
    cart.remove("coffee")
    assert cart.count() == 0


def test_total_with_shipping():
    cart = Cart()
    cart.add("tea", 450, quantity=2, weight=250)
    assert cart.total() == 900 + 390


def test_total_with_discount():
    cart = Cart()
    cart.add("kettle", 3000, weight=1200)
    assert cart.total(percent=10) == 2700 + 590
"""

TEST_NAMES = """\
from shop.names import initials, slug


def test_slug():
    assert slug("Green Tea, 100 g") == "green-tea-100-g"


def test_slug_of_signs_only():
    assert slug("?! -") == ""


def test_initials():
    assert initials("ada lovelace") == "AL"
"""

MAIN = {
    "pyproject.toml": PYPROJECT,
    "shop/__init__.py": "",
    "shop/pricing.py": PRICING,
    "shop/cart.py": CART,
    "shop/names.py": NAMES,
    "tests/test_pricing.py": TEST_PRICING,
    "tests/test_cart.py": TEST_CART,
    "tests/test_names.py": TEST_NAMES,
}
TOPIC = {
    "shop/pricing.py": PRICING_AFTER,
    "shop/names.py": NAMES_AFTER,
    "tests/test_pricing.py": TEST_PRICING_AFTER,
}


def git(*args: str) -> None:
    """One git command in the shop, deaf to the user's own configuration, with a fixed author and date."""
    who = {"NAME": "Demo", "EMAIL": "demo@example.invalid", "DATE": "2026-01-01T12:00:00Z"}
    identity = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    clean = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "-C", str(SHOP), *args], check=True, env={**os.environ, **identity, **clean})


def write(files: dict[str, str]) -> None:
    """Writes files into the shop."""
    for name, text in files.items():
        path = SHOP / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def make_shop() -> None:
    """Makes the repository anew: main works, the branch adds a feature and breaks a boundary."""
    shutil.rmtree(SHOP, ignore_errors=True)
    SHOP.mkdir(parents=True)
    git("init", "--quiet", "--initial-branch=main")
    write(MAIN)
    git("add", "--all")
    git("commit", "--quiet", "--message", "A shop")
    git("switch", "--quiet", "--create", BRANCH)
    write(TOPIC)
    git("add", "--all")
    git("commit", "--quiet", "--message", "Offer express shipping, simplify slugs")


def without_engine() -> list[str]:
    """What the command needs besides where no engine answers and none can be installed; [] where one does.

    Raises SystemExit when bubblewrap cannot stand in for it.
    """
    if subprocess.run([ROOT / "scripts/engine.sh"], check=False).returncode == 0:
        return []
    walls = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    try:
        tried = subprocess.run(walls, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit("missing: bubblewrap (bwrap), too, which the demo could use instead of an engine")
    if tried.returncode != 0:
        sys.exit(f"missing: namespaces for bubblewrap, which the demo could use instead: {tried.stderr.strip()}")
    print(
        "No container engine: the demo uses bubblewrap, which isolates less than a container does. That is done\n"
        "unasked for this sample alone, which is ours; elsewhere it must be asked for with sandbox.backend.",
        flush=True,
    )
    return ["--set", "sandbox.backend=bubblewrap"]


def main() -> int:
    """Makes the shop, reviews its branch, says what to try next; returns the review's exit code."""
    further = without_engine()
    make_shop()
    command = ["review", "--repo", "demo/shop", "--base", "main", *further]
    files = ("demo/review.html", "demo/review.md", "demo/review.json")
    outputs = [word for file in files for word in ("--output", file)]
    print(f"$ tryline {' '.join([*command, *outputs])}", flush=True)
    start = time.monotonic()
    # The environment's twins of flags and settings are the user's, the demo is to look the same everywhere.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TRYLINE_")}
    code = subprocess.run(
        [sys.executable, "-m", "bot", *command, *outputs], check=False, cwd=ROOT, env=environment
    ).returncode
    print(f"\n{time.monotonic() - start:.1f} s. Try next:")
    tryline = ".venv/bin/tryline"
    for text in (
        "open demo/review.html                                  the whole review as one page",
        "less demo/review.md                                    the review as a pull request would show it",
        "less demo/review.json                                  everything, the search line by line included",
        f"git -C demo/shop diff main {BRANCH}      what was reviewed",
        f"{tryline} try shop/pricing.py::shipping --repo demo/shop",
        f"{tryline} replay ID --repo demo/shop                the ID stands in the review",
        f"{tryline} review --repo YOUR_REPOSITORY",
    ):
        print(f"  {text}")
    return code


if __name__ == "__main__":
    sys.exit(main())
