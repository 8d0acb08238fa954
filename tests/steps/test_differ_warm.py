"""One process for a file's new functions: armed for one after the other, left when it does not hold one."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import cast

import pytest

from bot import trial
from bot.domain import Function, Unit
from bot.errors import SandboxError
from bot.languages.python.language import Python
from bot.steps.differ import Warm


def place(path: str, name: str) -> trial.Place:
    function = Function(path, name, 1, 2, 1, 2, f"def {name}():\n    pass\n")
    return trial.Place(Python(), function.source, function, Unit(path, 1, name, (), function.source))


@dataclass
class Room:
    """A sandbox that holds some functions, or breaks."""

    holds: tuple[str, ...]
    armed: list[str] = field(default_factory=list)
    open: bool = True
    broken: bool = False

    def ask(self, job: dict[str, dict[str, dict[str, str]]], seconds: float) -> dict[str, int]:
        if self.broken:
            raise SandboxError("it ended", slug="sandbox")
        name = job["message"]["unit"]["name"]
        self.armed.append(name)
        return {"functions": int(name in self.holds)}


class House:
    """Starts rooms, and remembers them."""

    def __init__(self, *holds: tuple[str, ...]) -> None:
        self.rooms: list[Room] = []
        self._holds = list(holds)

    def start(self, opened: contextlib.ExitStack, where: trial.Place) -> trial.Stage:
        room = Room(self._holds.pop(0))
        self.rooms.append(room)
        opened.callback(lambda: setattr(room, "open", False))
        stage = trial.Stage(cast("trial.Lab", None), cast("trial.Sandbox", room), where, cast("trial.Side", None))
        stage.arm(own=True)
        return stage

    def at(self, warm: Warm, path: str, name: str) -> trial.Stage:
        where = place(path, name)
        return warm.at(where, lambda opened: self.start(opened, where))


def test_functions_of_a_file_share_a_process() -> None:
    house = House(("a", "b", "c"))
    with contextlib.closing(Warm()) as warm:
        stages = [house.at(warm, "x.py", name) for name in "abc"]
        assert [stage.place.function.qualname for stage in stages] == ["a", "b", "c"]
        assert all(stage.warm and stage.own for stage in stages)
        assert [room.armed for room in house.rooms] == [["a", "b", "c"]]
    assert not house.rooms[0].open


def test_another_file_and_a_function_that_is_not_there_have_one_of_their_own() -> None:
    house = House(("a",), ("b",), ("c",))
    with contextlib.closing(Warm()) as warm:
        house.at(warm, "x.py", "a")
        house.at(warm, "x.py", "b")
        assert [room.open for room in house.rooms] == [False, True], "one is open at a time"
        house.at(warm, "y.py", "c")
    assert [room.armed for room in house.rooms] == [["a", "b"], ["b"], ["c"]]


def test_a_broken_one_is_left() -> None:
    house = House(("a", "b"), ("b",))
    with contextlib.closing(Warm()) as warm:
        house.at(warm, "x.py", "a")
        house.rooms[0].broken = True
        with pytest.raises(SandboxError):
            house.at(warm, "x.py", "b")
        warm.close()
        assert house.at(warm, "x.py", "b").warm
    assert [room.open for room in house.rooms] == [False, False]
