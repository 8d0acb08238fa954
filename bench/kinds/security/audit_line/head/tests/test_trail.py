import datetime

from audit.trail import AuditTrail


def test_empty(tmp_path):
    assert AuditTrail(tmp_path / "none").entries() == []


def test_records(tmp_path):
    trail = AuditTrail(tmp_path / "log", lambda: datetime.datetime(2024, 1, 2, 3, 4, 5))
    trail.record("ada", "login")
    trail.record("bob", "delete 7")
    assert trail.entries() == [("2024-01-02T03:04:05", "ada", "login"), ("2024-01-02T03:04:05", "bob", "delete 7")]
