from monitor.rules import parse_reading


def test_reading():
    assert parse_reading("web1 cpu=0.5 disk=80") == ("web1", {"cpu": 0.5, "disk": 80.0})
