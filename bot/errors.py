"""The one family of errors: message, hint and stable slug; mapped to an exit code in one place.

    TrylineError
    ├── UsageError        what the user asked for cannot be done as asked            exit 2
    ├── ConfigError       .tryline.yml is not right; says the line and the remedy    exit 2
    ├── RepositoryError   git cannot give what the review needs                      exit 2
    └── CouldNot          infrastructure: engine, image, sandbox, forge, endpoint    exit 3
        ├── SandboxError  the engine or a container
        ├── ForgeError    a host of pull requests
        ├── EndpointError a model endpoint; BudgetSpent where our own limit says no
        └── ExecutorError a cluster that tasks of an audit run on

The behaviour of the code under review is never an error here: it is a value (`Outcome`, `Problem`).
"""

from __future__ import annotations

import enum
import re


class ExitCode(enum.IntEnum):
    """Everything that the command can return. Documented in README."""

    OK = 0
    FINDINGS = 1
    """Findings at or above `--fail-on`."""
    USAGE = 2
    COULD_NOT = 3
    """The review could not run, or not all of it (conclusion `neutral`)."""
    BUG = 4
    """A defect of Tryline itself; a report to paste was written."""
    INTERRUPTED = 130


class TrylineError(Exception):
    """Base of all expected failures.

    `message` says what and where; `hint` what to do; `slug` is a name that never changes (docs/errors.md).
    """

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, *, hint: str = "", slug: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.slug = slug


class UsageError(TrylineError):
    """The command line asks for something that does not exist or does not go together."""


class ConfigError(TrylineError):
    """The configuration is not right."""


class RepositoryError(TrylineError):
    """Git cannot give what the review needs."""


class CouldNot(TrylineError):
    """Infrastructure failed: never a finding, never a green check."""

    exit_code = ExitCode.COULD_NOT


class SandboxError(CouldNot):
    """The engine or a container failed; the job may be tried again in a fresh one."""


class ForgeError(CouldNot):
    """A host of pull requests did not do as it should; no secret is in the message.

    Slugs: `forge-auth`, `forge-missing`, `forge-limit`, `forge-server`, `forge-refused`, `forge-garbled` (see
    `bot.forges.Host`). `sent` says that a write may have happened all the same: an answer was lost.
    """

    def __init__(self, message: str, *, hint: str = "", slug: str, sent: bool = False) -> None:
        super().__init__(message, hint=hint, slug=slug)
        self.sent = sent


class ExecutorError(CouldNot):
    """A cluster cannot be reached, or no worker of it can run a task. Slugs: `cluster-missing` (the library is not
    installed), `cluster-unreachable`, `cluster-workers` (none, or none whose engine answers), `cluster-asked` (a
    task's question was not answered)."""


class EndpointError(CouldNot):
    """A model endpoint did not answer as it should.

    `dead` says that no further request to it can succeed in this run (wrong key, unknown model, nobody there);
    otherwise only this request failed. Slugs: `endpoint-auth` (401, 403), `endpoint-model` (404),
    `endpoint-context` (the prompt is too long), `endpoint-refused` (another 4xx), `endpoint-busy` (429 after all
    retries), `endpoint-server` (5xx after all retries), `endpoint-unreachable`, `endpoint-timeout`,
    `endpoint-garbled` (not JSON, half-sent, or not the promised shape), `endpoint-offline` (a replayed run asks
    what was not recorded).
    """

    def __init__(self, message: str, *, hint: str = "", slug: str, dead: bool = False) -> None:
        super().__init__(message, hint=hint, slug=slug)
        self.dead = dead

    @property
    def public(self) -> str:
        """The message for a report that strangers may read: where the endpoint runs is nobody's business."""
        return without_addresses(self.message)


def without_addresses(text: str) -> str:
    """The text with each URL called `the endpoint`."""
    return re.sub(r"(?:\S+ at )?https?://[^\s'\"`)>\]]*[^\s'\"`)>\].,;:]", "the endpoint", text)


class BudgetSpent(EndpointError):
    """Our own budget does not allow the request: nothing was sent. Slug `endpoint-budget`.

    `scope` is `function` or `review`; `which` names the limit (`budget.tokens_in`).
    """

    def __init__(self, message: str, *, scope: str, which: str) -> None:
        super().__init__(message, slug="endpoint-budget", hint=f"Raise `{which}` to allow more.")
        self.scope = scope
        self.which = which
