"""Check `outside`: only the function's lines and the rewrite's imports may differ."""

from __future__ import annotations

import pytest
from sample_trials import HEAD_TEXT, NEW_SOURCE, candidate, trialled

from bot.checks.outside import Outside
from bot.domain import Judgement

FIXED = HEAD_TEXT.replace("-=", "+=")
WITH_IMPORT = NEW_SOURCE.replace("return result", "return math.fsum(prices)")


def judged(
    new_text: str, source: str = NEW_SOURCE, imports: tuple[str, ...] = (), head: str = HEAD_TEXT
) -> Judgement:
    return Outside().judge(trialled(new_text=new_text, candidate=candidate(source, imports), head_text=head))


def test_the_function_alone() -> None:
    assert judged(FIXED) == Judgement("outside", True, "only the function's lines changed")


def test_line_ends_of_the_file_are_kept() -> None:
    assert judged(FIXED.replace("\n", "\r\n"), head=HEAD_TEXT.replace("\n", "\r\n")).ok


@pytest.mark.parametrize(
    "text",
    [
        "import json\nimport math\n" + FIXED.partition("\n")[2],
        "import math\nimport json\n" + FIXED.partition("\n")[2],
        "import json\n\nimport math\n" + FIXED.partition("\n")[2],
        FIXED.replace("def total", "import math\n\n\ndef total"),
    ],
)
def test_imports_may_be_added_anywhere_above(text: str) -> None:
    text = text.replace("return result\n\n\ndef dump", "return math.fsum(prices)\n\n\ndef dump")
    assert judged(text, WITH_IMPORT, ("import math",)) == Judgement(
        "outside", True, "only the function's lines and 1 import line changed"
    )


def test_an_import_that_the_file_has_needs_no_adding() -> None:
    assert judged(FIXED, imports=("import json",)).ok


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (FIXED.replace("json.dumps", "str"), "line 12 differs"),
        (FIXED.replace("import json", "import json as j"), "line 1 differs"),
        (FIXED + "\nprint('more')\n", "line 14 differs"),
        (FIXED.rpartition("\n    return json")[0], "differs"),
        (FIXED.replace("import json\n", "import json\nimport os\n"), "line 2 differs"),
        (FIXED.replace("import json\n", "import json\nimport math\nimport math\n"), "line 3 differs"),
        (FIXED.replace("result = 0", "result = 1"), "line 4 differs"),
        (HEAD_TEXT, "changes nothing"),
        (HEAD_TEXT.replace("result = 0\n", "result = 0\n\n"), "changes nothing"),
        (FIXED, "`import math` is missing"),
    ],
)
def test_anything_else_is_refused(text: str, says: str) -> None:
    imports = ("import math",) if "math" in text or "math" in says else ()
    judgement = judged(text, imports=imports)
    assert not judgement.ok
    assert says in judgement.detail


def test_blank_space_inside_a_text_is_a_change() -> None:
    head = HEAD_TEXT.replace("return result", 'return ", ".join(result)')
    source = NEW_SOURCE.replace("+=", "-=").replace("return result", 'return ",".join(result)')
    assert judged(head.replace('", "', '","'), source, head=head).ok
