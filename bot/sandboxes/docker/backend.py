"""The Docker backend: an engine, its prepared images, its throwaway containers, behind the Backend protocol."""

from __future__ import annotations

import contextlib
import functools
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import docker
import requests.exceptions

from bot.domain import Image, Limits, Recipe
from bot.errors import SandboxError
from bot.progress import Progress
from bot.sandboxes import Contents, Diagnosis, Sandbox
from bot.sandboxes.admission import Capacity
from bot.sandboxes.docker import containers, doctor, engine, isolation
from bot.sandboxes.docker.containers import Container
from bot.sandboxes.docker.doctor import Trial
from bot.sandboxes.docker.images import Images
from bot.sandboxes.docker.isolation import Isolation
from bot.sandboxes.pool import Pool
from bot.sandboxes.stream import inside_archive

HELLO = 60.0
"""Seconds in which a container must answer for a runtime to count as working; gVisor takes its time."""


class Docker:
    """Implements Backend. Connects at first use, so that `tryline config` and `--help` need no engine."""

    name = "docker"

    def __init__(
        self,
        environ: Mapping[str, str],
        uv_binary: Path,
        spares: int | None = None,
        *,
        runtime: str | None = None,
    ) -> None:
        """Keeps at most `spares` containers ahead; None: as many as the engine has processors.

        `runtime` starts them; None: the strongest that is registered and works.
        """
        self.containers = 0
        self._pool = Pool(self, spares)
        self._environ = dict(environ)
        self._uv_binary = uv_binary
        self._run = uuid.uuid4().hex[:12]
        self._lock = threading.Lock()
        self._client: docker.DockerClient | None = None
        self._images: Images | None = None
        self._archive = inside_archive()
        self._runtime = runtime
        self._trying = threading.Lock()
        self._trial = Trial()
        self._image: Image | None = None
        self._swept = 0

    def _connected(self) -> docker.DockerClient:
        with self._lock:
            if self._client is None:
                self._client = engine.connect(self._environ)
                self._swept = engine.clean(self._client)
            return self._client

    @functools.cached_property
    def _capacity(self) -> Capacity:
        about = self._connected().info()
        return Capacity(int(about.get("NCPU") or 1), int(about.get("MemTotal") or 0) >> 20)

    def capacity(self) -> Capacity:
        """What the engine has; asked once. Raises SandboxError when it does not answer."""
        try:
            return self._capacity
        except (docker.errors.APIError, requests.exceptions.RequestException) as problem:
            raise SandboxError(
                f"the engine does not say what it has: {problem}",
                hint="see what `tryline doctor` says",
                slug="engine",
            ) from problem

    def diagnose(self) -> tuple[Diagnosis, ...]:
        """What works here and what is missing; starts a container where an image is there. Never raises."""
        try:
            client = self._connected()
        except SandboxError as problem:
            return doctor.without(problem)
        try:
            image = self._image or Images.latest(client)
            self._found().choices(self._runtime)
            if image is not None:
                self._tried(image)
        except SandboxError as problem:
            self._trial = replace(self._trial, problem=problem)
        except engine.ERRORS as problem:
            self._trial = Trial(problem=SandboxError(engine.first_line(problem), slug="engine"))
        return doctor.diagnose(client, self._environ, self._trial, self._swept)

    def prepare(self, recipe: Recipe, tree: Callable[[], bytes], progress: Progress) -> Image:
        """The image for a recipe, from the cache or made now."""
        client = self._connected()
        with self._lock:
            if self._images is None:
                self._images = Images(client, uv_binary=self._uv_binary, run=self._run, environ=self._environ)
        self._image = self._images.prepare(recipe, tree, progress)
        return self._image

    @contextlib.contextmanager
    def open(self, image: Image, tree: Contents, limits: Limits) -> Iterator[Sandbox]:
        """A container with the tree's files that nobody has used, removed on leaving."""
        # An engine refuses a container that wants more processors than there are.
        limits = replace(limits, cpus=min(limits.cpus, float(self.capacity().cores)))
        with self._lock:
            self.containers += 1
        with self._pool.open(image, tree, limits) as box:
            yield box

    def start(self, image: Image, limits: Limits) -> Container:
        """A fresh container with no files yet, for the pool."""
        return self._started(image, limits, self._tried(image))

    def _started(self, image: Image, limits: Limits, place: Isolation) -> Container:
        return containers.started(
            self._connected(),
            image,
            limits=limits,
            isolation=place,
            labels=engine.labels(self._run, role="run"),
            archive=self._archive,
        )

    def _found(self) -> Isolation:
        client = self._connected()
        try:
            return isolation.found(client.info(), client.version())
        except (docker.errors.APIError, requests.exceptions.RequestException) as problem:
            raise SandboxError(
                f"the engine does not say what it is: {problem}",
                hint="see what `tryline doctor` says",
                slug="engine",
            ) from problem

    def _tried(self, image: Image) -> Isolation:
        """What containers run in: the strongest that works, found out once, by starting one.

        Raises SandboxError where none starts, or the runtime that was asked for does not.
        """
        with self._trying:
            if self._trial.isolation is not None:
                return self._trial.isolation
            place = self._found()
            refused: dict[str, str] = {}
            choices = place.choices(self._runtime)
            for runtime in choices:
                tried = replace(place, runtime=runtime)
                try:
                    box = self._started(image, Limits(memory_mb=256, cpus=1.0, workspace_mb=16, tmp_mb=16), tried)
                    try:
                        hello = box.ask({"kind": "hello"}, seconds=HELLO)
                    finally:
                        box.kill()
                except SandboxError as problem:
                    if runtime == choices[-1] or problem.slug == "image-gone":
                        raise
                    refused[runtime] = problem.message
                else:
                    told = tried.told(hello)
                    self._trial = Trial(told, refused)
                    return told
            raise AssertionError("an engine has at least one runtime")

    def describe(self) -> Mapping[str, str]:
        """Engine, version and isolation in words. Starts a container where none was started yet."""
        place = self._trial.isolation or (self._tried(self._image) if self._image is not None else self._found())
        said = {"engine": place.engine(), "isolation": place.words()}
        refused = self._trial.refused or {}
        return said | ({"runtimes that do not work": ", ".join(refused)} if refused else {})

    def clean(self) -> int:
        """Removes what dead runs left behind."""
        return engine.clean(self._connected())

    def close(self) -> None:
        """Ends what was started ahead."""
        self._pool.close()
