from function import normalise_path


def test_doubled_slashes_and_dots():
    assert normalise_path("a//b/./c/") == "a/b/c"


def test_parent():
    assert normalise_path("a/b/../c") == "a/c"
    assert normalise_path("/a/../b") == "/b"


def test_above_start():
    assert normalise_path("../../a") == "../../a"
    assert normalise_path("a/../../b") == "../b"


def test_root_is_the_top():
    assert normalise_path("/../a") == "/a"


def test_nothing_left():
    assert normalise_path("a/..") == "."
    assert normalise_path("") == "."
