"""GitHub's published OpenAPI description as a judge of requests and replies, with strictness of our own."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

_FILE = Path(__file__).with_name("openapi.json")
_ADDRESS = "urn:github"
_EVERYWHERE = frozenset({400, 401, 403, 404, 422, 429, 500, 502, 503, 504})
"""Statuses that any operation may answer with, whether its description says so or not."""
_SLASHES = frozenset({"path", "ref", "basehead"})
"""Path parameters that may hold a slash."""
_NULLABLE = {
    "pull-request-review-comment": ("position", "line"),
    "review-comment": ("line",),
}
"""Properties that GitHub serves as null for outdated comments, although its description does not say so."""


@dataclass(frozen=True)
class Operation:
    """One operation of the description."""

    method: str
    template: str
    described: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its `operationId`, like `pulls/create-review`."""
        return str(self.described["operationId"])

    @property
    def for_apps(self) -> bool:
        """Whether an installation's token may call it at all."""
        return bool(self.described["x-enabled-for-apps"])


class Contract:
    """The description, loaded and made fit for a validator."""

    def __init__(self) -> None:
        self._document = _normal(json.loads(_FILE.read_text(encoding="utf-8")))
        for schema, names in _NULLABLE.items():
            for name in names:
                self._document["components"]["schemas"][schema]["properties"][name]["nullable"] = True
        resource = Resource(contents=self._document, specification=DRAFT4)
        self._registry: Registry[Any] = Registry().with_resource(_ADDRESS, resource)
        self._routes: list[tuple[re.Pattern[str], str]] = []
        paths = sorted(self._document["paths"], key=lambda path: -len(re.sub(r"\{\w+\}", "", path)))
        for path in paths:
            pattern = re.sub(r"\{(\w+)\}", lambda found: f"(?P<{found[1]}>{_span(found[1])})", path)
            self._routes.append((re.compile(pattern), path))

    @property
    def names(self) -> frozenset[str]:
        """The `operationId` of every operation."""
        items = self._document["paths"].values()
        return frozenset(described["operationId"] for item in items for described in item.values())

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation of a request and its path parameters; None where the description has none."""
        for pattern, template in self._routes:
            found = pattern.fullmatch(path)
            described = self._document["paths"][template].get(method.lower()) if found else None
            if found and described:
                parameters = {name: urllib.parse.unquote(value) for name, value in found.groupdict().items()}
                return Operation(method.lower(), template, described), parameters
        return None

    def request_errors(
        self, operation: Operation, parameters: Mapping[str, str], query: Sequence[tuple[str, str]], body: Any
    ) -> tuple[list[str], list[str]]:
        """What is wrong with a request: what GitHub refuses, and what it ignores though somebody meant it."""
        refused: list[str] = []
        ignored: list[str] = []
        known = self._parameters(operation)
        for where, pairs in (("path", parameters.items()), ("query", query)):
            for name, value in pairs:
                if (where, name) not in known:
                    ignored.append(f"unknown {where} parameter {name!r}")
                    continue
                refused += self._parameter_errors(known[where, name], name, value)
        given = {name for name, _ in query}
        for (where, name), (_, parameter) in known.items():
            if where == "query" and parameter.get("required") and name not in given:
                refused.append(f"query parameter {name!r} is missing")
        described = operation.described.get("requestBody")
        if described is None:
            if body is not None:
                ignored.append("a body, where none is described")
            return refused, ignored
        if body is None:
            if described.get("required"):
                refused.append("the body is missing")
            return refused, ignored
        pointer = [*_place(operation), "requestBody", "content", "application/json", "schema"]
        refused += [f"body{error}" for error in self._errors(pointer, body)]
        ignored += [f"body: unknown property {name}" for name in self._strangers(pointer, body)]
        return refused, ignored

    def reply_errors(self, operation: Operation, status: int, content_type: str, body: Any) -> list[str]:
        """What is wrong with a reply; one that the double was told to spoil is not asked about."""
        responses = operation.described["responses"]
        if str(status) not in responses:
            if status not in _EVERYWHERE:
                return [f"status {status} is not described"]
            fits = isinstance(body, dict) and isinstance(body.get("message"), str)
            return [] if fits else [f"an error {status} without a message"]
        pointer = [*_place(operation), "responses", str(status)]
        described = self._at(pointer)
        while "$ref" in described:
            pointer = described["$ref"].removeprefix("#/").split("/")
            described = self._at(pointer)
        contents = described.get("content")
        if not contents:
            return (
                [] if body is None or status >= 400 else [f"a body with status {status}, where none is described"]
            )
        if content_type not in contents:
            # Other media types (diffs, raw files) are documented in prose alone.
            return [] if content_type != "application/json" else [f"{content_type} is not described"]
        pointer = [*pointer, "content", content_type, "schema"]
        errors = [f"reply{error}" for error in self._errors(pointer, body)]
        if status < 400:
            errors += [f"reply: unknown property {name}" for name in self._strangers(pointer, body)]
        return errors

    def plainest(self, schema: str) -> dict[str, Any]:
        """The plainest object of a named schema: its required properties alone."""
        described = self._document["components"]["schemas"][schema]
        made = self._plain({name: value for name, value in described.items() if name != "nullable"})
        assert isinstance(made, dict)
        return made

    # --------------------------------------------------------------------------------------------- the parts

    def _at(self, pointer: Sequence[str]) -> Any:
        node = self._document
        for step in pointer:
            node = node[step]
        return node

    def _resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in node:
            node = self._at(node["$ref"].removeprefix("#/").split("/"))
        return node

    def _parameters(self, operation: Operation) -> dict[tuple[str, str], tuple[list[str], Mapping[str, Any]]]:
        known = {}
        for index, parameter in enumerate(operation.described.get("parameters", ())):
            pointer = [*_place(operation), "parameters", str(index)]
            if "$ref" in parameter:
                pointer = parameter["$ref"].removeprefix("#/").split("/")
                parameter = self._at(pointer)
            known[parameter["in"], parameter["name"]] = (pointer, parameter)
        return known

    def _parameter_errors(
        self, known: tuple[list[str], Mapping[str, Any]], name: str, value: str
    ) -> Iterator[str]:
        pointer, parameter = known
        kind = self._resolved(parameter["schema"]).get("type")
        read: Any = value
        if kind == "integer" and re.fullmatch(r"-?\d+", value):
            read = int(value)
        elif kind == "boolean" and value in ("true", "false"):
            read = value == "true"
        for error in self._errors([*pointer, "schema"], read):
            yield f"parameter {name!r}{error}"

    def _errors(self, pointer: Sequence[str], value: Any) -> Iterator[str]:
        validator = self._validator(tuple(pointer))
        for error in validator.iter_errors(value):
            place = "".join(f".{step}" for step in error.absolute_path)
            yield f"{place}: {error.message[:300]}"

    @cache  # noqa: B019 - one contract lives as long as the process
    def _validator(self, pointer: tuple[str, ...]) -> OAS30Validator:
        steps = "/".join(step.replace("~", "~0").replace("/", "~1") for step in pointer)
        reference = {"$ref": f"{_ADDRESS}#/{urllib.parse.quote(steps, safe='/~')}"}
        return OAS30Validator(reference, registry=self._registry, format_checker=oas30_format_checker)

    def _strangers(self, pointer: Sequence[str], value: Any) -> Iterator[str]:
        """Properties that no schema at their place names."""
        yield from self._unnamed([self._at(pointer)], value, "")

    def _unnamed(self, schemas: Sequence[Mapping[str, Any]], value: Any, place: str) -> Iterator[str]:
        every = list(self._branches(schemas))
        if isinstance(value, list):
            items = [schema["items"] for schema in every if "items" in schema]
            for index, entry in enumerate(value):
                yield from self._unnamed(items, entry, f"{place}{index}.") if items else ()
        elif isinstance(value, dict):
            described = [schema for schema in every if "properties" in schema]
            free = not described or any(isinstance(schema.get("additionalProperties"), dict) for schema in every)
            for name, entry in value.items():
                inner = [schema["properties"][name] for schema in described if name in schema["properties"]]
                if inner:
                    yield from self._unnamed(inner, entry, f"{place}{name}.")
                elif not free:
                    yield f"{place}{name}"

    def _branches(self, schemas: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        for schema in schemas:
            schema = self._resolved(schema)
            yield schema
            for key in ("allOf", "anyOf", "oneOf"):
                yield from self._branches(schema.get(key, ()))

    def _plain(self, schema: Mapping[str, Any]) -> Any:
        schema = self._resolved(schema)
        if schema.get("nullable"):
            return None
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema and "properties" not in schema:
                if any("enum" in entry and entry["enum"] == [None] for entry in schema[key]):
                    return None
                return self._plain(schema[key][0])
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type", "object")
        if kind == "object":
            properties = schema.get("properties", {})
            return {
                name: self._plain(properties[name]) for name in schema.get("required", ()) if name in properties
            }
        if kind == "string":
            return {"date-time": "2026-01-01T00:00:00Z", "uri": "http://127.0.0.1/"}.get(schema.get("format"), "")
        return {"integer": 0, "number": 0, "boolean": False, "array": []}[kind]


@cache
def contract() -> Contract:
    """The one contract of the process; it never changes."""
    return Contract()


def _span(name: str) -> str:
    return ".+" if name in _SLASHES else "[^/]+"


def _place(operation: Operation) -> list[str]:
    return ["paths", operation.template, operation.method]


def _normal(node: Any) -> Any:
    """GitHub's dialect in plain OpenAPI 3.0: `nullable` beside enums and compositions, overlapping `oneOf`."""
    if isinstance(node, list):
        return [_normal(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    made = {key: _normal(value) for key, value in node.items()}
    if isinstance(made.get("discriminator"), dict) and ("oneOf" in made or "anyOf" in made):
        del made["discriminator"]
    if isinstance(made.get("oneOf"), list):
        made["anyOf"] = made.pop("oneOf")
    if made.get("nullable") is True:
        if isinstance(made.get("enum"), list) and None not in made["enum"]:
            made["enum"] = [*made["enum"], None]
        if any(isinstance(made.get(key), list) for key in ("allOf", "anyOf")):
            del made["nullable"]
            made = {"anyOf": [made, {"enum": [None]}]}
    return made
