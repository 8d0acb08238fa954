"""The commits of a pull request, fetched into a checkout that lacks them, with as little history as is needed.

A checkout in continuous integration is shallow, holds another commit, or is not there at all. Nothing that it
configures takes part: git talks to the network in a private folder of its own, which has the checkout's objects
and nothing else of it. The header that opens the door stands in that folder's configuration, which nobody else can
read and which is gone afterwards: never in an argument, an environment, an address, a message or the checkout.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bot.errors import ForgeError, RepositoryError
from bot.git_runner import Output, Runner, first_line
from bot.plan import Remote
from bot.workspace import Workspace

SECONDS = 600.0
"""How long fetching may take, all attempts together."""
DEPTHS = (50, 200, 1000)
"""How many commits of history are asked for, one try after the other; then everything."""
EVERYTHING = 2**31 - 1
"""What git's protocol takes for the whole history."""
PAUSES = (1.0, 4.0, 15.0)
"""Seconds before a request that failed in passing is made again, each time longer."""
TIPS = ("refs/pull/{}/head", "refs/merge-requests/{}/head")
"""What GitHub and GitLab call the tip of a pull request, a fork's as well."""
PULL, BASE = "refs/tryline/pull/{}/head", "refs/tryline/base/{}"

NEEDED = "the token needs `contents: read` of this repository, on GitLab the scope `read_repository` or `api`"

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]{1,255}")


@dataclass(frozen=True)
class Wanted:
    """What is to be there afterwards."""

    number: int
    head: str
    """Commit id of the pull request's tip."""
    base_ref: str
    """Name of the branch that it goes to."""
    base: str
    """Commit id of that branch's tip."""


@dataclass(frozen=True)
class Patience:
    """How long and how often. The clock and the sleep are parameters."""

    seconds: float = SECONDS
    pauses: Sequence[float] = PAUSES
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def prepare(
    path: Path,
    remote: Remote,
    *,
    number: int,
    head: str,
    base_ref: str,
    base: str,
    environ: Mapping[str, str] | None = None,
    patience: Patience | None = None,
) -> Workspace:
    """The checkout at `path`, in which `Workspace.change(base, head)` finds both commits and their merge base.

    Nothing is fetched where all is there. A folder without a repository becomes one. The working tree, the index
    and the branches of a checkout stay as they are; a shallow one gets deeper.

    Raises RepositoryError: `pull-moved` (the server no longer gives the commit of the pull request's tip or of its
    base), `bad-remote`, `read-only-repository`, and those of `Workspace.open`; ForgeError: `forge-auth`,
    `forge-missing`, `forge-refused`, `forge-server` (after all retries, or the time is over).
    """
    environ = os.environ if environ is None else environ
    wanted = Wanted(number, head, base_ref, base)
    _check(remote, wanted)
    if not path.is_dir():
        raise RepositoryError(
            f"There is no directory {path}.", hint="name the folder of the checkout", slug="no-such-directory"
        )
    path = path.resolve()
    checkout = Runner(path, environ, {})
    if checkout.attempt("rev-parse", "--git-dir").status != 0:
        checkout.run("init", "--quiet", "--template=", "--initial-branch=tryline", str(path))
    common = Path(checkout.run("rev-parse", "--path-format=absolute", "--git-common-dir").text())
    fetching = _Fetching(checkout, common, remote, wanted, environ, patience or Patience())
    fetching.run()
    for commit, ref in ((head, PULL.format(number)), (base, BASE.format(number))):
        checkout.run("update-ref", "--no-deref", ref, commit)
    if checkout.attempt("rev-parse", "--quiet", "--verify", "HEAD^{commit}").status != 0:
        # A review compares commits; it needs no files on disk, but what opens a repository wants a HEAD.
        checkout.run("update-ref", "--no-deref", "HEAD", head)
    return Workspace.open(path, environ=environ)


def _check(remote: Remote, wanted: Wanted) -> None:
    """Refuses what cannot be, or could mean something else to git. Raises RepositoryError."""
    try:
        parts = urlsplit(remote.url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # No credentials: an address is shown in messages. Only printable ASCII, and nothing that ends a quoted string.
    if not usable or "@" in parts.netloc or not re.fullmatch(r"[!#-\[\]-~]+", remote.url):
        raise RepositoryError(
            "The address of the repository is no http or https address without credentials.",
            hint="it comes from the platform's API; check GITHUB_API_URL and GITHUB_SERVER_URL, in GitLab CI "
            "CI_API_V4_URL and CI_SERVER_URL",
            slug="bad-remote",
        )
    if any(not 32 <= ord(c) < 127 for c in remote.header):
        raise RepositoryError(
            "The token holds characters that no header can hold.",
            hint="check how the secret was stored: a line end at its end is the usual cause",
            slug="bad-remote",
        )
    for commit in (wanted.head, wanted.base):
        if not _COMMIT.fullmatch(commit):
            raise RepositoryError(
                f"{commit[:80]!r} is no commit id.", hint="give 40 hexadecimal digits", slug="bad-revision"
            )
    if not _REF.fullmatch(wanted.base_ref) or wanted.base_ref.startswith("-") or wanted.number < 1:
        raise RepositoryError(
            f"{wanted.base_ref[:80]!r} and #{wanted.number} are no branch and pull request.",
            hint="they come from the platform's API",
            slug="bad-revision",
        )


class _Fetching:
    """One fetch, from the look at what is there to the history that is long enough."""

    def __init__(
        self,
        checkout: Runner,
        common: Path,
        remote: Remote,
        wanted: Wanted,
        environ: Mapping[str, str],
        patience: Patience,
    ) -> None:
        self.checkout = checkout
        self.common = common
        self.remote = remote
        self.wanted = wanted
        self.environ = environ
        self.patience = patience
        self.ends = patience.clock() + patience.seconds

    def run(self) -> None:
        """Fetches what is lacking. Raises RepositoryError and ForgeError, see `prepare`."""
        if enough(self.checkout, self.common, self.wanted):
            return
        objects = self.common / "objects"
        if not os.access(objects, os.W_OK) or not os.access(self.common, os.W_OK):
            raise RepositoryError(
                f"The checkout lacks commits of the pull request, and {self.common} cannot be written.",
                hint="check out with `fetch-depth: 0` (in GitLab CI `GIT_DEPTH: 0`), or let the folder be written",
                slug="read-only-repository",
            )
        before = shallows(self.common)
        start = self.checkout.attempt("rev-parse", "--quiet", "--verify", "HEAD^{commit}")
        known = start.text() if start.status == 0 else ""
        # The server sends less to those who say what they have; but a partial clone does not have all of it.
        told = known if not any((objects / "pack").glob("*.promisor")) else ""
        with private(self.remote, self.environ, told, before) as folder:
            git = Runner(folder, self.environ, self.alone(folder))
            for depth in self.depths(known, cut=bool(before)):
                self.fetch(git, depth)
                # Before anything else reads them: objects whose parents are missing are only right with this list.
                if enough(git, folder, self.wanted):
                    break
            keep_shallows(self.common, before, shallows(folder))

    def alone(self, folder: Path) -> dict[str, str]:
        """What makes git take its configuration from the private folder, and from the machine's administrator."""
        around = {"GIT_DIR": str(folder), "GIT_CONFIG_GLOBAL": os.devnull}
        around["GIT_OBJECT_DIRECTORY"] = str(self.common / "objects")
        direct = _first(self.environ, "no_proxy", "NO_PROXY")
        return {**around, "no_proxy": direct} if direct else around  # git has no setting for it

    def depths(self, known: str, *, cut: bool) -> Sequence[int]:
        """How much history is asked for, try by try; 0 is what the checkout lacks, however much that is."""
        if known and not cut:
            return (0,)  # asking for a depth would cut a whole history short
        count = self.checkout.attempt("rev-list", "--count", "--first-parent", "HEAD").text() if known else "0"
        have = int(count) if count.isdigit() else 0
        return (*(depth for depth in DEPTHS if depth >= have), EVERYTHING)

    def fetch(self, git: Runner, depth: int) -> None:
        """One fetch of both commits, by their ids: what else a branch has come to is not asked for."""
        wanted = self.wanted
        refs = {wanted.head: PULL.format(wanted.number), wanted.base: BASE.format(wanted.number)}
        command = (
            "fetch",
            "--quiet",
            "--force",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-filter",
            *([f"--depth={depth}"] if depth else []),
            "--",
            self.remote.url,
            *(f"+{commit}:{ref}" for commit, ref in refs.items()),
        )
        done = self.patiently(git, *command)
        if done.status != 0:
            raise self.refusal(git, done)

    def patiently(self, git: Runner, *command: str) -> Output:
        """What a command gave, made again after failures that pass. Raises ForgeError where they do not."""
        pauses = iter(self.patience.pauses)
        while True:
            left = self.ends - self.patience.clock()
            try:
                done = git.within(left, *command)
            except TimeoutError:
                raise ForgeError(
                    f"Fetching from {self.host} did not end within {self.patience.seconds:.0f} s.",
                    hint="check out more history beforehand: `fetch-depth: 0` for actions/checkout, in GitLab CI "
                    "`GIT_DEPTH: 0`",
                    slug="forge-server",
                ) from None
            pause = next(pauses, None)
            if done.status == 0 or not passes(done.error):
                return done
            if pause is None or pause >= self.ends - self.patience.clock():
                raise ForgeError(
                    f"Fetching from {self.host} failed, each time it was tried: {self.told(done)}",
                    hint="run the job again later; behind a proxy, set HTTPS_PROXY and NO_PROXY",
                    slug="forge-server",
                )
            self.patience.sleep(pause)

    @property
    def host(self) -> str:
        """The server, for messages."""
        return urlsplit(self.remote.url).netloc

    def told(self, output: Output) -> str:
        """What git complained of, for a message."""
        return complaint(output.error, secrets(self.remote, self.environ))

    def refusal(self, git: Runner, done: Output) -> RepositoryError | ForgeError:
        """The error that a failed fetch is: whose fault, and what to do. May ask the server what it has."""
        problem = _refused(self.host, done.error, self.told(done))
        if problem is not None:
            return problem
        wanted = self.wanted
        base_name = f"refs/heads/{wanted.base_ref}"
        names = (*(name.format(wanted.number) for name in TIPS), base_name)
        there = self.patiently(git, "ls-remote", "--quiet", "--", self.remote.url, *names)
        if there.status != 0:
            told = self.told(there)
            return _refused(self.host, there.error, told) or _unexpected(self.host, told)
        rows = (line.split("\t", 1) for line in there.text().split("\n") if "\t" in line)
        tips = {name: commit for commit, name in rows}
        base = tips.get(base_name, "")
        pull = next((tips[name] for name in names[:-1] if name in tips), "")
        if wanted.head in done.error or pull != wanted.head:
            now = f"its tip is {pull[:12]} now" if pull else f"the server has no {' and no '.join(names[:-1])}"
            what = f"The pull request has moved on: the server no longer gives commit {wanted.head[:12]}; {now}."
        elif wanted.base in done.error or base != wanted.base:
            now = f"its tip is {base[:12]} now" if base else "the branch is gone"
            what = (
                f"The base branch {wanted.base_ref} has moved on: the server no longer gives commit "
                f"{wanted.base[:12]}; {now}."
            )
        else:
            return _unexpected(self.host, self.told(done))
        return RepositoryError(what, hint="a newer run reviews what is there now", slug="pull-moved")


# ------------------------------------------------------------------------------------------ what is there


def enough(git: Runner, folder: Path, wanted: Wanted) -> bool:
    """Whether both commits are there, and as much history as their merge base needs.

    A common ancestor in a shallow history need not be the nearest: one that is hidden behind the cut could be
    nearer, unless all that is cut off is older. Without a common ancestor, only a whole history says so.
    """
    for commit in (wanted.head, wanted.base):
        # The trees count, too: a commit alone may be left over from a fetch that broke off.
        if git.attempt("rev-parse", "--quiet", "--verify", f"{commit}^{{tree}}").status != 0:
            return False
        if git.attempt("cat-file", "-e", f"{commit}^{{tree}}").status != 0:
            return False
    found = git.attempt("merge-base", wanted.base, wanted.head)
    ancestor = found.text().split("\n")[0] if found.status == 0 else ""
    cut = shallows(folder)
    if not cut:
        return True
    tips = [wanted.base, wanted.head] + ([f"^{ancestor}"] if ancestor else [])
    rows = git.attempt("rev-list", "--timestamp", *tips)
    if rows.status != 0:
        return False
    dates = [int(row.split()[0]) for row in rows.text().split("\n") if row and row.split()[1] in cut]
    if not dates or not ancestor:
        return not dates
    date = git.attempt("show", "--no-patch", "--no-show-signature", "--format=%ct", ancestor).text()
    return date.isdigit() and max(dates) <= int(date)


def shallows(folder: Path) -> frozenset[str]:
    """The commits at which a git folder's history is cut."""
    try:
        text = (folder / "shallow").read_text("ascii")
    except (OSError, ValueError):
        return frozenset()
    return frozenset(line for line in text.split("\n") if _COMMIT.fullmatch(line))


def keep_shallows(folder: Path, before: frozenset[str], after: frozenset[str]) -> None:
    """Writes down in the checkout where its history is cut now. Raises RepositoryError.

    Under the lock that git itself takes, and as a difference: somebody else may have fetched meanwhile.
    """
    if before == after:
        return
    lock = folder / "shallow.lock"
    try:
        handle = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        raise RepositoryError(
            f"Another git works in the checkout: {lock} is there.",
            hint="wait for it; if no git runs, remove the file",
            slug="git-failed",
        ) from None
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            now = (shallows(folder) - (before - after)) | (after - before)
            stream.write("".join(f"{commit}\n" for commit in sorted(now)))
        if now:
            lock.replace(folder / "shallow")
        else:
            (folder / "shallow").unlink(missing_ok=True)
    finally:
        lock.unlink(missing_ok=True)


# --------------------------------------------------------------------------------------- the private folder


@contextlib.contextmanager
def private(remote: Remote, environ: Mapping[str, str], have: str, cut: frozenset[str]) -> Iterator[Path]:
    """A git folder for one fetch, readable by nobody else and gone afterwards, whatever happens.

    `have` is a commit that the server may build on, `cut` where its history ends.
    """
    with tempfile.TemporaryDirectory(prefix="tryline-fetch-") as scratch:
        folder = Path(scratch)
        (folder / "objects").mkdir()
        (folder / "refs" / "tryline").mkdir(parents=True)
        (folder / "HEAD").write_text("ref: refs/heads/none\n")
        if have:
            (folder / "refs" / "tryline" / "have").write_text(f"{have}\n")
        if cut:
            (folder / "shallow").write_text("".join(f"{commit}\n" for commit in sorted(cut)))
        handle = os.open(folder / "config", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(configuration(remote, environ))
        yield folder


def configuration(remote: Remote, environ: Mapping[str, str]) -> str:
    """The text of the private git configuration: where the header goes, and how the network is reached."""
    http = {"followRedirects": "false", "lowSpeedLimit": "1000", "lowSpeedTime": "60", "cookieFile": ""}
    http |= network(remote, environ)
    sections = [
        "[core]\n\trepositoryFormatVersion = 0\n\tbare = true\n\taskPass =\n",
        "[credential]\n\thelper =\n",
        # Packs are kept: loose objects would lie in folders that another user, later in the job, cannot write.
        "[fetch]\n\tunpackLimit = 1\n",
        '[protocol "http"]\n\tallow = always\n[protocol "https"]\n\tallow = always\n',
        "[http]\n" + "".join(f"\t{name} = {_quoted(value)}\n" for name, value in http.items()),
    ]
    # First nothing: a header that the administrator set would go out beside ours, and servers refuse two.
    header = f"\textraHeader = {_quoted(f'Authorization: {remote.header}')}\n" if remote.header else ""
    sections.append(f"[http {_quoted(remote.url)}]\n\textraHeader =\n{header}")
    return "".join(sections)


def network(remote: Remote, environ: Mapping[str, str]) -> dict[str, str]:
    """Git's settings for the proxy and the certificates that the environment names."""
    secure = remote.url.startswith("https:")
    proxies = ("https_proxy", "HTTPS_PROXY") if secure else ("http_proxy", "HTTP_PROXY")
    found = {"proxy": _first(environ, *proxies, "all_proxy", "ALL_PROXY")}
    bundle = _first(
        environ, "GIT_SSL_CAINFO", "CI_SERVER_TLS_CA_FILE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"
    )
    folder = _first(environ, "GIT_SSL_CAPATH", "SSL_CERT_DIR")
    if bundle and Path(bundle).is_dir():
        bundle, folder = "", folder or bundle
    found |= {"sslCAInfo": bundle, "sslCAPath": folder}
    return {name: value for name, value in found.items() if value}


def _first(environ: Mapping[str, str], *names: str) -> str:
    """The first of these variables that says something."""
    return next((environ[name] for name in names if environ.get(name)), "")


def _quoted(value: str) -> str:
    """A value for a git configuration file."""
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{text}"'


def secrets(remote: Remote, environ: Mapping[str, str]) -> list[str]:
    """What no message may hold: the header, the token in it, the password of a proxy."""
    proxy = urlsplit(network(remote, environ).get("proxy", ""))
    found = [remote.header, *remote.header.split()[1:], proxy.password or "", proxy.netloc.rpartition("@")[0]]
    with contextlib.suppress(ValueError):  # `basic`: the token lies in it, behind a name
        pair = base64.b64decode(remote.header.partition(" ")[2], validate=True).decode("ascii")
        found += [pair, pair.partition(":")[2]]
    return sorted((secret for secret in found if secret), key=len, reverse=True)


# --------------------------------------------------------------------------------------- what git complains of

_LASTING = re.compile(
    r"could not read (?:Username|Password)|Authentication failed|not our ref|upload-pack: not our ref"
    r"|Server does not allow request|[Cc]ouldn't find remote ref|no such remote ref|[Rr]epository .*not found"
    r"|returned error: (?:3\d\d|4(?!08|29)\d\d)|unable to update url base|SSL certificate|certificate verif"
    r"|CAfile|CApath|transport '[^']*' not allowed|Unsupported protocol|not valid: is this a git repository"
    r"|No space left on device|[Pp]ermission denied|shallow file has changed|bad object|Unsupported proxy"
)
"""What is the same however often it is tried."""


def complaint(error: str, hidden: Sequence[str]) -> str:
    """What git complained of first, in one line of printable text that holds none of these secrets."""
    fatal = [line for line in error.split("\n") if line.startswith(("fatal:", "error:"))]
    text = (fatal or [first_line(error)])[0]
    for secret in hidden:
        text = text.replace(secret, "***")
    return re.sub(r"[^\x20-\x7e]", "?", text)[:300]


def passes(error: str) -> bool:
    """Whether a failure may be gone at the next try: everything that is not known to last."""
    return _LASTING.search(error) is None


def _refused(host: str, error: str, told: str) -> ForgeError | None:
    """The error that the server's answer is, if it is about the repository or who may read it."""
    denied = re.search(
        r"could not read (?:Username|Password)|Authentication failed|returned error: 40[137]", error
    )
    if denied:
        return ForgeError(
            f"{host} does not let us read the repository: {told}",
            hint=f"{NEEDED}, and must not have expired",
            slug="forge-auth",
        )
    if re.search(r"returned error: 3\d\d|unable to update url base", error):
        return ForgeError(
            f"{host} redirects to another address: {told}",
            hint="a token follows no redirect; name the repository as it is called now",
            slug="forge-refused",
        )
    if re.search(r"returned error: 404|[Rr]epository .*not found|not valid: is this a git repository", error):
        return ForgeError(
            f"{host} has no such repository, or the token may not see it: {told}",
            hint=NEEDED,
            slug="forge-missing",
        )
    if re.search(r"SSL certificate|certificate verif|CAfile|CApath", error):
        return ForgeError(
            f"The certificate of {host} is not trusted here: {told}",
            hint="name the authority's certificate in SSL_CERT_FILE",
            slug="forge-server",
        )
    if re.search(r"not our ref|Server does not allow request|remote ref", error):
        return None
    return _unexpected(host, told)


def _unexpected(host: str, told: str) -> ForgeError:
    """An answer that we have no words for."""
    return ForgeError(f"Fetching from {host} failed: {told}", hint="run the job again later", slug="forge-server")
