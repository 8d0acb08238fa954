"""The double's state as GitLab's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from servers.github.history import git
from servers.gitlab.positions import FileDiff
from servers.gitlab.state import (
    LEVELS,
    Account,
    DraftNote,
    Issue,
    MergeRequest,
    Note,
    Noteable,
    Project,
    Status,
    Version,
)
from servers.gitlab.suggesting import Suggestion


def moment(seconds: float) -> str:
    """A time, as GitLab writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(seconds % 1 * 1000):03d}Z"


@dataclass(frozen=True)
class Shapes:
    """JSON whose addresses begin as the request's did."""

    web: str
    """Like `http://127.0.0.1:8080/gitlab`."""

    def user(self, account: Account) -> dict[str, Any]:
        """A user as it stands in other things."""
        return {
            "id": account.id,
            "username": account.username,
            "public_email": None,
            "name": account.username.title(),
            "state": "active",
            "locked": False,
            "avatar_url": None,
            "web_url": f"{self.web}/{account.username}",
        }

    def whole_user(self, account: Account) -> dict[str, Any]:
        """A user who is asked for."""
        return self.user(account) | {"bot": account.bot, "created_at": "2020-01-01T00:00:00.000Z", "bio": ""}

    def maybe(self, account: Account | None) -> dict[str, Any] | None:
        """A user, if any."""
        return None if account is None else self.user(account)

    def member(self, account: Account, level: int) -> dict[str, Any]:
        """A member of a project."""
        more = {"membership_state": "active", "created_at": "2020-01-01T00:00:00.000Z", "expires_at": None}
        return self.user(account) | {"access_level": level} | more

    def project(self, project: Project, level: int, parent: Project | None, namespace: int) -> dict[str, Any]:
        """A project, seen by somebody with this level."""
        above = project.path.rsplit("/", 1)[0]
        made: dict[str, Any] = {
            "id": project.id,
            "description": None,
            "name": project.name,
            "name_with_namespace": project.path.replace("/", " / "),
            "path": project.name,
            "path_with_namespace": project.path,
            "created_at": "2020-01-01T00:00:00.000Z",
            "default_branch": project.repository.default_branch,
            "visibility": project.visibility,
            "issues_enabled": project.issues_enabled,
            "merge_requests_enabled": project.merge_requests_enabled,
            "web_url": f"{self.web}/{project.path}",
            "http_url_to_repo": f"{self.web}/{project.path}.git",
            "ssh_url_to_repo": f"git@127.0.0.1:{project.path}.git",
            "namespace": {
                "id": namespace,
                "name": above.rsplit("/", 1)[-1],
                "path": above.rsplit("/", 1)[-1],
                "kind": "group",
                "full_path": above,
            },
        }
        if level:
            access = {"access_level": level, "notification_level": 3}
            made["permissions"] = {"project_access": access, "group_access": None}
        if parent is not None:
            made["forked_from_project"] = {"id": parent.id, "path_with_namespace": parent.path}
        return made

    def commit(self, project: Project, sha: str) -> dict[str, Any]:
        """A commit."""
        shown = git(project.repository.path, "show", "-s", "--format=%P%x00%an%x00%ae%x00%at%x00%B", sha)
        parents, name, email, seconds, message = shown.decode(errors="replace").split("\0", 4)
        at = moment(float(seconds))
        return {
            "id": sha,
            "short_id": sha[:8],
            "title": message.strip().split("\n")[0],
            "message": message.rstrip("\n"),
            "parent_ids": parents.split(),
            "created_at": at,
            "author_name": name,
            "author_email": email,
            "authored_date": at,
            "committer_name": name,
            "committer_email": email,
            "committed_date": at,
            "web_url": f"{self.web}/{project.path}/-/commit/{sha}",
        }

    def branch(self, project: Project, name: str, sha: str, level: int) -> dict[str, Any]:
        """A branch."""
        protected = name in project.protected
        return {
            "name": name,
            "commit": self.commit(project, sha),
            "merged": False,
            "protected": protected,
            "default": name == project.repository.default_branch,
            "developers_can_push": False,
            "developers_can_merge": False,
            "can_push": level >= LEVELS["maintainer" if protected else "developer"],
            "web_url": f"{self.web}/{project.path}/-/tree/{name}",
        }

    def merge_request(
        self, merge: MergeRequest, target: Project, source: Project | None, notes: int
    ) -> dict[str, Any]:
        """A merge request as lists show it."""
        return {
            "id": merge.id,
            "iid": merge.iid,
            "project_id": target.id,
            "title": merge.title,
            "description": merge.description or None,
            "state": merge.state,
            "created_at": merge.created,
            "updated_at": merge.updated,
            "merged_at": merge.updated if merge.state == "merged" else None,
            "closed_at": merge.updated if merge.state == "closed" else None,
            "target_branch": merge.target_branch,
            "source_branch": merge.source_branch,
            "user_notes_count": notes,
            "author": self.user(merge.author),
            "assignee": None,
            "assignees": [],
            "reviewers": [],
            "source_project_id": None if source is None else source.id,
            "target_project_id": target.id,
            "labels": list(merge.labels),
            "draft": merge.draft,
            "work_in_progress": merge.draft,
            "milestone": None,
            "detailed_merge_status": "draft_status" if merge.draft else "mergeable",
            "sha": merge.head,
            "merge_commit_sha": None,
            "should_remove_source_branch": None,
            "force_remove_source_branch": merge.removes_source,
            "references": {
                "short": f"!{merge.iid}",
                "relative": f"!{merge.iid}",
                "full": f"{target.path}!{merge.iid}",
            },
            "web_url": f"{self.web}/{target.path}/-/merge_requests/{merge.iid}",
            "has_conflicts": False,
            "blocking_discussions_resolved": True,
        }

    def version(self, merge: MergeRequest, version: Version, files: int) -> dict[str, Any]:
        """A version as lists show it."""
        return {
            "id": version.id,
            "head_commit_sha": version.refs.head,
            "base_commit_sha": version.refs.base,
            "start_commit_sha": version.refs.start,
            "created_at": version.created,
            "merge_request_id": merge.id,
            "state": "collected",
            "real_size": str(files),
            "patch_id_sha": None,
        }

    def change(self, file: FileDiff) -> dict[str, Any]:
        """A file of a diff."""
        return {
            "diff": "" if file.too_large else file.diff,
            "collapsed": False,
            "too_large": file.too_large,
            "new_path": file.new_path,
            "old_path": file.old_path,
            "a_mode": file.a_mode,
            "b_mode": file.b_mode,
            "new_file": file.new_file,
            "renamed_file": file.renamed_file,
            "deleted_file": file.deleted_file,
            "generated_file": False,
        }

    def note(self, note: Note, on: Noteable, project: Project, suggested: list[Suggestion]) -> dict[str, Any]:
        """A comment."""
        made: dict[str, Any] = {
            "id": note.id,
            "type": note.kind,
            "body": note.body,
            "author": self.user(note.author),
            "created_at": note.created,
            "updated_at": note.updated,
            "system": note.system,
            "noteable_id": on.id,
            "noteable_type": note.on,
            "project_id": project.id,
            "resolvable": note.resolvable,
            "confidential": False,
            "internal": False,
            "imported": False,
            "imported_from": "none",
            "noteable_iid": note.iid,
            "commands_changes": {},
        }
        if note.kind == "DiffNote":
            made |= {"commit_id": None, "position": dict(note.position or {})}
            made["suggestions"] = [
                {
                    "id": note.id * 100 + number,
                    "from_line": one.first,
                    "to_line": one.last,
                    "appliable": number not in note.applied,
                    "applied": number in note.applied,
                    "from_content": one.old.decode(errors="replace"),
                    "to_content": one.new.decode(errors="replace"),
                }
                for number, one in enumerate(suggested)
            ]
        if note.resolvable:
            made |= {
                "resolved": note.resolved is not None,
                "resolved_by": self.maybe(note.resolved_by),
                "resolved_at": note.resolved,
            }
        return made

    def draft_note(self, draft: DraftNote, merge: MergeRequest) -> dict[str, Any]:
        """A comment that is not published."""
        nowhere = dict.fromkeys(
            ("base_sha", "start_sha", "head_sha", "old_path", "new_path", "old_line", "new_line", "line_range")
        )
        return {
            "id": draft.id,
            "author_id": draft.author.id,
            "merge_request_id": merge.id,
            "resolve_discussion": draft.resolves,
            "discussion_id": draft.discussion,
            "note": draft.note,
            "commit_id": draft.commit,
            "line_code": draft.line_code,
            "position": draft.position or nowhere | {"position_type": "text"},
        }

    def issue(self, issue: Issue, project: Project, notes: int) -> dict[str, Any]:
        """An issue."""
        return {
            "id": issue.id,
            "iid": issue.iid,
            "project_id": project.id,
            "title": issue.title,
            "description": issue.description or None,
            "state": issue.state,
            "created_at": issue.created,
            "updated_at": issue.updated,
            "closed_at": issue.closed,
            "closed_by": self.maybe(issue.closed_by),
            "labels": list(issue.labels),
            "milestone": None,
            "assignees": [],
            "author": self.user(issue.author),
            "type": "ISSUE",
            "issue_type": "issue",
            "user_notes_count": notes,
            "confidential": issue.confidential,
            "discussion_locked": None,
            "references": {"short": f"#{issue.iid}", "full": f"{project.path}#{issue.iid}"},
            "web_url": f"{self.web}/{project.path}/-/issues/{issue.iid}",
        }

    def status(self, status: Status) -> dict[str, Any]:
        """What is said of a commit."""
        over = status.state not in ("pending", "running")
        return {
            "id": status.id,
            "sha": status.sha,
            "ref": status.ref,
            "status": status.state,
            "name": status.name,
            "target_url": status.target,
            "description": status.description,
            "created_at": status.created,
            "started_at": None,
            "finished_at": status.created if over else None,
            "allow_failure": False,
            "coverage": status.coverage,
            "pipeline_id": status.pipeline,
            "author": self.user(status.author),
        }
