"""Filters of outgoing posts: what they let pass, change or stop is all that leaves the program."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import perchat
from tests.client.server import credential

if TYPE_CHECKING:
    from perchat import Draft
    from tests.client.server import LiveServer


async def polite(draft: Draft) -> Draft | None:
    """Stop what is about secrets, and soften the rest."""
    if "secret" in draft.text:
        return None
    return replace(draft, text=draft.text.replace("darn", "dear"), rtf=None)


async def shout(draft: Draft) -> Draft | None:
    return replace(draft, text=draft.text.upper(), title=draft.title, alert=True)


async def test_a_filter_passes_replaces_or_stops_what_is_posted(server: LiveServer) -> None:
    async with server.connect("alice") as alice, alice.join("Lobby") as room:
        off = room.add_outgoing_filter(polite)
        await room.post("good morning")
        await room.post("darn it", title="Oh", rtf=r"{\rtf1 darn it}")
        with pytest.raises(perchat.PostCancelled, match="nothing was sent"):
            await room.post("a secret")
        room.add_outgoing_filter(shout)
        await room.post(perchat.MessageBuilder().text("darn the ").link("log", "file://h/log"))
        off()
        off()
        await room.post("darn")
        said = await room.recent(10)
    assert [message.text for message in said] == [
        "good morning",
        "[STORY]Oh\ndear it",
        'DEAR THE <A HREF="FILE://H/LOG">LOG</A>',
        "DARN",
    ]
    assert [message.rtf for message in said] == [None] * 4
    assert [message.is_alert for message in said] == [False, False, True, True]


async def test_what_a_filter_makes_unfit_is_not_sent(server: LiveServer) -> None:
    async def empty(draft: Draft) -> Draft | None:
        return replace(draft, text=" ")

    async def broken(_: Draft) -> Draft | None:
        raise LookupError("no word list")

    async with server.connect("alice") as alice, alice.join("Lobby") as room:
        off = room.add_outgoing_filter(empty)
        with pytest.raises(ValueError, match="not empty"):
            await room.post("hello")
        off()
        room.add_outgoing_filter(broken)
        with pytest.raises(LookupError, match="no word list"):
            await room.post("hello")
        assert await room.recent(5) == []


async def test_a_filter_stays_with_a_room_that_lives_on(server: LiveServer) -> None:
    asked: list[Draft] = []

    async def seen(draft: Draft) -> Draft | None:
        asked.append(draft)
        return await polite(draft)

    connecting = perchat.connect_user(
        "alice@example.com",
        server=server.tls,
        ca=server.ca,
        credential=credential("alice"),
        reconnect=perchat.ReconnectPolicy(),
    )
    async with connecting as chat, chat.join("Lobby") as room:
        room.add_outgoing_filter(seen)
        posted = await room.post("darn", alert=True)
        with pytest.raises(perchat.PostCancelled):
            await room.post("secret")
    assert posted.message is not None
    assert (posted.message.text, posted.message.is_alert) == ("dear", True)
    assert [draft.text for draft in asked] == ["darn", "secret"]  # each was asked about once
