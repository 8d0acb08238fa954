"""Prepared images: a base, a repository's dependencies installed in it once, and the cache of both.

No Dockerfile is written: a container is created from the base, files are put in as an archive, one program
(`bot/inside/install.py`) runs the recipe's steps as an unprivileged user, and the container is committed. This
works with every engine that speaks Docker's API, from inside a container and with a remote engine, and needs no
bind mount. Nothing of our environment goes in.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import json
import platform
import queue
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import requests

from bot.domain import Image, InstallStep, Recipe
from bot.errors import SandboxError
from bot.progress import Progress
from bot.sandboxes import installing
from bot.sandboxes.docker import engine, rootfs
from bot.sandboxes.installing import Course, InstallLimits

FORMAT = 3
"""Raise it when the content of prepared images changes: all are then made anew."""

KEY = "tryline.key"
PYTHON = "tryline.python"
ORIGIN = "tryline.origin"
PROBLEM = "tryline.problem"
LOG = "tryline.log"
BASE = "tryline.base"
INTERPRETER = "tryline.interpreter"

DEPS_NAME = "tryline/deps"
BASE_NAME = "tryline/base"
USED_NAME = "tryline/used"
"""Tags `tryline/used:KEY-TIME` say when an image was last asked for; an engine keeps no such date itself."""

PATIENCE = 2.5
"""Seconds that a registry may stay silent before a base image is made here instead."""
BASE_MEMORY = 7 * 24 * 3600
"""For so long a base made here is used without asking the registry again."""
PROBLEM_MEMORY = 3600
"""For so long an incomplete image is used: what was missing may have been the network."""
MAX_BASES = 6
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_ERRORS = (docker.errors.DockerException, requests.exceptions.RequestException, OSError)


@dataclass(frozen=True)
class _Base:
    """An image to install in."""

    id: str
    identity: str
    """Part of the key of what is made of it."""
    origin: str
    python: str
    """How its interpreter is called inside."""
    system_site: bool = False
    """Whether the packages of its own interpreter are to be seen: the user chose the image for them."""


class Images:
    """Prepares images, and keeps the most recently used of them."""

    def __init__(
        self,
        client: docker.DockerClient,
        *,
        uv_binary: Path,
        run: str,
        environ: Mapping[str, str],
        cache_limit: int = 20,
        limits: InstallLimits | None = None,
    ) -> None:
        """`run` is the id of this run, for labels; `environ` tells where interpreters may stand (PATH, HOME ...)
        and which certificate authorities to trust (SSL_CERT_FILE ...), and is never passed on."""
        self._client = client
        self._api = client.api
        self._uv = uv_binary
        self._run = run
        self._environ = environ
        self._cache_limit = cache_limit
        self._limits = limits or InstallLimits()
        self._registry_silent = False

    def prepare(self, recipe: Recipe, tree: Callable[[], bytes], progress: Progress) -> Image:
        """The image for a recipe, from the cache where its key is known; see Backend.prepare.

        Inside: `/venv/bin/python` with the dependencies and pytest, the project installed editable from `/repo`,
        `/repo` empty, `/opt/tryline/generated` with what the installation added to the tree. Raises SandboxError
        when the engine fails, or when not even pytest can be installed.
        """
        began = time.monotonic()
        try:
            try:
                identity, marks, cached = self._found_or_made(recipe, tree, progress)
            except docker.errors.ImageNotFound:
                # Another run on this engine has just removed what was found: it is made anew, once.
                identity, marks, cached = self._found_or_made(recipe, tree, progress)
        except docker.errors.DockerException as error:
            raise _engine_failed(error) from error
        except requests.exceptions.RequestException as error:
            raise _engine_failed(error) from error
        return _image(identity, marks, cached=cached, seconds=time.monotonic() - began)

    def _found_or_made(
        self, recipe: Recipe, tree: Callable[[], bytes], progress: Progress
    ) -> tuple[str, Mapping[str, str], bool]:
        """(image id, its labels, whether it was there) for a recipe."""
        base = self._base(recipe, tree, progress)
        key = self._key(recipe, base)
        found = self._cached(key)
        if found is not None:
            self._mark_used(found["Id"], key)
            return found["Id"], found["Labels"], True
        identity, marks = self._install(recipe, base, key, tree, progress)
        self._mark_used(identity, key)
        self._evict("deps", self._cache_limit, keep=identity)
        return identity, marks, False

    @staticmethod
    def latest(client: docker.DockerClient) -> Image | None:
        """The prepared image that was made last; None where there is none."""
        made = client.api.images(filters={"label": [f"{engine.ROLE}=deps"]})
        newest = max(made, key=lambda image: int(image.get("Created") or 0), default=None)
        return _image(newest["Id"], newest["Labels"], cached=True, seconds=0.0) if newest else None

    # --------------------------------------------------------------------------------------------- the base

    def _base(self, recipe: Recipe, tree: Callable[[], bytes], progress: Progress) -> _Base:
        if recipe.dockerfile is not None:
            return self._built(recipe, tree, progress)
        if recipe.image is not None:
            return self._named(recipe.image, progress)
        version = recipe.python or f"{sys.version_info[0]}.{sys.version_info[1]}"
        name = f"python:{version}-slim"
        local = self._inspect(name)
        if local is not None:
            return _Base(local["Id"], local["Id"], f"pulled {name}", "python3")
        choice = (
            rootfs.choose(
                rootfs.interpreters(self._environ, home=Path(self._environ.get("HOME", "/"))), recipe.python
            )
            if sys.platform == "linux"
            else None
        )
        mark = rootfs.fingerprint(choice.interpreter) if choice else ""
        made = self._made(mark) if choice else None
        if made:
            self._mark_used(made["Id"], mark)
        if choice and made and time.time() - made["Created"] < BASE_MEMORY:
            return _local(made["Id"], mark, choice)
        if not self._registry_silent:
            pulled = self._pull(name, progress)
            if pulled is not None:
                return _Base(pulled["Id"], pulled["Id"], f"pulled {name}", "python3")
            self._registry_silent = True
        if choice is None:
            raise SandboxError(
                f"The base image {name} cannot be pulled.",
                hint="Let the engine reach a registry, or name an image that it has with sandbox.image.",
                slug="no-base-image",
            )
        if made:
            return _local(made["Id"], mark, choice)
        progress.note(
            f"No registry answers: making a base image from {choice.interpreter.executable}"
            f" ({choice.interpreter.dotted})" + (f"; {choice.note}" if choice.note else "")
        )
        return _local(self._make(choice, mark), mark, choice)

    def _named(self, name: str, progress: Progress) -> _Base:
        found = self._inspect(name)
        if found is None:
            progress.note(f"Pulling {name}")
            try:
                repository, tag = docker.utils.parse_repository_tag(name)
                for _ in self._api.pull(repository, tag or "latest", stream=True):
                    pass
            except docker.errors.APIError as error:
                raise SandboxError(
                    f"The image {name} is not on the engine and cannot be pulled: {error.explanation or error}",
                    hint="Check sandbox.image in .tryline.yml, and `docker pull` with the same credentials.",
                    slug="image-pull",
                ) from error
            found = self._client.images.get(name).attrs
        return _Base(found["Id"], found["Id"], f"image {name}", "python3", system_site=True)

    def _built(self, recipe: Recipe, tree: Callable[[], bytes], progress: Progress) -> _Base:
        mark = f"dockerfile-{recipe.key()}"
        made = self._made(mark)
        origin = "built from the repository's Dockerfile"
        if made:
            return _Base(made["Id"], mark, origin, "python3", system_site=True)
        progress.note("Building the repository's Dockerfile")
        name = ".tryline.Dockerfile"
        with tempfile.TemporaryFile() as context:
            with tarfile.open(fileobj=context, mode="w") as archive:
                for entry, stream in installing.members(tree()):
                    archive.addfile(entry, stream)
                installing.put(archive, name, (recipe.dockerfile or "").encode(), 0o644)
            context.seek(0)
            lines = []
            result = ""
            for event in self._api.build(
                fileobj=context, custom_context=True, dockerfile=name, rm=True, forcerm=True, decode=True,
                tag=f"{BASE_NAME}:{mark}", use_config_proxy=False, container_limits={},
                labels=self._cache_labels("base") | {BASE: mark},
            ):  # fmt: skip
                lines.append(str(event.get("stream") or event.get("error") or ""))
                result = str((event.get("aux") or {}).get("ID") or result)
                if "error" in event:
                    raise SandboxError(
                        "The repository's Dockerfile does not build: " + "".join(lines)[-2000:].strip(),
                        hint="Build it by hand with `DOCKER_BUILDKIT=0 docker build`: BuildKit's own syntax is"
                        " not understood here.",
                        slug="dockerfile",
                    )
        found = self._client.images.get(result or f"{BASE_NAME}:{mark}").attrs
        return _Base(found["Id"], mark, origin, "python3", system_site=True)

    def _pull(self, name: str, progress: Progress) -> Mapping[str, Any] | None:
        """Pulls an image unless no registry answers quickly; None then.

        The engine is asked, not the registry: it may have a mirror, or a network of its own. Where it stays
        silent, but the registry answers this machine, the connection is slow rather than absent.
        """
        events: queue.Queue[str | None] = queue.Queue()
        repository, _, tag = name.partition(":")

        def pull() -> None:
            with contextlib.suppress(*_ERRORS):
                for event in self._api.pull(repository, tag, stream=True, decode=True):
                    if "error" in event:
                        break
                    events.put(str(event.get("status", "")))
            events.put(None)

        threading.Thread(target=pull, daemon=True, name="tryline-pull").start()
        try:
            try:
                status = events.get(timeout=PATIENCE)
            except queue.Empty:
                if not engine.registry_answers(0.4):
                    return None
                status = events.get(timeout=20)
            if status is not None:
                progress.note(f"Pulling {name}")
            while status is not None:
                progress.tick(f"pulling {name}: {status}")
                status = events.get(timeout=120)
        except queue.Empty:
            return None
        return self._inspect(name)

    def _make(self, choice: rootfs.Choice, mark: str) -> str:
        """Imports a root file system around a local interpreter as an image; returns its id."""
        theirs = str(self._client.version().get("Arch", ""))
        if _MACHINES.get(theirs, theirs) != platform.machine():
            raise SandboxError(
                f"The engine runs on {theirs}, this machine is {platform.machine()}: no base can be made here.",
                hint="Let the engine reach a registry, or name a base image with sandbox.image in .tryline.yml.",
                slug="no-base-image",
            )
        marks = self._cache_labels("base") | {
            BASE: mark,
            INTERPRETER: str(choice.interpreter.executable),
            engine.CREATED: str(int(time.time())),
        }
        with tempfile.TemporaryFile() as archive:
            rootfs.write(choice.interpreter, archive, companions=[self._uv])
            archive.seek(0)
            answer = self._api.import_image_from_data(
                archive, repository=BASE_NAME, tag=mark, changes=_label_lines(marks)
            )
        for line in str(answer).splitlines():
            with contextlib.suppress(ValueError):
                status = json.loads(line)
                if "error" in status:
                    raise SandboxError(f"The engine refuses a base image: {status['error']}", slug="engine")
        self._evict("base", MAX_BASES, keep="")
        return str(self._client.images.get(f"{BASE_NAME}:{mark}").attrs["Id"])

    # ---------------------------------------------------------------------------------------- installation

    def _install(
        self, recipe: Recipe, base: _Base, key: str, tree: Callable[[], bytes], progress: Progress
    ) -> tuple[str, dict[str, str]]:
        """Runs the recipe in a container and commits it; returns the image's id and labels."""
        progress.note(f"Installing: {recipe.summary} ({base.origin})")
        container = self._create(base)
        try:
            with tempfile.TemporaryFile() as archive:
                installing.pack(
                    archive,
                    recipe,
                    tree(),
                    uv_binary=self._uv,
                    authorities=rootfs.ca_bundle(self._environ),
                    system_site=base.system_site,
                    limits=self._limits,
                )
                archive.seek(0)
                self._api.put_archive(container, "/", archive)
            course = self._follow(container, recipe.steps, progress)
            version = course.python(self._limits)
            marks = self._cache_labels("deps") | {
                engine.CREATED: str(int(time.time())),
                KEY: key,
                PYTHON: ".".join(map(str, version)),
                ORIGIN: base.origin,
                LOG: _hide(course.log[-installing.LOG_TAIL :]),
                PROBLEM: _hide(course.problem() or ""),
            }
            changes = [
                *_label_lines(marks),
                "USER 0",
                f"WORKDIR {installing.REPO}",
                "ENTRYPOINT []",
                f'CMD ["{installing.VENV}/bin/python"]',
            ]
            committed = self._api.commit(container, repository=DEPS_NAME, tag=key, pause=False, changes=changes)
            return str(committed["Id"]), marks
        finally:
            with contextlib.suppress(*_ERRORS):
                self._api.remove_container(container, force=True, v=True)

    def _create(self, base: _Base) -> str:
        """A container that will run the installation, not started yet."""
        host = self._api.create_host_config(
            network_mode="bridge",
            mem_limit=f"{self._limits.memory_mb}m",
            memswap_limit=f"{self._limits.memory_mb}m",
            pids_limit=self._limits.processes,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            log_config=docker.types.LogConfig(type="json-file", config={"max-size": "8m", "max-file": "1"}),
            init=False,
        )
        name = engine.new_name()
        try:
            made = self._api.create_container(
                base.id,
                name=name,
                command=[base.python, f"{installing.SETUP}/install.py", f"{installing.SETUP}/plan.json"],
                # One empty word means: none, whatever the base says. An entry point given here would be committed,
                # and committing cannot take it away again.
                entrypoint=[""],
                user=f"{installing.INSTALLER}:{installing.INSTALLER}",
                working_dir="/",
                environment={},
                labels=engine.labels(self._run, role="install"),
                host_config=host,
                # A proxy of ours may hold credentials, and repository code runs here.
                use_config_proxy=False,
            )
        except KeyboardInterrupt:
            engine.forget(self._client, name)
            raise
        return str(made["Id"])

    def _follow(self, container: str, steps: tuple[InstallStep, ...], progress: Progress) -> Course:
        """Starts the installation and reads what it reports until it ends or its time is over."""
        course = Course(steps)
        try:
            self._api.start(container)
        except docker.errors.APIError as error:
            raise SandboxError(
                f"The base image cannot run Python: {error.explanation or error}",
                hint="The image named in .tryline.yml needs `python3` on its PATH.",
                slug="no-base-image",
            ) from error
        # The program inside keeps the time itself; this one is for a program that is stopped or was replaced.
        timer = threading.Timer(self._limits.seconds + self._limits.closing_seconds, self._kill, [container])
        timer.daemon = True
        timer.start()
        try:
            stream = self._api.logs(container, stdout=True, stderr=True, stream=True, follow=True)
            for line in installing.lines(stream):
                installing.note(course, line, progress)
        finally:
            timer.cancel()
        return course

    def _kill(self, container: str) -> None:
        with contextlib.suppress(*_ERRORS):
            self._api.kill(container)

    # -------------------------------------------------------------------------------------------- the cache

    def _key(self, recipe: Recipe, base: _Base) -> str:
        program = hashlib.sha256(installing.program()).hexdigest()
        parts = (str(FORMAT), program, recipe.key(), base.identity, str(base.system_site))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]

    def _cached(self, key: str) -> dict[str, Any] | None:
        for image in self._labelled(KEY, key, "deps"):
            marks = image["Labels"]
            created = marks.get(engine.CREATED, "0")
            fresh = created.isdigit() and time.time() - int(created) < PROBLEM_MEMORY
            if fresh or not _show(marks.get(PROBLEM, "")):
                return {"Id": image["Id"], "Labels": marks}
        return None

    def _made(self, mark: str) -> dict[str, Any] | None:
        return next(self._labelled(BASE, mark, "base"), None)

    def _labelled(self, name: str, value: str, role: str) -> Iterator[dict[str, Any]]:
        """Images of a role with a label; asked for by one label, because Podman 4 finds nothing by two."""
        for image in self._api.images(filters={"label": [f"{name}={value}"]}):
            if (image.get("Labels") or {}).get(engine.ROLE) == role:
                yield dict(image)

    def _inspect(self, name: str) -> Mapping[str, Any] | None:
        try:
            return dict(self._client.images.get(name).attrs)
        except docker.errors.ImageNotFound:
            return None

    def _mark_used(self, identity: str, key: str) -> None:
        """Tags an image with the time of its use; the tags of earlier uses go."""
        tags = self._client.images.get(identity).attrs.get("RepoTags") or []
        now = f"{key}-{int(time.time())}"
        with contextlib.suppress(docker.errors.APIError):
            self._api.tag(identity, USED_NAME, now)
        for tag in tags:
            if _used_at(tag) is not None and not tag.endswith(now):
                with contextlib.suppress(docker.errors.APIError):
                    self._api.remove_image(tag)

    def _evict(self, role: str, limit: int, *, keep: str) -> None:
        """Removes the least recently used images of a role beyond the limit, never one that a container uses."""
        images = self._api.images(filters={"label": [f"{engine.ROLE}={role}"]})
        if len(images) <= limit:
            return
        used = {container.get("ImageID") for container in self._api.containers(all=True)}
        images.sort(key=_last_used)
        for image in images[: len(images) - limit]:
            if image["Id"] in used or image["Id"] == keep:
                continue
            for name in image.get("RepoTags") or [image["Id"]]:
                # Not forced: the engine itself refuses when another run has just taken the image.
                with contextlib.suppress(docker.errors.APIError):
                    self._api.remove_image(name)

    def _cache_labels(self, role: str) -> dict[str, str]:
        return {engine.ROLE: role}


# ------------------------------------------------------------------------------------------------- helpers


def _local(identity: str, mark: str, choice: rootfs.Choice) -> _Base:
    origin = f"made from the local interpreter {choice.interpreter.dotted}"
    origin += f" ({choice.note})" if choice.note else ""
    return _Base(identity, mark, origin, str(choice.interpreter.executable))


def _image(identity: str, marks: Mapping[str, str], *, cached: bool, seconds: float) -> Image:
    numbers = [int(part) for part in marks.get(PYTHON, "0.0.0").split(".")]
    return Image(
        reference=identity,
        python=(numbers[0], numbers[1], numbers[2]),
        origin=marks.get(ORIGIN, ""),
        cached=cached,
        seconds=seconds,
        log=_show(marks.get(LOG, "")),
        problem=_show(marks.get(PROBLEM, "")) or None,
    )


def _engine_failed(error: Exception) -> SandboxError:
    explanation = getattr(error, "explanation", None) or error
    return SandboxError(
        f"The engine failed while an image was prepared: {explanation}",
        hint="`tryline doctor` shows what works here; a full disk is a usual reason.",
        slug="engine",
    )


def _label_lines(marks: Mapping[str, str]) -> list[str]:
    """LABEL instructions; values must be free of quotes, dollars and line breaks, which the engine interprets."""
    clean = str.maketrans(dict.fromkeys('"\\$`\n\r', " "))
    return [f'LABEL {name}="{value.translate(clean)}"' for name, value in sorted(marks.items())]


def _hide(text: str) -> str:
    """Any text as a label's value."""
    return base64.urlsafe_b64encode(text.encode(errors="replace")).decode()


def _show(value: str) -> str:
    """The text that `_hide` made a label of; empty when it is not one."""
    try:
        return base64.urlsafe_b64decode(value.encode()).decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""


def _used_at(tag: str) -> int | None:
    """The time in a tag of USED_NAME; None for other tags."""
    name, _, stamp = tag.rpartition("-")
    return int(stamp) if name.rpartition("/")[2].startswith("used:") and stamp.isdigit() else None


def _last_used(image: Mapping[str, Any]) -> int:
    """When an image in a listing was last asked for; when it was made, if nobody has asked since."""
    used = [_used_at(tag) for tag in image.get("RepoTags") or []]
    return max([when for when in used if when is not None], default=int(image.get("Created", 0)))
