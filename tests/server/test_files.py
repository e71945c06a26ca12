"""Files in rooms, seen from outside: rights, limits, and a web service that strangers call."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import subprocess
from typing import TYPE_CHECKING

import msgspec
import pytest

import perchat
from perchat.net.tls import client_context
from perchat.server.admin import administration
from perchat.xccos.blocks import FileToken, FileTokenQuery
from tests.peers.conftest import required
from tests.server.harness import raw, running
from tests.server.process import process
from tests.server.soap import ENVELOPE, NOBODYS, PATH, Soap, leave_to, stored, with_files
from tests.server.talking import connect
from tools.peers import CURL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.client.session import ChatRoomSession
    from perchat.server.config import ServerConfig
    from tests.server.harness import Sample

CODE = perchat.ErrorCode
GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@contextlib.asynccontextmanager
async def inside(
    sample: Sample, room: str = "Plans", *, who: str = "alice", tcp: bool = False
) -> AsyncIterator[ChatRoomSession]:
    async with connect(sample, who, tcp=tcp) as chat, chat.join(room) as session:
        yield session


async def upload_leave(session: ChatRoomSession, sample: Sample) -> Soap:
    assert isinstance(session.chat, perchat.PersistentChatEndpoint)
    assert session.uri is not None
    return await leave_to(session.chat, "getfutok", session.uri, sample.ca)


async def download_leave(session: ChatRoomSession, sample: Sample) -> Soap:
    assert session.uri is not None
    return await leave_to(session.chat, "getfdtok", session.uri, sample.ca)


async def put(session: ChatRoomSession, sample: Sample, data: bytes) -> str:
    soap = await upload_leave(session, sample)
    name = await soap.new_name()
    assert (await soap.append(name, 0, data, len(data))).result == ""
    return name


# --- what an original's client does ---------------------------------------------------------


async def test_a_stranger_sends_a_file_in_pieces_and_fetches_it_again(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d")
    data = bytes(range(256)) * 1000
    async with running(config) as sample, inside(sample) as alice:
        soap = await upload_leave(alice, sample)
        assert soap.url.scheme == "https"
        assert soap.url.path == PATH
        assert re.fullmatch(GUID, soap.token)
        assert (await soap.call("GetMaxFileSizeInKB")).result == "20000"
        assert (await soap.call("GetMaxRequestContentInKB")).result == "512"
        name = await soap.new_name(".TXT")
        assert re.fullmatch(rf"{GUID}\.txt", name)
        for offset in range(0, len(data), 100_000):
            piece = data[offset : offset + 100_000]
            assert (await soap.append(name, offset, piece, len(data))).result == ""
        assert alice.uri is not None
        assert stored(config) == [f"{alice.uri.guid}/{name}"]
        soap = await download_leave(alice, sample)
        assert (await soap.call("GetFileSize", reposFileName=name)).result == str(len(data))
        got = b""
        while len(got) < len(data):
            got += soap_bytes((await soap.fetch(name, len(got), 200_000)).result)
        assert got == data
        assert (await soap.fetch(name, len(data), 10)).result == ""


def soap_bytes(text: str) -> bytes:
    return base64.b64decode(text)


async def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, inside(sample) as alice:
        name = await put(alice, sample, b"")
        soap = await download_leave(alice, sample)
        assert (await soap.call("GetFileSize", reposFileName=name)).result == "0"


async def test_a_client_that_tells_no_more_than_was_ever_seen_is_served(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, inside(sample) as alice:
        soap = await upload_leave(alice, sample)
        bare = Soap(FileToken("", soap.url.geturl()), sample.ca)
        made = await bare.call("RequestUniqueFilenameWithExtension", extension="pdf")
        assert (await soap.append(made.result, 0, b"abc", 3)).result == ""
        assert (await bare.call("GetMaxFileSizeInKB")).result == "20000"


async def test_curl_verifies_the_certificate_and_calls(tmp_path: Path) -> None:
    required(CURL)
    config = await with_files(tmp_path / "d")
    async with running(config) as sample:
        url = f"https://{sample.addresses.https}{PATH}"
        body = ENVELOPE.format("GetMaxFileSizeInKB", "")
        words = ["-sS", "--data-binary", body, "-H", "Content-Type: text/xml", url]

        def asked(*options: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                ["curl", *options, *words], capture_output=True, text=True, check=False
            )

        trusting = await asyncio.to_thread(asked, "--cacert", str(sample.ca))
        assert "<GetMaxFileSizeInKBResult>20000<" in trusting.stdout, trusting.stderr
        doubting = await asyncio.to_thread(asked)
        assert doubting.returncode == 60  # "peer certificate cannot be authenticated"
        plain = url.replace("https", "http")
        in_the_clear = await asyncio.to_thread(
            subprocess.run, ["curl", "-sS", plain], capture_output=True, check=False
        )
        assert in_the_clear.returncode != 0


# --- who may -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "room", "command", "code"),
    [
        ("alice", "General", "getfutok", CODE.ERROR_PERMISSION),  # its category has no files
        ("bob", "Hall", "getfutok", CODE.ERROR_PERMISSION),  # listens only
        ("carol", "Plans", "getfutok", CODE.USER_NOT_JOINED),  # sees it, is no member
        ("carol", "Plans", "getfdtok", CODE.ERROR_PERMISSION),
        ("bob", "Plans", "getfutok", CODE.USER_NOT_JOINED),
        ("bob", "Nowhere", "getfutok", CODE.NO_SUCH_NODE),
        ("bob", "Nowhere", "getfdtok", CODE.NO_SUCH_NODE),
    ],
)
async def test_leave_is_refused(
    tmp_path: Path, who: str, room: str, command: str, code: perchat.ErrorCode
) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, connect(sample, who) as chat:
        uri = perchat.RoomUri(f"ma-chan://example.com/{NOBODYS}")
        if room != "Nowhere":
            uri = await chat.find(room)
        if code is CODE.ERROR_PERMISSION and who != "carol":
            await chat.join(uri)
        with pytest.raises(perchat.CommandFailed) as refused:
            await chat.command(command, FileTokenQuery(uri, "x"), FileToken)
        assert refused.value.code is code
        assert stored(config) == []


async def test_who_listens_in_an_auditorium_fetches_without_being_there(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, inside(sample, "Hall") as alice:
        name = await put(alice, sample, b"the slides")
        assert alice.uri is not None
        async with connect(sample, "bob") as chat:
            soap = await leave_to(chat, "getfdtok", alice.uri, sample.ca)
            assert soap_bytes((await soap.fetch(name, 0, 100)).result) == b"the slides"


async def test_who_is_put_out_meanwhile_does_not_finish(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d", token_seconds=1)
    async with running(config) as sample, inside(sample, who="bob") as bob:
        soap = await upload_leave(bob, sample)
        name = await soap.new_name()
        await soap.append(name, 0, b"half", 8)
        events = bob.events()
        async with sample.admin() as admin:
            await admin.revoke("Plans", perchat.Role.MEMBER, ["bob"])
        async with asyncio.timeout(10):
            async for event in events:
                if isinstance(event, perchat.SessionStateChanged):
                    break
        code, _ = (await soap.append(name, 4, b"rest", 8)).fault
        assert code is CODE.ERROR_PERMISSION
        assert all(path.startswith(".incoming") for path in stored(config))


# --- limits and tokens ---------------------------------------------------------------------


async def test_more_than_the_limit_is_refused_with_the_first_piece(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d", file_kilobytes=2)
    async with running(config) as sample, inside(sample) as alice:
        soap = await upload_leave(alice, sample)
        name = await soap.new_name()
        code, text = (await soap.append(name, 0, b"x" * 100, 2049)).fault
        assert code is CODE.LIMIT_EXCEEDED
        assert "2049" in text
        assert (await soap.append(name, 0, b"x" * 2048, 2048)).result == ""  # just fits


async def test_no_more_comes_than_was_announced(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, inside(sample) as alice:
        soap = await upload_leave(alice, sample)
        name = await soap.new_name()
        assert (await soap.append(name, 0, b"abcdef", 5)).fault[0] is CODE.INVALID_ARGUMENT
        await soap.append(name, 0, b"abc", 5)
        assert (await soap.append(name, 3, b"def", 5)).fault[0] is CODE.INVALID_ARGUMENT
        assert (await soap.append(name, 3, b"d", 6)).fault[0] is CODE.INVALID_TOKEN
        assert (await soap.append(name, 3, b"de", 5)).result == ""


async def test_a_chunk_out_of_order_is_refused_and_the_right_one_taken(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, inside(sample) as alice:
        soap = await upload_leave(alice, sample)
        name = await soap.new_name()
        assert (await soap.append(name, 3, b"def", 6)).fault[0] is CODE.INVALID_ARGUMENT
        await soap.append(name, 0, b"abc", 6)
        for offset in (0, 2, 4):
            code, text = (await soap.append(name, offset, b"def", 6)).fault
            assert code is CODE.INVALID_ARGUMENT
            assert "begins at 3" in text
        assert (await soap.append(name, 3, b"def", 6)).result == ""


async def test_a_token_is_for_one_transfer_one_way_and_one_room(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, inside(sample) as alice:
        soap = await upload_leave(alice, sample)
        name = await soap.new_name()
        assert (await soap.fetch(name, 0, 10)).fault[0] is CODE.INVALID_TOKEN
        soap.room = NOBODYS
        assert (await soap.append(name, 0, b"a", 1)).fault[0] is CODE.INVALID_TOKEN
        assert alice.uri is not None
        soap.room = alice.uri.guid
        await soap.append(name, 0, b"a", 2)
        other = await soap.new_name()
        assert (await soap.append(other, 0, b"a", 2)).fault[0] is CODE.INVALID_TOKEN
        await soap.append(name, 1, b"b", 2)
        assert (await soap.append(name, 2, b"c", 3)).fault[0] is CODE.INVALID_TOKEN  # used
        fetching = await download_leave(alice, sample)
        assert soap_bytes((await fetching.fetch(name, 0, 2)).result) == b"ab"
        assert soap_bytes((await fetching.fetch(name, 0, 2)).result) == b"ab"  # once more
        assert (await fetching.fetch(name, 0, 2)).fault[0] is CODE.INVALID_TOKEN
        assert (await fetching.fetch(other, 0, 2)).fault[0] is CODE.INVALID_TOKEN


async def test_a_guessed_token_is_good_for_nothing(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, inside(sample) as alice:
        soap = await upload_leave(alice, sample)
        for token in ("", NOBODYS, "x" * 5000, "' OR 1=1 --"):
            soap.token = token
            answer = await soap.append(f"{NOBODYS}.txt", 0, b"a", 1)
            assert answer.fault == (CODE.INVALID_TOKEN, "the token expired, or was used")
        assert stored(config) == []


async def test_an_expired_token_is_refused_and_what_came_is_removed(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d", token_seconds=1)
    async with running(config) as sample, inside(sample) as alice:
        soap = await upload_leave(alice, sample)
        name = await soap.new_name()
        await soap.append(name, 0, b"half", 8)
        assert len(stored(config)) == 1
        async with asyncio.timeout(20):
            while stored(config):
                await asyncio.sleep(0.05)
        assert (await soap.append(name, 4, b"rest", 8)).fault[0] is CODE.INVALID_TOKEN


async def test_too_many_transfers_at_once_end_the_oldest(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d", tokens_per_user=2)
    async with running(config) as sample, inside(sample) as alice:
        first, second, third = [await upload_leave(alice, sample) for _ in range(3)]
        name = await third.new_name()
        assert (await first.append(name, 0, b"a", 1)).fault[0] is CODE.INVALID_TOKEN
        assert (await second.append(await second.new_name(), 0, b"a", 1)).result == ""
        assert (await third.append(name, 0, b"a", 1)).result == ""


async def test_a_cancelled_upload_leaves_nothing(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, inside(sample) as alice:
        soap = await upload_leave(alice, sample)
        name = await soap.new_name()
        await soap.append(name, 0, b"half", 8)
        assert (await soap.call("CancelUpload")).result == ""
        assert stored(config) == []
        assert (await soap.append(name, 4, b"rest", 8)).fault[0] is CODE.INVALID_TOKEN


# --- hostile words -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        f"../{NOBODYS}.txt",
        f"{NOBODYS}.txt/../../x",
        f"/{NOBODYS}",
        f"{NOBODYS}.t/t",
        f"{NOBODYS}.txt\0.png",
        f"{NOBODYS}.{'e' * 17}",
        "..",
        "",
        "CON",
        f"{NOBODYS}.\u202egpj",
    ],
)
async def test_no_name_leads_out_of_the_room(tmp_path: Path, name: str) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, inside(sample) as alice:
        soap = await upload_leave(alice, sample)
        assert (await soap.append(name, 0, b"a", 1)).fault[0] is CODE.INVALID_ARGUMENT
        fetching = await download_leave(alice, sample)
        assert (await fetching.fetch(name, 0, 1)).fault[0] is CODE.INVALID_ARGUMENT
        size = await fetching.call("GetFileSize", reposFileName=name)
        assert size.fault[0] is CODE.INVALID_ARGUMENT
        assert stored(config) == []


async def test_a_file_of_another_room_is_not_there(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, inside(sample, "Hall") as hall:
        name = await put(hall, sample, b"secret")
        async with connect(sample, "bob") as chat, chat.join("Plans") as plans:
            soap = await download_leave(plans, sample)
            assert (await soap.fetch(name, 0, 9)).fault[0] is CODE.FILE_DOWNLOAD_FAILED


async def test_nobody_writes_over_a_file_that_is_there(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, inside(sample) as alice:
        name = await put(alice, sample, b"mine")
        async with connect(sample, "bob") as chat, chat.join("Plans") as session:
            soap = await upload_leave(session, sample)
            assert (await soap.append(name, 0, b"ours", 4)).status == 500
            fetching = await download_leave(session, sample)
            assert soap_bytes((await fetching.fetch(name, 0, 9)).result) == b"mine"
        assert len(stored(config)) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not XML",
        b"<!DOCTYPE x [<!ENTITY e 'e'>]><x>&e;</x>",
        b"<x/>",
        ENVELOPE.format("AppendChunk", "<fileLength>-1</fileLength>").encode(),
        b"<s:Envelope xmlns:s='x'><s:Body/></s:Envelope>",
        b"<a>" * 5000,
        b"\xff\xfe<\0x\0/\0>\0",
    ],
)
async def test_what_is_no_call_is_a_fault(tmp_path: Path, body: bytes) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample:
        soap = Soap(FileToken("", f"https://{sample.addresses.https}{PATH}"), sample.ca)
        assert (await soap.post(body)).fault[0] in (CODE.INVALID_ARGUMENT, CODE.INVALID_TOKEN)
        unknown = await soap.call("DropTables")
        assert unknown.fault[0] is CODE.MSG_NOT_SUPPORTED


@pytest.mark.parametrize(
    ("argument", "value"),
    [("offset", "-1"), ("offset", "1e9"), ("fileLength", "9" * 30), ("fileChunk", "%%%")],
)
async def test_an_argument_that_makes_no_sense_is_a_fault(
    tmp_path: Path, argument: str, value: str
) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, inside(sample) as alice:
        soap = await upload_leave(alice, sample)
        given = {"offset": 0, "fileLength": 3, "fileChunk": "YWJj"} | {argument: value}
        answer = await soap.call("AppendChunk", uniqueFilename=f"{NOBODYS}.txt", **given)
        assert answer.fault[0] is CODE.INVALID_ARGUMENT


async def test_a_giant_body_is_refused_before_it_has_come(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d", chunk_kilobytes=4)
    async with running(config) as sample, inside(sample) as alice:
        soap = await upload_leave(alice, sample)
        name = await soap.new_name()
        code, _ = (await soap.append(name, 0, b"x" * 5000, 9000)).fault
        assert code is CODE.LIMIT_EXCEEDED  # a chunk that is too large
        assert (await soap.post(b"x" * 100_000)).fault[0] is CODE.LIMIT_EXCEEDED
        assert (await soap.append(name, 0, b"x", 1)).result == ""


async def test_a_body_without_end_is_cut_off(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d", chunk_kilobytes=4)
    config = plain_http(config)
    async with running(config) as sample, raw(http_of(sample)) as peer:
        await peer.send(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        for _ in range(10):
            await peer.send(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        assert peer.status(await peer.answer()) == 500


async def test_a_body_that_trickles_is_not_waited_for(tmp_path: Path) -> None:
    config = plain_http(await with_files(tmp_path / "d", request_seconds=0.2))
    async with running(config) as sample, raw(http_of(sample)) as peer:
        await peer.send(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nab".encode()
        )
        assert peer.status(await peer.answer()) == 500


async def test_a_head_that_trickles_is_not_waited_for(tmp_path: Path) -> None:
    config = plain_http(await with_files(tmp_path / "d", head_seconds=0.2))
    async with running(config) as sample:
        async with raw(http_of(sample)) as silent:
            assert await silent.closed() == b""
        async with raw(http_of(sample)) as slow:
            await slow.send(b"POST / HTTP/1.1\r\nHost:")
            assert await slow.closed() == b""


async def test_idle_connections_keep_nobody_from_the_files(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, inside(sample) as alice:
        soap = await upload_leave(alice, sample)
        context = client_context(sample.ca)
        assert soap.url.hostname is not None
        async with contextlib.AsyncExitStack() as open_ones:
            for _ in range(config.files.connections + 10):
                await open_ones.enter_async_context(
                    raw((soap.url.hostname, soap.url.port or 0), tls=context)
                )
            name = await soap.new_name()
            assert (await soap.append(name, 0, b"abc", 3)).result == ""


async def test_too_much_that_is_unfinished_is_refused_and_others_notice_nothing(
    tmp_path: Path,
) -> None:
    config = await with_files(
        tmp_path / "d", file_kilobytes=1, unfinished_kilobytes_per_user=2, stalled_seconds=3600
    )
    async with (
        running(config) as sample,
        inside(sample) as alice,
        inside(sample, who="bob") as bob,
    ):
        for _ in range(2):
            soap = await upload_leave(alice, sample)
            assert (await soap.append(await soap.new_name(), 0, b"half", 1024)).result == ""
        third = await upload_leave(alice, sample)
        code, text = (await third.append(await third.new_name(), 0, b"half", 1024)).fault
        assert code is CODE.LIMIT_EXCEEDED
        assert text.startswith("your unfinished uploads have 2048 of 2048 bytes; finish or cancel")
        await put(bob, sample, b"whole")
        assert (await soap.call("CancelUpload")).result == ""
        assert (await third.append(await third.new_name(), 0, b"half", 1024)).result == ""


async def test_an_upload_that_stands_still_gives_way_to_another(tmp_path: Path) -> None:
    config = await with_files(
        tmp_path / "d", file_kilobytes=1, unfinished_kilobytes_per_user=1, stalled_seconds=1
    )
    async with running(config) as sample, inside(sample) as alice:
        stalled, new = [await upload_leave(alice, sample) for _ in range(2)]
        left = await stalled.new_name()
        await stalled.append(left, 0, b"half", 1024)
        name = await new.new_name()
        async with asyncio.timeout(20):
            while (await new.append(name, 0, b"a", 1)).status != 200:
                await asyncio.sleep(0.1)
            assert (await stalled.append(left, 4, b"more", 1024)).fault[0] is CODE.INVALID_TOKEN
            assert alice.uri is not None
            while stored(config) != [f"{alice.uri.guid}/{name}"]:
                await asyncio.sleep(0.05)


def plain_http(config: ServerConfig) -> ServerConfig:
    listen = msgspec.structs.replace(config.listen, http="127.0.0.1:0")
    return msgspec.structs.replace(config, listen=listen)


def http_of(sample: Sample) -> tuple[str, int]:
    host, _, port = (sample.addresses.http or "").rpartition(":")
    return host, int(port)


# --- where it is, and what outlives it -----------------------------------------------------


async def test_who_comes_by_plain_tcp_is_sent_to_plain_http_where_there_is_any(
    tmp_path: Path,
) -> None:
    config = plain_http(await with_files(tmp_path / "d"))
    async with running(config) as sample:
        async with inside(sample, tcp=True) as alice:
            soap = await upload_leave(alice, sample)
            assert (soap.url.scheme, soap.url.port) == ("http", http_of(sample)[1])
            assert (await soap.call("GetMaxFileSizeInKB")).result == "20000"
        async with inside(sample, tcp=False) as alice:
            assert (await upload_leave(alice, sample)).url.scheme == "https"


async def test_the_room_tells_where_its_files_are(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, connect(sample, "alice") as chat:
        room = await chat.rooms.get("Plans")
        assert room.file_store == f"https://{sample.addresses.https}{PATH}"
    other = msgspec.structs.replace(
        config, files=msgspec.structs.replace(config.files, url="https://files.example.com")
    )
    async with running(other) as sample, connect(sample, "alice") as chat:
        assert (await chat.rooms.get("Plans")).file_store == f"https://files.example.com{PATH}"


async def test_a_server_without_files_says_so(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d")
    config = msgspec.structs.replace(
        config, listen=msgspec.structs.replace(config.listen, https="")
    )
    async with running(config) as sample, inside(sample) as alice:
        assert sample.addresses.https is None
        with pytest.raises(perchat.NotSupported):
            await upload_leave(alice, sample)


async def test_a_killed_server_keeps_what_was_finished_and_nothing_else(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d")
    async with process(config) as server, inside(server.sample) as alice:
        done = await put(alice, server.sample, b"all of it")
        soap = await upload_leave(alice, server.sample)
        await soap.append(await soap.new_name(), 0, b"half", 8)
        assert len(stored(config)) == 2
        await server.kill()
    async with process(config) as server, inside(server.sample) as alice:
        assert alice.uri is not None
        assert stored(config) == [f"{alice.uri.guid}/{done}"]
        fetching = await download_leave(alice, server.sample)
        assert soap_bytes((await fetching.fetch(done, 0, 100)).result) == b"all of it"


async def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    config = await with_files(tmp_path / "d")
    async with process(config) as server, inside(server.sample) as alice:
        soap = await upload_leave(alice, server.sample)
        name = await soap.new_name()
        server.limit_files(300_000)
        await soap.append(name, 0, b"x" * 200_000, 400_000)
        answer = await soap.append(name, 200_000, b"x" * 200_000, 400_000)
        assert answer.fault[0] is CODE.DATABASE_CONNECTION
        server.limit_files(-1)
        assert stored(config) == []
        await put(alice, server.sample, b"again")


async def test_tokens_are_in_no_log_and_no_repr(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, inside(sample) as alice:
        soap = await upload_leave(alice, sample)
        await soap.append(await soap.new_name(), 0, b"a", 1)
        assert soap.token not in caplog.text
        assert soap.token not in repr(FileToken(soap.token, "https://x"))


async def test_files_of_a_category_that_has_them_no_more_can_still_be_fetched(
    tmp_path: Path,
) -> None:
    config = await with_files(tmp_path / "d")
    async with running(config) as sample, inside(sample) as alice:
        name = await put(alice, sample, b"old")
        events = alice.events()
        async with administration(config) as admin:
            await admin.set_category("Shared", add={}, remove={}, file_posts=False)
        async with asyncio.timeout(10):
            async for event in events:
                if isinstance(event, perchat.RoomChanged):
                    break
        assert not alice.can_post_files
        with pytest.raises(perchat.PermissionDenied):
            await upload_leave(alice, sample)
        soap = await download_leave(alice, sample)
        assert soap_bytes((await soap.fetch(name, 0, 9)).result) == b"old"
