from listing.paging import page_info


def test_rest():
    assert page_info(31, 10, 4) == {"first": 31, "last": 31, "pages": 4}
    assert page_info(5, 10, 1)["pages"] == 1
