from api.pages import all_items


def test_limits_and_copies():
    page = [{"id": 1}, {"id": 2}]
    asked = []

    def fetch(number):
        asked.append(number)
        return page if number < 3 else []

    got = all_items(fetch, 3)
    assert [item["id"] for item in got] == [1, 2, 1] and asked == [0, 1]
    assert got[0] is not page[0] and all_items(lambda n: []) == [] and all_items(fetch, 0) == []
