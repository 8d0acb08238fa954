"""What an audit maintains on GitHub: one issue, and draft pull requests; once, whatever goes wrong.

**Ours** is what our account wrote and what ends in our marker. **Once** comes from looking, before anything is
created and after every failure that leaves open whether it was.
"""

from __future__ import annotations

import base64
import re
import time
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from bot import identity
from bot.errors import ForgeError, UsageError
from bot.forges.github.account import Account
from bot.forges.github.client import Answered, Call, Client
from bot.forges.github.shapes import Commit, IssueComment, Named, Opened, Ref
from bot.forges.github.shapes import Issue as Found
from bot.forges.once import created
from bot.markers import same
from bot.plan import Dialect, Draft, Issue, IssueText, Proposed
from bot.upkeep_markers import read_draft, read_issue, read_news

ISSUES, CONTENTS, PULLS = "issues: write", "contents: write", "pull-requests: write"
MAX_TITLE = 256
"""Characters of a title that GitHub takes."""


class GitHubUpkeep:
    """An `Upkeep`: one repository of GitHub or GitHub Enterprise, seen with one token.

    The arguments are those of `GitHub`. Raises UsageError for an address or a repository that is none, ForgeError
    for a token that cannot be one.
    """

    dialect = Dialect()

    def __init__(
        self,
        *,
        token: str,
        repository: str,
        api_url: str = "https://api.github.com",
        account: str | None = None,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = 120.0,
        pause: float = 1.0,
        timeout: int = 15,
    ) -> None:
        if not re.fullmatch(r"(?!\.)[\w.-]+/(?!\.\.?$)[\w.-]+", repository, re.ASCII):
            raise UsageError(
                "The repository must be OWNER/NAME.",
                hint="GITHUB_REPOSITORY holds it in a workflow.",
                slug="usage",
            )
        self._client = Client(
            token=token,
            api_url=api_url,
            environ=environ,
            clock=clock,
            sleep=sleep,
            patience=patience,
            pause=pause,
            timeout=timeout,
        )
        self._account = Account(self._client, account)
        self._owner = repository.partition("/")[0]
        self._root = f"/repos/{repository}"

    # ------------------------------------------------------------------------------------------ the issue

    def issue(self) -> Issue | None:
        """Our issue about audits: the newest one of our own account with our marker, open or closed."""
        self._client.renew()
        found = self._issue()
        return None if found is None else _told(found)

    def keep_issue(self, text: IssueText) -> Issue:
        """Makes our issue say this: there or new, open or closed. Idempotent.

        News are commented before the issue is changed: what it then remembers it has told was told. Nothing is
        made where it is to be closed and none is there: Issue(0, ...) then.
        """
        self._client.renew()
        found = self._issue()
        title = text.title[:MAX_TITLE]
        if found is None:
            if not text.open:
                return Issue(0, title, text.body, open=False)
            call = self._call("open the issue", ISSUES, "POST", "/issues", {"title": title, "body": text.body})
            made = created(self._client, call, Found, self._issue)
            self._account.learn(made.user)
            return _told(made)
        if text.news:
            self._tell(found.number, text.news)
        changes: dict[str, Any] = {}
        if found.title != title:
            changes["title"] = title
        if not same(found.body or "", text.body):
            changes["body"] = text.body
        if (found.state == "open") != text.open:
            changes["state"] = "open" if text.open else "closed"
        if changes:
            call = self._call("edit the issue", ISSUES, "PATCH", f"/issues/{found.number}", changes, again=True)
            found = self._client.write(call, Found)
        return _told(found)

    def _issue(self) -> Found | None:
        ours = [
            one for one in self._made("read our issues") if one.pull_request is None and read_issue(one.body or "")
        ]
        return max(ours, key=lambda one: one.number, default=None)

    def _made(self, doing: str) -> list[Found]:
        """Issues and pull requests of our account."""
        query = {"creator": self._account.login, "state": "all", "sort": "created", "direction": "desc"}
        call = self._call(doing, "issues: read", "GET", "/issues", query=query)
        return [one for one in self._client.pages(call, Found) if self._account.is_ours(one.user)]

    def _tell(self, number: int, news: str) -> None:
        """Comments once: what has the same key was told."""
        path = f"/issues/{number}/comments"
        reading = self._call("read the issue's comments", "issues: read", "GET", path)

        def told() -> IssueComment | None:
            key = read_news(news)
            comments = self._client.pages(reading, IssueComment)
            mine = (one for one in comments if self._account.is_ours(one.user))
            return next((one for one in mine if key and read_news(one.body or "") == key), None)

        if told() is None:
            call = self._call("comment on the issue", ISSUES, "POST", path, {"body": news})
            created(self._client, call, IssueComment, told)

    # ------------------------------------------------------------------------------------------ the drafts

    def blob(self, path: str) -> str:
        """Git's id of a file's content as the default branch has it now; empty where it has no such file."""
        self._client.renew()
        return self._blob(path, None)

    def proposed(self) -> tuple[Proposed, ...]:
        """Draft pull requests that we opened, in whatever state they are now."""
        self._client.renew()
        return tuple(
            Proposed(
                finding, one.number, one.state == "open", one.pull_request.merged_at is not None, one.html_url
            )
            for one in self._made("read our pull requests")
            if one.pull_request is not None and (finding := read_draft(one.body or ""))
        )

    def propose(self, draft: Draft) -> Proposed:
        """Pushes the branch, which holds `base` and one commit, and opens the draft pull request.

        A branch that is there already must hold the same bytes. Nothing is opened twice, nor again after somebody
        has closed it. Where the repository has no drafts it is an ordinary one, called a draft in its title.
        """
        self._client.renew()
        there = self._pull_of(draft.branch)
        if there is None:
            if self._tip(draft.branch) is None:
                self._branch(draft)
            self._check_branch(draft)
            there = self._opened(draft)
        return Proposed(
            draft.finding, there.number, there.state == "open", there.merged_at is not None, there.html_url
        )

    def withdraw(self, proposed: Proposed, why: str) -> None:
        """Closes one of our draft pull requests and comments why, once; the branch stays."""
        self._client.renew()
        self._tell(proposed.number, why)
        payload = {"state": "closed"}
        call = self._call(
            "close the pull request", PULLS, "PATCH", f"/issues/{proposed.number}", payload, again=True
        )
        self._client.write(call, Found)

    def warnings(self) -> tuple[str, ...]:
        """What somebody should set right for the next time."""
        if not self._account.mistaken:
            return ()
        login = self._client.safe(self._account.login)
        return (
            f"The token writes as {login}: set `pull.account` to it, or the next audit does not find what this "
            "one has opened.",
        )

    def _pull_of(self, branch: str) -> Opened | None:
        """The newest pull request of a branch of this repository, open or not."""
        query = {"state": "all", "head": f"{self._owner}:{branch}"}
        call = self._call("look for a pull request", "pull-requests: read", "GET", "/pulls", query=query)
        return max(self._client.pages(call, Opened), key=lambda pull: pull.number, default=None)

    def _tip(self, branch: str) -> Ref | None:
        path = f"/git/ref/heads/{urllib.parse.quote(branch)}"
        try:
            return self._client.read(self._call("read a branch", "contents: read", "GET", path), Ref)
        except ForgeError as error:
            if error.slug != "forge-missing":
                raise
            return None

    def _branch(self, draft: Draft) -> None:
        """One commit on `base`. What git names by its content may be made twice: it is the same."""
        reading = self._call("read the commit", "contents: read", "GET", f"/git/commits/{draft.base}")
        base = self._client.read(reading, Commit)
        rows: list[dict[str, str]] = []
        for path, content in sorted(draft.files.items()):
            payload: dict[str, Any] = {"content": base64.b64encode(content).decode("ascii"), "encoding": "base64"}
            call = self._call("store a file", CONTENTS, "POST", "/git/blobs", payload, again=True)
            blob = self._client.write(call, Named)
            mode = "100755" if path in draft.executable else "100644"
            rows.append({"path": path, "mode": mode, "type": "blob", "sha": blob.sha})
        payload = {"base_tree": base.tree.sha, "tree": rows}
        tree = self._client.write(
            self._call("store the files", CONTENTS, "POST", "/git/trees", payload, again=True), Named
        )
        payload = {"message": draft.message, "tree": tree.sha, "parents": [draft.base]}
        commit = self._client.write(
            self._call("store the commit", CONTENTS, "POST", "/git/commits", payload, again=True), Named
        )
        payload = {"ref": f"refs/heads/{draft.branch}", "sha": commit.sha}
        call = self._call("make the branch", CONTENTS, "POST", "/git/refs", payload)
        created(self._client, call, Ref, lambda: self._tip(draft.branch))

    def _check_branch(self, draft: Draft) -> None:
        """What is proposed is what was verified, whoever made the branch."""
        for path, content in draft.files.items():
            if self._blob(path, draft.branch) != identity.blob(content, draft.base):
                raise ForgeError(
                    f"The branch {self._client.safe(draft.branch)} is there already and holds something else.",
                    hint="Delete the branch; the next audit makes it anew.",
                    slug="forge-refused",
                )

    def _opened(self, draft: Draft) -> Opened:
        payload = {
            "title": draft.title[:MAX_TITLE],
            "body": draft.body,
            "head": draft.branch,
            "base": draft.base_ref,
            "draft": True,
        }

        def opened() -> Opened:
            call = self._call("open the pull request", PULLS, "POST", "/pulls", payload)
            return created(self._client, call, Opened, lambda: self._pull_of(draft.branch))

        try:
            return opened()
        except Answered as error:
            if error.status == 403:
                error.hint += (
                    " A workflow may open pull requests where the repository allows it: Settings, Actions, "
                    "General, Workflow permissions."
                )
            if error.status != 422 or "draft" not in error.message.lower():
                raise
        payload |= {"draft": False, "title": f"Draft: {draft.title}"[:MAX_TITLE]}
        return opened()

    def _blob(self, path: str, ref: str | None) -> str:
        query = {} if ref is None else {"ref": ref}
        where = f"/contents/{urllib.parse.quote(path)}"
        call = self._call("read a file's id", "contents: read", "GET", where, query=query)
        try:
            return self._client.read(call, Named).sha
        except ForgeError as error:
            # A folder of this name is answered with a list.
            if error.slug not in ("forge-missing", "forge-garbled"):
                raise
            return ""

    def _call(
        self,
        doing: str,
        needs: str,
        verb: str,
        path: str,
        payload: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str | int] | None = None,
        again: bool = False,
    ) -> Call:
        return Call(doing, needs, verb, f"{self._root}{path}", query or {}, payload, again or verb == "GET")


def _told(found: Found) -> Issue:
    return Issue(found.number, found.title, found.body or "", found.state == "open", found.html_url)
