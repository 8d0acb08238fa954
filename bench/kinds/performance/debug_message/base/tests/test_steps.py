from pipeline.steps import run_steps


def test_steps():
    double, small = (lambda r: r * 2), (lambda r: r if r < 10 else None)
    assert run_steps([1, 4, 7], [double, small]) == [2, 8]
    assert run_steps([], [double]) == [] and run_steps([3], []) == [3]
