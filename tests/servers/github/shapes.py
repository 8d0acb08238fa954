"""The double's state as GitHub's JSON."""

from __future__ import annotations

import base64
import copy
from dataclasses import dataclass
from functools import cache
from typing import Any

from servers.github.contract import contract
from servers.github.history import FilePatch, Repository, git
from servers.github.state import (
    Account,
    CheckRun,
    Issue,
    IssueComment,
    PullRequest,
    Reaction,
    Review,
    ReviewComment,
    Status,
)

_CONTENTS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket")


@cache
def _template(schema: str) -> dict[str, Any]:
    return contract().plainest(schema)


def plainest(schema: str) -> dict[str, Any]:
    """A fresh object with the required properties of a schema."""
    return copy.deepcopy(_template(schema))


@dataclass(frozen=True)
class Shapes:
    """JSON whose addresses begin as the request's did."""

    api: str
    """Like `http://127.0.0.1:8080/api/v3`."""
    web: str

    def user(self, account: Account) -> dict[str, Any]:
        """A simple user."""
        url = f"{self.api}/users/{account.login}"
        made = plainest("simple-user")
        made |= {name: f"{url}/{name.removesuffix('_url')}" for name in made if name.endswith("_url")}
        return made | {
            "login": account.login,
            "id": account.id,
            "node_id": f"U_{account.id}",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self.web}/{account.login.removesuffix('[bot]')}",
            "type": account.kind,
            "site_admin": False,
        }

    def repository(
        self, repository: Repository, owner: Account, schema: str = "full-repository"
    ) -> dict[str, Any]:
        """A repository."""
        url = f"{self.api}/repos/{repository.full_name}"
        web = f"{self.web}/{repository.full_name}"
        made = plainest(schema)
        made |= {name: f"{url}/{name.removesuffix('_url')}" for name in made if name.endswith("_url")}
        made |= {
            "id": repository.id,
            "node_id": f"R_{repository.id}",
            "name": repository.name,
            "full_name": repository.full_name,
            "owner": self.user(owner),
            "private": repository.private,
            "fork": repository.parent is not None,
            "url": url,
            "html_url": web,
            "clone_url": f"{web}.git",
            "git_url": f"{web}.git",
            "svn_url": web,
            "ssh_url": f"git@127.0.0.1:{repository.full_name}.git",
            "mirror_url": None,
            "default_branch": repository.default_branch,
            "visibility": "private" if repository.private else "public",
        }
        return made

    def commit_link(self, repository: Repository, commit: str) -> str:
        """Address of a commit."""
        return f"{self.api}/repos/{repository.full_name}/commits/{commit}"

    def pull(
        self,
        pull: PullRequest,
        base: Repository,
        head: Repository,
        owners: tuple[Account, Account],
        counts: dict[str, int] | None,
        association: str,
    ) -> dict[str, Any]:
        """A pull request; with counts the whole one, without the one of lists."""
        schema = "pull-request" if counts is not None else "pull-request-simple"
        url = f"{self.api}/repos/{base.full_name}/pulls/{pull.number}"
        issue = f"{self.api}/repos/{base.full_name}/issues/{pull.number}"
        web = f"{self.web}/{base.full_name}/pull/{pull.number}"
        links = {
            "self": url,
            "html": web,
            "issue": issue,
            "comments": f"{issue}/comments",
            "review_comments": f"{url}/comments",
            "review_comment": f"{self.api}/repos/{base.full_name}/pulls/comments{{/number}}",
            "commits": f"{url}/commits",
            "statuses": f"{self.api}/repos/{base.full_name}/statuses/{pull.head}",
        }

        def side(repository: Repository, owner: Account, ref: str, sha: str) -> dict[str, Any]:
            # GitHub describes both sides' repositories as the short form.
            return {
                "label": f"{owner.login}:{ref}",
                "ref": ref,
                "sha": sha,
                "user": self.user(owner),
                "repo": self.repository(repository, owner, "repository"),
            }

        made = plainest(schema) | {
            "url": url,
            "id": pull.id,
            "node_id": f"PR_{pull.id}",
            "html_url": web,
            "diff_url": f"{web}.diff",
            "patch_url": f"{web}.patch",
            "issue_url": issue,
            "commits_url": links["commits"],
            "review_comments_url": links["review_comments"],
            "review_comment_url": links["review_comment"],
            "comments_url": links["comments"],
            "statuses_url": links["statuses"],
            "number": pull.number,
            "state": pull.state,
            "locked": False,
            "title": pull.title,
            "user": self.user(pull.author),
            "body": pull.body or None,
            "labels": [self.label(base, name) for name in pull.labels],
            "milestone": None,
            "created_at": pull.created,
            "updated_at": pull.updated,
            "closed_at": None if pull.state == "open" else pull.updated,
            "merged_at": pull.updated if pull.merged else None,
            "merge_commit_sha": pull.merge_commit,
            "assignee": None,
            "head": side(head, owners[1], pull.head_ref, pull.head),
            "base": side(base, owners[0], pull.base_ref, pull.base),
            "_links": {name: {"href": href} for name, href in links.items()},
            "author_association": association,
            "auto_merge": None,
            "draft": pull.draft,
        }
        if counts is not None:
            made |= {
                "merged": pull.merged,
                "mergeable": pull.merge_commit is not None if pull.state == "open" else None,
                "rebaseable": None,
                "mergeable_state": "dirty" if pull.merge_commit is None else "draft" if pull.draft else "clean",
                "merged_by": None,
                "maintainer_can_modify": False,
                **counts,
            }
        return made

    def label(self, repository: Repository, name: str) -> dict[str, Any]:
        """A label."""
        url = f"{self.api}/repos/{repository.full_name}/labels/{name}"
        return {
            "id": 1, "node_id": "LA_1", "url": url, "name": name, "color": "ededed", "default": False,
            "description": None,
        }  # fmt: skip

    def issue(self, pull: PullRequest, repository: Repository, comments: int, association: str) -> dict[str, Any]:
        """The pull request as the issue that it is, too."""
        url = f"{self.api}/repos/{repository.full_name}/issues/{pull.number}"
        web = f"{self.web}/{repository.full_name}/pull/{pull.number}"
        pull_url = f"{self.api}/repos/{repository.full_name}/pulls/{pull.number}"
        return plainest("issue") | {
            "url": url,
            "repository_url": f"{self.api}/repos/{repository.full_name}",
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "html_url": web,
            "id": pull.id + 1,
            "node_id": f"PR_{pull.id}",
            "number": pull.number,
            "title": pull.title,
            "user": self.user(pull.author),
            "labels": [self.label(repository, name) for name in pull.labels],
            "state": pull.state,
            "comments": comments,
            "created_at": pull.created,
            "updated_at": pull.updated,
            "closed_at": None if pull.state == "open" else pull.updated,
            "author_association": association,
            "body": pull.body or None,
            "draft": pull.draft,
            "pull_request": {
                "url": pull_url,
                "html_url": web,
                "diff_url": f"{web}.diff",
                "patch_url": f"{web}.patch",
                "merged_at": pull.updated if pull.merged else None,
            },
        }

    def plain_issue(self, issue: Issue, repository: Repository, comments: int, association: str) -> dict[str, Any]:
        """An issue that is no pull request."""
        url = f"{self.api}/repos/{repository.full_name}/issues/{issue.number}"
        return plainest("issue") | {
            "url": url,
            "repository_url": f"{self.api}/repos/{repository.full_name}",
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "html_url": f"{self.web}/{repository.full_name}/issues/{issue.number}",
            "id": issue.id,
            "node_id": f"I_{issue.id}",
            "number": issue.number,
            "title": issue.title,
            "user": self.user(issue.author),
            "labels": [self.label(repository, name) for name in issue.labels],
            "state": issue.state,
            "state_reason": issue.reason,
            "comments": comments,
            "created_at": issue.created,
            "updated_at": issue.updated,
            "closed_at": None if issue.state == "open" else issue.updated,
            "author_association": association,
            "body": issue.body or None,
        }

    def review(self, review: Review, association: str) -> dict[str, Any]:
        """A review."""
        pull = f"{self.api}/repos/{review.repository}/pulls/{review.number}"
        web = f"{self.web}/{review.repository}/pull/{review.number}#pullrequestreview-{review.id}"
        made = {
            "id": review.id,
            "node_id": f"PRR_{review.id}",
            "user": self.user(review.author),
            "body": review.body,
            "state": review.state,
            "html_url": web,
            "pull_request_url": pull,
            "author_association": association,
            "_links": {"html": {"href": web}, "pull_request": {"href": pull}},
            "commit_id": review.commit,
        }
        return made | ({"submitted_at": review.submitted} if review.submitted else {})

    def review_comment(self, comment: ReviewComment, association: str) -> dict[str, Any]:
        """A comment on a line."""
        url = f"{self.api}/repos/{comment.repository}/pulls/comments/{comment.id}"
        pull = f"{self.api}/repos/{comment.repository}/pulls/{comment.number}"
        web = f"{self.web}/{comment.repository}/pull/{comment.number}#discussion_r{comment.id}"
        made: dict[str, Any] = {
            "url": url,
            "pull_request_review_id": comment.review,
            "id": comment.id,
            "node_id": f"PRRC_{comment.id}",
            "diff_hunk": comment.diff_hunk,
            "path": comment.path,
            "commit_id": comment.commit,
            "original_commit_id": comment.original_commit,
            "user": self.user(comment.author),
            "body": comment.body,
            "created_at": comment.created,
            "updated_at": comment.updated,
            "html_url": web,
            "pull_request_url": pull,
            "author_association": association,
            "_links": {"self": {"href": url}, "html": {"href": web}, "pull_request": {"href": pull}},
            "reactions": self.rollup(url, comment.reactions),
            "subject_type": comment.subject,
        }
        if comment.subject == "line":
            made |= {
                "start_line": comment.start_line,
                "original_start_line": comment.original_start_line,
                "start_side": comment.start_side,
                "line": comment.line,
                "original_line": comment.original_line,
                "side": comment.side,
                "original_position": comment.original_position,
                "position": comment.position,
            }
        return made | ({} if comment.in_reply_to is None else {"in_reply_to_id": comment.in_reply_to})

    def issue_comment(self, comment: IssueComment, association: str) -> dict[str, Any]:
        """A comment on the whole."""
        url = f"{self.api}/repos/{comment.repository}/issues/comments/{comment.id}"
        return {
            "url": url,
            "html_url": f"{self.web}/{comment.repository}/pull/{comment.number}#issuecomment-{comment.id}",
            "issue_url": f"{self.api}/repos/{comment.repository}/issues/{comment.number}",
            "id": comment.id,
            "node_id": f"IC_{comment.id}",
            "user": self.user(comment.author),
            "created_at": comment.created,
            "updated_at": comment.updated,
            "author_association": association,
            "body": comment.body,
            "reactions": self.rollup(url, comment.reactions),
            "performed_via_github_app": None,
        }

    def rollup(self, url: str, reactions: list[Reaction]) -> dict[str, Any]:
        """Reactions, counted."""
        counts = {content: sum(one.content == content for one in reactions) for content in _CONTENTS}
        return {"url": f"{url}/reactions", "total_count": len(reactions), **counts}

    def reaction(self, reaction: Reaction) -> dict[str, Any]:
        """One reaction."""
        return {
            "id": reaction.id,
            "node_id": f"REA_{reaction.id}",
            "user": self.user(reaction.author),
            "content": reaction.content,
            "created_at": reaction.created,
        }

    def check(self, run: CheckRun, pulls: list[PullRequest], repository: Repository) -> dict[str, Any]:
        """A check run."""
        url = f"{self.api}/repos/{run.repository}/check-runs/{run.id}"
        slug = run.author.login.removesuffix("[bot]")
        app = plainest("nullable-integration") | {
            "id": 15368,
            "slug": slug,
            "node_id": "A_15368",
            "owner": self.user(Account("github", 9919, "Organization")),
            "name": slug,
            "external_url": "https://github.com",
            "html_url": f"{self.web}/apps/{slug}",
            "permissions": {"checks": "write"},
            "events": [],
        }
        here = f"{self.api}/repos/{run.repository}"
        short = {"id": repository.id, "url": here, "name": repository.name}
        return {
            "id": run.id,
            "head_sha": run.head,
            "node_id": f"CR_{run.id}",
            "external_id": run.external,
            "url": url,
            "html_url": f"{self.web}/{run.repository}/runs/{run.id}",
            "details_url": run.details,
            "status": run.status,
            "conclusion": run.conclusion,
            "started_at": run.started,
            "completed_at": run.completed,
            "output": {
                "title": run.title,
                "summary": run.summary,
                "text": run.text,
                "annotations_count": len(run.annotations),
                "annotations_url": f"{url}/annotations",
            },
            "name": run.name,
            "check_suite": {"id": int(run.head[:7], 16)},
            "app": app,
            "pull_requests": [
                {
                    "id": pull.id,
                    "number": pull.number,
                    "url": f"{here}/pulls/{pull.number}",
                    "head": {"ref": pull.head_ref, "sha": pull.head, "repo": short},
                    "base": {"ref": pull.base_ref, "sha": pull.base, "repo": short},
                }
                for pull in pulls
            ],
        }

    def status(self, status: Status) -> dict[str, Any]:
        """A commit status."""
        return {
            "url": f"{self.api}/repos/{status.repository}/statuses/{status.commit}",
            "avatar_url": f"{self.web}/{status.author.login}.png",
            "id": status.id,
            "node_id": f"SC_{status.id}",
            "state": status.state,
            "description": status.description,
            "target_url": status.target,
            "context": status.context,
            "created_at": status.created,
            "updated_at": status.created,
            "creator": self.user(status.author),
        }

    def file(self, repository: Repository, commit: str, patch: FilePatch) -> dict[str, Any]:
        """A row of `/files`."""
        here = f"{repository.full_name}/blob/{commit}/{patch.path}"
        made = {
            "sha": patch.blob,
            "filename": patch.path,
            "status": patch.status,
            "additions": patch.additions,
            "deletions": patch.deletions,
            "changes": patch.additions + patch.deletions,
            "blob_url": f"{self.web}/{here}",
            "raw_url": f"{self.web}/{here.replace('/blob/', '/raw/', 1)}",
            "contents_url": f"{self.api}/repos/{repository.full_name}/contents/{patch.path}?ref={commit}",
        }
        made |= {} if patch.text is None else {"patch": patch.text}
        return made | ({} if patch.previous is None else {"previous_filename": patch.previous})

    def git_commit(self, repository: Repository, commit: str) -> dict[str, Any]:
        """A commit as git's data."""
        show = git(repository.path, "show", "-s", "--format=%T%n%P%n%an%n%ae%n%aI%n%cn%n%ce%n%cI%n%B", commit)
        tree, parents, an, ae, ad, cn, ce, cd, message = show.decode(errors="replace").split("\n", 8)
        here = f"{self.api}/repos/{repository.full_name}/git"
        return {
            "sha": commit,
            "node_id": f"C_{commit[:10]}",
            "url": f"{here}/commits/{commit}",
            "html_url": f"{self.web}/{repository.full_name}/commit/{commit}",
            "author": {"name": an, "email": ae, "date": ad.replace("+00:00", "Z")},
            "committer": {"name": cn, "email": ce, "date": cd.replace("+00:00", "Z")},
            "tree": {"sha": tree, "url": f"{here}/trees/{tree}"},
            "message": message.rstrip("\n"),
            "parents": [
                {
                    "sha": parent,
                    "url": f"{here}/commits/{parent}",
                    "html_url": f"{self.web}/{repository.full_name}/commit/{parent}",
                }
                for parent in parents.split()
            ],
            "verification": {
                "verified": False,
                "reason": "unsigned",
                "signature": None,
                "payload": None,
                "verified_at": None,
            },
        }

    def commit(self, repository: Repository, commit: str, author: Account | None) -> dict[str, Any]:
        """A commit as the API's own."""
        raw = self.git_commit(repository, commit)
        url = self.commit_link(repository, commit)
        person = None if author is None else self.user(author)
        parents = [{**parent, "url": self.commit_link(repository, parent["sha"])} for parent in raw["parents"]]
        inner = {name: raw[name] for name in ("author", "committer", "tree", "message", "url", "verification")}
        return {
            "url": url,
            "sha": commit,
            "node_id": raw["node_id"],
            "html_url": raw["html_url"],
            "comments_url": f"{url}/comments",
            "commit": {**inner, "comment_count": 0},
            "author": person,
            "committer": person,
            "parents": parents,
        }

    def content(self, repository: Repository, commit: str, path: str, blob: str, data: bytes) -> dict[str, Any]:
        """A file of `/contents`."""
        return self.entry(repository, commit, path, blob, "file", len(data)) | {
            "content": base64.encodebytes(data).decode(),
            "encoding": "base64",
        }

    def entry(
        self, repository: Repository, commit: str, path: str, sha: str, kind: str, size: int
    ) -> dict[str, Any]:
        """A row of a folder in `/contents`."""
        here = f"{self.api}/repos/{repository.full_name}"
        url = f"{here}/contents/{path}?ref={commit}"
        web = f"{self.web}/{repository.full_name}/{'blob' if kind == 'file' else 'tree'}/{commit}/{path}"
        data = f"{here}/git/{'blobs' if kind == 'file' else 'trees'}/{sha}"
        return {
            "name": path.rsplit("/", 1)[-1],
            "path": path,
            "sha": sha,
            "size": size,
            "url": url,
            "html_url": web,
            "git_url": data,
            "download_url": f"{self.web}/{repository.full_name}/raw/{commit}/{path}" if kind == "file" else None,
            "type": kind,
            "_links": {"self": url, "git": data, "html": web},
        }
