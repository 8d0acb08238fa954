"""What an audit maintains on GitLab: one issue, and draft merge requests; once, whatever goes wrong.

**Ours** is what our account wrote and what ends in our marker. **Once** comes from looking, before anything is
created and after every failure that leaves open whether it was.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from bot import identity
from bot.errors import ForgeError, UsageError
from bot.forges.gitlab.client import Call, Client, quoted
from bot.forges.gitlab.host import API, DIALECT, READ, Account
from bot.forges.gitlab.kept import Branch, File, Named, Opened
from bot.forges.gitlab.kept import Issue as Found
from bot.forges.gitlab.shapes import Note
from bot.forges.once import created
from bot.markers import same
from bot.plan import Draft, Issue, IssueText, Proposed
from bot.upkeep_markers import read_draft, read_issue, read_news

MAX_TITLE = 255
"""Characters of a title that GitLab takes."""
DRAFT = "Draft: "
"""What makes a merge request a draft: the beginning of its title."""


class GitLabUpkeep:
    """An `Upkeep`: one project of gitlab.com or of a host of one's own, seen with one token.

    The arguments are those of `GitLab`. Raises UsageError for an address or a project that is none, ForgeError for
    a token that cannot be one.
    """

    dialect = DIALECT

    def __init__(
        self,
        *,
        token: str,
        repository: str,
        api_url: str = "https://gitlab.com/api/v4",
        account: str | None = None,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = 120.0,
        pause: float = 0.2,
        timeout: int = 15,
    ) -> None:
        if not re.fullmatch(r"(?:(?!\.\.?/)[\w.-]+/)+(?!\.\.?$)[\w.-]+|[1-9]\d*", repository, re.ASCII):
            raise UsageError(
                "The project must be its whole path, GROUP/NAME.",
                hint="CI_PROJECT_PATH holds it in a job.",
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
        self._root = f"/projects/{quoted(repository)}"

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
            payload = {"title": title, "description": text.body}
            call = self._writing("open the issue", "POST", "/issues", payload)
            return _told(created(self._client, call, Found, self._issue))
        if text.news:
            self._tell(f"/issues/{found.iid}/notes", text.news)
        changes: dict[str, Any] = {}
        if found.title != title:
            changes["title"] = title
        if not same(found.description or "", text.body):
            changes["description"] = text.body
        if (found.state == "opened") != text.open:
            changes["state_event"] = "reopen" if text.open else "close"
        if changes:
            call = self._writing("edit the issue", "PUT", f"/issues/{found.iid}", changes, again=True)
            found = self._client.write(call, Found)
        return _told(found)

    def _issue(self) -> Found | None:
        query = {"scope": "created_by_me", "state": "all", "order_by": "created_at", "sort": "desc"}
        ours = [
            one
            for one in self._client.pages(self._reading("read our issues", "/issues", query), Found)
            if self._account.is_ours(one.author) and read_issue(one.description or "")
        ]
        return max(ours, key=lambda one: one.iid, default=None)

    def _tell(self, path: str, news: str) -> None:
        """Comments once: what has the same key was told."""
        key = read_news(news)

        def told() -> Note | None:
            notes = self._client.pages(self._reading("read comments", path), Note)
            mine = (one for one in notes if self._account.is_ours(one.author))
            return next((one for one in mine if key and read_news(one.body) == key), None)

        if told() is None:
            created(self._client, self._writing("comment", "POST", path, {"body": news}), Note, told)

    # ------------------------------------------------------------------------------------------ the drafts

    def blob(self, path: str) -> str:
        """Git's id of a file's content as the default branch has it now; empty where it has no such file."""
        self._client.renew()
        return self._blob(path, "HEAD")

    def proposed(self) -> tuple[Proposed, ...]:
        """Draft merge requests that we opened, in whatever state they are now."""
        self._client.renew()
        query = {"scope": "created_by_me", "state": "all"}
        call = self._reading("read our merge requests", "/merge_requests", query)
        return tuple(
            _proposed(finding, one)
            for one in self._client.pages(call, Opened)
            if self._account.is_ours(one.author) and (finding := read_draft(one.description or ""))
        )

    def propose(self, draft: Draft) -> Proposed:
        """Pushes the branch, which holds `base` and one commit, and opens the draft merge request.

        A branch that is there already must hold the same bytes. Nothing is opened twice, nor again after somebody
        has closed it.
        """
        self._client.renew()
        there = self._merge_request_of(draft.branch)
        if there is None:
            if self._branch(draft.branch) is None:
                self._make_branch(draft)
            for path, content in draft.files.items():
                if self._blob(path, draft.branch) != identity.blob(content, draft.base):
                    raise ForgeError(
                        f"The branch {self._client.safe(draft.branch)} is there already and holds something else.",
                        hint="Delete the branch; the next audit makes it anew.",
                        slug="forge-refused",
                    )
            payload = {
                "source_branch": draft.branch,
                "target_branch": draft.base_ref,
                "title": f"{DRAFT}{draft.title}"[:MAX_TITLE],
                "description": draft.body,
                "remove_source_branch": True,
            }
            call = self._writing("open the merge request", "POST", "/merge_requests", payload)
            there = created(self._client, call, Opened, lambda: self._merge_request_of(draft.branch))
        return _proposed(draft.finding, there)

    def withdraw(self, proposed: Proposed, why: str) -> None:
        """Closes one of our draft merge requests and comments why, once; the branch stays."""
        self._client.renew()
        path = f"/merge_requests/{proposed.number}"
        self._tell(f"{path}/notes", why)
        closing = self._writing("close the merge request", "PUT", path, {"state_event": "close"}, again=True)
        self._client.write(closing, Opened)

    def warnings(self) -> tuple[str, ...]:
        """What somebody should set right for the next time."""
        name, configured = self._account.name, self._account.configured
        if not configured or name.lower() == configured.lower():
            return ()
        return (f"The token writes as {self._client.safe(name)}, and `pull.account` names another.",)

    def _merge_request_of(self, branch: str) -> Opened | None:
        """The newest merge request of a branch, open or not."""
        query = {"state": "all", "source_branch": branch}
        call = self._reading("look for a merge request", "/merge_requests", query)
        return max(self._client.pages(call, Opened), key=lambda one: one.iid, default=None)

    def _branch(self, branch: str) -> Branch | None:
        try:
            call = self._reading("read a branch", f"/repository/branches/{quoted(branch)}")
            return self._client.read(call, Branch)
        except ForgeError as error:
            if error.slug != "forge-missing":
                raise
            return None

    def _make_branch(self, draft: Draft) -> None:
        """The branch and its commit are made in one request. Files keep their modes."""
        actions = [
            {
                "action": "update",
                "file_path": path,
                "content": base64.b64encode(content).decode("ascii"),
                "encoding": "base64",
            }
            for path, content in sorted(draft.files.items())
        ]
        payload = {
            "branch": draft.branch,
            "start_sha": draft.base,
            "commit_message": draft.message,
            "actions": actions,
        }
        call = self._writing("make the branch", "POST", "/repository/commits", payload)

        def there() -> Named | None:
            found = self._branch(draft.branch)
            return None if found is None else found.commit

        created(self._client, call, Named, there)

    def _blob(self, path: str, ref: str) -> str:
        call = self._reading("read a file's id", f"/repository/files/{quoted(path)}", {"ref": ref})
        try:
            return self._client.read(call, File).blob_id
        except ForgeError as error:
            if error.slug != "forge-missing":
                raise
            return ""

    def _reading(self, doing: str, path: str, query: Mapping[str, str | int] | None = None) -> Call:
        return Call(doing, READ, "GET", f"{self._root}{path}", query or {})

    def _writing(
        self, doing: str, verb: str, path: str, payload: Mapping[str, Any], *, again: bool = False
    ) -> Call:
        return Call(doing, API, verb, f"{self._root}{path}", {}, payload, again)


def _told(found: Found) -> Issue:
    return Issue(found.iid, found.title, found.description or "", found.state == "opened", found.web_url)


def _proposed(finding: str, one: Opened) -> Proposed:
    return Proposed(finding, one.iid, one.state == "opened", one.state == "merged", one.web_url)
