"""What a rewrite of a Python function may not do, read off its tree; nothing here runs or imports the code.

It is the first of two nets. A candidate runs in the same process as the tests wherever arguments are not plain
data, so whoever writes one could reach for the judge instead of the bug; this net refuses what such code looks
like. What a tree can't show (code that behaves otherwise when it is judged) is left to the cold checks.

Only what is new counts: whatever the original does, the candidate may go on doing.
"""

from __future__ import annotations

from bot.languages.python.policy_names import ModuleNames, NotAFunction, function_tree
from bot.languages.python.policy_reach import reaches
from bot.languages.python.policy_tricks import tricks

LONGEST_SOURCE = 64 * 1024
"""Characters of a candidate that are looked at; no honest function is longer."""


def violations(original: str, candidate: str, imports: tuple[str, ...], module: str) -> tuple[str, ...]:
    """What `candidate` does that a rewrite of `original` may not, one sentence each, in order of lines.

    Both are the text of one function or method, indented as in its file or not. `imports` are whole import
    statements that the rewrite adds to the module, `module` is the text of the file at head. Empty when there is
    nothing. Raises nothing: a text that is not one function is a violation too.
    """
    if len(candidate) > LONGEST_SOURCE:
        return (f"the rewrite is longer than {LONGEST_SOURCE} characters",)
    try:
        after = function_tree(candidate)
    except NotAFunction as error:
        return (f"the rewrite {error}",)
    try:
        before = function_tree(original)
    except NotAFunction as error:
        return (f"the original {error}",)
    try:
        found = {*reaches(before, after, imports, ModuleNames.of(module)), *tricks(before, after)}
    except RecursionError:
        return ("the rewrite is nested too deeply to be read",)
    return tuple(f"line {line}: {what}" for line, what in sorted(found))
