"""Names the image of the action by its digest, for a release: pin.py REGISTRY/NAME@sha256:DIGEST [ACTION.YML]."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_REFERENCE = re.compile(
    # A registry with a dot, a port or `localhost`, a path in lower case, and the whole digest.
    r"(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?|localhost(?::\d+)?|[a-z0-9-]+:\d+)"
    r"(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)+"
    r"@sha256:[0-9a-f]{64}"
)
_IMAGE = re.compile(r"^(  image: )\S+$", re.MULTILINE)


def pinned(action: str, reference: str) -> str:
    """The text of an action.yml that runs exactly the image `reference`.

    Raises ValueError for a reference that is no REGISTRY/NAME@sha256:DIGEST (a tag can be moved to another image),
    and for a text that does not name its image once.
    """
    if _REFERENCE.fullmatch(reference) is None:
        raise ValueError(f"{reference!r} is not REGISTRY/NAME@sha256:DIGEST, in lower case and without a tag")
    text, count = _IMAGE.subn(lambda found: f"{found[1]}docker://{reference}", action)
    if count != 1:
        raise ValueError(f"the action names an image {count} times, not once")
    return text


def main(argv: list[str]) -> int:
    """Rewrites the file; 2 where that cannot be done."""
    if not 2 <= len(argv) <= 3:
        print(__doc__, file=sys.stderr)
        return 2
    path = Path(argv[2]) if len(argv) == 3 else ROOT / "action.yml"
    try:
        path.write_text(pinned(path.read_text("utf-8"), argv[1]), encoding="utf-8")
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{path.name} runs {argv[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
