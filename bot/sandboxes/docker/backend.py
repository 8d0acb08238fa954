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
from bot.sandboxes.docker import containers, engine
from bot.sandboxes.docker.containers import Container
from bot.sandboxes.docker.images import Images
from bot.sandboxes.pool import Pool
from bot.sandboxes.stream import inside_archive


class Docker:
    """Implements Backend. Connects at first use, so that `tryline config` and `--help` need no engine."""

    name = "docker"

    def __init__(self, environ: Mapping[str, str], uv_binary: Path, spares: int | None = None) -> None:
        """Keeps at most `spares` containers ahead; None: as many as the engine has processors."""
        self.containers = 0
        self._pool = Pool(self, spares)
        self._environ = dict(environ)
        self._uv_binary = uv_binary
        self._run = uuid.uuid4().hex[:12]
        self._lock = threading.Lock()
        self._client: docker.DockerClient | None = None
        self._images: Images | None = None
        self._archive = inside_archive()

    def _connected(self) -> docker.DockerClient:
        with self._lock:
            if self._client is None:
                self._client = engine.connect(self._environ)
                engine.clean(self._client)
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
        """What works here and what is missing; never raises."""
        try:
            return engine.diagnose(self._connected())
        except SandboxError as problem:
            return engine.diagnose(None, problem)

    def prepare(self, recipe: Recipe, tree: Callable[[], bytes], progress: Progress) -> Image:
        """The image for a recipe, from the cache or made now."""
        client = self._connected()
        with self._lock:
            if self._images is None:
                self._images = Images(client, uv_binary=self._uv_binary, run=self._run, environ=self._environ)
        return self._images.prepare(recipe, tree, progress)

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
        labels = engine.labels(self._run, role="run")
        return containers.started(self._connected(), image, limits=limits, labels=labels, archive=self._archive)

    def describe(self) -> Mapping[str, str]:
        """Engine, version and isolation in words."""
        version = self._connected().version()
        return {
            "engine": f"docker {version.get('Version', 'unknown')}",
            "isolation": "container: no network, read-only root, no capabilities for repository code, own user",
        }

    def clean(self) -> int:
        """Removes what dead runs left behind."""
        return engine.clean(self._connected())

    def close(self) -> None:
        """Ends what was started ahead."""
        self._pool.close()
