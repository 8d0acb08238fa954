"""What each operation of the API does, by its `operationId`."""

from __future__ import annotations

import base64
import gzip
import json
import re
import urllib.parse
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from servers.github.faults import DOCS, error
from servers.github.history import Repository, git
from servers.github.shapes import Shapes, plainest
from servers.github.state import (
    BODY_LIMIT,
    Anchor,
    CheckRun,
    Issue,
    IssueComment,
    Level,
    Placed,
    PullRequest,
    Reaction,
    Review,
    ReviewComment,
    Sarif,
    Status,
    Token,
    objects,
    place,
    sentence,
)

if TYPE_CHECKING:
    from servers.github.double import GitHubDouble

_DIFFS = frozenset({"diff", "v3.diff"})
_DIFF_FILES = 300
_DIFF_LINES = 20_000
_STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


class Refusal(Exception):
    """An operation answers with an error."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Ask:
    """A request that the contract has let through."""

    token: Token | None
    at: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    accept: str
    path: str
    shapes: Shapes

    @property
    def media(self) -> str:
        """The part of GitHub's media type behind `application/vnd.github.`."""
        found = re.search(r"application/vnd\.github\.([\w.]+)", self.accept)
        return found[1] if found else ""


@dataclass
class Reply:
    """What is answered."""

    status: int
    body: Any = None
    """JSON, or text of another kind."""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class Operations:
    """The operations, on the double's state. The double holds its lock while one runs."""

    def __init__(self, double: GitHubDouble) -> None:
        self._double = double
        self._by_name: dict[str, Callable[[Ask], Reply]] = {
            "rate-limit/get": self._rate_limit,
            "users/get-authenticated": self._user,
            "repos/get": self._repo,
            "repos/get-collaborator-permission-level": self._permission,
            "repos/get-commit": self._commit,
            "repos/compare-commits-with-basehead": self._compare,
            "repos/get-content": self._content,
            "repos/create-commit-status": self._create_status,
            "repos/list-commit-statuses-for-ref": self._statuses,
            "git/get-commit": self._git_commit,
            "pulls/list": self._pulls,
            "pulls/get": self._pull,
            "pulls/list-files": self._files,
            "pulls/list-commits": self._commits,
            "pulls/list-reviews": self._reviews,
            "pulls/create-review": self._create_review,
            "pulls/get-review": self._get_review,
            "pulls/update-review": self._update_review,
            "pulls/delete-pending-review": self._delete_review,
            "pulls/submit-review": self._submit_review,
            "pulls/dismiss-review": self._dismiss_review,
            "pulls/list-comments-for-review": self._comments_of_review,
            "pulls/list-review-comments": self._comments,
            "pulls/list-review-comments-for-repo": self._all_comments,
            "pulls/create-review-comment": self._create_comment,
            "pulls/create-reply-for-review-comment": self._create_reply,
            "pulls/get-review-comment": self._get_comment,
            "pulls/update-review-comment": self._update_comment,
            "pulls/delete-review-comment": self._delete_comment,
            "issues/get": self._issue,
            "issues/list-comments": self._issue_comments,
            "issues/create-comment": self._create_issue_comment,
            "issues/get-comment": self._get_issue_comment,
            "issues/update-comment": self._update_issue_comment,
            "issues/delete-comment": self._delete_issue_comment,
            "issues/add-labels": self._add_labels,
            "reactions/list-for-issue-comment": self._issue_reactions,
            "reactions/create-for-issue-comment": self._react_to_issue_comment,
            "reactions/list-for-pull-request-review-comment": self._comment_reactions,
            "reactions/create-for-pull-request-review-comment": self._react_to_comment,
            "checks/create": self._create_check,
            "checks/get": self._get_check,
            "checks/update": self._update_check,
            "checks/list-annotations": self._annotations,
            "checks/list-for-ref": self._checks,
            "code-scanning/upload-sarif": self._upload_sarif,
            "code-scanning/get-sarif": self._get_sarif,
        }

    @property
    def names(self) -> frozenset[str]:
        """The `operationId` of everything that can be asked."""
        return frozenset(self._by_name)

    def answer(self, name: str, ask: Ask) -> Reply:
        """The reply of one operation. Raises Refusal."""
        return self._by_name[name](ask)

    # ---------------------------------------------------------------------------------------------- access

    def _repository(self, ask: Ask, level: Level = "read", *rights: str) -> Repository:
        """The repository of the path, if the token may do this there: one of the rights is enough."""
        repository = self._double.repositories.get(f"{ask.at['owner']}/{ask.at['repo']}".lower())
        token = ask.token
        if repository is None:
            _missing()
        sees = token is not None and (token.repositories is None or repository.full_name in token.repositories)
        if repository.private and not sees:
            _missing()
        if token is None:
            if level == "write":
                raise Refusal(401, error(401, "Requires authentication"))
            return repository
        allowed = sees and any(token.may(right, level) for right in rights)
        if rights and not allowed and (level == "write" or repository.private):
            _forbidden(token)
        return repository

    def _pull_of(self, ask: Ask, level: Level = "read", *rights: str) -> tuple[Repository, Any]:
        """The pull request of the path, or the issue where the path names one."""
        repository = self._repository(ask, level, *(rights or ("pull_requests",)))
        number = int(ask.at.get("pull_number") or ask.at["issue_number"])
        pull: Any = self._double.pulls.get((repository.full_name, number))
        if pull is None and "issue_number" in ask.at:
            pull = self._double.issues.get((repository.full_name, number))
        return repository, pull or _missing()

    def _association(self, repository: Repository, login: str) -> str:
        if login == repository.owner:
            return "OWNER"
        role = repository.collaborators.get(login)
        if role is not None:
            return "COLLABORATOR"
        opened = any(
            pull.author.login == login
            for (name, _), pull in self._double.pulls.items()
            if name == repository.full_name
        )
        return "CONTRIBUTOR" if opened else "NONE"

    def _page(self, ask: Ask, rows: Sequence[Any], wrap: Callable[[list[Any]], Any] | None = None) -> Reply:
        """One page of a list, with links to the others."""
        size = max(1, min(100, int(ask.query.get("per_page", "30"))))
        page = max(1, int(ask.query.get("page", "1")))
        last = max(1, -(-len(rows) // size))
        links = []
        targets = []
        if page > 1:
            targets += [("prev", min(page - 1, last)), ("first", 1)]
        if page < last:
            targets += [("next", page + 1), ("last", last)]
        for name, number in targets:
            query = urllib.parse.urlencode({**ask.query, "page": str(number)})
            links.append(f'<{ask.shapes.api}{ask.path}?{query}>; rel="{name}"')
        shown = list(rows[(page - 1) * size : page * size])
        headers = {"Link": ", ".join(links)} if links else {}
        return Reply(200, wrap(shown) if wrap else shown, headers=headers)

    # ------------------------------------------------------------------------------------- users, repositories

    def _rate_limit(self, ask: Ask) -> Reply:
        allowance = self._double.allowance(ask.token)
        row = {
            "limit": allowance.limit,
            "used": allowance.used,
            "remaining": allowance.remaining,
            "reset": int(allowance.reset),
        }
        return Reply(200, {"resources": {"core": row, "search": row}, "rate": row})

    def _user(self, ask: Ask) -> Reply:
        if ask.token is None:
            raise Refusal(401, error(401, "Requires authentication"))
        return Reply(200, plainest("public-user") | ask.shapes.user(ask.token.account))

    def _repo(self, ask: Ask) -> Reply:
        repository = self._repository(ask)
        made = ask.shapes.repository(repository, self._double.account(repository.owner))
        parent = self._double.repositories.get((repository.parent or "").lower())
        if parent is not None:
            whole = ask.shapes.repository(parent, self._double.account(parent.owner), "repository")
            made |= {"parent": whole, "source": whole}
        return Reply(200, made)

    def _permission(self, ask: Ask) -> Reply:
        repository = self._repository(ask)
        if ask.token is None:
            raise Refusal(401, error(401, "Requires authentication"))
        account = self._double.accounts.get(ask.at["username"].lower())
        if account is None or account.kind == "Bot":
            raise Refusal(404, error(404, f"{ask.at['username']} is not a user"))
        role = "admin" if account.login == repository.owner else repository.collaborators.get(account.login)
        role = role or ("none" if repository.private else "read")
        permission = {"maintain": "write", "triage": "read"}.get(role, role)
        may = dict.fromkeys(("pull", "triage", "push", "maintain", "admin"), False)
        for name, least in (("pull", "read"), ("triage", "triage"), ("push", "write"), ("maintain", "maintain")):
            ladder = ("none", "read", "triage", "write", "maintain", "admin")
            may[name] = ladder.index(role) >= ladder.index(least)
        may["admin"] = role == "admin"
        user = ask.shapes.user(account) | {"permissions": may, "role_name": role}
        return Reply(200, {"permission": permission, "role_name": role, "user": user})

    def _commit_named(self, repository: Repository, name: str) -> str:
        commit = repository.commit_of(name)
        if commit is None:
            raise Refusal(422, error(422, f"No commit found for SHA: {name}"))
        return commit

    def _author_of(self, repository: Repository, commit: str) -> Any:
        name = git(repository.path, "show", "-s", "--format=%an", commit).decode().strip()
        return self._double.accounts.get(name.lower())

    def _commit(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "read", "contents")
        commit = self._commit_named(repository, ask.at["ref"])
        made = ask.shapes.commit(repository, commit, self._author_of(repository, commit))
        parent = made["parents"][0]["sha"] if made["parents"] else git(
            repository.path, "hash-object", "-t", "tree", "-w", "--stdin"
        ).decode().strip()  # fmt: skip
        patches = repository.patches(parent, commit)
        if ask.media in _DIFFS:
            return Reply(200, "".join(patch.raw for patch in patches), "application/vnd.github.diff")
        files = [ask.shapes.file(repository, commit, patch) for patch in patches]
        added, removed = sum(row["additions"] for row in files), sum(row["deletions"] for row in files)
        stats = {"total": added + removed, "additions": added, "deletions": removed}
        return Reply(200, made | {"stats": stats, "files": files})

    def _git_commit(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "read", "contents")
        commit = ask.at["commit_sha"]
        if not re.fullmatch(r"[0-9a-f]{40}", commit) or not repository.has(commit):
            _missing()
        return Reply(200, ask.shapes.git_commit(repository, commit))

    def _compare(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "read", "contents")
        base_name, dots, head_name = ask.at["basehead"].partition("...")
        if not dots:
            _missing()
        base, head = self._side(repository, base_name), self._side(repository, head_name)
        merge_base = repository.merge_base(base, head)
        if merge_base is None:
            raise Refusal(404, error(404, f"No common ancestor between {base_name} and {head_name}."))
        patches = repository.patches(merge_base, head)
        if ask.media in _DIFFS:
            return self._diff(patches)
        ahead, behind = repository.between(base, head), repository.between(head, base)
        url = f"{ask.shapes.api}/repos/{repository.full_name}/compare/{base_name}...{head_name}"
        web = f"{ask.shapes.web}/{repository.full_name}/compare/{base_name}...{head_name}"

        def described(commit: str) -> dict[str, Any]:
            return ask.shapes.commit(repository, commit, self._author_of(repository, commit))

        status = "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else "identical"
        made = {
            "url": url,
            "html_url": web,
            "permalink_url": web,
            "diff_url": f"{web}.diff",
            "patch_url": f"{web}.patch",
            "base_commit": described(base),
            "merge_base_commit": described(merge_base),
            "status": status,
            "ahead_by": len(ahead),
            "behind_by": len(behind),
            "total_commits": len(ahead),
            "files": [ask.shapes.file(repository, head, patch) for patch in patches][:_DIFF_FILES],
        }
        return self._page(ask, ahead, lambda rows: made | {"commits": [described(commit) for commit in rows]})

    def _side(self, repository: Repository, name: str) -> str:
        owner, colon, branch = name.partition(":")
        if colon:
            fork = self._double.repositories.get(f"{owner}/{repository.name}".lower())
            commit = fork.commit_of(branch) if fork else None
            if fork and commit and fork is not repository:
                repository.fetch(fork.path, commit)
        else:
            commit = repository.commit_of(name)
        return commit or _missing()

    def _content(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "read", "contents")
        path = ask.at["path"].strip("/")
        ref = ask.query.get("ref") or repository.default_branch
        commit = repository.commit_of(ref)
        if commit is None:
            raise Refusal(404, error(404, f"No commit found for the ref {ref}"))
        listed = git(repository.path, "--literal-pathspecs", "ls-tree", "-z", "-l", commit, "--", path).decode()
        if not listed:
            _missing()
        _, kind, sha, size = listed.split("\t")[0].split()
        if kind == "tree":
            rows = git(repository.path, "ls-tree", "-z", "-l", f"{commit}:{path}").decode().split("\0")[:-1]
            entries = []
            for row in rows:
                head, name = row.split("\t", 1)
                _, kind, sha, size = head.split()
                what = {"blob": "file", "tree": "dir"}.get(kind, "file")
                amount = int(size) if size.isdigit() else 0
                entries.append(ask.shapes.entry(repository, commit, f"{path}/{name}", sha, what, amount))
            return Reply(200, entries)
        data = git(repository.path, "cat-file", "blob", sha)
        if ask.media in ("raw", "v3.raw", "raw+json"):
            return Reply(200, data, "application/vnd.github.raw")
        return Reply(200, ask.shapes.content(repository, commit, path, sha, data))

    def _create_status(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "write", "statuses")
        commit = ask.at["sha"]
        if repository.commit_of(commit) is None:
            raise Refusal(422, error(422, f"No commit found for SHA: {commit}"))
        body = ask.body
        status = Status(
            self._double.next_id(), repository.full_name, commit, self._me(ask), body["state"],
            body.get("context", "default"), body.get("description"), body.get("target_url"), self._double.stamp(),
        )  # fmt: skip
        self._double.statuses.append(status)
        return Reply(201, ask.shapes.status(status))

    def _statuses(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "read", "statuses")
        commit = self._commit_named(repository, ask.at["ref"])
        rows = [one for one in self._double.statuses if one.repository == repository.full_name]
        return self._page(ask, [ask.shapes.status(one) for one in reversed(rows) if one.commit == commit])

    # ------------------------------------------------------------------------------------------------- pulls

    def _described(self, ask: Ask, pull: PullRequest, whole: bool) -> dict[str, Any]:
        double = self._double
        base = double.repositories[pull.repository.lower()]
        head = double.repositories[pull.head_repository.lower()]
        counts = None
        if whole:
            patches = base.patches(double.merge_base(pull), pull.head)
            counts = {
                "comments": len(double.issue_comments_on(pull)),
                "review_comments": len(double.comments_on(pull)),
                "commits": len(base.between(pull.base, pull.head)),
                "additions": sum(patch.additions for patch in patches),
                "deletions": sum(patch.deletions for patch in patches),
                "changed_files": len(patches),
            }
        owners = (double.account(base.owner), double.account(head.owner))
        association = self._association(base, pull.author.login)
        return ask.shapes.pull(pull, base, head, owners, counts, association)

    def _pulls(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "read", "pull_requests")
        state, head, base = (ask.query.get(name, "") for name in ("state", "head", "base"))
        rows = [pull for (name, _), pull in self._double.pulls.items() if name == repository.full_name]
        rows = [pull for pull in rows if state == "all" or pull.state == (state or "open")]
        # Like GitHub: a head without its owner is no filter at all.
        if ":" in head:
            rows = [pull for pull in rows if f"{pull.head_repository.split('/')[0]}:{pull.head_ref}" == head]
        if base:
            rows = [pull for pull in rows if pull.base_ref == base]
        key = {"updated": lambda pull: pull.updated}.get(ask.query.get("sort", ""), lambda pull: pull.number)
        descending = ask.query.get("direction", "desc") == "desc"
        rows.sort(key=key, reverse=descending)  # type: ignore[arg-type]
        return self._page(ask, [self._described(ask, pull, False) for pull in rows])

    def _pull(self, ask: Ask) -> Reply:
        repository, pull = self._pull_of(ask)
        if ask.media in _DIFFS:
            return self._diff(repository.patches(self._double.merge_base(pull), pull.head))
        return Reply(200, self._described(ask, pull, True))

    def _diff(self, patches: Sequence[Any]) -> Reply:
        lines = sum(patch.raw.count("\n") for patch in patches)
        if len(patches) > _DIFF_FILES or lines > _DIFF_LINES:
            exceeded = f"files ({_DIFF_FILES})" if len(patches) > _DIFF_FILES else f"lines ({_DIFF_LINES})"
            message = f"Sorry, the diff exceeded the maximum number of {exceeded}."
            row = {"resource": "PullRequest", "field": "diff", "code": "too_large"}
            raise Refusal(406, error(406, message, errors=[row]))
        return Reply(200, "".join(patch.raw for patch in patches), "application/vnd.github.diff; charset=utf-8")

    def _files(self, ask: Ask) -> Reply:
        repository, pull = self._pull_of(ask)
        patches = repository.patches(self._double.merge_base(pull), pull.head)[:3000]
        return self._page(ask, [ask.shapes.file(repository, pull.head, patch) for patch in patches])

    def _commits(self, ask: Ask) -> Reply:
        repository, pull = self._pull_of(ask)
        commits = repository.between(pull.base, pull.head)[:250]
        rows = [ask.shapes.commit(repository, one, self._author_of(repository, one)) for one in commits]
        return self._page(ask, rows)

    def _issue(self, ask: Ask) -> Reply:
        repository, pull = self._pull_of(ask, "read", "issues", "pull_requests")
        count = len(self._double.issue_comments_on(pull))
        association = self._association(repository, pull.author.login)
        return Reply(200, ask.shapes.issue(pull, repository, count, association))

    def _add_labels(self, ask: Ask) -> Reply:
        repository, pull = self._pull_of(ask, "write", "issues", "pull_requests")
        given = ask.body.get("labels", []) if isinstance(ask.body, dict) else ask.body or []
        names = [one if isinstance(one, str) else one["name"] for one in given]
        pull.labels += [name for name in names if name not in pull.labels]
        return Reply(200, [ask.shapes.label(repository, name) for name in pull.labels])

    # ----------------------------------------------------------------------------------------------- reviews

    def _me(self, ask: Ask) -> Any:
        assert ask.token is not None
        return ask.token.account

    def _shown_review(self, ask: Ask, repository: Repository, review: Review) -> dict[str, Any]:
        return ask.shapes.review(review, self._association(repository, review.author.login))

    def _review_of(self, ask: Ask, level: Level = "read") -> tuple[Repository, PullRequest, Review]:
        repository, pull = self._pull_of(ask, level)
        review = self._double.reviews.get(int(ask.at["review_id"]))
        if review is None or (review.repository, review.number) != (repository.full_name, pull.number):
            _missing()
        if review.state == "PENDING" and (ask.token is None or review.author != ask.token.account):
            _missing()
        return repository, pull, review

    def _reviews(self, ask: Ask) -> Reply:
        repository, pull = self._pull_of(ask)
        mine = None if ask.token is None else ask.token.account
        rows = [one for one in self._double.reviews_on(pull) if one.state != "PENDING" or one.author == mine]
        return self._page(ask, [self._shown_review(ask, repository, one) for one in rows])

    def _create_review(self, ask: Ask) -> Reply:
        repository, pull = self._pull_of(ask, "write")
        double, body, me = self._double, ask.body or {}, self._me(ask)
        where = f"{DOCS}/pulls/reviews#create-a-review-for-a-pull-request"
        event, text, comments = body.get("event"), body.get("body") or "", body.get("comments") or []

        def refuse(message: str) -> NoReturn:
            if double.leaves_stubs and text.strip():
                self._new_review(pull, me, text, "COMMENTED", pull.head)
            raise Refusal(
                422,
                {
                    "message": "Unprocessable Entity",
                    "errors": [message],
                    "documentation_url": where,
                    "status": "422",
                },
            )

        if any(one.state == "PENDING" and one.author == me for one in double.reviews_on(pull)):
            refuse("User can only have one pending review per pull request")
        if event in ("APPROVE", "REQUEST_CHANGES") and pull.author == me:
            refuse(f"Can not {event.lower().replace('_', ' ')} your own pull request")
        commit = body.get("commit_id") or pull.head
        if not double.belongs(pull, commit):
            refuse("Commit oid is not part of the pull request")
        if any(len(one) > BODY_LIMIT for one in (text, *(row["body"] for row in comments))):
            refuse(f"Body is too long (maximum is {BODY_LIMIT} characters)")
        if event == "REQUEST_CHANGES" and not text.strip():
            refuse("You need to leave a comment indicating the requested changes.")
        if event == "COMMENT" and not text.strip() and not comments:
            refuse("Review body can't be blank")
        patches = repository.patches(double.merge_base(pull, commit), commit)
        places = []
        for row in comments:
            placed = place(patches, _anchor(row))
            if isinstance(placed, list):
                refuse(sentence(placed))
            if not row["body"].strip():
                refuse("Pull request review comment body can't be blank")
            places.append((row, placed))
        state = _STATES[event] if event else "PENDING"
        review = self._new_review(pull, me, text, state, commit)
        for row, placed in places:
            self._new_comment(pull, me, review, row["path"], row["body"], placed, commit)
        return Reply(200, self._shown_review(ask, repository, review))

    def _new_review(self, pull: PullRequest, author: Any, text: str, state: str, commit: str) -> Review:
        submitted = None if state == "PENDING" else self._double.stamp()
        number = self._double.next_id()
        review = Review(number, pull.repository, pull.number, author, text, state, commit, submitted)
        self._double.reviews[number] = review
        return review

    def _new_comment(
        self, pull: PullRequest, author: Any, review: Review, path: str, text: str, placed: Placed, commit: str
    ) -> ReviewComment:
        double, now = self._double, self._double.stamp()
        comment = ReviewComment(
            id=double.next_id(),
            repository=pull.repository,
            number=pull.number,
            review=review.id,
            author=author,
            body=text,
            path=path,
            side=placed.side,
            start_side=placed.start_side,
            line=placed.line,
            start_line=placed.start_line,
            original_line=placed.line,
            original_start_line=placed.start_line,
            position=placed.position,
            original_position=placed.position,
            commit=commit,
            original_commit=commit,
            original_base=double.merge_base(pull, commit),
            diff_hunk=placed.diff_hunk,
            created=now,
            updated=now,
            previous=placed.previous,
        )
        double.comments[comment.id] = comment
        if commit != pull.head:
            double.follow(pull, comment)
        return comment

    def _get_review(self, ask: Ask) -> Reply:
        repository, _, review = self._review_of(ask)
        return Reply(200, self._shown_review(ask, repository, review))

    def _update_review(self, ask: Ask) -> Reply:
        repository, _, review = self._review_of(ask, "write")
        self._checked_body(ask.body["body"], "PullRequestReview")
        review.body = ask.body["body"]
        return Reply(200, self._shown_review(ask, repository, review))

    def _delete_review(self, ask: Ask) -> Reply:
        repository, _, review = self._review_of(ask, "write")
        if review.state != "PENDING":
            raise Refusal(422, _unprocessable("Can not delete a non-pending pull request review"))
        del self._double.reviews[review.id]
        for comment in [one for one in self._double.comments.values() if one.review == review.id]:
            del self._double.comments[comment.id]
        return Reply(200, self._shown_review(ask, repository, review))

    def _submit_review(self, ask: Ask) -> Reply:
        repository, _, review = self._review_of(ask, "write")
        if review.state != "PENDING":
            raise Refusal(422, _unprocessable("Can not submit a review that is not pending"))
        event, text = ask.body["event"], ask.body.get("body", review.body) or ""
        has_comments = any(one.review == review.id for one in self._double.comments.values())
        if event != "APPROVE" and not text.strip() and not (event == "COMMENT" and has_comments):
            raise Refusal(422, _unprocessable("Review body can't be blank"))
        review.body, review.state, review.submitted = text, _STATES[event], self._double.stamp()
        return Reply(200, self._shown_review(ask, repository, review))

    def _dismiss_review(self, ask: Ask) -> Reply:
        repository, _, review = self._review_of(ask, "write")
        if review.state not in ("APPROVED", "CHANGES_REQUESTED"):
            raise Refusal(422, _unprocessable("Can not dismiss a commented pull request review"))
        review.state = "DISMISSED"
        return Reply(200, self._shown_review(ask, repository, review))

    # --------------------------------------------------------------------------------------- review comments

    def _shown(self, ask: Ask, repository: Repository, comment: ReviewComment) -> dict[str, Any]:
        return ask.shapes.review_comment(comment, self._association(repository, comment.author.login))

    def _comments_of_review(self, ask: Ask) -> Reply:
        repository, _, review = self._review_of(ask)
        rows = [one for one in self._double.comments.values() if one.review == review.id]
        # GitHub's older form: it names no lines, only positions.
        left_out = {
            "line",
            "start_line",
            "side",
            "start_side",
            "original_line",
            "original_start_line",
            "subject_type",
        }
        shown = [self._shown(ask, repository, one) for one in rows]
        kept = [{name: value for name, value in row.items() if name not in left_out} for row in shown]
        return self._page(ask, kept)

    def _visible(self, ask: Ask, rows: Sequence[ReviewComment]) -> list[ReviewComment]:
        since = ask.query.get("since", "")
        rows = [one for one in rows if self._double.reviews[one.review].state != "PENDING"]
        rows = [one for one in rows if one.updated >= since]
        if ask.query.get("sort") == "updated":
            rows.sort(key=lambda one: (one.updated, one.id))
        return rows[::-1] if ask.query.get("direction") == "desc" else rows

    def _comments(self, ask: Ask) -> Reply:
        repository, pull = self._pull_of(ask)
        rows = self._visible(ask, self._double.comments_on(pull))
        return self._page(ask, [self._shown(ask, repository, one) for one in rows])

    def _all_comments(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "read", "pull_requests")
        every = [one for one in self._double.comments.values() if one.repository == repository.full_name]
        return self._page(ask, [self._shown(ask, repository, one) for one in self._visible(ask, every)])

    def _comment_of(self, ask: Ask, level: Level = "read") -> tuple[Repository, ReviewComment]:
        repository = self._repository(ask, level, "pull_requests")
        comment = self._double.comments.get(int(ask.at["comment_id"]))
        if comment is None or comment.repository != repository.full_name:
            _missing()
        return repository, comment

    def _checked_body(self, body: str, resource: str) -> None:
        row = {"resource": resource, "code": "unprocessable", "field": "data"}
        if len(body) > BODY_LIMIT:
            row["message"] = f"Body is too long (maximum is {BODY_LIMIT} characters)"
        elif not body.strip():
            row["message"] = "Body cannot be blank"
        if "message" in row:
            raise Refusal(422, error(422, errors=[row]))

    def _create_comment(self, ask: Ask) -> Reply:
        repository, pull = self._pull_of(ask, "write")
        body, me = ask.body, self._me(ask)
        self._checked_body(body["body"], "PullRequestReviewComment")
        if "in_reply_to" in body:
            return self._reply(ask, repository, pull, body["in_reply_to"])
        commit = body["commit_id"]
        if not self._double.belongs(pull, commit):
            row = {"resource": "PullRequestReviewComment", "code": "custom", "field": "commit_id"}
            raise Refusal(422, error(422, errors=[row | {"message": "commit_id is not part of the pull request"}]))
        patches = repository.patches(self._double.merge_base(pull, commit), commit)
        if body.get("subject_type") == "file":
            if not any(patch.path == body["path"] for patch in patches):
                raise Refusal(422, error(422, errors=objects(["path is invalid"])))
            placed: Placed | list[str] = Placed("RIGHT", 1, None, None, 1, "", None)
        else:
            placed = place(patches, _anchor(body))
        if isinstance(placed, list):
            raise Refusal(422, error(422, errors=objects(placed)))
        review = self._new_review(pull, me, "", "COMMENTED", commit)
        comment = self._new_comment(pull, me, review, body["path"], body["body"], placed, commit)
        if body.get("subject_type") == "file":
            comment.subject = "file"
        shown = self._shown(ask, repository, comment)
        return Reply(201, shown, headers={"Location": shown["url"]})

    def _create_reply(self, ask: Ask) -> Reply:
        repository, pull = self._pull_of(ask, "write")
        self._checked_body(ask.body["body"], "PullRequestReviewComment")
        return self._reply(ask, repository, pull, int(ask.at["comment_id"]))

    def _reply(self, ask: Ask, repository: Repository, pull: PullRequest, to: int) -> Reply:
        parent = self._double.comments.get(to)
        if parent is None or (parent.repository, parent.number) != (pull.repository, pull.number):
            _missing()
        if parent.in_reply_to is not None:
            row = {"resource": "PullRequestReviewComment", "code": "custom", "field": "in_reply_to_id"}
            raise Refusal(422, error(422, errors=[row | {"message": "in_reply_to_id can't be a reply itself"}]))
        comment = self.reply_to(pull, parent, self._me(ask), ask.body["body"])
        shown = self._shown(ask, repository, comment)
        return Reply(201, shown, headers={"Location": shown["url"]})

    def reply_to(self, pull: PullRequest, parent: ReviewComment, author: Any, text: str) -> ReviewComment:
        """A reply; it stands where the thread stands, in a review of its own."""
        review = self._new_review(pull, author, "", "COMMENTED", pull.head)
        now = self._double.stamp()
        fields = vars(parent) | {
            "id": self._double.next_id(),
            "review": review.id,
            "author": author,
            "body": text,
            "created": now,
            "updated": now,
            "in_reply_to": parent.id,
            "reactions": [],
        }
        comment = ReviewComment(**fields)
        self._double.comments[comment.id] = comment
        return comment

    def comment_on(self, pull: PullRequest, author: Any, path: str, text: str, placed: Placed) -> ReviewComment:
        """A comment on lines of the head, in a review of its own."""
        review = self._new_review(pull, author, "", "COMMENTED", pull.head)
        return self._new_comment(pull, author, review, path, text, placed, pull.head)

    def event(
        self, pull: PullRequest, action: str, comment: IssueComment | None, shapes: Shapes
    ) -> dict[str, Any]:
        """The payload of a webhook about a pull request or a comment on it."""
        repository = self._double.repositories[pull.repository.lower()]
        ask = Ask(None, {}, {}, None, "", "", shapes)
        here = shapes.repository(repository, self._double.account(repository.owner))
        made = {
            "action": action,
            "repository": here,
            "sender": shapes.user(comment.author if comment else pull.author),
        }
        if comment is None:
            return made | {"number": pull.number, "pull_request": self._described(ask, pull, True)}
        count = len(self._double.issue_comments_on(pull))
        issue = shapes.issue(pull, repository, count, self._association(repository, pull.author.login))
        return made | {"issue": issue, "comment": self._shown_issue_comment(ask, repository, comment)}

    def _get_comment(self, ask: Ask) -> Reply:
        repository, comment = self._comment_of(ask)
        return Reply(200, self._shown(ask, repository, comment))

    def _update_comment(self, ask: Ask) -> Reply:
        repository, comment = self._comment_of(ask, "write")
        self._checked_body(ask.body["body"], "PullRequestReviewComment")
        comment.body, comment.updated = ask.body["body"], self._double.stamp()
        return Reply(200, self._shown(ask, repository, comment))

    def _delete_comment(self, ask: Ask) -> Reply:
        _, comment = self._comment_of(ask, "write")
        del self._double.comments[comment.id]
        return Reply(204)

    def _comment_reactions(self, ask: Ask) -> Reply:
        _, comment = self._comment_of(ask)
        return self._page(ask, [ask.shapes.reaction(one) for one in comment.reactions])

    def _react_to_comment(self, ask: Ask) -> Reply:
        _, comment = self._comment_of(ask, "write")
        return self._react(ask, comment.reactions)

    def _react(self, ask: Ask, reactions: list[Reaction]) -> Reply:
        me, content = self._me(ask), ask.body["content"]
        there = next((one for one in reactions if one.author == me and one.content == content), None)
        made = there or Reaction(self._double.next_id(), me, content, self._double.stamp())
        if there is None:
            reactions.append(made)
        return Reply(200 if there else 201, ask.shapes.reaction(made))

    # ---------------------------------------------------------------------------------------- issue comments

    def _shown_issue_comment(self, ask: Ask, repository: Repository, comment: IssueComment) -> dict[str, Any]:
        return ask.shapes.issue_comment(comment, self._association(repository, comment.author.login))

    def _issue_comments(self, ask: Ask) -> Reply:
        repository, pull = self._pull_of(ask, "read", "issues", "pull_requests")
        since = ask.query.get("since", "")
        rows = [one for one in self._double.issue_comments_on(pull) if one.updated >= since]
        return self._page(ask, [self._shown_issue_comment(ask, repository, one) for one in rows])

    def _create_issue_comment(self, ask: Ask) -> Reply:
        repository, pull = self._pull_of(ask, "write", "issues", "pull_requests")
        self._checked_body(ask.body["body"], "IssueComment")
        comment = self.issue_comment(pull, self._me(ask), ask.body["body"])
        shown = self._shown_issue_comment(ask, repository, comment)
        return Reply(201, shown, headers={"Location": shown["url"]})

    def issue_comment(self, pull: PullRequest | Issue, author: Any, text: str) -> IssueComment:
        """A new comment on the whole."""
        now = self._double.stamp()
        comment = IssueComment(self._double.next_id(), pull.repository, pull.number, author, text, now, now)
        self._double.issue_comments[comment.id] = comment
        return comment

    def _issue_comment_of(self, ask: Ask, level: Level = "read") -> tuple[Repository, IssueComment]:
        repository = self._repository(ask, level, "issues", "pull_requests")
        comment = self._double.issue_comments.get(int(ask.at["comment_id"]))
        if comment is None or comment.repository != repository.full_name:
            _missing()
        return repository, comment

    def _get_issue_comment(self, ask: Ask) -> Reply:
        repository, comment = self._issue_comment_of(ask)
        return Reply(200, self._shown_issue_comment(ask, repository, comment))

    def _update_issue_comment(self, ask: Ask) -> Reply:
        repository, comment = self._issue_comment_of(ask, "write")
        self._checked_body(ask.body["body"], "IssueComment")
        comment.body, comment.updated = ask.body["body"], self._double.stamp()
        return Reply(200, self._shown_issue_comment(ask, repository, comment))

    def _delete_issue_comment(self, ask: Ask) -> Reply:
        _, comment = self._issue_comment_of(ask, "write")
        del self._double.issue_comments[comment.id]
        return Reply(204)

    def _issue_reactions(self, ask: Ask) -> Reply:
        _, comment = self._issue_comment_of(ask)
        return self._page(ask, [ask.shapes.reaction(one) for one in comment.reactions])

    def _react_to_issue_comment(self, ask: Ask) -> Reply:
        _, comment = self._issue_comment_of(ask, "write")
        return self._react(ask, comment.reactions)

    # ------------------------------------------------------------------------------------ checks, code scanning

    def _shown_check(self, ask: Ask, repository: Repository, run: CheckRun) -> dict[str, Any]:
        pulls = [
            pull
            for pull in self._double.pulls.values()
            if pull.head == run.head and pull.repository == pull.head_repository == run.repository
        ]
        return ask.shapes.check(run, pulls, repository)

    def _app_only(self, ask: Ask) -> Repository:
        repository = self._repository(ask, "write", "checks")
        if ask.token is not None and ask.token.kind == "user":
            raise Refusal(403, error(403, "You must authenticate via a GitHub App."))
        return repository

    def _create_check(self, ask: Ask) -> Reply:
        repository = self._app_only(ask)
        head = ask.body["head_sha"]
        if repository.commit_of(head) != head:
            raise Refusal(422, error(422, f"No commit found for SHA: {head}"))
        run = CheckRun(
            self._double.next_id(), repository.full_name, head, ask.body["name"], self._me(ask), "queued", None,
            self._double.stamp(), None, "", None,
        )  # fmt: skip
        self._apply(run, ask.body)
        self._double.checks[run.id] = run
        return Reply(201, self._shown_check(ask, repository, run))

    def _apply(self, run: CheckRun, body: Mapping[str, Any]) -> None:
        output = body.get("output", {})
        if body.get("status") == "completed" and "conclusion" not in body:
            row = {"resource": "CheckRun", "code": "missing_field", "field": "conclusion"}
            raise Refusal(422, error(422, errors=[row]))
        run.name = body.get("name", run.name)
        run.external = body.get("external_id", run.external)
        run.details = body.get("details_url", run.details)
        run.started = body.get("started_at", run.started)
        run.status = body.get("status", run.status)
        if "conclusion" in body:
            run.conclusion, run.status = body["conclusion"], "completed"
            run.completed = body.get("completed_at", self._double.stamp())
        run.title, run.summary = output.get("title", run.title), output.get("summary", run.summary)
        run.text = output.get("text", run.text)
        run.annotations += output.get("annotations", [])

    def _check_of(self, ask: Ask, repository: Repository) -> CheckRun:
        run = self._double.checks.get(int(ask.at["check_run_id"]))
        if run is None or run.repository != repository.full_name:
            _missing()
        return run

    def _get_check(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "read", "checks")
        return Reply(200, self._shown_check(ask, repository, self._check_of(ask, repository)))

    def _update_check(self, ask: Ask) -> Reply:
        repository = self._app_only(ask)
        run = self._check_of(ask, repository)
        if ask.token is not None and run.author != ask.token.account:
            message = (
                f"Invalid app_id `{ask.token.account.id}` - check run can only be modified by the GitHub App that"
            )
            raise Refusal(403, error(403, f"{message} created it."))
        self._apply(run, ask.body)
        return Reply(200, self._shown_check(ask, repository, run))

    def _annotations(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "read", "checks")
        run = self._check_of(ask, repository)
        rows = []
        for one in run.annotations:
            href = f"{ask.shapes.web}/{repository.full_name}/blob/{run.head}/{one['path']}"
            empty = {"start_column": None, "end_column": None, "title": None, "raw_details": None}
            rows.append(empty | one | {"blob_href": href})
        return self._page(ask, rows)

    def _checks(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "read", "checks")
        commit = self._commit_named(repository, ask.at["ref"])
        rows = [
            one
            for one in self._double.checks.values()
            if (one.repository, one.head) == (repository.full_name, commit)
        ]
        rows = [one for one in rows if ask.query.get("check_name", one.name) == one.name]
        rows = [one for one in rows if ask.query.get("status", one.status) == one.status]
        if ask.query.get("filter", "latest") == "latest":
            rows = list({(one.name, one.author): one for one in rows}.values())
        shown = [self._shown_check(ask, repository, one) for one in reversed(rows)]
        return self._page(ask, shown, lambda page: {"total_count": len(shown), "check_runs": page})

    def _upload_sarif(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "write", "security_events")
        if repository.commit_of(ask.body["commit_sha"]) != ask.body["commit_sha"]:
            raise Refusal(404, error(404, f"commit not found: {ask.body['commit_sha']}"))
        try:
            packed = base64.b64decode(ask.body["sarif"], validate=True)
            log = json.loads(gzip.decompress(packed))
        except (ValueError, OSError, EOFError, zlib.error) as wrong:
            message = "Invalid SARIF. Could not decode: it must be gzip compressed and Base64 encoded."
            raise Refusal(400, error(400, message)) from wrong
        if len(packed) > 10 * 1024 * 1024:
            raise Refusal(413, error(413, "Payload too large"))
        if not isinstance(log, dict) or log.get("version") != "2.1.0" or not isinstance(log.get("runs"), list):
            raise Refusal(400, error(400, "Invalid SARIF. JSON syntax error or wrong version."))
        number = self._double.next_id()
        name = f"{number:08x}-0000-4000-8000-{number:012x}"
        sarif = Sarif(name, repository.full_name, ask.body["commit_sha"], ask.body["ref"], log)
        self._double.sarifs.append(sarif)
        url = f"{ask.shapes.api}/repos/{repository.full_name}/code-scanning/sarifs/{name}"
        return Reply(202, {"id": name, "url": url})

    def _get_sarif(self, ask: Ask) -> Reply:
        repository = self._repository(ask, "read", "security_events")
        named = (repository.full_name, ask.at["sarif_id"])
        if not any((one.repository, one.id) == named for one in self._double.sarifs):
            _missing()
        url = f"{ask.shapes.api}/repos/{repository.full_name}/code-scanning/analyses?sarif_id={named[1]}"
        return Reply(200, {"processing_status": "complete", "analyses_url": url})


def _anchor(row: Mapping[str, Any]) -> Anchor:
    names = ("line", "start_line", "start_side", "position")
    return Anchor(row["path"], row.get("side", "RIGHT"), **{name: row.get(name) for name in names})


def _unprocessable(message: str) -> dict[str, Any]:
    return error(422, "Unprocessable Entity", errors=[message])


def _missing() -> NoReturn:
    raise Refusal(404, error(404))


def _forbidden(token: Token) -> NoReturn:
    thing = "personal access token" if token.kind == "user" else "integration"
    raise Refusal(403, error(403, f"Resource not accessible by {thing}"))
