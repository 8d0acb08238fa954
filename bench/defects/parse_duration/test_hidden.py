import pytest
from function import parse_duration


def test_all_parts():
    for d in (0, 1, 12):
        for h in (0, 5):
            for s in (1, 59):
                assert parse_duration(f"{d}d{h}h{s}s") == d * 86400 + h * 3600 + s
                assert parse_duration(f"{s}S {h}H".replace(" ", "")) == h * 3600 + s


def test_malformed():
    for text in ("", "1x", "1h2", "-1s", "1.5h", "1hh"):
        with pytest.raises(ValueError):
            parse_duration(text)
