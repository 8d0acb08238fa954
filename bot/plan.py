"""What is asked about a pull request, what is said there already and what is to be said: the nouns of publishing.

Frozen, like those of `domain`. A review becomes a `Plan` by comparing it with what we said before; a host carries
the plan out. Nothing here does input or output, and nothing here names a platform.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bot.domain import ChangedFunction, Probe

Format = Literal["markdown", "json", "sarif", "html", "codequality", "sast"]
"""What a review can be written as to a file."""

Platform = Literal["github", "gitlab"]
"""Where pull requests are, or merge requests."""

# ------------------------------------------------------------------------------------------- what is asked


class Task(enum.StrEnum):
    """What an event asks for."""

    REVIEW = "review"
    EXPLAIN = "explain"
    VERIFY = "verify"
    IGNORE = "ignore"
    HELP = "help"
    POST = "post"
    """Deliver a result that a run without the right to write has saved."""
    AUDIT = "audit"
    """Audit the whole repository: a schedule, or somebody, asked for it."""
    NOTHING = "nothing"
    """The event is none of ours, or policy says no; `Order.why` says which."""


@dataclass(frozen=True)
class Order:
    """An event of a platform, read: one task on one pull request, or the reason for none."""

    task: Task
    number: int = 0
    """Of the pull request; 0 with NOTHING, and with POST where it must be looked up by `head`."""
    why: str = ""
    """NOTHING: the reason, one sentence for a log and the job's summary."""
    finding: str = ""
    """EXPLAIN, VERIFY, IGNORE: the id of a finding or its start, lower case hexadecimal digits."""
    everything: bool = False
    """REVIEW: also what was reviewed before and has not changed."""
    command: int = 0
    """The platform's id of the comment that gave the command, to be answered; 0 for other events."""
    actor: str = ""
    """Who caused it."""
    head: str = ""
    """The commit that the event is about, where it names one."""
    head_label: str = ""
    """POST: `OWNER:BRANCH` of the run's head, by which its pull request is found."""
    told: bool = False
    """NOTHING: whether a person asked and is to be told why not."""


@dataclass(frozen=True)
class Event:
    """What a job of a platform is told about itself: what it is asked, and where it runs."""

    order: Order
    name: str
    """What the platform calls the event: `pull_request`."""
    repository: str
    """`owner/name` of the repository that the job runs for."""
    api_url: str
    """Base address of the platform's API, without a slash at its end."""
    server_url: str
    """The same of its web pages."""
    run_url: str = ""
    """Web page of this run; empty where it is not known."""
    workspace: Path = Path()
    """Where the repository is checked out, if it is."""
    fork: bool = False
    """Whether the head lies in another repository, or in one that is gone."""
    read_only: bool = False
    """Whether the job's token certainly may not write: nothing is posted, a second run has to."""
    branch: str = ""
    """AUDIT: the branch that the job runs for, which is the default one: an audit runs for no other."""
    doubtful: bool = False
    """Whether the platform withholds writing here unless the workflow asks for it, and nothing tells whether it
    did: try, and take `forge-auth` for `read_only`."""
    platform: Platform = "github"
    automatic: bool = False
    """Whether nobody asked by name, and the event does not tell all that policy is about: a draft's or a machine's
    pull request is looked for in what the platform says of it, too."""
    described: Pull | None = None
    """The pull request in the event's own words, where the token may not ask for it."""


@dataclass(frozen=True)
class Inputs:
    """What a job is given besides its event. Secrets are not shown by `repr`."""

    settings: Mapping[str, str] = field(default_factory=dict)
    """Variables of settings that were given in another way, to be added to the environment."""
    token: str = field(default="", repr=False)
    endpoint_key: str = field(default="", repr=False)
    result: str = ""
    """Path of the saved result; empty: the usual one."""
    sarif_file: str = ""
    files: Mapping[str, Format] = field(default_factory=dict)
    """What is written beside the result: path -> what it is written as."""
    fresh: tuple[str, ...] = ()
    """Files of the workspace that the platform collects: what lies there before the run is a stranger's."""
    known: tuple[str, ...] = ()
    """Variables that are named like settings, are none, and are no mistake."""
    warnings: tuple[str, ...] = ()
    """What cannot be meant, one sentence each."""

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment with what was given as its `TRYLINE_*` variables, which it wins over."""
        key = {"TRYLINE_ENDPOINT_KEY": self.endpoint_key} if self.endpoint_key else {}
        return {**environ, **self.settings, **key}


@dataclass(frozen=True)
class Dialect:
    """How a platform calls things, and how its blocks that can be applied with one click are written."""

    noun: str = "pull request"
    """`merge request` elsewhere."""
    sign: str = "#"
    """What stands before the number of one."""
    blocks: Literal["range", "offsets"] = "range"
    """`range`: a `suggestion` block replaces the lines that its comment stands on. `offsets`: the block says
    itself how many lines above and below the comment's last line it replaces (`suggestion:-2+0`)."""
    most_above: int = 10_000
    """Lines above the comment's last line that such a block may replace, and, with offsets, below it."""
    max_body: int = 65_000
    """Characters of a comment."""
    commands: bool = True
    """Whether people can give us commands in comments there."""


@dataclass(frozen=True)
class Pull:
    """A pull request as its platform describes it now."""

    repository: str
    """`owner/name`."""
    number: int
    head: str
    """Commit id of its tip."""
    base: str
    """Commit id of the tip of the branch that it goes to."""
    base_ref: str
    """Name of that branch."""
    head_label: str = ""
    """`OWNER:BRANCH`."""
    fork: bool = False
    """Whether the head lies in another repository."""
    draft: bool = False
    open: bool = True
    author: str = ""
    bot: bool = False
    """Whether a machine opened it."""


@dataclass(frozen=True)
class Remote:
    """Where git finds the repository, and the header that opens the door. Nothing here may be printed."""

    url: str
    """Without credentials."""
    header: str = field(default="", repr=False)
    """Value of the `Authorization` header; empty for a public repository."""


# --------------------------------------------------------------------------------------- what is said there


@dataclass(frozen=True)
class Posted:
    """A comment of ours as the platform holds it. Only comments of our own account become one."""

    key: int
    """The platform's id."""
    body: str
    finding: str = ""
    """Id of the finding that it is about; empty for the summary."""
    withdrawn: bool = False
    """Whether it says already that its finding is gone."""
    path: str = ""
    line: int | None = None
    """Last line at the pull request's current head; None where the platform no longer can place it (outdated)."""
    start_line: int | None = None
    answered: bool = False
    """Whether somebody else has replied: it is never deleted and its text stays, then."""


@dataclass(frozen=True)
class Known:
    """What a later push needs to know of a finding that was told."""

    id: str
    function: str
    """`FILE::QUALNAME`."""
    rule: str
    title: str
    source: str = ""
    """The rewrite that was proven: the whole function at head, `\\n` line ends; empty where there was none."""
    imports: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    proposer: str = ""
    rung: str = ""
    probe: Probe | None = None
    """The witness, where a model wrote it."""


@dataclass(frozen=True)
class Memory:
    """What we know of a pull request from our earlier reviews of it: kept in the summary, out of a reader's
    sight."""

    head: str = ""
    """The last commit that was reviewed; empty before the first review."""
    functions: Mapping[str, str] = field(default_factory=dict)
    """Function id -> digest of its text at base and head when it was last reviewed as a whole."""
    findings: tuple[Known, ...] = ()
    ignored: Mapping[str, str] = field(default_factory=dict)
    """Finding id -> who asked to ignore it."""

    def known(self, finding: str) -> Known | None:
        """The finding of this id, if it was told before."""
        return next((known for known in self.findings if known.id == finding), None)


def function_digest(changed: ChangedFunction) -> str:
    """What `Memory.functions` keeps of a function: the same while its text at base and at head is the same,
    wherever its lines have moved."""
    digest = hashlib.sha256()
    for source in (changed.head.source, changed.base.source if changed.base is not None else None):
        # Lengths and presence are part of it: no text can pass for two, nor an empty one for none.
        text = b"" if source is None else source.encode("utf-8", "surrogatepass")
        digest.update(f"{'-' if source is None else len(text)}:".encode() + text)
    # 128 bits: with half of them two texts of one digest can be made, and the second would never be read.
    return digest.hexdigest()[:32]


@dataclass(frozen=True)
class Conversation:
    """Everything that we have said on one pull request."""

    summary: Posted | None = None
    comments: tuple[Posted, ...] = ()
    memory: Memory = field(default_factory=Memory)


# ---------------------------------------------------------------------------------------- what is to be said


@dataclass(frozen=True)
class Inline:
    """A comment on lines of head's file. Only lines that are part of the diff, start and end in one hunk."""

    finding: str
    path: str
    line: int
    """Last line, 1-based, right side."""
    start_line: int | None
    """First line of a range, less than `line`; None for one line."""
    body: str
    """Whole Markdown, marker included."""


@dataclass(frozen=True)
class Amended:
    """A new text for a comment of ours that is there."""

    key: int
    finding: str
    body: str
    withdrawn: bool = False


class Level(enum.StrEnum):
    """How an annotation is shown."""

    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Annotation:
    """A finding as a line of a check or a log: plain text, no mark-up."""

    path: str
    start_line: int
    end_line: int
    level: Level
    title: str
    message: str
    finding: str = ""


class Mark(enum.StrEnum):
    """How a check ends."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"


@dataclass(frozen=True)
class CheckRun:
    """The check of a commit."""

    mark: Mark
    title: str
    """One line of plain text."""
    summary: str
    """Markdown, 65,535 characters at most."""
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True)
class Plan:
    """All that is to be done on one pull request after one review. What is there and stays is not in it."""

    number: int
    head: str
    """The commit that was reviewed."""
    summary: str
    """Whole Markdown of the one sticky comment, marker and memory included."""
    summary_if_refused: str
    """The same where the comments on lines cannot be posted: findings in full."""
    create: tuple[Inline, ...] = ()
    edit: tuple[Amended, ...] = ()
    delete: tuple[int, ...] = ()
    """Comments of ours that stand at a place which is gone, and are made anew in `create`."""
    kept: tuple[str, ...] = ()
    """Ids of findings whose comments stay as they are."""
    check: CheckRun | None = None
    log: tuple[str, ...] = ()
    """Why a finding is not on a line, and the like: one sentence each, for the job's log."""


@dataclass(frozen=True)
class Delivery:
    """What became of a plan."""

    created: int = 0
    edited: int = 0
    deleted: int = 0
    kept: int = 0
    on_lines: tuple[str, ...] = ()
    """Ids of the findings that have a comment on their lines now."""
    summary: str = ""
    """Web address of the summary, for the log."""
    problems: tuple[str, ...] = ()
    """What could not be done and is no loss: one sentence each."""


# ------------------------------------------------------------------------------------- what an audit maintains


@dataclass(frozen=True)
class Issue:
    """The one issue of ours that tells what audits found, as the platform holds it. Only an issue of our own
    account, with our marker, becomes one."""

    number: int
    title: str
    body: str
    open: bool
    url: str = ""


@dataclass(frozen=True)
class IssueText:
    """What our issue is to say now."""

    title: str
    body: str
    """Whole Markdown, marker included."""
    open: bool
    """Whether it is to be open: closed where nothing is left to be told."""
    news: str = ""
    """A comment on what changed, of which people are notified; empty where nothing new is to be told."""


@dataclass(frozen=True)
class Draft:
    """A draft pull request of one verified rewrite: one subject, with its evidence in the text."""

    finding: str
    """Id of its finding: never proposed twice."""
    branch: str
    """`tryline/ID`."""
    base: str
    """Commit id that the branch starts at."""
    base_ref: str
    """Name of the branch that it goes to."""
    title: str
    body: str
    message: str
    """Of its one commit."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Path -> whole new content."""
    executable: frozenset[str] = frozenset()
    """Those of the paths whose file git has as one that can be executed: it stays so."""


@dataclass(frozen=True)
class Proposed:
    """A draft pull request of ours that is, or was, there."""

    finding: str
    number: int
    open: bool
    merged: bool = False
    url: str = ""
