"""Runs an image as GitHub's runner runs a container action, and keeps what the runner would have read from it.

What is done here follows the runner (actions/runner: ContainerActionHandler, DockerCommandManager): the mounts and
their order, the variables, values that name a path of the host translated, inputs with the defaults of action.yml
in `INPUT_` variables, files for commands, the lines of the log that are commands. It differs in one thing, and
only where a test asks for it: with `network="host"` the container reaches a server on this machine's loopback.
GitHub does not do that. Docker gives such a container this machine's name; the runner here gives it one of its
own, for that is what a container has on GitHub.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import signal
import subprocess
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import yaml

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "tryline/action:test"
MARK = "word-of-a-private-index"
SOCKET = "/var/run/docker.sock"
RUNNER_UID = 1001
"""Who owns a workspace on GitHub's machines; the action's container is root."""

DECOYS = {
    "ACTIONS_RUNTIME_URL": "https://pipelines.decoy.example/",
    "ACTIONS_RUNTIME_TOKEN": "decoy-runtime-token",
    "ACTIONS_CACHE_URL": "https://cache.decoy.example/",
    "ACTIONS_RESULTS_URL": "https://results.decoy.example/",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://oidc.decoy.example/",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "decoy-id-token",
}
"""What the runner puts into every action's environment, and nothing that we start may ever see."""

_FILES = {
    "GITHUB_OUTPUT": "set_output",
    "GITHUB_ENV": "set_env",
    "GITHUB_PATH": "add_path",
    "GITHUB_STATE": "save_state",
    "GITHUB_STEP_SUMMARY": "step_summary",
}


@dataclass(frozen=True)
class Sibling:
    """A container that the action started beside itself."""

    role: str
    env: tuple[str, ...]
    host: Mapping[str, Any]
    """The engine's HostConfig."""
    mounts: tuple[Mapping[str, Any], ...]
    command: str
    text: str
    """All that the engine tells of it, as JSON."""


@dataclass(frozen=True)
class Command:
    """A line of the log that the runner obeys: `::name key=value::message`."""

    name: str
    properties: Mapping[str, str]
    message: str


@dataclass(frozen=True)
class Step:
    """What a step of a job came to."""

    code: int
    raw: str
    """Standard output and error as they came."""
    argv: tuple[str, ...]
    """The command line of the engine's client."""
    name: str = ""
    """The container's host name, by which what it starts is labelled."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    exported: Mapping[str, str] = field(default_factory=dict)
    """What it wrote to GITHUB_ENV."""
    summary: str = ""
    token: str = field(default="", repr=False)
    siblings: tuple[Sibling, ...] = ()
    unseen: int = 0
    """Containers that were gone before the engine could be asked about them."""

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands that the runner obeys, in their order."""
        return tuple(item for item in parsed(self.raw) if isinstance(item, Command))

    @property
    def log(self) -> str:
        """What readers of the job see: no commands, masked values as stars."""
        masks = [self.token, *(command.message for command in self.commands if command.name == "add-mask")]
        text = "\n".join(item for item in parsed(self.raw) if isinstance(item, str))
        for mask in sorted(filter(None, masks), key=len, reverse=True):
            text = text.replace(mask, "***")
        return text


class Runner:
    """A machine of GitHub's with one job on it."""

    def __init__(self, image: str, temp: Path, *, action: Path = ROOT / "action.yml") -> None:
        """`temp` is the runner's folder for temporary files; `action` the description of the action."""
        self.image = image
        self.temp = temp
        self.action: dict[str, Any] = yaml.safe_load(action.read_text(encoding="utf-8"))
        self._client = docker.from_env()
        for name in ("_github_home", "_github_workflow", "_runner_file_commands"):
            (temp / name).mkdir(parents=True, exist_ok=True)

    def run(
        self,
        workspace: Path,
        *,
        event: str = "pull_request",
        payload: Mapping[str, Any] | None = None,
        inputs: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        github: Mapping[str, str] | None = None,
        token: str = "",
        args: Sequence[str] | None = None,
        network: str | None = None,
        cancel_at: str | None = None,
        seconds: float = 280,
    ) -> Step:
        """Runs the action as a step on `workspace`, a folder of this machine.

        `inputs` is the step's `with:` (an unknown name is passed on, as GitHub does with a warning), `env` its
        `env:`, which what GitHub sets itself wins over. `github` is what GitHub sets otherwise than for a pull
        request of acme/shop (GITHUB_API_URL ...), `token` the job's token. `args` replaces the action's own.
        With `cancel_at` the job is cancelled when that stands in the log: as the runner does it, by SIGINT, 7.5
        seconds later by SIGTERM, and after 2.5 more by force, which fails the test.
        """
        files = {name: self._command_file(kind) for name, kind in _FILES.items()}
        (self.temp / "_github_workflow" / "event.json").write_text(json.dumps(payload or {}), encoding="utf-8")
        mounts = [
            (Path(SOCKET), SOCKET),
            (self.temp, "/github/runner_temp"),
            (self.temp / "_github_home", "/github/home"),
            (self.temp / "_github_workflow", "/github/workflow"),
            (self.temp / "_runner_file_commands", "/github/file_commands"),
            (workspace, "/github/workspace"),
        ]
        variables = {
            **(env or {}),
            **self._inputs(inputs or {}, token),
            **self._defaults(event, workspace),
            **(github or {}),
            **{name: str(path) for name, path in files.items()},
            **DECOYS,
            "HOME": str(self.temp / "_github_home"),
        }
        variables = {name: translated(value, mounts) for name, value in variables.items()}
        hostname = uuid.uuid4().hex[:12]
        argv = ["docker", "run", "--name", f"tryline_action_{hostname}", "--label", f"runner={hostname}"]
        argv += ["--workdir", "/github/workspace", "--rm"]
        for name in variables:
            argv += ["-e", name]  # by name: values come from the environment and stand on no command line
        argv += ["-e", "GITHUB_ACTIONS=true", "-e", "CI=true"]
        argv += ["--hostname", hostname]
        if network is not None:
            argv += ["--network", network]
        if "entrypoint" in self.action["runs"]:
            argv += ["--entrypoint", self.action["runs"]["entrypoint"]]
        for here, there in mounts:
            argv += ["-v", f"{here}:{there}"]
        argv += [self.image, *(self.action["runs"].get("args", ()) if args is None else args)]
        with self._watching(hostname) as watched:
            code, raw = followed(argv, {**os.environ, **variables}, cancel_at, seconds)
        return Step(
            code,
            raw,
            tuple(argv),
            name=hostname,
            outputs=assignments(files["GITHUB_OUTPUT"].read_text(encoding="utf-8")),
            exported=assignments(files["GITHUB_ENV"].read_text(encoding="utf-8")),
            summary=files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8"),
            token=token,
            siblings=tuple(watched.siblings),
            unseen=watched.unseen,
        )

    # ---------------------------------------------------------------------------------------- what it is given

    def _inputs(self, given: Mapping[str, str], token: str) -> dict[str, str]:
        """Every input that action.yml declares or the step gives; without a default it is empty."""
        declared = {
            name: str((about or {}).get("default", "")).replace("${{ github.token }}", token)
            for name, about in self.action.get("inputs", {}).items()
        }
        return {f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in {**declared, **given}.items()}

    def _defaults(self, event: str, workspace: Path) -> dict[str, str]:
        """The variables that GitHub documents, with the values of a job on github.com."""
        return {
            "GITHUB_ACTION": "__acme_tryline",
            "GITHUB_ACTOR": "octocat",
            "GITHUB_ACTOR_ID": "583231",
            "GITHUB_API_URL": "https://api.github.com",
            "GITHUB_BASE_REF": "main",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(self.temp / "_github_workflow" / "event.json"),
            "GITHUB_GRAPHQL_URL": "https://api.github.com/graphql",
            "GITHUB_HEAD_REF": "topic",
            "GITHUB_JOB": "review",
            "GITHUB_REF": "refs/pull/1/merge",
            "GITHUB_REF_NAME": "1/merge",
            "GITHUB_REF_TYPE": "branch",
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_REPOSITORY_OWNER": "acme",
            "GITHUB_RETENTION_DAYS": "90",
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": "16012345678",
            "GITHUB_RUN_NUMBER": "42",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": "0" * 40,
            "GITHUB_TRIGGERING_ACTOR": "octocat",
            "GITHUB_WORKFLOW": "tryline",
            "GITHUB_WORKSPACE": str(workspace),
            "RUNNER_ARCH": "X64",
            "RUNNER_ENVIRONMENT": "github-hosted",
            "RUNNER_NAME": "GitHub Actions 1",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(self.temp),
            "RUNNER_TOOL_CACHE": "/opt/hostedtoolcache",
            "RUNNER_WORKSPACE": str(workspace.parent),
        }

    def _command_file(self, kind: str) -> Path:
        path = self.temp / "_runner_file_commands" / f"{kind}_{uuid.uuid4()}"
        path.write_text("", encoding="utf-8")
        return path

    # ------------------------------------------------------------------------------------------ what it starts

    @contextlib.contextmanager
    def _watching(self, owner: str) -> Iterator[_Watch]:
        """Asks the engine about every container that is made meanwhile by what runs under the name `owner`."""
        watch = _Watch(self._client.api, owner)
        events = self._client.api.events(decode=True, filters={"type": "container", "event": ["create", "start"]})
        thread = threading.Thread(target=watch.follow, args=(events,), daemon=True)
        thread.start()
        try:
            yield watch
        finally:
            events.close()
            thread.join(10)


class _Watch:
    """Follows the engine's events."""

    def __init__(self, api: docker.APIClient, owner: str) -> None:
        self._api = api
        self._owner = owner
        self._known: dict[str, Sibling] = {}
        self._missed: set[str] = set()

    @property
    def siblings(self) -> list[Sibling]:
        return list(self._known.values())

    @property
    def unseen(self) -> int:
        return len(self._missed - set(self._known))

    def follow(self, events: Any) -> None:
        # The stream is closed under the reader when the step is over, which shows as any of several errors.
        with contextlib.suppress(Exception):
            for event in events:
                marks = event["Actor"]["Attributes"]
                if marks.get("tryline.owner", "").startswith(f"{self._owner}:"):
                    self._inspect(event["Actor"]["ID"])

    def _inspect(self, container: str) -> None:
        if container in self._known:
            return
        try:
            about = self._api.inspect_container(container)
        except docker.errors.APIError:
            self._missed.add(container)
            return
        config = about["Config"]
        self._known[container] = Sibling(
            (config.get("Labels") or {}).get("tryline.role", ""),
            tuple(config.get("Env") or ()),
            about["HostConfig"],
            tuple(about.get("Mounts") or ()),
            " ".join([*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]),
            json.dumps(about),
        )


def followed(
    argv: Sequence[str], env: Mapping[str, str], cancel_at: str | None, seconds: float
) -> tuple[int, str]:
    """Runs a command to its end, or until it is cancelled; returns exit code and output."""
    running = subprocess.Popen(argv, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert running.stdout is not None
    timer = threading.Timer(seconds, running.kill)
    timer.start()
    lines = []
    try:
        for line in running.stdout:
            lines.append(line.decode("utf-8", "replace"))
            if cancel_at is not None and cancel_at in lines[-1]:
                cancel_at = None
                threading.Thread(target=cancelled, args=(running,), daemon=True).start()
        return running.wait(), "".join(lines)
    finally:
        timer.cancel()


def cancelled(running: subprocess.Popen[bytes]) -> None:
    """Ends a step as the runner does."""
    for number, patience in ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5)):
        running.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(patience)
            return
    running.kill()


# ------------------------------------------------------------------------------------------- what the runner reads


def translated(value: str, mounts: Sequence[tuple[Path, str]]) -> str:
    """A value that is a path under a mounted folder, as the container sees it; any other value unchanged."""
    for here, there in sorted(mounts, key=lambda mount: -len(str(mount[0]))):
        if value == str(here) or value.startswith(f"{here}/"):
            return there + value[len(str(here)) :]
    return value


def assignments(text: str) -> dict[str, str]:
    """The content of a file of commands: `name=value`, or `name<<DELIMITER`, lines, `DELIMITER`.

    Raises ValueError for what the runner refuses.
    """
    found = {}
    lines = iter(text.splitlines())
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, value = line[:equals], line[equals + 1 :]
        elif heredoc >= 0:
            name, delimiter = line[:heredoc], line[heredoc + 2 :]
            body = []
            for inner in lines:
                if inner == delimiter:
                    break
                body.append(inner)
            else:
                raise ValueError(f"Invalid value. Matching delimiter not found '{delimiter}'")
            value = "\n".join(body)
        else:
            raise ValueError(f"Invalid format '{line}'")
        if not name:
            raise ValueError(f"Invalid format '{line}'. Name must not be empty")
        found[name] = value
    return found


_COMMAND = re.compile(r"::([a-zA-Z][\w-]*)(?:\s+(.*?))?::(.*)")


def parsed(raw: str) -> Iterator[Command | str]:
    """The log's lines, those that the runner obeys as commands; between stop-commands and its token, none is."""
    resume: str | None = None
    for line in raw.splitlines():
        found = _COMMAND.fullmatch(line.strip())
        if found is None or (resume is not None and found[1] != resume):
            yield line
            continue
        if resume is not None:
            resume = None
            continue
        if found[1] == "stop-commands":
            resume = found[3]
            continue
        pairs = (pair.partition("=")[::2] for pair in (found[2] or "").split(","))
        properties = {key.strip(): _unescaped(value, ((":", "%3A"), (",", "%2C"))) for key, value in pairs if key}
        yield Command(found[1], properties, _unescaped(found[3]))


def _unescaped(text: str, more: Sequence[tuple[str, str]] = ()) -> str:
    for character, escape in (("\r", "%0D"), ("\n", "%0A"), *more, ("%", "%25")):
        text = text.replace(escape, character)
    return text


def authorities(runner: Runner) -> dict[str, str]:
    """The `env:` by which a site has its own certificate authorities trusted, as docs/github.md says.

    The tests need it where a package index is reached through a proxy that signs with an authority of its own.
    """
    named = [os.environ.get(name, "") for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")]
    bundle = next((Path(name) for name in named if name and Path(name).is_file()), None)
    if bundle is None:
        return {}
    copy = runner.temp / "authorities.pem"
    copy.write_bytes(bundle.read_bytes())
    return {"SSL_CERT_FILE": str(copy), "REQUESTS_CA_BUNDLE": str(copy)}


def built(lock: Path) -> str:
    """The image, built by scripts/image.sh; `lock` is a file that all processes of a test run know.

    The engine keeps its layers, so only the first build of a machine takes long.
    """
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        made = subprocess.run(
            [ROOT / "scripts" / "image.sh", IMAGE],
            env={**os.environ, "PIP_INDEX_URL": marked_index()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    assert made.returncode == 0, made.stdout.decode(errors="replace")[-4000:]
    return IMAGE


def marked_index() -> str:
    """The package index with a password in its address, which must be found nowhere afterwards.

    Where another index is configured than the public one, that is taken as it is.
    """
    configured = os.environ.get("PIP_INDEX_URL") or os.environ.get("UV_INDEX_URL")
    return configured or f"https://somebody:{MARK}@pypi.org/simple"


def as_on_github(folder: Path) -> None:
    """Gives a workspace to the user whose it is on GitHub's machines, where that can be done."""
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, RUNNER_UID, RUNNER_UID, follow_symlinks=False)
