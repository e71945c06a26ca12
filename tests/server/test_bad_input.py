"""What is wrong gets the documented answer and a log line; bystanders notice nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import ssl
from typing import TYPE_CHECKING

import msgspec
import pytest

import perchat
from perchat.errors import AuthenticationReason
from tests.server.harness import PASSWORD, Sample, make_sample, raw, request, running
from tests.server.talking import bystanders, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.server.talking import Bystanders


@pytest.fixture
async def sample(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Sample]:
    caplog.set_level(logging.INFO)
    config = await make_sample(tmp_path / "server", message_seconds=0.2)
    async with running(config) as server:
        yield server


@pytest.fixture
async def others(sample: Sample) -> AsyncIterator[Bystanders]:
    async with bystanders(sample) as pair:
        yield pair


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize("name", ["carol", "nobody"])
async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(
    sample: Sample, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    with pytest.raises(perchat.AuthenticationError) as caught:
        async with connect(sample, name, password="wrong"):
            pass
    assert caught.value.reason is AuthenticationReason.INVALID_CREDENTIALS
    assert f"sign-in as sip:{name}@example.com refused, wrong user or password" in caplog.text
    assert "wrong" not in caplog.text.replace("wrong user or password", "")


@pytest.mark.usefixtures("others")
async def test_an_unknown_room_is_not_found(sample: Sample) -> None:
    uri = "ma-chan://example.com/00000000-0000-0000-0000-000000000000"
    async with connect(sample, "carol") as chat:
        with pytest.raises(perchat.RoomNotFound):
            await chat.join("Nowhere")
        with pytest.raises(perchat.RoomNotFound):
            await chat.join(uri)


@pytest.mark.usefixtures("others")
async def test_a_room_one_is_no_member_of_is_refused(sample: Sample) -> None:
    async with connect(sample, "carol") as chat:
        with pytest.raises(perchat.PermissionDenied):
            await chat.join("Private")
        async with chat.join("General"):
            pass  # the refusal ended nothing


@pytest.mark.usefixtures("others")
@pytest.mark.requirement("R50")
async def test_a_policy_without_chat_is_told_in_band_and_held_to(sample: Sample) -> None:
    with pytest.raises(perchat.PersistentChatDisabled):
        async with connect(sample, "dave"):
            pass
    host, port = sample.tcp
    platform = perchat.CollaborationPlatform.client("test", transport=perchat.Transport.TCP)
    user = perchat.UserEndpoint(
        platform,
        "sip:dave@example.com",
        server=host,
        port=port,
        credential=perchat.PasswordCredential("dave@example.com", PASSWORD),
    )
    async with platform, user:
        with pytest.raises(perchat.ChatServerConnectionError) as caught:
            await perchat.PersistentChatEndpoint("sip:perchat@example.com", user).establish()
    assert (caught.value.status, caught.value.diagnostics.code) == (403, 20010)


@pytest.mark.usefixtures("others")
@pytest.mark.requirement("R29")
async def test_a_disabled_user_cannot_sign_in(sample: Sample) -> None:
    async with sample.admin() as admin:
        await admin.set_user("carol", enabled=False)
    async with asyncio.timeout(30):
        while True:  # the running server follows within a second
            try:
                async with connect(sample, "carol"):
                    await asyncio.sleep(0.05)
            except perchat.RegisterError as error:
                assert (error.status, error.diagnostics.code) == (403, 4005)
                return
            except perchat.ConnectionFailure:
                continue  # signed in before, and cut off when the server heard of it


GARBAGE = {
    "noise": b"\x00\xff\x16\x03garbage\r\n" * 2000,
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 500,
    "no colon": b"OPTIONS sip:x SIP/2.0\r\nnonsense without colon\r\nContent-Length: 0\r\n\r\n" * 3,
}


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
@pytest.mark.parametrize("port", ["tcp", "tls"])
async def test_garbage_is_refused_or_ends_the_connection(
    sample: Sample, caplog: pytest.LogCaptureFixture, garbage: bytes, port: str
) -> None:
    async with raw(getattr(sample, port)) as peer:
        await peer.send(garbage)
        peer.writer.write_eof()
        answer = await peer.closed()
    assert not answer or answer.startswith((b"SIP/2.0 4", b"\x15\x03"))
    if port == "tcp":
        assert "127.0.0.1" in caplog.text


@pytest.mark.usefixtures("others")
async def test_half_a_message_and_silence_is_closed(
    sample: Sample, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw(sample.tcp) as peer:
        await peer.send(request("REGISTER")[:60])
        assert await peer.closed() == b""
    assert "a message stayed incomplete" in caplog.text


@pytest.mark.usefixtures("others")
async def test_a_header_of_ten_megabytes_is_cut_short(
    sample: Sample, caplog: pytest.LogCaptureFixture
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with raw(sample.tcp) as peer:
        await peer.send(request("OPTIONS")[:-20] + b"X-Long: ")
        for _ in range(160):
            await peer.send(b"x" * 65536)
        await peer.closed()
    assert "headers too large" in caplog.text
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8_000  # KiB


@pytest.mark.usefixtures("others")
async def test_a_body_of_ten_megabytes_is_refused_by_its_announced_length(
    sample: Sample, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw(sample.tcp) as peer:
        announced = request("OPTIONS").replace(b"Content-Length: 0", b"Content-Length: 10000000")
        await peer.send(announced)
        assert peer.status(await peer.answer()) == 513
        assert await peer.closed() == b""
    assert "too large" in caplog.text


EVIL = {
    "deep": b"<a>" * 5000 + b"</a>" * 5000,
    "entities": b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>',
    "external": b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>',
    "broken": b"<xccos",
    "another": b"<html/>",
    "binary": bytes(range(256)),
}


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize("body", EVIL.values(), ids=EVIL.keys())
async def test_an_evil_body_is_answered_400_and_the_dialog_goes_on(
    sample: Sample, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    async with connect(sample, "carol") as chat, chat.join("General") as room:
        status = await send_info(chat, body)
        assert status == 400
        await room.post("still here")
    assert "unreadable body" in caplog.text


async def send_info(chat: perchat.PersistentChatEndpoint, body: bytes) -> int:
    """Send a body of our choice in the chat dialog; return the status of the answer."""
    return (await chat._live_dialog._info(body)).status


@pytest.mark.usefixtures("others")
@pytest.mark.requirement("R66")
async def test_a_second_device_of_a_user_is_welcome_and_both_hear(sample: Sample) -> None:
    async with (
        connect(sample, "carol") as one,
        connect(sample, "carol", tcp=False) as two,
        one.join("General") as first,
        two.join("General") as second,
        asyncio.timeout(5),
    ):
        heard = [first.messages(), second.messages()]
        await first.post("from the first")
        assert [(await anext(stream)).text for stream in heard] == ["from the first"] * 2
        assert [p.uri for p in second.participants].count(one.owner_uri) == 1


async def test_a_killed_client_leaves_its_rooms(sample: Sample, others: Bystanders) -> None:
    events = others.listener.events()
    chat = await connect(sample, "carol").__aenter__()
    await chat.join("General")
    chat._live_dialog._link.connection.abort()
    seen = []
    async with asyncio.timeout(5):
        async for event in events:
            if isinstance(event, perchat.AttendanceChanged):
                seen.append((event.participant.uri, event.active))
                if not event.active:
                    break
    assert seen == [("sip:carol@example.com", True), ("sip:carol@example.com", False)]
    await chat.terminate()


@pytest.mark.usefixtures("others")
@pytest.mark.requirement("R5")
async def test_who_does_not_sign_in_gets_a_challenge_and_nothing_else(sample: Sample) -> None:
    async with raw(sample.tcp) as peer:
        for number, method in enumerate(("INVITE", "SUBSCRIBE", "SERVICE", "INFO", "BYE"), 1):
            await peer.send(request(method, cseq=str(number)))
            head = await peer.answer()
            assert peer.status(head) == 401
            assert b'NTLM realm="SIP Communications Service"' in head


@pytest.mark.requirement("R28")
@pytest.mark.parametrize("secure", [False, True], ids=["tcp", "tls"])
async def test_whoever_registers_is_challenged_on_each_transport(
    sample: Sample, secure: bool
) -> None:
    address = sample.tls if secure else sample.tcp
    tls = ssl.create_default_context(cafile=str(sample.ca)) if secure else None
    async with raw(address, tls) as peer:
        await peer.send(request("REGISTER"))
        head = await peer.answer()
        assert peer.status(head) == 401
        assert b'NTLM realm="SIP Communications Service"' in head


async def test_challenges_end_in_a_refusal(sample: Sample) -> None:
    async with raw(sample.tcp) as peer:
        statuses = []
        for number in range(1, 15):
            await peer.send(request("REGISTER", cseq=str(number)))
            statuses.append(peer.status(await peer.answer()))
    assert statuses == [401] * 10 + [403] * 4


@pytest.mark.parametrize(
    ("uri", "more", "status"),
    [("sip:example.com", ("Require: teleport",), 420), ("tel:+4912345", (), 416)],
)
async def test_what_can_never_be_taken_is_not_asked_for_a_password(
    sample: Sample, uri: str, more: tuple[str, ...], status: int
) -> None:
    async with raw(sample.tcp) as peer:
        await peer.send(request("REGISTER", uri, *more))
        assert peer.status(await peer.answer()) == status


async def test_a_connection_that_never_signs_in_is_closed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    config = await make_sample(tmp_path / "server")
    hasty = msgspec.structs.replace(config.sign_in, deadline=0.1)
    hasty_server = running(msgspec.structs.replace(config, sign_in=hasty))
    async with hasty_server as server, raw(server.tcp) as peer:
        assert await peer.closed() == b""
    assert "no sign-in in time" in caplog.text


@pytest.mark.parametrize("limit", ["connections", "unauthenticated_connections"])
async def test_beyond_the_limit_the_oldest_connection_without_a_sign_in_gives_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, limit: str
) -> None:
    config = await make_sample(tmp_path / "server", **{limit: 3})
    async with running(config) as server, bystanders(server), raw(server.tcp) as first:
        await first.send(request("OPTIONS"))
        assert first.status(await first.answer()) == 200
        async with contextlib.AsyncExitStack() as stack:
            later = [await stack.enter_async_context(raw(server.tcp)) for _ in range(3)]
            assert await first.closed() == b""
            await later[-1].send(request("OPTIONS"))
            assert later[-1].status(await later[-1].answer()) == 200
    assert "are too many: the oldest of those is closed, from 127.0.0.1" in caplog.text
