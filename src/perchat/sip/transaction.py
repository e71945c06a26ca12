"""
The four transaction machines as tables (RFC 3261 §17, corrected by RFC 6026).

A row says: in this state, on this input, go there and do that. What has no row is
ignored. `STARTS` says which timers run in a state; leaving it stops them. Over
reliable transports nothing is resent and states that only absorb copies last no time.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, TypeAlias

from perchat.sip.grammar import MAGIC_COOKIE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from perchat.sip.message import Request, Response
    from perchat.sip.timers import Timers

__all__ = [
    "STARTS",
    "TABLES",
    "Action",
    "Input",
    "Kind",
    "State",
    "Transaction",
    "client_key",
    "server_key",
    "server_key_end",
]


class Kind(Enum):
    """Which of the four machines."""

    __hash__ = object.__hash__

    INVITE_CLIENT = auto()
    CLIENT = auto()
    INVITE_SERVER = auto()
    SERVER = auto()


class State(Enum):
    """The states of all four; no machine has all of them."""

    __hash__ = object.__hash__

    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    ACCEPTED = auto()  # RFC 6026 §7
    COMPLETED = auto()
    CONFIRMED = auto()
    TERMINATED = auto()


class Input(Enum):
    """What moves a machine: a message, ours or theirs, or one of its timers."""

    __hash__ = object.__hash__

    REQUEST = auto()  # a copy of the request
    ACK = auto()
    PROVISIONAL = auto()  # 1xx
    SUCCESS = auto()  # 2xx
    FAILURE = auto()  # 300 to 699
    TIMER_A = auto()
    TIMER_B = auto()
    TIMER_D = auto()
    TIMER_E = auto()
    TIMER_F = auto()
    TIMER_G = auto()
    TIMER_H = auto()
    TIMER_I = auto()
    TIMER_J = auto()
    TIMER_K = auto()
    TIMER_L = auto()
    TIMER_M = auto()

    @staticmethod
    def of(status: int) -> Input:
        """Return the input a response makes."""
        return _BY_CLASS[status // 100]


_BY_CLASS = {1: Input.PROVISIONAL, 2: Input.SUCCESS, **dict.fromkeys(range(3, 7), Input.FAILURE)}


class Action(Enum):
    """What the user agent does about it."""

    __hash__ = object.__hash__

    SEND = auto()  # the request, or the last response
    ACK = auto()  # a failure of INVITE
    DELIVER = auto()  # to whoever stands above
    TIMEOUT = auto()  # tell them that nothing came


Table: TypeAlias = "Mapping[tuple[State, Input], tuple[State, tuple[Action, ...]]]"

_S, _I, _A = State, Input, Action

INVITE_CLIENT: Table = {  # figure 5, RFC 6026 figure 1
    (_S.CALLING, _I.TIMER_A): (_S.CALLING, (_A.SEND,)),
    (_S.CALLING, _I.TIMER_B): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.CALLING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.DELIVER,)),
    (_S.CALLING, _I.SUCCESS): (_S.ACCEPTED, (_A.DELIVER,)),
    (_S.CALLING, _I.FAILURE): (_S.COMPLETED, (_A.ACK, _A.DELIVER)),
    (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.DELIVER,)),
    (_S.PROCEEDING, _I.SUCCESS): (_S.ACCEPTED, (_A.DELIVER,)),
    (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, (_A.ACK, _A.DELIVER)),
    (_S.ACCEPTED, _I.SUCCESS): (_S.ACCEPTED, (_A.DELIVER,)),
    (_S.ACCEPTED, _I.TIMER_M): (_S.TERMINATED, ()),
    (_S.COMPLETED, _I.FAILURE): (_S.COMPLETED, (_A.ACK,)),
    (_S.COMPLETED, _I.TIMER_D): (_S.TERMINATED, ()),
}

CLIENT: Table = {  # figure 6
    (_S.TRYING, _I.TIMER_E): (_S.TRYING, (_A.SEND,)),
    (_S.TRYING, _I.TIMER_F): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.TRYING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.DELIVER,)),
    (_S.TRYING, _I.SUCCESS): (_S.COMPLETED, (_A.DELIVER,)),
    (_S.TRYING, _I.FAILURE): (_S.COMPLETED, (_A.DELIVER,)),
    (_S.PROCEEDING, _I.TIMER_E): (_S.PROCEEDING, (_A.SEND,)),
    (_S.PROCEEDING, _I.TIMER_F): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.DELIVER,)),
    (_S.PROCEEDING, _I.SUCCESS): (_S.COMPLETED, (_A.DELIVER,)),
    (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, (_A.DELIVER,)),
    (_S.COMPLETED, _I.TIMER_K): (_S.TERMINATED, ()),
}

INVITE_SERVER: Table = {  # figure 7, RFC 6026 figure 2
    (_S.PROCEEDING, _I.REQUEST): (_S.PROCEEDING, (_A.SEND,)),
    (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.SEND,)),
    (_S.PROCEEDING, _I.SUCCESS): (_S.ACCEPTED, (_A.SEND,)),
    (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, (_A.SEND,)),
    (_S.ACCEPTED, _I.ACK): (_S.ACCEPTED, (_A.DELIVER,)),
    (_S.ACCEPTED, _I.TIMER_L): (_S.TERMINATED, (_A.TIMEOUT,)),  # no harm once acknowledged
    (_S.COMPLETED, _I.REQUEST): (_S.COMPLETED, (_A.SEND,)),
    (_S.COMPLETED, _I.TIMER_G): (_S.COMPLETED, (_A.SEND,)),
    (_S.COMPLETED, _I.TIMER_H): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.COMPLETED, _I.ACK): (_S.CONFIRMED, ()),
    (_S.CONFIRMED, _I.TIMER_I): (_S.TERMINATED, ()),
}

SERVER: Table = {  # figure 8
    (_S.TRYING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.SEND,)),
    (_S.TRYING, _I.SUCCESS): (_S.COMPLETED, (_A.SEND,)),
    (_S.TRYING, _I.FAILURE): (_S.COMPLETED, (_A.SEND,)),
    (_S.PROCEEDING, _I.REQUEST): (_S.PROCEEDING, (_A.SEND,)),
    (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.SEND,)),
    (_S.PROCEEDING, _I.SUCCESS): (_S.COMPLETED, (_A.SEND,)),
    (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, (_A.SEND,)),
    (_S.COMPLETED, _I.REQUEST): (_S.COMPLETED, (_A.SEND,)),
    (_S.COMPLETED, _I.TIMER_J): (_S.TERMINATED, ()),
}

TABLES: Mapping[Kind, Table] = {
    Kind.INVITE_CLIENT: INVITE_CLIENT,
    Kind.CLIENT: CLIENT,
    Kind.INVITE_SERVER: INVITE_SERVER,
    Kind.SERVER: SERVER,
}

STARTS: Mapping[tuple[Kind, State], tuple[Input, ...]] = {
    (Kind.INVITE_CLIENT, _S.CALLING): (_I.TIMER_A, _I.TIMER_B),
    (Kind.INVITE_CLIENT, _S.ACCEPTED): (_I.TIMER_M,),
    (Kind.INVITE_CLIENT, _S.COMPLETED): (_I.TIMER_D,),
    (Kind.CLIENT, _S.TRYING): (_I.TIMER_E, _I.TIMER_F),
    (Kind.CLIENT, _S.PROCEEDING): (_I.TIMER_E, _I.TIMER_F),
    (Kind.CLIENT, _S.COMPLETED): (_I.TIMER_K,),
    (Kind.INVITE_SERVER, _S.ACCEPTED): (_I.TIMER_L,),
    (Kind.INVITE_SERVER, _S.COMPLETED): (_I.TIMER_G, _I.TIMER_H),
    (Kind.INVITE_SERVER, _S.CONFIRMED): (_I.TIMER_I,),
    (Kind.SERVER, _S.COMPLETED): (_I.TIMER_J,),
}

_FIRST = {
    Kind.INVITE_CLIENT: _S.CALLING,
    Kind.CLIENT: _S.TRYING,
    Kind.INVITE_SERVER: _S.PROCEEDING,
    Kind.SERVER: _S.TRYING,
}

_RESENDING = frozenset((_I.TIMER_A, _I.TIMER_E, _I.TIMER_G))
_DOUBLES_WITHOUT_END = _I.TIMER_A  # the others stop growing at T2
_LASTS: Mapping[Input, Callable[[Timers], float]] = {
    _I.TIMER_A: lambda timers: timers.t1,
    _I.TIMER_B: lambda timers: timers.give_up,
    _I.TIMER_D: lambda timers: timers.absorb_responses,
    _I.TIMER_E: lambda timers: timers.t1,
    _I.TIMER_F: lambda timers: timers.give_up,
    _I.TIMER_G: lambda timers: timers.t1,
    _I.TIMER_H: lambda timers: timers.give_up,
    _I.TIMER_I: lambda timers: timers.linger,
    _I.TIMER_J: lambda timers: timers.absorb_requests,
    _I.TIMER_K: lambda timers: timers.linger,
    _I.TIMER_L: lambda timers: timers.give_up,
    _I.TIMER_M: lambda timers: timers.give_up,
}


class Transaction:
    """
    A request and what answers it.

    Attributes:
        id: Ours, never reused, for the owner of the user agent.
        key: What messages of the peer are matched by.
        response: The last response, sent or received.
        to_tag: The tag of the answers, ours as a server, the peer's last as a client.
        dialog: The dialog it belongs to.
        cancelled: CANCEL is to follow as soon as it may.
        cancel_sent: It has.
        internal: Nobody above is told of it.

    """

    __slots__ = (
        "_running",
        "_timers",
        "cancel_sent",
        "cancelled",
        "dialog",
        "id",
        "internal",
        "key",
        "kind",
        "pauses",
        "request",
        "response",
        "state",
        "to_tag",
    )

    def __init__(
        self, kind: Kind, identifier: str, key: object, request: Request, timers: Timers
    ) -> None:
        self.kind = kind
        self.id = identifier
        self.key = key
        self.request = request
        self.state = _FIRST[kind]
        self.response: Response | None = None
        self.to_tag: str | None = None
        self.dialog: str | None = None
        self.cancelled = False
        self.cancel_sent = False
        self.internal = False
        self.pauses = 0.0
        self._timers = timers
        self._running: dict[Input, float] = {}

    def start(self, now: float) -> None:
        """Start the timers of the first state."""
        self._enter(self.state, now)

    def feed(self, given: Input, now: float) -> tuple[Action, ...]:
        """Take one step and return what is to be done."""
        row = TABLES[self.kind].get((self.state, given))
        if row is None:
            return ()
        state, actions = row
        if state is not self.state:
            self._enter(state, now)
        elif given in _RESENDING:
            self._pause(given, now)
        return actions

    def deadline(self) -> float | None:
        """Return when the next timer fires."""
        return min(self._running.values()) if self._running else None

    def due(self, now: float) -> list[Input]:
        """Return the timers that have fired by now, earliest first."""
        fired = sorted((when, timer.value, timer) for timer, when in self._running.items())
        return [timer for when, _, timer in fired if when <= now]

    @property
    def is_over(self) -> bool:
        """Whether it can be forgotten."""
        return self.state is State.TERMINATED

    @property
    def is_open(self) -> bool:
        """Whether a final answer is still to come."""
        return self.state in _OPEN

    def _enter(self, state: State, now: float) -> None:
        deadlines = self._deadlines_kept(state) if self._running else {}
        self.state, self._running = state, deadlines
        for timer in STARTS.get((self.kind, state), ()):
            lasts = _LASTS[timer](self._timers)
            if timer in _RESENDING:
                if not self._timers.reliable:
                    self.pauses = self._timers.t2 if state is State.PROCEEDING else lasts
                    deadlines[timer] = now + self.pauses
            elif lasts == 0.0:
                self._enter(State.TERMINATED, now)
                return
            else:
                deadlines.setdefault(timer, now + lasts)

    def _deadlines_kept(self, state: State) -> dict[Input, float]:
        """Timer F runs on from Trying to Proceeding (§17.1.2.2); all others end."""
        if state is State.PROCEEDING and Input.TIMER_F in self._running:
            return {Input.TIMER_F: self._running[Input.TIMER_F]}
        return {}

    def _pause(self, timer: Input, now: float) -> None:
        longer = self.pauses * 2
        self.pauses = longer if timer is _DOUBLES_WITHOUT_END else min(longer, self._timers.t2)
        if self.state is State.PROCEEDING:
            self.pauses = self._timers.t2
        self._running[timer] = now + self.pauses


_OPEN = frozenset((State.CALLING, State.TRYING, State.PROCEEDING))


def server_key(request: Request) -> object:
    """
    Return what copies, ACK and CANCEL of a request share with it (§17.2.3).

    A branch without anything behind the magic cookie, or none at all, identifies
    nothing: then Call-ID, CSeq, From tag and top Via stand in, as before RFC 3261.
    """
    method = "INVITE" if request.method in ("ACK", "CANCEL") else request.method
    via = request.via
    branch = via.branch
    if branch.startswith(MAGIC_COOKIE) and len(branch) > len(MAGIC_COOKIE):
        return branch + server_key_end(via.host, via.port, method)
    return request.call_id, request.cseq.number, request.from_.tag, str(via), method


def server_key_end(host: str, port: int | None, method: str) -> str:
    """Return what follows the branch in such a key: whose it is."""
    return f" {host.lower()} {port} {method}"


def client_key(response: Response) -> object:
    """Return what an answer shares with our request (§17.1.3)."""
    return response.via.branch, response.cseq.method
