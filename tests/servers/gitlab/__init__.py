"""A stateful GitLab on loopback for tests: the API that a review bot uses, over real git repositories.

    with GitLabDouble() as gitlab:                                          # prefix="/gitlab", tls=True
        gitlab.project("group/sub/hello", {"a.py": "x = 1\\n"}, members={"bob": "developer"})   # alice owns it
        gitlab.push("group/sub/hello", "feature", {"a.py": "x = 2\\n"})      # author="alice"
        iid = gitlab.open_merge_request("group/sub/hello", "feature")       # or a fork's "eve/hello:feature"
        token = gitlab.project_token("group/sub/hello", role="developer")   # token(username), job_token

        api = Gitlab(gitlab.url, private_token=token)                       # ssl_verify=str(gitlab.ca)
        ...                                                                 # gitlab.api_url, .clone_url(path)
        gitlab.inject(Fault.lost(), "POST", "/projects/*/merge_requests/1/notes")  # carried out, answered with 502
        note = gitlab.said("group/sub/hello", iid)[0]
        gitlab.reply(note.id, "No.", author="bob")                          # what people do
        gitlab.push("group/sub/hello", "feature", {"a.py": "\\nx = 2\\n"})    # notes follow, or are outdated(note)
        gitlab.apply_suggestion(note.id)                                    # the file's new bytes
        gitlab.check()                                                      # nothing broke the contract

Every request and reply is held against `contract.yaml`, written by hand from GitLab's documentation; what broke it
stands in `contract_errors`, and every exchange in `exchanges`; what people are notified of, in `mails`. Where the
documentation leaves it open, the double does what GitLab's own source does. Faults: `Fault.answer(503)`,
`.limited()`, `.slow()`, `.cut()`, `.closed()`, `.lost()`.
"""

from __future__ import annotations

from servers.gitlab.double import GitLabDouble
from servers.gitlab.faults import Fault
from servers.gitlab.positions import FileDiff
from servers.gitlab.state import (
    LEVELS,
    NOTE_LIMIT,
    Account,
    DraftNote,
    Exchange,
    GitRequest,
    Issue,
    Mail,
    MergeRequest,
    Note,
    Project,
    Refs,
    Status,
    Token,
    Version,
)
from servers.gitlab.suggesting import Suggestion, SuggestionRefused

__all__ = [
    "LEVELS",
    "NOTE_LIMIT",
    "Account",
    "DraftNote",
    "Exchange",
    "Fault",
    "FileDiff",
    "GitLabDouble",
    "GitRequest",
    "Issue",
    "Mail",
    "MergeRequest",
    "Note",
    "Project",
    "Refs",
    "Status",
    "Suggestion",
    "SuggestionRefused",
    "Token",
    "Version",
]
