"""Cuts the operations that a review bot uses out of GitHub's OpenAPI description: `scripts/openapi.py`.

Takes the npm package `@octokit/openapi` (MIT) of the version below from the registry that npm is set up for, keeps
the operations listed here with every component that they refer to, drops prose, examples and links, and writes
`tests/servers/github/openapi.json` and the package's licence beside it. The same version gives the same bytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = "@octokit/openapi"
VERSION = "23.0.2"
TARGET = Path(__file__).resolve().parent.parent / "tests/servers/github"

_REPO = "/repos/{owner}/{repo}"
_PULL = f"{_REPO}/pulls/{{pull_number}}"
OPERATIONS: dict[str, tuple[str, ...]] = {
    "/rate_limit": ("get",),
    "/user": ("get",),
    _REPO: ("get",),
    f"{_REPO}/check-runs": ("post",),
    f"{_REPO}/check-runs/{{check_run_id}}": ("get", "patch"),
    f"{_REPO}/check-runs/{{check_run_id}}/annotations": ("get",),
    f"{_REPO}/code-scanning/sarifs": ("post",),
    f"{_REPO}/code-scanning/sarifs/{{sarif_id}}": ("get",),
    f"{_REPO}/collaborators/{{username}}/permission": ("get",),
    f"{_REPO}/commits/{{ref}}": ("get",),
    f"{_REPO}/commits/{{ref}}/check-runs": ("get",),
    f"{_REPO}/commits/{{ref}}/statuses": ("get",),
    f"{_REPO}/compare/{{basehead}}": ("get",),
    f"{_REPO}/contents/{{path}}": ("get",),
    f"{_REPO}/git/blobs": ("post",),
    f"{_REPO}/git/commits": ("post",),
    f"{_REPO}/git/commits/{{commit_sha}}": ("get",),
    f"{_REPO}/git/ref/{{ref}}": ("get",),
    f"{_REPO}/git/refs": ("post",),
    f"{_REPO}/git/trees": ("post",),
    f"{_REPO}/issues": ("get", "post"),
    f"{_REPO}/issues/comments/{{comment_id}}": ("delete", "get", "patch"),
    f"{_REPO}/issues/comments/{{comment_id}}/reactions": ("get", "post"),
    f"{_REPO}/issues/{{issue_number}}": ("get", "patch"),
    f"{_REPO}/issues/{{issue_number}}/comments": ("get", "post"),
    f"{_REPO}/issues/{{issue_number}}/labels": ("post",),
    f"{_REPO}/pulls": ("get", "post"),
    f"{_REPO}/pulls/comments": ("get",),
    f"{_REPO}/pulls/comments/{{comment_id}}": ("delete", "get", "patch"),
    f"{_REPO}/pulls/comments/{{comment_id}}/reactions": ("get", "post"),
    _PULL: ("get",),
    f"{_PULL}/comments": ("get", "post"),
    f"{_PULL}/comments/{{comment_id}}/replies": ("post",),
    f"{_PULL}/commits": ("get",),
    f"{_PULL}/files": ("get",),
    f"{_PULL}/reviews": ("get", "post"),
    f"{_PULL}/reviews/{{review_id}}": ("delete", "get", "put"),
    f"{_PULL}/reviews/{{review_id}}/comments": ("get",),
    f"{_PULL}/reviews/{{review_id}}/dismissals": ("put",),
    f"{_PULL}/reviews/{{review_id}}/events": ("post",),
    f"{_REPO}/statuses/{{sha}}": ("post",),
}

_PROSE = frozenset({"description", "summary", "example", "examples", "externalDocs", "tags"})
_NAMES = frozenset({"properties", "schemas", "headers", "parameters", "responses", "paths", "content"})
"""Mappings whose keys are names and no keywords: a property may be called `description`."""


def described() -> tuple[dict[str, Any], str]:
    """The whole description and its licence, from the package. Raises CalledProcessError where npm fails."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--pack-destination", folder, f"{PACKAGE}@{VERSION}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        (packed,) = Path(folder).glob("*.tgz")
        with tarfile.open(packed) as archive:
            whole = archive.extractfile("package/generated/api.github.com.json")
            licence = archive.extractfile("package/LICENSE")
            if whole is None or licence is None:
                raise FileNotFoundError(f"{PACKAGE}@{VERSION} does not hold what it held")
            return json.load(whole), licence.read().decode()


def without_prose(node: Any, names: bool = False) -> Any:
    """The same without what only people read; `names` where the keys are names."""
    if isinstance(node, list):
        return [without_prose(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if not names and (key in _PROSE or key.startswith("x-")):
            continue
        kept[key] = without_prose(value, names=not names and key in _NAMES)
    return kept


def referred(node: Any) -> Iterator[tuple[str, str]]:
    """Section and name of every component that something refers to."""
    if isinstance(node, list):
        for entry in node:
            yield from referred(entry)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                _, _, section, name = value.split("/")
                yield section, name
            else:
                yield from referred(value)


def cut(whole: dict[str, Any]) -> dict[str, Any]:
    """The listed operations and all that they need. Raises KeyError for one that is not there."""
    paths: dict[str, Any] = {}
    for path, methods in OPERATIONS.items():
        item = whole["paths"][path]
        paths[path] = {method: without_prose(item[method]) for method in methods}
        for method in methods:
            apps = item[method].get("x-github", {}).get("enabledForGitHubApps", False)
            paths[path][method]["x-enabled-for-apps"] = apps
    components: dict[str, dict[str, Any]] = {}
    waiting = list(referred(paths))
    while waiting:
        section, name = waiting.pop()
        if name in components.setdefault(section, {}):
            continue
        component = without_prose(whole["components"][section][name])
        components[section][name] = component
        waiting += referred(component)
    info = {"title": "A cut of GitHub's REST API description", "version": f"{PACKAGE} {VERSION}"}
    return {"openapi": whole["openapi"], "info": info, "paths": paths, "components": components}


def written(description: dict[str, Any]) -> str:
    """As JSON: a line for each path and component, so that a difference can be read."""
    lines = ["{", f'"openapi":{json.dumps(description["openapi"])},', f'"info":{json.dumps(description["info"])},']
    lines += [f'"paths":{_entries(description["paths"])},', '"components":{']
    sections = sorted(description["components"].items())
    lines += [",\n".join(f"{json.dumps(section)}:{_entries(entries)}" for section, entries in sections), "}}"]
    return "\n".join(lines) + "\n"


def _entries(mapping: dict[str, Any]) -> str:
    rows = [
        f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'), sort_keys=True)}"
        for key, value in sorted(mapping.items())
    ]
    return "{\n" + ",\n".join(rows) + "\n}"


def main() -> None:
    """Writes both files."""
    whole, licence = described()
    TARGET.mkdir(parents=True, exist_ok=True)
    (TARGET / "openapi.json").write_text(written(cut(whole)), encoding="utf-8")
    notice = f"openapi.json is a cut of the npm package {PACKAGE} {VERSION}, whose licence is:\n\n"
    (TARGET / "openapi.LICENSE.txt").write_text(notice + licence, encoding="utf-8")
    sys.stdout.write(f"{TARGET / 'openapi.json'}\n")


if __name__ == "__main__":
    main()
