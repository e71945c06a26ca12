"""Files through the SDK: sent, announced, found, fetched; and what becomes of them half-way."""

from __future__ import annotations

import asyncio
import io
import os
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

import perchat
from perchat.net.connector import Transport
from perchat.server.admin import administration
from perchat.xccos.blocks import FileToken
from tests.client.server import credential, install_sample, live
from tests.server.soap import add_file_rooms, stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from perchat.server.config import ServerConfig
    from tests.client.server import LiveServer

pytestmark = pytest.mark.timeout(60)
DATA = bytes(range(251)) * 4000  # a good million bytes: three pieces
WHO = "alice"


async def sample(folder: Path) -> ServerConfig:
    config = await install_sample(folder)
    async with administration(config) as admin:
        await add_file_rooms(admin)
    return config


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[LiveServer]:
    async with live(await sample(tmp_path / "server")) as server:
        yield server


def chatting(
    server: LiveServer, who: str = WHO
) -> AbstractAsyncContextManager[perchat.PersistentChatEndpoint]:
    return server.connect(who, Transport.TLS)


async def test_a_file_is_sent_announced_found_and_fetched(
    there: LiveServer, tmp_path: Path
) -> None:
    plan = tmp_path / "The plan.pdf"
    plan.write_bytes(DATA)
    async with (
        chatting(there) as chat,
        chat.join("Plans") as room,
        chatting(there, "bob") as other,
        other.join("Plans") as listener,
    ):
        heard = listener.messages()
        upload = room.upload(plan)
        steps = [progress async for progress in upload]
        uri = await upload
        assert steps[0] == perchat.Progress(0, len(DATA))
        assert steps[-1] == perchat.Progress(len(DATA), len(DATA))
        assert [one.percent for one in steps] == sorted(one.percent for one in steps)
        assert (uri.room, uri.name.endswith(".pdf")) == (room.uri, True)
        message = await anext(heard)
        (part,) = message.parts
        assert part == perchat.FilePart("The plan.pdf", uri, "980 kilobytes")
        async for found in listener.files():
            assert found.part == part
            assert found.message.id == message.id
        download = listener.download(found, tmp_path / "copy.pdf")
        assert [step.percent async for step in download][-1] == 100
        assert await download == tmp_path / "copy.pdf"
    assert (tmp_path / "copy.pdf").read_bytes() == DATA
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "The plan.pdf",
        "copy.pdf",
    ]


async def test_without_watching_it_is_one_await(there: LiveServer, tmp_path: Path) -> None:
    async with chatting(there) as chat, chat.join("Plans") as room:
        uri = await room.upload(io.BytesIO(b"notes"), name="notes.txt")
        fetched = io.BytesIO()
        assert await room.download(uri, fetched) is None
        assert fetched.getvalue() == b"notes"
        folder = tmp_path / "folder"
        folder.mkdir()
        (file,) = [one async for one in room.files()]
        assert await room.download(file, folder) == folder / "notes.txt"
        with pytest.raises(FileExistsError):
            await room.download(file.part, str(folder))


async def test_it_need_not_be_announced(there: LiveServer) -> None:
    async with chatting(there) as chat, chat.join("Plans") as room:
        uri = await room.upload(io.BytesIO(b""), name="empty", post=False)
        assert await room.recent() == []
        await room.post(f"Look: {perchat.FilePart.of('empty', uri, 0).raw}")
        (file,) = [one async for one in room.files()]
        assert (file.part.name, file.part.size) == ("empty", 0)


async def test_a_pipe_that_does_not_know_its_length_is_sent_as_well(there: LiveServer) -> None:
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(DATA)

    async with chatting(there) as chat, chat.join("Plans") as room:
        with os.fdopen(reading, "rb") as pipe:
            _, uri = await asyncio.gather(
                asyncio.to_thread(write), room.upload(pipe, name="x").result()
            )
        fetched = io.BytesIO()
        await room.download(uri, fetched)
        assert fetched.getvalue() == DATA


async def test_over_plain_tcp_files_still_go_by_tls(there: LiveServer) -> None:
    connecting = perchat.connect_user(
        "alice@example.com",
        server=there.tcp,
        ca=there.ca,
        transport=Transport.TCP,
        credential=credential("alice"),
    )
    async with connecting as chat, chat.join("Plans") as room:
        assert await room.upload(io.BytesIO(b"a"), name="a")


async def test_a_server_that_is_not_trusted_gets_no_file(there: LiveServer) -> None:
    async with there.connect("alice") as chat, chat.join("Plans") as room:  # TCP, system's roots
        with pytest.raises(perchat.TlsFailure) as failed:
            await room.upload(io.BytesIO(b"a"), name="a")
    assert failed.value.reason is perchat.TlsFailureReason.UNTRUSTED
    assert stored(there.config) == []


# --- N4: what is refused -------------------------------------------------------------------


@pytest.mark.scenario("N4")
@pytest.mark.parametrize(("who", "room"), [("alice", "Lobby"), ("bob", "Hall")])
async def test_where_no_files_may_be_posted_it_is_refused_before_any_byte(
    there: LiveServer, who: str, room: str
) -> None:
    async with chatting(there, who) as chat, chat.join(room) as session:
        with pytest.raises(perchat.PermissionDenied):
            session.upload(Unreadable(), name="a")
    assert stored(there.config) == []


async def test_the_service_says_so_too_when_a_client_does_not_look(there: LiveServer) -> None:
    async with chatting(there) as chat, chat.join("Lobby") as room:
        room._takes_files = lambda: True  # type: ignore[method-assign]
        with pytest.raises(perchat.PermissionDenied):
            await room.upload(Unreadable(), name="a")


@pytest.mark.scenario("N4")
async def test_above_the_limit_it_is_refused_before_any_byte(tmp_path: Path) -> None:
    config = await sample(tmp_path / "server")
    files = msgspec.structs.replace(config.files, file_kilobytes=100)
    large = tmp_path / "large"
    large.write_bytes(b"x" * 102_401)
    async with (
        live(msgspec.structs.replace(config, files=files)) as server,
        chatting(server) as chat,
        chat.join("Plans") as room,
    ):
        with pytest.raises(perchat.LimitExceeded, match="102401 bytes, but 102400"):
            await room.upload(large)
        assert (stored(config), await room.recent()) == ([], [])
        large.write_bytes(b"x" * 102_400)
        assert await room.upload(large)


@pytest.mark.scenario("N4")
async def test_cancelled_at_half_no_message_appears_and_nothing_is_left(
    there: LiveServer, tmp_path: Path
) -> None:
    plan = tmp_path / "plan"
    plan.write_bytes(DATA)
    async with chatting(there) as chat, chat.join("Plans") as room:
        upload = room.upload(plan)
        async for progress in upload:
            if progress.percent >= 30:
                assert len(stored(there.config)) == 1
                assert upload.cancel()
        assert upload.cancelled
        with pytest.raises(perchat.UploadFailed, match="cancelled"):
            await upload
        assert stored(there.config) == []
        assert await room.recent() == []
        assert not upload.cancel()


async def test_a_deadline_cancels_it(there: LiveServer) -> None:
    async with chatting(there) as chat, chat.join("Plans") as room:
        slow = Slow(DATA)
        upload = room.upload(slow, name="slow")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await upload
        with pytest.raises(perchat.UploadFailed):
            await upload
        assert (stored(there.config), await room.recent()) == ([], [])


async def test_the_end_of_its_block_cancels_it(there: LiveServer) -> None:
    async with chatting(there) as chat, chat.join("Plans") as room:
        async with room.upload(Slow(DATA), name="slow") as upload:
            await anext(upload)
        assert (upload.cancelled, stored(there.config)) == (True, [])


async def test_the_end_of_the_chat_ends_it(there: LiveServer) -> None:
    async with chatting(there) as chat:
        room = await chat.join("Plans")
        upload = room.upload(Slow(DATA), name="slow")
        await anext(upload)
    with pytest.raises(perchat.UploadFailed):
        await upload


async def test_a_cancelled_download_leaves_no_file(there: LiveServer, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    async with chatting(there) as chat, chat.join("Plans") as room:
        uri = await room.upload(io.BytesIO(DATA), name="a")
        download = room.download(uri, folder / "a")
        async for progress in download:
            if progress.transferred:
                download.cancel()
        with pytest.raises(perchat.DownloadFailed):
            await download
    assert list(folder.iterdir()) == []


async def test_what_was_never_begun_can_be_cancelled(there: LiveServer) -> None:
    async with chatting(there) as chat, chat.join("Plans") as room:
        upload = room.upload(Unreadable(), name="a")
        assert upload.cancel()
        assert [step async for step in upload] == []
        with pytest.raises(perchat.UploadFailed):
            await upload


@pytest.mark.scenario("N4")
async def test_a_stale_token_is_an_invalid_token(there: LiveServer) -> None:
    async with chatting(there) as chat, chat.join("Plans") as room:
        await room.upload(io.BytesIO(b"a"), name="a")
        stale: list[FileToken] = []
        ask = chat.command

        async def remembered(name: str, data: object, kind: object) -> object:
            if kind is FileToken and stale:
                return stale[0]
            found: object = await ask(name, data, kind)  # type: ignore[arg-type]
            if isinstance(found, FileToken):
                stale.append(found)
            return found

        chat.command = remembered  # type: ignore[method-assign, assignment]
        await room.upload(io.BytesIO(b"b"), name="b")
        with pytest.raises(perchat.InvalidToken):
            await room.upload(io.BytesIO(b"c"), name="c")
        assert [file.part.name async for file in room.files()] == ["b", "a"]


@pytest.mark.parametrize("url", ["http://example.com/x", "ftp://127.0.0.1/x", "nonsense", ""])
async def test_a_service_in_the_clear_elsewhere_is_not_called(there: LiveServer, url: str) -> None:
    async with chatting(there) as chat, chat.join("Plans") as room:

        async def misled(*_: object) -> FileToken:
            return FileToken("token", url)

        chat.command = misled  # type: ignore[method-assign, assignment]
        with pytest.raises(perchat.InvalidToken):
            await room.upload(Unreadable(), name="a")


async def test_a_file_that_is_gone_or_elsewhere_is_told(there: LiveServer, tmp_path: Path) -> None:
    async with chatting(there) as chat, chat.join("Plans") as room:
        uri = await room.upload(io.BytesIO(b"a"), name="a")
        (there.config.path("files") / uri.room.guid / uri.name).unlink()
        with pytest.raises(perchat.DownloadFailed):
            await room.download(uri, tmp_path / "a")
        assert not (tmp_path / "a").exists()
        with pytest.raises(ValueError, match="in the room"):
            room.download("ma-filelink://example.com/other/1.txt", tmp_path / "a")
        with pytest.raises(ValueError, match="ma-filelink"):
            room.download("https://example.com/1.txt", tmp_path / "a")
        with pytest.raises(FileNotFoundError):
            await room.upload(tmp_path / "missing")


@pytest.mark.parametrize("name", ["", "a/b", "..\\x", "a\nb", "x" * 256])
async def test_an_odd_name_is_no_name(there: LiveServer, name: str) -> None:
    async with chatting(there) as chat, chat.join("Plans") as room:
        with pytest.raises(ValueError, match="name"):
            room.upload(Unreadable(), name=name)
        with pytest.raises(ValueError, match="name"):
            room.upload(io.BytesIO(b"a"))


@pytest.mark.parametrize("name", ["../up", "/etc/passwd", "..", "a\\b", ""])
async def test_the_name_in_a_message_leads_nowhere_else(
    there: LiveServer, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    async with chatting(there) as chat, chat.join("Plans") as room:
        uri = await room.upload(io.BytesIO(b"a"), name="a")
        with pytest.raises(ValueError, match="say which"):
            await room.download(perchat.FilePart(name, uri), folder)
    assert list(folder.iterdir()) == []
    assert not (tmp_path / "up").exists()


async def test_a_name_with_markup_is_read_back_as_it_was(there: LiveServer) -> None:
    name = 'Q3 <final> & "best" (v2).txt'
    async with chatting(there) as chat, chat.join("Plans") as room:
        await room.upload(io.BytesIO(b"a"), name=name)
        (file,) = [one async for one in room.files()]
        assert (file.part.name, file.part.size_text) == (name, "1 byte")


async def test_outside_a_room_there_are_no_files(there: LiveServer) -> None:
    async with chatting(there) as chat:
        room = await chat.join("Plans")
        await room.leave()
        with pytest.raises(perchat.SessionStateError):
            room.upload(io.BytesIO(b"a"), name="a")
        with pytest.raises(perchat.SessionStateError):
            room.download("ma-filelink://example.com/x/1.txt", "x")


async def test_a_room_that_outlives_connections_has_files_too(there: LiveServer) -> None:
    connecting = perchat.connect_user(
        "alice@example.com",
        server=there.tls,
        ca=there.ca,
        credential=credential("alice"),
        reconnect=perchat.ReconnectPolicy(),
    )
    async with connecting as chat, chat.join("Plans") as room:
        uri = await room.upload(io.BytesIO(DATA), name="a")
        fetched = io.BytesIO()
        await room.download(uri, fetched)
        assert fetched.getvalue() == DATA
        assert [file.part.uri async for file in room.files()] == [uri]


class Unreadable(io.BytesIO):
    """A stream that nobody has a reason to read."""

    def read(self, *_: object) -> bytes:
        raise AssertionError("it was read")


class Slow(io.BytesIO):
    """A stream that never comes to its end in time."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._served = False

    def read(self, count: int | None = -1, /) -> bytes:
        if self._served:
            time.sleep(2)
        self._served = True
        return super().read(count)
