"""What GitLab's documentation says of the operations that the double keeps, as a judge of requests and replies."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

_FILE = Path(__file__).with_name("contract.yaml")
_EVERYWHERE = frozenset({400, 401, 403, 404, 409, 429, 500, 502, 503, 504})
"""Statuses that any operation may answer with."""


@dataclass(frozen=True)
class Operation:
    """One operation."""

    name: str
    method: str
    template: str
    described: Mapping[str, Any]

    @property
    def for_jobs(self) -> bool:
        """Whether a job's own token may call it."""
        return bool(self.described.get("job"))

    @property
    def open(self) -> bool:
        """Whether one may call it without a token, where the project is public."""
        return bool(self.described.get("open"))


@dataclass(frozen=True)
class Judged:
    """A request after it was looked at."""

    params: Mapping[str, Any]
    """What is understood of it."""
    refused: str = ""
    """Why GitLab refuses it, in its words."""
    wrong: tuple[str, ...] = ()
    """What broke the contract."""


class Contract:
    """The file, loaded."""

    def __init__(self) -> None:
        document = yaml.load(_FILE.read_text(encoding="utf-8"), yaml.CSafeLoader)
        self._schemas = document["schemas"]
        self.operations: dict[str, Operation] = {}
        self._validators: dict[str, Draft202012Validator] = {}
        self._routes: list[tuple[str, re.Pattern[str], Operation]] = []
        for name, described in document["operations"].items():
            method, template = described["call"].split(" ")
            operation = Operation(name, method, template, described)
            self.operations[name] = operation
            pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)
            self._routes.append((method, re.compile(pattern), operation))
        # What is spelt out wins over what is a parameter: bulk_publish is no draft's number.
        self._routes.sort(key=lambda route: route[2].template.count("{"))

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation of a request, and what its path names, decoded."""
        for verb, pattern, operation in self._routes:
            found = pattern.fullmatch(path) if verb == method else None
            if found:
                return operation, {name: urllib.parse.unquote(value) for name, value in found.groupdict().items()}
        return None

    def known(self, path: str) -> bool:
        """Whether some method goes with a path."""
        return any(pattern.fullmatch(path) for _, pattern, _ in self._routes)

    def judge(self, operation: Operation, given: Mapping[str, Any], texts: frozenset[str]) -> Judged:
        """A request's parameters. Those named in `texts` came as texts: numbers are read from them."""
        described = operation.described
        known = described.get("params", {})
        wrong = [f"{operation.name} has no parameter {name}" for name in given if name not in known]
        params = {name: value for name, value in given.items() if name in known}
        params = {
            name: self._read(value, known[name]) if name in texts else value for name, value in params.items()
        }
        missing = [f"{name} is missing" for name in described.get("required", ()) if params.get(name) is None]
        one = described.get("exactly_one", ())
        if one and sum(name in params for name in one) != 1:
            missing.append(f"{', '.join(one)} are missing, exactly one parameter must be provided")
        if described.get("at_least_one") and not params:
            missing.append(f"{', '.join(known)} are missing, at least one parameter must be provided")
        position = params.get("position")
        if isinstance(position, Mapping):
            needed = ("base_sha", "start_sha", "head_sha", "position_type")
            missing += [f"position[{name}] is missing" for name in needed if position.get(name) is None]
        invalid = []
        for name, value in params.items():
            if value is None:
                continue
            for error in self._validator(f"{operation.name} {name}", known[name]).iter_errors(value):
                at = "".join(f"[{part}]" for part in error.absolute_path)
                if error.validator == "required":
                    continue
                if error.validator == "additionalProperties":
                    wrong.append(f"{operation.name}: {name}{at}: {error.message}")
                    continue
                rule = (
                    "does not have a valid value"
                    if error.validator in ("enum", "minimum", "maximum")
                    else "is invalid"
                )
                invalid.append(f"{name}{at} {rule}")
        refused = ", ".join(dict.fromkeys((*missing, *invalid)))
        return Judged(params, refused, tuple(wrong) + ((f"{operation.name}: {refused}",) if refused else ()))

    def reply_errors(self, operation: Operation, status: int, content_type: str, body: Any) -> list[str]:
        """What a reply has that the documentation does not say."""
        replies = operation.described["reply"]
        if status not in replies:
            return [] if status in _EVERYWHERE else [f"{operation.name} answers no {status}"]
        shape = replies[status]
        if shape == "nothing":
            return [] if body is None else [f"{operation.name} answers {status} without a body"]
        if shape == "raw":
            return [] if isinstance(body, bytes) else [f"{operation.name} answers with bytes"]
        if content_type != "application/json":
            return [f"{operation.name} answers with JSON, not {content_type}"]
        schema: dict[str, Any] = {"$ref": f"#/schemas/{shape[0] if isinstance(shape, list) else shape}"}
        if isinstance(shape, list):
            schema = {"type": "array", "items": schema}
        errors = self._validator(f"{operation.name} {status}", schema).iter_errors(body)
        return [
            f"{operation.name}: {'/'.join(map(str, error.absolute_path))}: {error.message}" for error in errors
        ]

    def _validator(self, name: str, schema: Mapping[str, Any]) -> Draft202012Validator:
        if name not in self._validators:
            self._validators[name] = Draft202012Validator({**schema, "schemas": self._schemas})
        return self._validators[name]

    def _read(self, value: Any, schema: Mapping[str, Any]) -> Any:
        """A value that came as text, as its schema means it."""
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rsplit("/", 1)[1]]
        for choice in schema.get("anyOf", ()):
            if choice.get("type") != "null":
                return self._read(value, choice)
        kinds: Sequence[str] = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", ())
        if isinstance(value, Mapping):
            inner = schema.get("properties", {})
            return {name: self._read(one, inner.get(name, {})) for name, one in value.items()}
        if isinstance(value, list):
            return [self._read(one, schema.get("items", {})) for one in value]
        if not isinstance(value, str):
            return value
        if "integer" in kinds and re.fullmatch(r"-?\d+", value):
            return int(value)
        if "number" in kinds and re.fullmatch(r"-?\d+(\.\d+)?", value):
            return float(value)
        if "boolean" in kinds and value in ("true", "false", "1", "0"):
            return value in ("true", "1")
        return value


@cache
def contract() -> Contract:
    """The one contract."""
    return Contract()
