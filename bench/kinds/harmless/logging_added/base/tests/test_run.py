from imports_job.run import import_rows


def test_rows():
    kept = []
    assert import_rows([{"id": 1}, {}, {"id": 2}], kept.append) == (2, 1)
    assert kept == [{"id": 1}, {"id": 2}]
