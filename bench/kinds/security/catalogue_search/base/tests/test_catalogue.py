import pytest

from store.catalogue import Catalogue


@pytest.fixture
def catalogue():
    made = Catalogue()
    made.add("red chair", 4900)
    made.add("blue chair", 3900)
    made.add("secret lamp", 100, draft=True)
    return made


def test_finds_by_name(catalogue):
    assert catalogue.search("chair") == [("blue chair", 3900), ("red chair", 4900)]
    assert catalogue.search("sofa") == []


def test_orders_by_price(catalogue):
    assert catalogue.search("", cheapest_first=True) == [("blue chair", 3900), ("red chair", 4900)]


def test_counts_all(catalogue):
    assert catalogue.count() == 3
