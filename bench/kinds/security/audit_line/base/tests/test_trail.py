from audit.trail import AuditTrail


def test_empty(tmp_path):
    assert AuditTrail(tmp_path / "none").entries() == []
