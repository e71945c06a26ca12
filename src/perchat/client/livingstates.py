"""The states of a chat that outlives its connections, and what it tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from perchat.client.states import Step

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LIVING_TABLE", "LivingState", "LivingStateChanged"]


class LivingState(Enum):
    """Where a living chat is; it comes and goes between ESTABLISHED and RECONNECTING."""

    IDLE = "idle"
    ESTABLISHING = "establishing"
    ESTABLISHED = "established"
    RECONNECTING = "reconnecting"
    TERMINATING = "terminating"
    TERMINATED = "terminated"


_L = LivingState

LIVING_TABLE: Mapping[tuple[LivingState, Step], LivingState] = MappingProxyType(
    {
        (_L.IDLE, Step.BEGIN): _L.ESTABLISHING,
        (_L.ESTABLISHING, Step.SUCCEED): _L.ESTABLISHED,
        (_L.ESTABLISHED, Step.LOSE): _L.RECONNECTING,
        (_L.RECONNECTING, Step.RECOVER): _L.ESTABLISHED,
        (_L.IDLE, Step.END): _L.TERMINATING,
        (_L.ESTABLISHING, Step.END): _L.TERMINATING,
        (_L.ESTABLISHED, Step.END): _L.TERMINATING,
        (_L.RECONNECTING, Step.END): _L.TERMINATING,
        (_L.TERMINATING, Step.ENDED): _L.TERMINATED,
    }
)


@dataclass(frozen=True, slots=True)
class LivingStateChanged:
    """A living chat moved on; ``reason`` is for people and empty where nobody knows."""

    state: LivingState
    reason: str = ""
