"""The only file that knows every implementation: of languages, proposers, detectors, checks and the backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import uv

from bot.checks import Check
from bot.checks.as_seen import AsSeen
from bot.checks.control import Control
from bot.checks.outside import Outside
from bot.checks.policy import Policy
from bot.checks.same_tests import SameTests
from bot.checks.tests_pass import TestsPass
from bot.checks.witness_gone import WitnessGone
from bot.config import Config
from bot.detectors import Detector
from bot.detectors.tests import FailingTests
from bot.endpoints import Proposer
from bot.endpoints.edits import Edits
from bot.forges import Forge
from bot.forges.local import Format, Local
from bot.languages import Language
from bot.languages.python.language import Python
from bot.render import Caps
from bot.sandboxes import Backend
from bot.sandboxes.docker.backend import Docker


@dataclass(frozen=True)
class Parts:
    """What a review is made with."""

    backend: Backend
    languages: tuple[Language, ...]
    proposers: tuple[Proposer, ...]
    detectors: tuple[Detector, ...]
    checks: tuple[Check, ...]


def assemble(config: Config, environ: Mapping[str, str]) -> Parts:
    """The parts for a configuration. Nothing is connected or started yet."""
    return Parts(
        backend=Docker(environ, Path(uv.find_uv_bin())),
        languages=(Python(),),
        proposers=(Edits(seed=config.search.seed),),
        detectors=(FailingTests(),),
        checks=(Policy(), Outside(), SameTests(), TestsPass(), WitnessGone(), Control(), AsSeen()),
    )


def forge(files: Mapping[Path, Format], caps: Caps) -> Forge:
    """Where a local review is delivered."""
    return Local(files, caps)
