from function import merge_config


def test_override_wins():
    assert merge_config({"a": 1, "b": 2}, {"b": 3}) == {"a": 1, "b": 3}


def test_nested():
    base = {"db": {"host": "x", "port": 1}}
    assert merge_config(base, {"db": {"port": 2}}) == {"db": {"host": "x", "port": 2}}


def test_none_removes():
    assert merge_config({"a": 1, "b": 2}, {"a": None}) == {"b": 2}
    assert merge_config({"a": 1}, {"z": None}) == {"a": 1}


def test_false_is_a_value():
    assert merge_config({"debug": True}, {"debug": False}) == {"debug": False}


def test_base_is_not_changed():
    base = {"a": 1}
    merge_config(base, {"a": 2})
    assert base == {"a": 1}


def test_mapping_replaces_plain():
    assert merge_config({"a": 1}, {"a": {"b": 2}}) == {"a": {"b": 2}}
