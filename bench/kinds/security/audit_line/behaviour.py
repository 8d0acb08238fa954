import datetime

from audit.trail import AuditTrail


def test_lines(tmp_path):
    trail = AuditTrail(str(tmp_path / "log"), lambda: datetime.datetime(2024, 1, 2))
    assert trail.record("Zoë", "x y") == "2024-01-02T00:00:00\tZoë\tx y\n"
    assert len(trail.entries()) == 1
