"""Comings and goings of one moment: told together, and in their place among the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from perchat.server.gathering import Gathering
from perchat.server.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perchat.server.session import ChatSession


@dataclass(eq=False)
class Heard:
    """Stands where a session does, with an outbox of its own, and keeps what each write held."""

    id: str = "s"
    broken: bool = False
    writes: list[list[bytes]] = field(default_factory=list)
    outbox: Outbox = field(init=False)

    def __post_init__(self) -> None:
        def send(body: bytes) -> None:
            self.writes.append([body])

        self.outbox = Outbox(send, lambda: None, limit=100, window=100)

    def tell(self, ends: Sequence[bytes]) -> None:
        if self.broken:
            raise RuntimeError("this session is broken")
        assert self.outbox.admits(len(ends))
        self.writes.append(list(ends))


def put(gathering: Gathering, people: Sequence[Heard], line: bytes) -> None:
    sessions = cast("Sequence[ChatSession]", people)
    gathering.put(sessions, cast("Callable[[ChatSession], bytes]", lambda _: line))


async def test_who_is_in_several_rooms_is_told_in_one_write() -> None:
    gathering, ada, bob = Gathering(), Heard(), Heard()
    put(gathering, (ada, bob), b"eve came to Ops")
    put(gathering, (ada,), b"eve came to Lab")
    assert ada.writes == bob.writes == []
    await gathering.tell()
    assert ada.writes == [[b"eve came to Ops", b"eve came to Lab"]]
    assert bob.writes == [[b"eve came to Ops"]]
    await gathering.tell()
    assert len(ada.writes) == len(bob.writes) == 1


async def test_what_is_said_after_an_arrival_is_heard_after_it() -> None:
    gathering, ada = Gathering(), Heard()
    put(gathering, (ada,), b"eve came")
    assert not ada.outbox.admits(1)
    ada.outbox.put(b"eve says hello")
    put(gathering, (ada,), b"eve left")
    await gathering.tell()
    assert ada.writes == [[b"eve came"], [b"eve says hello"], [b"eve left"]]


async def test_a_crowd_is_told_of_by_and_by() -> None:
    gathering, ada = Gathering(), Heard()
    for number in range(70):
        put(gathering, (ada,), b"%d came" % number)
    assert [len(write) for write in ada.writes] == [32, 32]
    await gathering.tell()
    told = [line for write in ada.writes for line in write]
    assert told == [b"%d came" % number for number in range(70)]


async def test_a_session_that_cannot_be_told_keeps_nobody_from_hearing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gathering, ada, bob = Gathering(), Heard("ada", broken=True), Heard("bob")
    put(gathering, (ada, bob), b"eve came")
    await gathering.tell()
    assert bob.writes == [[b"eve came"]]
    assert "session ada was not told" in caplog.text


async def test_a_session_that_has_ended_is_told_nothing() -> None:
    gathering, ada = Gathering(), Heard()
    put(gathering, (ada,), b"eve came")
    ada.outbox.close()
    put(gathering, (ada,), b"eve left")
    await gathering.tell()
    assert ada.writes == []
