"""What each operation of the API does, by its name in `contract.yaml`."""

from __future__ import annotations

import base64
import hashlib
import re
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from servers.github.history import GitFailed, git
from servers.gitlab.faults import Refusal, bad, error, forbidden, missing
from servers.gitlab.positions import complaints, diffs, line_code, misread
from servers.gitlab.shapes import Shapes
from servers.gitlab.state import (
    LEVELS,
    NOTE_LIMIT,
    TITLE_LIMIT,
    Account,
    DraftNote,
    Issue,
    MergeRequest,
    Note,
    Noteable,
    Project,
    Status,
    Token,
)

if TYPE_CHECKING:
    from servers.gitlab.double import GitLabDouble

_EVENTS = {"running": "run", "success": "success", "failed": "drop", "canceled": "cancel", "skipped": "skip",
           "pending": "enqueue"}  # fmt: skip


@dataclass(frozen=True)
class Ask:
    """A request that the contract has let through."""

    token: Token | None
    at: Mapping[str, str]
    params: Mapping[str, Any]
    path: str
    shapes: Shapes

    @property
    def me(self) -> Account:
        """Whose token it is. Raises Refusal."""
        if self.token is None:
            raise Refusal(401, error(401))
        return self.token.account


@dataclass
class Reply:
    """What is answered."""

    status: int
    body: Any = None
    """JSON, or text or bytes of another kind."""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class Operations:
    """The operations, on the double's state. The double holds its lock while one runs."""

    def __init__(self, double: GitLabDouble) -> None:
        self._double = double
        self._by_name: dict[str, Callable[[Ask], Reply]] = {
            "version/get": self._version_of_gitlab,
            "user/get": self._user,
            "users/list": self._users,
            "users/get": self._one_user,
            "projects/get": self._project_shown,
            "members/get": self._member,
            "members/list": self._members,
            "branches/list": self._branches,
            "branches/get": self._branch,
            "branches/create": self._create_branch,
            "branches/delete": self._delete_branch,
            "commits/get": self._commit,
            "commits/list": self._commits,
            "commits/create": self._create_commit,
            "files/get": self._file,
            "files/raw": self._raw,
            "merge_requests/list": self._merge_requests,
            "merge_requests/get": self._merge_request,
            "merge_requests/create": self._create_merge_request,
            "merge_requests/update": self._update_merge_request,
            "merge_requests/diffs": self._diffs,
            "merge_requests/commits": self._merge_commits,
            "versions/list": self._versions,
            "versions/get": self._version,
            "discussions/list": self._discussions,
            "discussions/get": self._discussion,
            "discussions/create": self._create_discussion,
            "discussions/resolve": self._resolve,
            "discussions/add_note": self._reply,
            "discussions/get_note": self._note,
            "discussions/update_note": self._update_note,
            "discussions/delete_note": self._delete_note,
            "notes/list": self._notes,
            "notes/get": self._note,
            "notes/create": self._create_note,
            "notes/update": self._update_note,
            "notes/delete": self._delete_note,
            "draft_notes/list": self._drafts,
            "draft_notes/get": self._draft,
            "draft_notes/create": self._create_draft,
            "draft_notes/update": self._update_draft,
            "draft_notes/delete": self._delete_draft,
            "draft_notes/publish": self._publish,
            "draft_notes/bulk_publish": self._bulk_publish,
            "issues/list": self._issues,
            "issues/get": self._issue,
            "issues/create": self._create_issue,
            "issues/update": self._update_issue,
            "issue_notes/list": self._notes,
            "issue_notes/create": self._create_note,
            "issue_notes/update": self._update_note,
            "issue_notes/delete": self._delete_note,
            "statuses/list": self._statuses,
            "statuses/create": self._create_status,
        }

    @property
    def names(self) -> frozenset[str]:
        """Everything that can be asked."""
        return frozenset(self._by_name)

    def answer(self, name: str, ask: Ask) -> Reply:
        """The reply of one operation. Raises Refusal."""
        return self._by_name[name](ask)

    # ------------------------------------------------------------------------------------------------- access

    def _project(self, ask: Ask, least: str = "") -> Project:
        """The project of the path, by number or by path. Raises Refusal where the token may not see it, or where
        its account has not this role."""
        project = self._double.found(ask.at["id"])
        level = self._double.level(ask.token, project) if project else 0
        if project is None or (not level and not self._double.visible(ask.token, project)):
            raise missing("Project")
        if least and level < LEVELS[least]:
            raise forbidden()
        return project

    def _merge(self, ask: Ask) -> tuple[Project, MergeRequest]:
        project = self._project(ask)
        level = self._double.level(ask.token, project)
        found = self._double.merge_requests.get((project.path, _number(ask.at["iid"])))
        if found is None or (project.visibility == "private" and level < LEVELS["reporter"]):
            raise missing()
        return project, found

    def _noteable(self, ask: Ask) -> tuple[Project, Noteable]:
        if "iid" in ask.at:
            return self._merge(ask)
        return self._issue_of(ask)

    def _issue_of(self, ask: Ask) -> tuple[Project, Issue]:
        project = self._project(ask)
        found = self._double.issues.get((project.path, _number(ask.at["issue_iid"])))
        if found is None or not project.issues_enabled:
            raise missing()
        return project, found

    def _level(self, ask: Ask, project: Project) -> int:
        return self._double.level(ask.token, project)

    def _page(self, ask: Ask, rows: Sequence[Any], show: Callable[[Any], Any], *, key: bool = False) -> Reply:
        """One page of a list; `key`: by GitLab's keyset where that is asked for."""
        size = int(ask.params.get("per_page", 20))
        if key and ask.params.get("pagination") == "keyset":
            return self._key_page(ask, rows, show, size)
        page = int(ask.params.get("page", 1))
        last = max(1, -(-len(rows) // size))
        following = str(page + 1) if page < last else ""
        headers = {
            "X-Per-Page": str(size),
            "X-Page": str(page),
            "X-Next-Page": following,
            "X-Prev-Page": str(page - 1) if page > 1 else "",
            "X-Total": str(len(rows)),
            "X-Total-Pages": str(last),
        }
        places = (
            [("prev", page - 1)] * (page > 1)
            + [("next", page + 1)] * bool(following)
            + [("first", 1), ("last", last)]
        )
        here = f"{ask.shapes.web}/api/v4{ask.path}"
        headers["Link"] = ", ".join(
            f'<{here}?{_query({**ask.params, "page": number, "per_page": size})}>; rel="{name}"'
            for name, number in places
        )
        return Reply(200, [show(row) for row in rows[(page - 1) * size : page * size]], headers=headers)

    def _key_page(self, ask: Ask, rows: Sequence[Any], show: Callable[[Any], Any], size: int) -> Reply:
        name = "page_token" if "repository/branches" in ask.path else "cursor"
        start = 0
        if after := ask.params.get(name):
            start = 1 + next((at for at, row in enumerate(rows) if _key(row) == after), -1)
        shown = rows[start : start + size]
        headers = {"X-Per-Page": str(size)}
        if start + size < len(rows):
            query = _query({**ask.params, name: _key(shown[-1])})
            headers["Link"] = f'<{ask.shapes.web}/api/v4{ask.path}?{query}>; rel="next"'
        return Reply(200, [show(row) for row in shown], headers=headers)

    # --------------------------------------------------------------------------------------- users, projects

    def _version_of_gitlab(self, ask: Ask) -> Reply:
        assert ask.me
        return Reply(200, {"version": self._double.release, "revision": "0123456789a"})

    def _user(self, ask: Ask) -> Reply:
        return Reply(200, ask.shapes.whole_user(ask.me))

    def _users(self, ask: Ask) -> Reply:
        name = str(ask.params.get("username", "")).lower()
        rows = [one for one in self._double.accounts.values() if name in ("", one.username.lower())]
        return self._page(ask, rows, ask.shapes.user)

    def _one_user(self, ask: Ask) -> Reply:
        wanted = _number(ask.at["user_id"])
        found = next((one for one in self._double.accounts.values() if one.id == wanted), None)
        if found is None:
            raise missing("User")
        return Reply(200, ask.shapes.whole_user(found))

    def _project_shown(self, ask: Ask) -> Reply:
        project = self._project(ask)
        parent = self._double.projects.get(project.parent or "")
        parent = parent if parent and self._double.visible(ask.token, parent) else None
        return Reply(200, ask.shapes.project(project, self._level(ask, project), parent, project.id + 1))

    def _member(self, ask: Ask) -> Reply:
        project = self._project(ask)
        wanted = _number(ask.at["user_id"])
        found = next((one for one in self._double.accounts.values() if one.id == wanted), None)
        level = self._double.role(found, project) if found else 0
        if found is None or not level:
            raise missing()
        return Reply(200, ask.shapes.member(found, level))

    def _members(self, ask: Ask) -> Reply:
        project = self._project(ask)
        rows = [(one, self._double.role(one, project)) for one in self._double.accounts.values()]
        return self._page(ask, [row for row in rows if row[1]], lambda row: ask.shapes.member(*row))

    # ---------------------------------------------------------------------------------------------- repository

    def _reading(self, ask: Ask) -> Project:
        project = self._project(ask)
        if project.visibility == "private" and self._level(ask, project) < LEVELS["reporter"]:
            raise forbidden()
        return project

    def _may_push(self, ask: Ask, project: Project, branch: str) -> None:
        level = self._level(ask, project)
        if level < LEVELS["developer"]:
            raise forbidden()
        if branch in project.protected and level < LEVELS["maintainer"]:
            raise forbidden("You are not allowed to push into this branch")

    def _branches(self, ask: Ask) -> Reply:
        project = self._reading(ask)
        level, wanted = self._level(ask, project), ask.params.get("search", "")
        rows = [row for row in sorted(project.repository.heads().items()) if wanted in row[0]]
        return self._page(ask, rows, lambda row: ask.shapes.branch(project, *row, level), key=True)

    def _branch(self, ask: Ask) -> Reply:
        project = self._reading(ask)
        sha = project.repository.heads().get(ask.at["branch"])
        if sha is None:
            raise missing("Branch")
        return Reply(200, ask.shapes.branch(project, ask.at["branch"], sha, self._level(ask, project)))

    def _create_branch(self, ask: Ask) -> Reply:
        project = self._project(ask)
        name = ask.params["branch"]
        self._may_push(ask, project, "")
        self._named(name)
        if name in project.repository.heads():
            raise Refusal(400, {"message": "Branch already exists"})
        sha = project.repository.commit_of(ask.params["ref"])
        if sha is None:
            raise Refusal(400, {"message": "Invalid reference name: " + ask.params["ref"]})
        project.repository.set_ref(f"refs/heads/{name}", sha)
        return Reply(201, ask.shapes.branch(project, name, sha, self._level(ask, project)))

    def _named(self, branch: str) -> None:
        try:
            git(self._double.root, "check-ref-format", "--branch", branch)
        except GitFailed:
            raise Refusal(400, {"message": "Branch name is invalid"}) from None

    def _delete_branch(self, ask: Ask) -> Reply:
        project = self._project(ask)
        name = ask.at["branch"]
        if name not in project.repository.heads():
            raise missing("Branch")
        if name in project.protected or self._level(ask, project) < LEVELS["developer"]:
            raise forbidden()
        git(project.repository.path, "update-ref", "-d", f"refs/heads/{name}")
        return Reply(204)

    def _sha(self, project: Project, name: str) -> str:
        sha = project.repository.commit_of(name)
        if sha is None:
            raise missing("Commit")
        return sha

    def _commit(self, ask: Ask) -> Reply:
        project = self._reading(ask)
        sha = self._sha(project, ask.at["sha"])
        latest = [one for one in self._double.statuses if (one.project, one.sha) == (project.path, sha)]
        more = {"status": latest[-1].state if latest else None, "project_id": project.id, "last_pipeline": None}
        return Reply(200, ask.shapes.commit(project, sha) | more)

    def _commits(self, ask: Ask) -> Reply:
        project = self._reading(ask)
        tip = self._sha(project, ask.params.get("ref_name") or project.repository.default_branch)
        behind = ("--", ask.params["path"]) if ask.params.get("path") else ()
        rows = git(project.repository.path, "rev-list", tip, *behind).decode().split()
        return self._page(ask, rows, lambda sha: ask.shapes.commit(project, sha))

    def _create_commit(self, ask: Ask) -> Reply:
        project = self._project(ask)
        branch, params = ask.params["branch"], ask.params
        self._may_push(ask, project, branch)
        self._named(branch)
        repository = project.repository
        tip = repository.heads().get(branch)
        start = params.get("start_sha") or params.get("start_branch")
        if tip and start and not params.get("force"):
            raise Refusal(
                400,
                {
                    "message": f"A branch called '{branch}' already exists. Switch to that branch "
                    "in order to make changes"
                },
            )
        parent = repository.commit_of(start) if start else tip
        if parent is None:
            raise Refusal(400, {"message": "You can only create or edit files when you are on a branch"})
        files, modes = self._acted(project, parent, params.get("actions", ()))
        if not files and not params.get("allow_empty"):
            raise Refusal(400, {"message": "You must provide at least one action"})
        who = ask.me.username
        sha = repository.commit(files, params["commit_message"], parent, who, int(self._double.now()))
        if modes:
            rows = [
                (mode, git(repository.path, "rev-parse", f"{sha}:{path}").decode().strip(), path)
                for path, mode in modes.items()
            ]
            tree = repository.tree(sha, rows)
            sha = repository.commit_tree(tree, [parent], params["commit_message"], who, int(self._double.now()))
        repository.set_ref(f"refs/heads/{branch}", sha)
        self._double.synchronize(by=ask.me)
        return Reply(201, ask.shapes.commit(project, sha))

    def _acted(
        self, project: Project, parent: str, actions: Iterable[Mapping[str, Any]]
    ) -> tuple[dict[str, bytes | None], dict[str, str]]:
        """The files of a commit, and the modes of those that are not plain ones."""
        files: dict[str, bytes | None] = {}
        modes: dict[str, str] = {}

        def there(path: str) -> bytes | None:
            return files[path] if path in files else project.repository.blob(parent, path)

        for action in actions:
            path, verb = action["file_path"], action["action"]
            before = there(action.get("previous_path", path) if verb == "move" else path)
            if verb == "create" and before is not None:
                raise Refusal(400, {"message": "A file with this name already exists"})
            if verb != "create" and before is None:
                raise Refusal(400, {"message": "A file with this name doesn't exist"})
            content = action.get("content")
            if content is not None:
                data = base64.b64decode(content) if action.get("encoding") == "base64" else content.encode()
            else:
                data = before or b""
            if verb == "move":
                files[action["previous_path"]] = None
            files[path] = None if verb == "delete" else data
            old = git(project.repository.path, "ls-tree", parent, "--", path).decode().split(" ")[0]
            if verb == "chmod" or (verb == "create" and "execute_filemode" in action):
                modes[path] = "100755" if action.get("execute_filemode") else "100644"
            elif verb == "update" and old == "100755":
                modes[path] = old
        return files, modes

    def _blob(self, ask: Ask) -> tuple[Project, str, str, bytes]:
        project = self._reading(ask)
        ref = ask.params.get("ref") or project.repository.default_branch
        sha = project.repository.commit_of(project.repository.default_branch if ref == "HEAD" else ref)
        if sha is None:
            raise missing("Commit")
        content = project.repository.blob(sha, ask.at["file_path"])
        if content is None:
            raise missing("File")
        return project, ref, sha, content

    def _file(self, ask: Ask) -> Reply:
        project, ref, sha, content = self._blob(ask)
        path = ask.at["file_path"]
        mode, _, blob = git(project.repository.path, "ls-tree", sha, "--", path).decode().split("\t")[0].split(" ")
        last = git(project.repository.path, "rev-list", "-1", sha, "--", path).decode().strip()
        made = {
            "file_name": path.rsplit("/", 1)[-1],
            "file_path": path,
            "size": len(content),
            "encoding": "base64",
            "content": base64.b64encode(content).decode(),
            "content_sha256": hashlib.sha256(content).hexdigest(),
            "ref": ref,
            "blob_id": blob,
            "commit_id": sha,
            "last_commit_id": last,
            "execute_filemode": mode == "100755",
        }
        return Reply(200, made)

    def _raw(self, ask: Ask) -> Reply:
        return Reply(200, self._blob(ask)[3], "text/plain")

    # ------------------------------------------------------------------------------------------ merge requests

    def _shown(self, ask: Ask, merge: MergeRequest, *, whole: bool = False) -> dict[str, Any]:
        target = self._double.projects[merge.project]
        source = self._double.projects.get(merge.source_project)
        source = None if source is None or source.gone else source
        notes = [note for note in self._double.notes_on(merge) if not note.system]
        made = ask.shapes.merge_request(merge, target, source, len(notes))
        if whole:
            files = len(self._double.diffs_of(merge))
            may = self._double.level(ask.token, target) >= LEVELS["developer"]
            made |= {
                "diff_refs": merge.refs.shas(),
                "changes_count": str(files) if files else None,
                "merge_error": None,
                "head_pipeline": None,
                "user": {"can_merge": may},
            }
        return made

    def _merge_requests(self, ask: Ask) -> Reply:
        project, params = self._project(ask), ask.params
        if project.visibility == "private" and self._level(ask, project) < LEVELS["reporter"]:
            raise forbidden()
        rows = [one for (path, _), one in self._double.merge_requests.items() if path == project.path]
        rows = [
            one
            for one in rows
            if params.get("state", "all") in ("all", one.state)
            and params.get("source_branch", one.source_branch) == one.source_branch
            and params.get("target_branch", one.target_branch) == one.target_branch
            and params.get("author_username", one.author.username) == one.author.username
            and params.get("author_id", one.author.id) == one.author.id
            and params.get("draft", one.draft) == one.draft
            and one.iid in params.get("iids", (one.iid,))
            and (params.get("scope") != "created_by_me" or one.author == ask.me)
            and _labelled(one.labels, params)
            and str(params.get("search", "")).lower() in f"{one.title}\n{one.description}".lower()
        ]
        if "source_project_id" in params:
            wanted = self._double.found(str(params["source_project_id"]))
            rows = [one for one in rows if wanted and one.source_project == wanted.path]
        return self._page(ask, _ordered(rows, params), lambda one: self._shown(ask, one))

    def _merge_request(self, ask: Ask) -> Reply:
        return Reply(200, self._shown(ask, self._merge(ask)[1], whole=True))

    def _create_merge_request(self, ask: Ask) -> Reply:
        source, params = self._project(ask), ask.params
        wanted = params.get("target_project_id")
        target = self._double.found(str(wanted)) if wanted else source
        if target is None:
            raise missing("Project")
        if self._level(ask, source) < LEVELS["developer"]:
            raise forbidden()
        if not self._double.visible(ask.token, target) and not self._level(ask, target):
            raise missing("Project")
        wrong = []
        heads = source.repository.heads(), target.repository.heads()
        if params["source_branch"] not in heads[0]:
            wrong.append(f'Source branch "{params["source_branch"]}" does not exist')
        if params["target_branch"] not in heads[1]:
            wrong.append(f'Target branch "{params["target_branch"]}" does not exist')
        if source is target and params["source_branch"] == params["target_branch"]:
            wrong.append("You can't use same project/branch for source and target")
        if wrong:
            raise Refusal(422, {"message": wrong})
        self._texts(params)
        same = (source.path, params["source_branch"], params["target_branch"], "opened")
        for (path, iid), one in self._double.merge_requests.items():
            if (
                path == target.path
                and (one.source_project, one.source_branch, one.target_branch, one.state) == same
            ):
                raise Refusal(
                    409, {"message": [f"Another open merge request already exists for this source branch: !{iid}"]}
                )
        iid = self._double.open_merge_request(
            target.path,
            params["source_branch"] if source is target else f"{source.path}:{params['source_branch']}",
            params["target_branch"],
            title=params["title"],
            description=params.get("description") or "",
            author=ask.me.username,
            labels=_split(params.get("labels", "")) + _split(params.get("add_labels", "")),
        )
        made = self._double.merge_requests[target.path, iid]
        made.removes_source = bool(params.get("remove_source_branch"))
        return Reply(201, self._shown(ask, made, whole=True))

    def _update_merge_request(self, ask: Ask) -> Reply:
        project, merge = self._merge(ask)
        if ask.me != merge.author and self._level(ask, project) < LEVELS["developer"]:
            raise forbidden()
        params = ask.params
        self._texts(params)
        merge.title = params.get("title", merge.title)
        merge.description = params.get("description", merge.description)
        merge.labels = _relabelled(merge.labels, params)
        event = params.get("state_event")
        if event == "close" and merge.state == "opened":
            merge.state = "closed"
        elif event == "reopen" and merge.state == "closed":
            merge.state = "opened"
        merge.updated = self._double.stamp()
        return Reply(200, self._shown(ask, merge, whole=True))

    def _texts(self, params: Mapping[str, Any]) -> None:
        wrong: dict[str, list[str]] = {}
        title, description = params.get("title"), params.get("description") or ""
        if title is not None and not title.strip():
            wrong["title"] = ["can't be blank"]
        if len(title or "") > TITLE_LIMIT:
            wrong["title"] = [f"is too long (maximum is {TITLE_LIMIT} characters)"]
        if len(description) > NOTE_LIMIT:
            wrong["description"] = [
                f"is too long ({len(description)} characters). The maximum size is {NOTE_LIMIT} characters."
            ]
        if wrong:
            raise Refusal(400, {"message": wrong})

    def _diffs(self, ask: Ask) -> Reply:
        return self._page(ask, self._double.diffs_of(self._merge(ask)[1]), ask.shapes.change)

    def _merge_commits(self, ask: Ask) -> Reply:
        project, merge = self._merge(ask)
        rows = project.repository.between(merge.refs.base, merge.head)[::-1]
        return self._page(ask, rows, lambda sha: ask.shapes.commit(project, sha))

    def _versions(self, ask: Ask) -> Reply:
        project, merge = self._merge(ask)

        def show(version: Any) -> Any:
            files = diffs(project.repository, version.refs.base, version.refs.head)
            return ask.shapes.version(merge, version, len(files))

        return self._page(ask, merge.versions[::-1], show)

    def _version(self, ask: Ask) -> Reply:
        project, merge = self._merge(ask)
        wanted = _number(ask.at["version_id"])
        version = next((one for one in merge.versions if one.id == wanted), None)
        if version is None:
            raise missing()
        files = diffs(project.repository, version.refs.base, version.refs.head)
        commits = project.repository.between(version.refs.base, version.refs.head)[::-1]
        more = {
            "commits": [ask.shapes.commit(project, sha) for sha in commits],
            "diffs": [ask.shapes.change(file) for file in files],
        }
        return Reply(200, ask.shapes.version(merge, version, len(files)) | more)

    # --------------------------------------------------------------------------------------- threads and notes

    def _shown_note(self, ask: Ask, note: Note) -> dict[str, Any]:
        project = self._double.projects[note.project]
        on: Noteable | None = self._double.noteable(note)
        assert on is not None
        return ask.shapes.note(note, on, project, self._double.suggestions(note))

    def _shown_thread(self, ask: Ask, notes: Sequence[Note]) -> dict[str, Any]:
        alone = notes[0].kind is None
        shown = [self._shown_note(ask, note) for note in notes]
        return {"id": notes[0].discussion, "individual_note": alone, "notes": shown}

    def _may_note(self, ask: Ask, project: Project) -> None:
        assert ask.me
        if not self._level(ask, project) and project.visibility == "private":
            raise forbidden()

    def _wordy(self, body: Any) -> None:
        if not str(body).strip():
            raise bad("""Note {:note=>["can't be blank"]}""")
        if len(body) > NOTE_LIMIT:
            limit = "1 MB" if NOTE_LIMIT == 1_000_000 else str(NOTE_LIMIT)
            raise bad(f'Note {{:note=>["is too long ({len(body)} characters). The maximum size is {limit}."]}}')

    def _discussions(self, ask: Ask) -> Reply:
        _, merge = self._merge(ask)
        return self._page(ask, self._double.threads_on(merge), lambda notes: self._shown_thread(ask, notes))

    def _thread(self, ask: Ask) -> tuple[Project, MergeRequest, list[Note]]:
        project, merge = self._merge(ask)
        notes = [note for note in self._double.notes_on(merge) if note.discussion == ask.at["discussion_id"]]
        if not notes:
            raise missing("Discussion")
        return project, merge, notes

    def _discussion(self, ask: Ask) -> Reply:
        return Reply(200, self._shown_thread(ask, self._thread(ask)[2]))

    def _create_discussion(self, ask: Ask) -> Reply:
        project, merge = self._merge(ask)
        self._may_note(ask, project)
        self._wordy(ask.params["body"])
        position = ask.params.get("position")
        if position is not None:
            if wrong := complaints(project.repository, position):
                raise bad(f"Note {wrong}")
            self._double.contract_errors += misread(project.repository, position)
        note = self._double.write(merge, ask.me, ask.params["body"], position=position, threaded=True)
        self._double.notify(note)
        return Reply(201, self._shown_thread(ask, [note]))

    def _may_resolve(self, ask: Ask, project: Project, merge: MergeRequest) -> None:
        if ask.me != merge.author and self._level(ask, project) < LEVELS["developer"]:
            raise forbidden()

    def _resolve(self, ask: Ask) -> Reply:
        project, merge, notes = self._thread(ask)
        self._may_resolve(ask, project, merge)
        if not any(note.resolvable for note in notes):
            raise forbidden()
        self._double.resolve(notes, ask.me if ask.params["resolved"] else None)
        return Reply(200, self._shown_thread(ask, notes))

    def _reply(self, ask: Ask) -> Reply:
        project, merge, notes = self._thread(ask)
        self._may_note(ask, project)
        self._wordy(ask.params["body"])
        if notes[0].system:
            raise bad("Discussion can not be replied to.")
        note = self._double.answer(merge, notes, ask.me, ask.params["body"])
        self._double.notify(note)
        return Reply(201, self._shown_note(ask, note))

    def _found_note(self, ask: Ask) -> tuple[Project, Noteable, Note]:
        project, on = self._noteable(ask)
        note = self._double.notes.get(_number(ask.at["note_id"]))
        if note is None or self._double.noteable(note) is not on:
            raise missing()
        return project, on, note

    def _note(self, ask: Ask) -> Reply:
        return Reply(200, self._shown_note(ask, self._found_note(ask)[2]))

    def _notes(self, ask: Ask) -> Reply:
        _, on = self._noteable(ask)
        rows = self._double.notes_on(on)
        wanted = ask.params.get("activity_filter", "all_notes")
        rows = [note for note in rows if wanted == "all_notes" or note.system == (wanted == "only_activity")]
        key = ask.params.get("order_by", "created_at").removesuffix("_at")
        rows.sort(key=lambda note: (getattr(note, key), note.id), reverse=ask.params.get("sort", "desc") == "desc")
        return self._page(ask, rows, lambda note: self._shown_note(ask, note))

    def _create_note(self, ask: Ask) -> Reply:
        project, on = self._noteable(ask)
        self._may_note(ask, project)
        self._wordy(ask.params["body"])
        if _commands(ask.params["body"]):
            self._double.contract_errors.append("a note that is nothing but quick actions")
        note = self._double.write(on, ask.me, ask.params["body"])
        self._double.notify(note)
        return Reply(201, self._shown_note(ask, note))

    def _may_edit(self, ask: Ask, project: Project, note: Note) -> None:
        if note.system or (ask.me != note.author and self._level(ask, project) < LEVELS["maintainer"]):
            raise forbidden()

    def _update_note(self, ask: Ask) -> Reply:
        project, on, note = self._found_note(ask)
        if "resolved" in ask.params:
            if not isinstance(on, MergeRequest) or not note.resolvable:
                raise bad("Note is not resolvable")
            self._may_resolve(ask, project, on)
            self._double.resolve([note], ask.me if ask.params["resolved"] else None)
            return Reply(200, self._shown_note(ask, note))
        self._may_edit(ask, project, note)
        self._wordy(ask.params["body"])
        note.body, note.updated = ask.params["body"], self._double.stamp()
        return Reply(200, self._shown_note(ask, note))

    def _delete_note(self, ask: Ask) -> Reply:
        project, _, note = self._found_note(ask)
        self._may_edit(ask, project, note)
        del self._double.notes[note.id]
        return Reply(204)

    # -------------------------------------------------------------------------------------------- draft notes

    def _own_drafts(self, ask: Ask) -> tuple[Project, MergeRequest, list[DraftNote]]:
        project, merge = self._merge(ask)
        place = (project.path, merge.iid, ask.me)
        rows = [one for one in self._double.drafts.values() if (one.project, one.iid, one.author) == place]
        return project, merge, rows

    def _drafts(self, ask: Ask) -> Reply:
        _, merge, rows = self._own_drafts(ask)
        shown = [ask.shapes.draft_note(one, merge) for one in rows]
        # GitLab gives them all at once, whatever page is asked for.
        return Reply(200, shown)

    def _draft_of(self, ask: Ask) -> tuple[Project, MergeRequest, DraftNote]:
        project, merge, rows = self._own_drafts(ask)
        found = next((one for one in rows if one.id == _number(ask.at["draft_note_id"])), None)
        if found is None:
            raise missing()
        return project, merge, found

    def _draft(self, ask: Ask) -> Reply:
        _, merge, draft = self._draft_of(ask)
        return Reply(200, ask.shapes.draft_note(draft, merge))

    def _create_draft(self, ask: Ask) -> Reply:
        project, merge = self._merge(ask)
        self._may_note(ask, project)
        self._wordy(ask.params["note"])
        thread = ask.params.get("in_reply_to_discussion_id")
        if thread is not None and not any(note.discussion == thread for note in self._double.notes_on(merge)):
            raise Refusal(400, {"message": {"base": ["Thread to reply to cannot be found"]}})
        position = ask.params.get("position")
        code = line_code(project.repository, position) if position else None
        if position:
            self._double.contract_errors += misread(project.repository, position)
        draft = DraftNote(
            self._double.next_id(), project.path, merge.iid, ask.me, ask.params["note"], thread,
            bool(ask.params.get("resolve_discussion")), position, code, ask.params.get("commit_id"),
        )  # fmt: skip
        self._double.drafts[draft.id] = draft
        return Reply(201, ask.shapes.draft_note(draft, merge))

    def _update_draft(self, ask: Ask) -> Reply:
        project, merge, draft = self._draft_of(ask)
        draft.note = ask.params["note"]
        # GitLab takes a position that is not given for none.
        draft.position = ask.params.get("position")
        draft.line_code = line_code(project.repository, draft.position) if draft.position else None
        return Reply(200, ask.shapes.draft_note(draft, merge))

    def _delete_draft(self, ask: Ask) -> Reply:
        del self._double.drafts[self._draft_of(ask)[2].id]
        return Reply(204)

    def _publish(self, ask: Ask) -> Reply:
        project, merge, draft = self._draft_of(ask)
        note = self._published(project, merge, draft)
        if note is not None:
            self._double.notify(note)
        return Reply(204)

    def _bulk_publish(self, ask: Ask) -> Reply:
        project, merge, rows = self._own_drafts(ask)
        made = [note for note in (self._published(project, merge, draft) for draft in rows) if note is not None]
        if made:
            self._double.notify(*made)
        return Reply(204)

    def _published(self, project: Project, merge: MergeRequest, draft: DraftNote) -> Note | None:
        """The note that a draft becomes. One whose place is no line of the diff becomes none, without a word."""
        del self._double.drafts[draft.id]
        thread = [note for note in self._double.notes_on(merge) if note.discussion == draft.discussion]
        if thread:
            note = self._double.answer(merge, thread, draft.author, draft.note)
            # A published reply opens a resolved thread again, which one that is posted does not.
            self._double.resolve([*thread, note], draft.author if draft.resolves else None)
            return note
        if draft.position and complaints(project.repository, draft.position):
            return None
        return self._double.write(merge, draft.author, draft.note, position=draft.position, threaded=True)

    # -------------------------------------------------------------------------------------------------- issues

    def _shown_issue(self, ask: Ask, issue: Issue) -> dict[str, Any]:
        notes = [note for note in self._double.notes_on(issue) if not note.system]
        return ask.shapes.issue(issue, self._double.projects[issue.project], len(notes))

    def _issues(self, ask: Ask) -> Reply:
        project, params = self._project(ask), ask.params
        rows = [
            one
            for (path, _), one in self._double.issues.items()
            if path == project.path and project.issues_enabled
        ]
        rows = [
            one
            for one in rows
            if params.get("state", "all") in ("all", one.state)
            and params.get("author_username", one.author.username) == one.author.username
            and params.get("author_id", one.author.id) == one.author.id
            and (params.get("scope") != "created_by_me" or one.author == ask.me)
            and one.iid in params.get("iids", (one.iid,))
            and _labelled(one.labels, params)
            and str(params.get("search", "")).lower() in f"{one.title}\n{one.description}".lower()
        ]
        return self._page(ask, _ordered(rows, params), lambda one: self._shown_issue(ask, one), key=True)

    def _issue(self, ask: Ask) -> Reply:
        return Reply(200, self._shown_issue(ask, self._issue_of(ask)[1]))

    def _create_issue(self, ask: Ask) -> Reply:
        project, params = self._project(ask), ask.params
        self._may_note(ask, project)
        if not project.issues_enabled:
            raise forbidden()
        self._texts(params)
        issue = self._double.new_issue(
            project, params["title"], params.get("description") or "", ask.me, _split(params.get("labels", ""))
        )
        issue.confidential = bool(params.get("confidential"))
        return Reply(201, self._shown_issue(ask, issue))

    def _update_issue(self, ask: Ask) -> Reply:
        project, issue = self._issue_of(ask)
        if ask.me != issue.author and self._level(ask, project) < LEVELS["reporter"]:
            raise forbidden()
        params = ask.params
        self._texts(params)
        issue.title = params.get("title", issue.title)
        issue.description = params.get("description", issue.description)
        issue.labels = _relabelled(issue.labels, params)
        event = params.get("state_event")
        if event == "close" and issue.state == "opened":
            issue.state, issue.closed, issue.closed_by = "closed", self._double.stamp(), ask.me
        elif event == "reopen" and issue.state == "closed":
            issue.state, issue.closed, issue.closed_by = "opened", None, None
        issue.updated = self._double.stamp()
        return Reply(200, self._shown_issue(ask, issue))

    # ------------------------------------------------------------------------------------------------ statuses

    def _statuses(self, ask: Ask) -> Reply:
        project = self._reading(ask)
        sha, params = self._sha(project, ask.at["sha"]), ask.params
        rows = [one for one in self._double.statuses if (one.project, one.sha) == (project.path, sha)]
        if not params.get("all"):
            rows = list({(one.name, one.ref): one for one in rows}.values())
        rows = [
            one
            for one in rows
            if params.get("name", one.name) == one.name and params.get("ref", one.ref) == one.ref
        ]
        return self._page(ask, rows, ask.shapes.status)

    def _create_status(self, ask: Ask) -> Reply:
        project, params = self._project(ask, "developer"), ask.params
        if not re.fullmatch(r"[0-9a-f]{40}", ask.at["sha"]):
            raise missing("Commit")
        sha, state = self._sha(project, ask.at["sha"]), params["state"]
        if state == "skipped" and self._double.knows_no_skipped:
            raise Refusal(400, {"error": "state does not have a valid value"})
        heads = project.repository.heads().items()
        ref = params.get("ref") or next((name for name, tip in heads if tip == sha), None)
        ref = ref or next((name for name, tip in heads if project.repository.merge_base(sha, tip) == sha), None)
        name = params.get("name") or params.get("context") or "default"
        if ref is None:
            merges = self._double.merge_requests.values()
            found = next((one for one in merges if one.project == project.path and one.head == sha), None)
            if found is None:
                raise missing("References for commit")
            ref = found.source_branch
        mine = [
            one
            for one in self._double.statuses
            if (one.project, one.sha, one.name, one.ref) == (project.path, sha, name, ref)
        ]
        pipeline = params.get("pipeline_id") or next(
            (one.pipeline for one in self._double.statuses if (one.project, one.sha) == (project.path, sha)), 0
        )
        before = mine[-1] if mine and mine[-1].state in ("pending", "running") else None
        if before is not None and (before.state == state or state == "pending"):
            event = _EVENTS[state]
            reason = f'(Reason(s): Status cannot transition via "{event}")'
            reason = f"Cannot transition status via :{event} from :{before.state} {reason}"
            raise Refusal(400, {"message": reason})
        if before is not None:
            before.state = state
            before.description = params.get("description", before.description)
            before.target = params.get("target_url", before.target)
            return Reply(201, ask.shapes.status(before))
        made = Status(
            self._double.next_id(), project.path, sha, cast(str, ref), name, state, params.get("description"),
            params.get("target_url"), ask.me, self._double.stamp(), pipeline or self._double.next_id(),
            params.get("coverage"),
        )  # fmt: skip
        self._double.statuses.append(made)
        return Reply(201, ask.shapes.status(made))


def _number(text: str) -> int:
    if not re.fullmatch(r"\d+", text):
        raise Refusal(400, {"error": "id is invalid"})
    return int(text)


def _query(params: Mapping[str, Any]) -> str:
    return urllib.parse.urlencode({name: _word(value) for name, value in params.items()})


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _key(row: Any) -> str:
    return str(row[0] if isinstance(row, tuple) else row.id)


def _split(labels: str) -> list[str]:
    return [label for label in (one.strip() for one in labels.split(",")) if label]


def _labelled(labels: Sequence[str], params: Mapping[str, Any]) -> bool:
    return set(_split(params.get("labels", ""))) <= set(labels)


def _relabelled(labels: Sequence[str], params: Mapping[str, Any]) -> list[str]:
    kept = _split(params["labels"]) if "labels" in params else list(labels)
    kept += [label for label in _split(params.get("add_labels", "")) if label not in kept]
    return [label for label in kept if label not in _split(params.get("remove_labels", ""))]


def _ordered(rows: list[Any], params: Mapping[str, Any]) -> list[Any]:
    key = params.get("order_by", "created_at")
    name = {"created_at": "created", "updated_at": "updated", "title": "title"}.get(key, "created")
    return sorted(rows, key=lambda one: (getattr(one, name), one.id), reverse=params.get("sort", "desc") == "desc")


def _commands(body: str) -> bool:
    """Whether GitLab would take a note for commands alone, and keep no note."""
    lines = [line for line in body.splitlines() if line.strip()]
    return bool(lines) and all(re.match(r"/[a-z_]+( |$)", line) for line in lines)
