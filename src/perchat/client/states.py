"""
The three state machines of the SDK, each a literal table.

A local endpoint signs in and stays signed in; a chat endpoint lives once; a room
session may be left and joined again. What is not in a table is not allowed.
"""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CHAT_TABLE",
    "ENDPOINT_TABLE",
    "SESSION_TABLE",
    "ConnectionState",
    "EndpointState",
    "SessionState",
    "StateMachine",
    "Step",
]


class EndpointState(Enum):
    """Where a local endpoint is between signing in and signing out."""

    IDLE = "idle"
    ESTABLISHING = "establishing"
    ESTABLISHED = "established"
    REESTABLISHING = "reestablishing"
    DRAINING = "draining"
    TERMINATING = "terminating"
    TERMINATED = "terminated"


class ConnectionState(Enum):
    """Where a chat endpoint is in its one life."""

    IDLE = "idle"
    ESTABLISHING = "establishing"
    ESTABLISHED = "established"
    TERMINATING = "terminating"
    TERMINATED = "terminated"


class SessionState(Enum):
    """Where a room session is; TERMINATED is final, IDLE may join again."""

    IDLE = "idle"
    ESTABLISHING = "establishing"
    ESTABLISHED = "established"
    TERMINATING = "terminating"
    TERMINATED = "terminated"


class Step(Enum):
    """What moves a machine on."""

    BEGIN = "begin"
    SUCCEED = "succeed"
    FAIL = "fail"
    LOSE = "lose"
    RECOVER = "recover"
    DRAIN = "drain"
    LEAVE = "leave"
    LEFT = "left"
    END = "end"
    ENDED = "ended"


_E, _C, _S = EndpointState, ConnectionState, SessionState

ENDPOINT_TABLE: Mapping[tuple[EndpointState, Step], EndpointState] = MappingProxyType(
    {
        (_E.IDLE, Step.BEGIN): _E.ESTABLISHING,
        (_E.ESTABLISHING, Step.SUCCEED): _E.ESTABLISHED,
        (_E.ESTABLISHING, Step.FAIL): _E.IDLE,  # the same object may try again
        (_E.ESTABLISHED, Step.LOSE): _E.REESTABLISHING,
        (_E.REESTABLISHING, Step.RECOVER): _E.ESTABLISHED,
        (_E.ESTABLISHED, Step.DRAIN): _E.DRAINING,
        (_E.REESTABLISHING, Step.DRAIN): _E.DRAINING,
        (_E.IDLE, Step.END): _E.TERMINATING,
        (_E.ESTABLISHING, Step.END): _E.TERMINATING,
        (_E.ESTABLISHED, Step.END): _E.TERMINATING,
        (_E.REESTABLISHING, Step.END): _E.TERMINATING,
        (_E.DRAINING, Step.END): _E.TERMINATING,
        (_E.TERMINATING, Step.ENDED): _E.TERMINATED,
    }
)

CHAT_TABLE: Mapping[tuple[ConnectionState, Step], ConnectionState] = MappingProxyType(
    {
        (_C.IDLE, Step.BEGIN): _C.ESTABLISHING,
        (_C.ESTABLISHING, Step.SUCCEED): _C.ESTABLISHED,
        (_C.IDLE, Step.END): _C.TERMINATING,
        (_C.ESTABLISHING, Step.END): _C.TERMINATING,  # a failed attempt is final too
        (_C.ESTABLISHED, Step.END): _C.TERMINATING,
        (_C.TERMINATING, Step.ENDED): _C.TERMINATED,
    }
)

SESSION_TABLE: Mapping[tuple[SessionState, Step], SessionState] = MappingProxyType(
    {
        (_S.IDLE, Step.BEGIN): _S.ESTABLISHING,
        (_S.ESTABLISHING, Step.SUCCEED): _S.ESTABLISHED,
        (_S.ESTABLISHING, Step.FAIL): _S.IDLE,
        (_S.ESTABLISHED, Step.LEAVE): _S.TERMINATING,
        (_S.TERMINATING, Step.LEFT): _S.IDLE,
        (_S.IDLE, Step.END): _S.TERMINATING,
        (_S.ESTABLISHING, Step.END): _S.TERMINATING,
        (_S.ESTABLISHED, Step.END): _S.TERMINATING,
        (_S.TERMINATING, Step.ENDED): _S.TERMINATED,
    }
)

_State = TypeVar("_State", bound=Enum)


class StateMachine(Generic[_State]):
    """A current state and the table that says what may follow."""

    __slots__ = ("_table", "state")

    def __init__(self, table: Mapping[tuple[_State, Step], _State], start: _State) -> None:
        self._table = table
        self.state = start

    def allows(self, step: Step) -> bool:
        """Whether the step is in the table for the state we are in."""
        return (self.state, step) in self._table

    def take(self, step: Step) -> _State:
        """Move on and return the new state; KeyError when the table has no such step."""
        self.state = self._table[self.state, step]
        return self.state
