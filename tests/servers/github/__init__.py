"""A stateful GitHub on loopback for tests: the API that a review bot uses, over real git repositories.

    with GitHubDouble() as github:
        github.repository("octo/hello", {"a.py": "x = 1\\n"}, collaborators={"bob": "write"})
        github.push("octo/hello", "feature", {"a.py": "x = 2\\n"})           # author="alice"
        number = github.open_pull("octo/hello", "feature", draft=False)     # or a fork's "stranger:feature"
        token = github.actions_token("octo/hello", contents="read", pull_requests="write")

        api = Github(base_url=github.url, auth=Auth.Token(token), retry=None,
                     seconds_between_requests=0, seconds_between_writes=0)  # github.enterprise_url: below /api/v3
        ...                                                                 # git: github.clone_url("octo/hello")
        github.inject(Fault.lost(), "POST", "/repos/*/pulls/*/reviews")     # carried out, answered with 502
        comment = github.comments_on(github.pull("octo/hello", number))[0]
        github.reply(comment.id, "No.", author="bob")                       # what people do
        github.push("octo/hello", "feature", {"a.py": "\\nx = 2\\n"})         # comments follow: shift, outdate
        github.apply_suggestion(comment.id)                                 # the file's new bytes
        github.check()                                                      # nothing broke the contract

Every request and reply is held against GitHub's OpenAPI description (`openapi.json`, made by
`scripts/openapi.py`); what broke it stands in `contract_errors`, and every exchange in `exchanges`. Tokens:
`token(login, kind=, rights=, repositories=)` for people and apps, `actions_token(repository, contents=...,
pull_requests=..., issues=..., checks=..., statuses=..., security_events=...)` for workflows; their rights are
none, read or write. Faults: `Fault.answer(503)`, `.primary()`, `.secondary()`, `.slow()`, `.cut()`, `.closed()`,
`.lost()`.
"""

from __future__ import annotations

from servers.github.double import ACTIONS, GitHubDouble
from servers.github.faults import Fault
from servers.github.history import FilePatch, Repository
from servers.github.state import (
    BODY_LIMIT,
    Account,
    CheckRun,
    Exchange,
    GitRequest,
    Issue,
    IssueComment,
    PullRequest,
    Review,
    ReviewComment,
    Sarif,
    Status,
    Token,
)
from servers.github.suggesting import SuggestionRefused, suggestions

__all__ = [
    "ACTIONS",
    "BODY_LIMIT",
    "Account",
    "CheckRun",
    "Exchange",
    "Fault",
    "FilePatch",
    "GitHubDouble",
    "GitRequest",
    "Issue",
    "IssueComment",
    "PullRequest",
    "Repository",
    "Review",
    "ReviewComment",
    "Sarif",
    "Status",
    "SuggestionRefused",
    "Token",
    "suggestions",
]
