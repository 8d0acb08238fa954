"""What an audit is made with: its parts, its settings, its clock and its budget."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot import wiring
from bot.audit_state import State
from bot.config import Config
from bot.progress import Progress
from bot.workspace import Workspace

Clock = Callable[[], datetime.datetime]
"""The time now, in UTC."""


@dataclass(frozen=True)
class Desk:
    """What an audit is made with."""

    parts: wiring.Parts
    workspace: Workspace
    config: Config
    progress: Progress
    state: State
    began: float
    clock: Clock
    everything: bool = False
    """Whether what stands is to be audited again."""

    def seconds_left(self) -> float:
        """Of the audit's budget."""
        return self.config.audit.seconds - (time.monotonic() - self.began)
