from store.catalogue import Catalogue


def test_terms():
    catalogue = Catalogue()
    catalogue.add("o'hara chair", 5)
    catalogue.add("Stool", 3)
    catalogue.add("draft chair", 1, draft=True)
    assert catalogue.search("stool") == [("Stool", 3)]
    assert catalogue.search("", cheapest_first=True) == [("Stool", 3), ("o'hara chair", 5)]
    assert catalogue.search("chair") == [("o'hara chair", 5)]
