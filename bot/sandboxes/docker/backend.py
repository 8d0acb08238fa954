"""The Docker backend: an engine, its prepared images, its throwaway containers, behind the Backend protocol."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import docker

from bot.domain import Image, Limits, Recipe
from bot.errors import SandboxError
from bot.progress import Progress
from bot.sandboxes import Contents, Diagnosis, Sandbox
from bot.sandboxes.docker import containers, engine
from bot.sandboxes.docker.images import Images
from bot.sandboxes.stream import inside_archive


class Docker:
    """Implements Backend. Connects at first use, so that `tryline config` and `--help` need no engine."""

    name = "docker"

    def __init__(self, environ: Mapping[str, str], uv_binary: Path) -> None:
        self.containers = 0
        self._cpus = 0
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

    def _processors(self, client: docker.DockerClient) -> int:
        """How many processors the engine has; asked once."""
        with self._lock:
            if not self._cpus:
                self._cpus = int(client.info().get("NCPU") or 1)
            return self._cpus

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
        """A fresh container with the tree's files, removed on leaving."""
        client = self._connected()
        with self._lock:
            self.containers += 1
        labels = engine.labels(self._run, role="run")
        # An engine refuses a container that wants more processors than there are.
        limits = replace(limits, cpus=min(limits.cpus, float(self._processors(client))))
        with containers.opened(client, image, tree, limits=limits, labels=labels, archive=self._archive) as box:
            yield box

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
        """Nothing is started ahead."""
