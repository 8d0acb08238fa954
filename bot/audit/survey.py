"""The tree and its functions, before anything is run; digests of what a result depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot import __version__
from bot.audit.desk import Desk
from bot.config import Config
from bot.domain import Found, Function, Revision
from bot.languages import Language
from bot.steps.find import below, find_all
from bot.workspace import Tree

RESULTS = 1
"""Changes when what an audit makes of a function changes: results of another number are made anew."""


@dataclass(frozen=True)
class Survey:
    """The tree and its functions, before anything is run."""

    revision: Revision
    tree: Tree
    found: Found
    languages: Mapping[str, Language]
    """By path of a file that holds functions."""
    texts: Mapping[str, str]
    files: Mapping[str, str]
    """Path -> digest of the file."""
    own: Mapping[str, str]
    """Path -> digest of what of the file belongs to no function."""
    settings: str
    """Digest of the settings that a result depends on, of the installation and of our version."""
    ground: str
    """Digest of tree, settings and what was asked for: what was observed on it holds as long as it is the same."""
    paths: tuple[str, ...] = ()
    """What was asked for; empty: all."""

    def holds(self, name: str) -> bool:
        """Whether a function's id lies within what was asked for."""
        path = name.partition("::")[0]
        return not self.paths or any(below(path, asked) for asked in self.paths)


def surveyed(desk: Desk, head: str | None, paths: Sequence[str]) -> Survey:
    """Reads the tree."""
    config, workspace = desk.config, desk.workspace
    revision = workspace.revision(head or "HEAD")
    tree = workspace.tree(revision)
    found = find_all(
        tree,
        desk.parts.languages,
        exclude=config.exclude,
        max_file_bytes=config.max_file_kb * 1024,
        paths=paths,
    )
    languages: dict[str, Language] = {}
    texts: dict[str, str] = {}
    files: dict[str, str] = {}
    own: dict[str, str] = {}
    by_path: dict[str, list[Function]] = {}
    for changed in found.functions:
        by_path.setdefault(changed.head.path, []).append(changed.head)
    for path, functions in by_path.items():
        language = next(lang for lang in desk.parts.languages if lang.owns(path))
        data = tree.read(path)
        languages[path], texts[path] = language, language.decode(data)
        files[path] = hashlib.sha256(data).hexdigest()
        own[path] = digest_of(*outside(texts[path], functions))
    recipe = desk.parts.languages[0].recipe(tree, config.wishes())
    settings = digest_of(f"{__version__}/{RESULTS}", recipe.key(), settings_that_matter(config))
    ground = digest_of(tree.digest, settings, *sorted(paths))
    return Survey(revision, tree, found, languages, texts, files, own, settings, ground, tuple(paths))


def settings_that_matter(config: Config) -> str:
    """The settings that a function's result depends on, as text: not how much is run, nor where it is told."""
    values = config.model_dump(
        mode="json",
        exclude={
            "origins",
            "audit",
            "budget",
            "comments",
            "pull",
            "fail_on",
            "exclude",
            "max_file_kb",
            "endpoint",
        },
    )
    model = [config.endpoint.model, config.endpoint.url is not None] if config.endpoint.url else None
    return json.dumps([values, model], sort_keys=True)


def outside(text: str, functions: Sequence[Function]) -> list[str]:
    """The lines of a file that belong to no function, empty ones left out: they say nothing."""
    inside = {line for f in functions for line in range(f.start_line, f.end_line + 1)}
    return [line for number, line in enumerate(text.split("\n"), 1) if number not in inside and line.strip()]


def digest_of(*texts: str) -> str:
    """One digest of texts in their order."""
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(f"{len(data)}:".encode() + data)
    return digest.hexdigest()
