"""Writing to many at once: everything arrives where it belongs, or is given back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from perchat.net import turns
from perchat.net.turns import turns_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class Pair:
    """Writes at one end of a pair of sockets; what arrives is read at the other."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.is_closing = False
        self.rest: list[bytes] = []
        self._near, self._far = socket.socketpair()
        for end in (self._near, self._far):
            end.setblocking(False)

    def mail(self, data: bytes) -> None:
        turns_of(asyncio.get_running_loop()).mail(self, self._near.fileno(), data)

    def flush(self) -> None:
        """Nothing else is to be said."""

    def abort(self, error: Exception | None = None) -> None:
        raise AssertionError from error

    def mailed(self, data: bytes, written: int) -> None:
        self.rest.append(data[written:])

    def read(self) -> bytes:
        with contextlib.suppress(BlockingIOError):
            return self._far.recv(1 << 22)
        return b""

    def fill(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._near.send(b"-" * 65536)

    def hang_up(self) -> None:
        self._far.close()

    def close(self) -> None:
        self._near.close()
        self._far.close()


@contextlib.contextmanager
def pairs(count: int) -> Iterator[list[Pair]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(Pair(number))) for number in range(count)]


@pytest.mark.parametrize("count", [1, 31, 32, 79, 80, 300])
async def test_each_gets_its_own_letter_in_the_same_turn_of_the_loop(count: int) -> None:
    with pairs(count) as everybody:
        for one in everybody:
            one.mail(b"for %d" % one.number)
        await asyncio.sleep(0)
        assert [one.read() for one in everybody] == [b"for %d" % n for n in range(count)]
        assert not any(one.rest for one in everybody)


async def test_who_mails_first_need_not_wait_for_the_end_of_the_turn() -> None:
    with pairs(82) as everybody:
        for one in everybody:
            one.mail(b"x")
        assert [bool(one.read()) for one in everybody] == [True] * 80 + [False] * 2


async def test_what_a_socket_does_not_take_is_given_back_whole() -> None:
    with pairs(40) as everybody:
        everybody[7].fill()
        for one in everybody:
            one.mail(b"x" * 1000)
        await asyncio.sleep(0)
        assert everybody[7].rest == [b"x" * 1000]
        assert sum(len(one.rest) for one in everybody) == 1


async def test_what_a_socket_takes_in_part_is_given_back_from_there() -> None:
    letter = bytes(range(256)) * 16384
    with pairs(1) as [one]:
        one.mail(letter)
        await asyncio.sleep(0)
        read = one.read()
        assert 0 < len(read) < len(letter)
        assert read + one.rest[0] == letter


async def test_a_peer_that_hung_up_costs_nobody_else_a_letter() -> None:
    with pairs(40) as everybody:
        everybody[0].hang_up()
        for one in everybody:
            one.mail(b"x")
        await asyncio.sleep(0)
        assert everybody[0].rest == [b"x"], "its connection comes upon it, and says so"
        assert all(one.read() == b"x" for one in everybody[1:])


async def test_nothing_is_written_to_a_socket_whose_connection_is_closing() -> None:
    with pairs(2) as [one, other]:
        one.mail(b"x")
        other.mail(b"x")
        one.is_closing = True  # soon the number of its socket is somebody else's
        await asyncio.sleep(0)
        assert (one.read(), one.rest, other.read()) == (b"", [], b"x")


async def test_a_machine_of_one_core_needs_no_second_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[int] = []
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    monkeypatch.setattr(turns, "ThreadPoolExecutor", lambda count, _: threads.append(count))
    with pairs(64) as everybody:
        for one in everybody:
            one.mail(b"x")
        await asyncio.sleep(0)
        assert all(one.read() == b"x" for one in everybody)
    assert threads == []
