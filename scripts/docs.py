"""`make docs`: writes what is generated: help, settings, the action's inputs, workflows, the schema."""

from __future__ import annotations

import json
import re
import runpy
import sys
from pathlib import Path

from bot.cli import help_text
from bot.config import describe
from bot.console import written
from bot.forges.github.event import input_name
from bot.record import audit_schema, schema

ROOT = Path(__file__).resolve().parent.parent


def between(text: str, name: str, content: str, *, mark: str = "<!-- {} -->") -> str:
    """The text with what stands between the markers of `name` replaced; `mark` says how a marker is written.

    Raises ValueError without markers.
    """
    start, end = (re.escape(mark.format(words)) for words in (name, f"end of {name}"))
    pattern = re.compile(rf"({start}\n).*?([ ]*{end}\n)", re.DOTALL)
    replaced, count = pattern.subn(lambda found: f"{found[1]}{content}\n{found[2]}", text)
    if count != 1:
        raise ValueError(f"the markers of {name!r} stand {count} times, not once")
    return replaced


def settings_table() -> str:
    """All settings as a Markdown table."""
    rows = ["| setting | variable | kind | default | meaning |", "| --- | --- | --- | --- | --- |"]
    rows += [
        f"| `{row.name}` | `{row.environment}` | {row.kind} | `{written(row.default)}` | {row.description} |"
        for row in describe()
    ]
    return "\n".join(rows)


def action_inputs() -> str:
    """All settings as inputs of action.yml; `budget.function_seconds` is `budget-function-seconds` there."""
    lines = []
    for row in describe():
        # A JSON string is one of YAML's, too, and stays a string whatever it says.
        meaning = json.dumps(
            f"{row.description} ({row.kind}; default: {written(row.default)})", ensure_ascii=False
        )
        lines += [f"  {input_name(row.name)}:", f"    description: {meaning}"]
    return "\n".join(lines)


def with_examples(text: str) -> str:
    """A document with its workflows as the files of examples/workflows are: `<!-- examples/workflows/NAME -->`."""
    for path in sorted((ROOT / "examples/workflows").glob("*.yml")):
        name = path.relative_to(ROOT).as_posix()
        if f"<!-- {name} -->" in text:
            text = between(text, name, f"```yaml\n{path.read_text('utf-8')}```")
    return text


def generated() -> dict[Path, str]:
    """Every file with generated parts, as it should be."""
    readme, settings, action = ROOT / "README.md", ROOT / "docs/configuration.md", ROOT / "action.yml"
    github = ROOT / "docs/github.md"
    sandbox = ROOT / "docs/sandbox.md"
    # The suite that runs them keeps the table; it is no package, and a document is no reason to make it one.
    cases = runpy.run_path(str(ROOT / "tests/abuse/cases.py"))["rows"]()
    helped = between(readme.read_text("utf-8"), "help", f"```console\n{help_text().strip()}\n```")
    return {
        readme: with_examples(helped),
        github: with_examples(github.read_text("utf-8")),
        settings: between(settings.read_text("utf-8"), "settings", settings_table()),
        sandbox: between(sandbox.read_text("utf-8"), "abuse", "\n".join(cases)),
        action: between(action.read_text("utf-8"), "settings", action_inputs(), mark="# {}"),
        ROOT / "docs/result.schema.json": json.dumps(schema(), indent=2) + "\n",
        ROOT / "docs/audit.schema.json": json.dumps(audit_schema(), indent=2) + "\n",
    }


def main() -> int:
    """Writes the files that differ and names them."""
    for path, text in generated().items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
