import logging

from pipeline.steps import run_steps


def test_says_what_comes(caplog):
    caplog.set_level(logging.DEBUG)
    assert run_steps(["a"], [str.upper]) == ["A"]
    assert "record 0" in caplog.text
