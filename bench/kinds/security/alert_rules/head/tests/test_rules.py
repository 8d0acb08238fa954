from monitor.rules import alerts, matches, parse_reading


def test_reading():
    assert parse_reading("web1 cpu=0.5 disk=80") == ("web1", {"cpu": 0.5, "disk": 80.0})


def test_rules():
    assert matches("disk > 90", {"disk": 95.0})
    assert not matches("disk > 90", {"disk": 5.0})
    assert not matches("memory > 90", {"disk": 5.0})
    assert not matches("# comment", {})


def test_alerts():
    assert alerts(["cpu >= 0.5", "disk < 10"], "web1 cpu=0.5 disk=80") == ["web1: cpu >= 0.5"]
