"""Posts and their ids: sent again, found again, read onwards."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat.client.echoes import Echoes, new_client_id
from perchat.model.message import Message
from perchat.xccos.decoder import decode
from perchat.xccos.primitives import Chat
from tests.client.peer import ALICE, LOBBY

if TYPE_CHECKING:
    from tests.client.peer import Peer
    from tests.client.server import LiveServer

HELLO = Message(1, datetime.fromtimestamp(0, UTC), ALICE, LOBBY, "hello")


async def test_an_echo_goes_to_the_post_of_its_id() -> None:
    echoes = Echoes()
    with echoes.expect("hello", "first") as first, echoes.expect("hello", "second") as second:
        echoes.arrived(replace(HELLO, client_id="another device"))
        echoes.arrived(replace(HELLO, client_id="second", id=2))
        assert not first.done()
        assert (await second).id == 2
        echoes.arrived(replace(HELLO, client_id="first", id=3))
        assert (await first).id == 3


async def test_without_ids_echoes_go_by_text_and_order() -> None:
    echoes = Echoes()
    with echoes.expect("a\r\nb", "1") as first, echoes.expect("a\nb", "2") as second:
        echoes.arrived(replace(HELLO, text="a\nb", id=4))
        assert (await first).id == 4
        assert not second.done()


def test_ids_do_not_repeat() -> None:
    assert len({new_client_id() for _ in range(1000)}) == 1000


async def test_every_post_has_an_id_and_a_post_may_be_given_one(peer: Peer) -> None:
    async with peer.chatting() as chat, chat.join(LOBBY) as room:
        await room.post("one")
        await room.post("two", client_id="given")
        for wrong in ("", "x" * 65):
            with pytest.raises(ValueError, match="id of a post"):
                await room.post("three", client_id=wrong)
    bodies = (decode(request.body) for request in peer.requests("INFO"))
    lines = [one for body in bodies for one in body.primitives if isinstance(one, Chat)]
    assert len(lines[0].client_id) == 32
    assert lines[1].client_id == "given"
    assert len(lines) == 2


async def test_the_server_keeps_a_post_once_and_says_it_once(server: LiveServer) -> None:
    async with (
        server.connect("alice") as alice,
        server.connect("bob") as bob,
        alice.join("Lobby") as room,
        bob.join("Lobby") as witness,
    ):
        heard = witness.messages()
        first = await room.post("hello", client_id="c1")
        again = await room.post("hello", client_id="c1")
        other = await witness.post("hello", client_id="c1")  # an id is its author's own
        assert (first.message, again.message) == (await anext(heard), None)
        assert first.message is not None
        assert (first.message.id, first.message.client_id) == (1, "c1")
        assert await anext(heard) == other.message
        assert [m.id for m in await room.recent()] == [1, 2]


async def test_history_is_read_onwards(server: LiveServer) -> None:
    async with server.connect("alice") as alice, alice.join("Lobby") as room:
        for number in range(1, 6):
            await room.post(str(number))
        assert [m.text for m in await room.history_after(2)] == ["3", "4", "5"]
        page = await room._page_after(2, 2)
        assert ([m.text for m in page.messages], page.truncated) == (["3", "4"], True)
        assert await room.history_after(5) == []
        for message, limit in ((-1, 5), (0, 0)):
            with pytest.raises(ValueError, match="messages after"):
                await room.history_after(message, limit)


async def test_a_receipt_stands_even_if_the_line_breaks_right_after(peer: Peer) -> None:
    peer.echo = False
    async with peer.chatting(perchat.ClientTimers(echo=30.0, goodbye=0.1)) as chat:
        room = await chat.join(LOBBY)
        posting = asyncio.get_running_loop().create_task(room.post("stored"))
        while "grpchat" not in peer.commands():
            await asyncio.sleep(0)
        await chat.search_rooms()  # what is answered later comes later
        peer.connection.cut()
        assert (await posting).message is None
