"""Replies are made from what they answer."""

from __future__ import annotations

from datetime import UTC, datetime

from perchat.errors import ErrorCode
from perchat.model.uri import RoomUri, SipUri
from perchat.xccos.blocks import Nothing, RoomUris, ServerUri
from perchat.xccos.primitives import Chat, Command, Reply

ROOM = RoomUri("ma-chan://d/g")


def test_a_reply_names_the_command_and_its_envelope() -> None:
    reply = Reply.to(Command("requri", seqid=2), "99", ServerUri(), seqid=3)
    assert reply == Reply("requri", ServerUri(), "99", 2, 200, "SUCCESS_OK", 3)
    assert reply.succeeded


def test_a_refusal_carries_the_error_by_code_and_text() -> None:
    reply = Reply.refusing(Command("join"), "99", ErrorCode.NODE_DISABLED)
    assert reply == Reply("join", Nothing(), "99", 1, 410, "NODE_DISABLED")
    assert not reply.succeeded
    assert reply.error is ErrorCode.NODE_DISABLED


def test_a_post_is_refused_like_a_command() -> None:
    post = Chat(ROOM, SipUri("sip:a@d"), "hi", datetime(2026, 1, 1, tzinfo=UTC))
    reply = Reply.refusing(post, "99", ErrorCode.USER_NOT_JOINED, data=RoomUris((ROOM,)))
    assert reply == Reply("grpchat", RoomUris((ROOM,)), "99", 1, 412, "USER_NOT_JOINED")
