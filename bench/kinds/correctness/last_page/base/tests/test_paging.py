from listing.paging import page_info


def test_pages():
    assert page_info(30, 10, 2) == {"first": 11, "last": 20, "pages": 3}
    assert page_info(0, 10, 1) == {"first": 0, "last": 0, "pages": 1}
    assert page_info(30, 10, 9)["first"] == 21
