"""Operations of the API that maintain something: issues, git's data, pull requests that are opened."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from servers.github.faults import error
from servers.github.history import GitFailed, Repository, git
from servers.github.operations import Ask, Operations, Refusal, Reply
from servers.github.state import BODY_LIMIT, Issue, PullRequest

if TYPE_CHECKING:
    from servers.github.double import GitHubDouble

_TITLE_LIMIT = 256


class AllOperations(Operations):
    """Every operation that the double knows."""

    def __init__(self, double: GitHubDouble) -> None:
        super().__init__(double)
        self._by_name |= {
            "issues/list-for-repo": self._issues,
            "issues/create": self._create_issue,
            "issues/update": self._update_issue,
            "git/create-blob": self._create_blob,
            "git/create-tree": self._create_tree,
            "git/create-commit": self._create_commit,
            "git/get-ref": self._ref,
            "git/create-ref": self._create_ref,
            "pulls/create": self._create_pull,
        }

    # ------------------------------------------------------------------------------------------------ issues

    def _issues(self, ask: Ask) -> Reply:
        """Pull requests are issues as well, for who may read them."""
        repository = self._repository(ask, "read", "issues", "pull_requests")
        state = ask.query.get("state", "open")
        labels = [one for one in ask.query.get("labels", "").split(",") if one]
        rows: list[Issue | PullRequest] = [
            one
            for held in (self._double.issues, self._double.pulls)
            for (name, _), one in held.items()
            if name == repository.full_name
        ]
        rows = [one for one in rows if state in ("all", one.state)]
        rows = [one for one in rows if set(labels) <= set(one.labels)]
        if creator := ask.query.get("creator"):
            rows = [one for one in rows if one.author.login.lower() == creator.lower()]
        if since := ask.query.get("since"):
            rows = [one for one in rows if one.updated >= since]
        by_update = ask.query.get("sort") == "updated"
        rows.sort(
            key=lambda one: (one.updated if by_update else one.created, one.number),
            reverse=ask.query.get("direction", "desc") == "desc",
        )
        return self._page(ask, [self._shown_issue(ask, repository, one) for one in rows])

    def _shown_issue(self, ask: Ask, repository: Repository, one: Issue | PullRequest) -> dict[str, Any]:
        count = len(self._double.issue_comments_on(one))
        association = self._association(repository, one.author.login)
        if isinstance(one, PullRequest):
            return ask.shapes.issue(one, repository, count, association)
        return ask.shapes.plain_issue(one, repository, count, association)

    def _issue(self, ask: Ask) -> Reply:
        repository, one = self._pull_of(ask, "read", "issues", "pull_requests")
        return Reply(200, self._shown_issue(ask, repository, one))

    def _create_issue(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "write", "issues")
        title, body = str(ask.body["title"]), ask.body.get("body") or ""
        self._checked(title, body)
        # Labels are set for those with push access alone; for others GitHub drops them without a word.
        names = [one if isinstance(one, str) else one["name"] for one in ask.body.get("labels", ())]
        issue = self._double.new_issue(repository, title, body, self._me(ask), names)
        shown = self._shown_issue(ask, repository, issue)
        return Reply(201, shown, headers={"Location": shown["url"]})

    def _checked(self, title: str | None, body: str | None) -> None:
        wrong = []
        if title is not None and not title.strip():
            wrong.append({"resource": "Issue", "code": "missing_field", "field": "title"})
        if title is not None and len(title) > _TITLE_LIMIT:
            message = f"title is too long (maximum is {_TITLE_LIMIT} characters)"
            wrong.append({"resource": "Issue", "code": "custom", "field": "title", "message": message})
        if body is not None and len(body) > BODY_LIMIT:
            message = f"body is too long (maximum is {BODY_LIMIT} characters)"
            wrong.append({"resource": "Issue", "code": "custom", "field": "body", "message": message})
        if wrong:
            raise Refusal(422, error(422, errors=wrong))

    def _update_issue(self, ask: Ask) -> Reply:
        repository, one = self._pull_of(ask, "write", "issues", "pull_requests")
        given = ask.body or {}
        title = None if given.get("title") is None else str(given["title"])
        self._checked(title, given.get("body"))
        if title is not None:
            one.title = title
        if "body" in given:
            one.body = given["body"] or ""
        if "state" in given:
            one.state = given["state"]
            if isinstance(one, Issue):
                closing = "completed" if one.state == "closed" else "reopened"
                one.reason = given.get("state_reason") or closing
        one.updated = self._double.stamp()
        return Reply(200, self._shown_issue(ask, repository, one))

    # -------------------------------------------------------------------------------------------- git's data

    def _create_blob(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "write", "contents")
        content = ask.body["content"]
        try:
            raw = base64.b64decode(content, validate=True) if ask.body.get("encoding") == "base64" else None
        except (binascii.Error, ValueError):
            raise Refusal(422, error(422, "content is not valid Base64")) from None
        data = content.encode() if raw is None else raw
        sha = git(repository.path, "hash-object", "-w", "--stdin", feed=data).decode().strip()
        url = f"{ask.shapes.api}/repos/{repository.full_name}/git/blobs/{sha}"
        return Reply(201, {"sha": sha, "url": url}, headers={"Location": url})

    def _create_tree(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "write", "contents")
        base = ask.body.get("base_tree")
        if base is not None and not repository.has(base):
            raise Refusal(422, error(422, "base_tree is not a valid tree oid"))
        for row in ask.body["tree"]:
            if not re.fullmatch(r"[0-9a-f]{40}", row.get("sha") or "") or not repository.has(row["sha"]):
                raise Refusal(422, error(422, f"tree.sha {row.get('sha')} is not a valid blob"))
        tree = repository.tree(base, [(row["mode"], row["sha"], row["path"]) for row in ask.body["tree"]])
        url = f"{ask.shapes.api}/repos/{repository.full_name}/git/trees/{tree}"
        return Reply(201, {"sha": tree, "url": url, "tree": [], "truncated": False}, headers={"Location": url})

    def _create_commit(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "write", "contents")
        tree, parents = ask.body["tree"], ask.body.get("parents", [])
        for sha in (tree, *parents):
            if not repository.has(sha):
                raise Refusal(422, error(422, f"{sha} is not there"))
        commit = repository.commit_tree(
            tree, parents, ask.body["message"], self._me(ask).login, int(self._double.now())
        )
        shown = ask.shapes.git_commit(repository, commit)
        return Reply(201, shown, headers={"Location": shown["url"]})

    def _ref(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "read", "contents")
        name = f"refs/{ask.at['ref']}"
        try:
            sha = (
                git(repository.path, "rev-parse", "--quiet", "--verify", "--end-of-options", name).decode().strip()
            )
        except GitFailed:
            raise Refusal(404, error(404)) from None
        return Reply(200, self._shown_ref(ask, repository, name, sha))

    def _shown_ref(self, ask: Ask, repository: Repository, name: str, sha: str) -> dict[str, Any]:
        here = f"{ask.shapes.api}/repos/{repository.full_name}/git"
        return {
            "ref": name,
            "node_id": f"REF_{sha[:10]}",
            "url": f"{here}/{name}",
            "object": {"sha": sha, "type": "commit", "url": f"{here}/commits/{sha}"},
        }

    def _create_ref(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "write", "contents")
        name, sha = ask.body["ref"], ask.body["sha"]
        if not name.startswith("refs/") or name.count("/") < 2:
            raise Refusal(422, error(422, "Reference name must start with 'refs/'."))
        if not repository.has(sha):
            raise Refusal(422, error(422, "Object does not exist"))
        if name.removeprefix("refs/heads/") in repository.heads():
            raise Refusal(422, error(422, "Reference already exists"))
        repository.set_ref(name, sha)
        shown = self._shown_ref(ask, repository, name, sha)
        return Reply(201, shown, headers={"Location": shown["url"]})

    # ------------------------------------------------------------------------------------------------- pulls

    def _create_pull(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "write", "pull_requests")
        body = ask.body
        head, base = body["head"].rpartition(":")[2], body["base"]

        def refuse(field: str, message: str = "") -> Refusal:
            row = {"resource": "PullRequest", "code": "custom" if message else "invalid"}
            row |= {"field": field} if field else {}
            return Refusal(422, error(422, errors=[row | ({"message": message} if message else {})]))

        if not repository.has(f"refs/heads/{head}"):
            raise refuse("head")
        if not repository.has(f"refs/heads/{base}"):
            raise refuse("base")
        if body.get("draft") and self._double.has_no_drafts:
            raise refuse("draft", "Draft pull requests are not supported in this repository.")
        if self._double.actions_open_no_pulls and ask.token is not None and ask.token.kind == "actions":
            message = "GitHub Actions is not permitted to create or approve pull requests."
            raise Refusal(403, error(403, message))
        there = [
            one
            for (name, _), one in self._double.pulls.items()
            if name == repository.full_name and (one.head_ref, one.base_ref, one.state) == (head, base, "open")
        ]
        if there:
            owner = repository.owner
            raise refuse("", f"A pull request already exists for {owner}:{head}.")
        if not repository.between(f"refs/heads/{base}", f"refs/heads/{head}"):
            raise refuse("", f"No commits between {base} and {head}")
        self._checked(body.get("title"), body.get("body"))
        number = self._double.open_pull(
            repository.full_name,
            head,
            base,
            title=body.get("title", ""),
            body=body.get("body") or "",
            author=self._me(ask).login,
            draft=bool(body.get("draft")),
        )
        made = self._described(ask, self._double.pull(repository.full_name, number), True)
        return Reply(201, made, headers={"Location": made["url"]})
