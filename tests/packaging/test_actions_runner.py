"""The runner of the tests reads files of commands and logs as GitHub's does, and sees what must not happen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from runner import DECOYS, Command, Runner, assignments, parsed, translated


def test_a_file_of_commands() -> None:
    text = "conclusion=clean\nempty=\nlong<<EOF_1\na=b\nc<<d\n\nEOF_1\nurl=https://a.example/?b=c<<d\n"
    assert assignments(text) == {
        "conclusion": "clean",
        "empty": "",
        "long": "a=b\nc<<d\n",
        "url": "https://a.example/?b=c<<d",
    }


@pytest.mark.parametrize("text", ["nothing\n", "=x\n", "a<<EOF\nno end\n", "<<EOF\nx\nEOF\n"])
def test_what_the_runner_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="Invalid"):
        assignments(text)


def test_commands_in_a_log() -> None:
    lines = (
        "before",
        "::error file=a%3Ab%2Cc.py,line=3,title=100%25::one%0Atwo%25",
        "::add-mask::word",
        "::stop-commands::abc",
        "::add-mask::theirs",
        "::abc::",
        "  ::warning::indented",
        "a word ::error::in a line",
    )
    assert list(parsed("\n".join(lines))) == [
        "before",
        Command("error", {"file": "a:b,c.py", "line": "3", "title": "100%"}, "one\ntwo%"),
        Command("add-mask", {}, "word"),
        "::add-mask::theirs",
        Command("warning", {}, "indented"),
        "a word ::error::in a line",
    ]


def test_paths_are_translated_as_a_whole() -> None:
    mounts = [(Path("/tmp/x"), "/github/runner_temp"), (Path("/tmp/x/home"), "/github/home")]
    assert translated("/tmp/x/home/a", mounts) == "/github/home/a"
    assert translated("/tmp/x", mounts) == "/github/runner_temp"
    for same in ("/tmp/xy/a", "see /tmp/x/a", ""):
        assert translated(same, mounts) == same


CARELESS = """
import os, platform, docker
api = docker.from_env().api
made = api.create_container(
    os.environ["IMAGE"],
    ["--version"],
    environment=dict(os.environ),
    labels={"tryline.owner": f"{platform.node()}:1:1", "tryline.role": "run"},
    host_config=api.create_host_config(binds=["/var/run/docker.sock:/var/run/docker.sock"]),
)
api.start(made["Id"])
api.wait(made["Id"])
api.remove_container(made["Id"])
with open(os.environ["GITHUB_OUTPUT"], "a") as file:
    print(f"user={os.getuid()}", f"here={os.getcwd()}", f"home={os.environ['HOME']}", sep="\\n", file=file)
"""


@pytest.mark.engine
@pytest.mark.parametrize("network", [None, "host"])
def test_a_careless_action_is_found_out(image: str, tmp_path: Path, network: str | None) -> None:
    """What the tests of the image assert of containers would fail for one that is given everything."""
    action = tmp_path / "action.yml"
    runs = {"using": "docker", "entrypoint": "/opt/tryline/bin/python", "args": ["-c", CARELESS]}
    action.write_text(yaml.safe_dump({"inputs": {"a word": {"default": "x"}}, "runs": runs}), encoding="utf-8")
    (tmp_path / "workspace").mkdir()
    step = Runner(image, tmp_path / "_temp", action=action).run(
        tmp_path / "workspace", env={"IMAGE": image}, inputs={"other-input": "y"}, network=network
    )
    assert step.code == 0, step.raw
    assert step.outputs == {"user": "0", "here": "/github/workspace", "home": "/github/home"}
    (sibling,) = step.siblings
    assert sibling.role == "run"
    assert {"INPUT_A_WORD=x", "INPUT_OTHER-INPUT=y", "GITHUB_ACTIONS=true"} <= set(sibling.env)
    assert {f"{name}={value}" for name, value in DECOYS.items()} <= set(sibling.env)
    assert "GITHUB_EVENT_PATH=/github/workflow/event.json" in sibling.env
    assert sibling.host["Binds"]
    assert sibling.mounts
    # Values stand on no command line.
    assert not [word for word in step.argv if any(value in word for value in DECOYS.values())]
    assert step.unseen == 0
    assert f"HOSTNAME={os.uname().nodename}" not in sibling.env
