import itertools
import posixpath

from function import normalise_path


def test_agrees_with_the_library():
    for count in range(5):
        for parts in itertools.product(["a", "b", ".", "..", ""], repeat=count):
            for lead in ("", "/"):
                path = lead + "/".join(parts)
                if not path.startswith("//"):
                    assert normalise_path(path) == posixpath.normpath(path)
