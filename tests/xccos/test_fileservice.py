"""The file web service's documents: read as strangers write them, refused politely."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.errors import (
    CommandFailed,
    DownloadFailed,
    ErrorCode,
    InvalidArgument,
    InvalidToken,
    RemoteProtocolError,
    UploadFailed,
)
from perchat.xccos.fileservice import (
    chunk_of,
    chunk_text,
    read_answer,
    read_call,
    request_limit,
    write_answer,
    write_call,
    write_fault,
)

# as captured from an original client, but for the values
CAPTURED = b"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
  <AppendChunk xmlns="http://www.microsoft.com">
    <token>6F</token><channelId>G</channelId><uniqueFilename>G.txt</uniqueFilename>
    <fileChunk>aGVsbG8=</fileChunk><offset>0</offset><fileLength>5</fileLength>
  </AppendChunk></s:Body></s:Envelope>"""
UP = ErrorCode.FILE_UPLOAD_FAILED


def test_a_captured_call_is_understood() -> None:
    call = read_call(CAPTURED)
    assert call.operation == "AppendChunk"
    assert (call.get("token"), call.get("uniqueFilename")) == ("6F", "G.txt")
    assert (call.number("offset"), call.number("fileLength")) == (0, 5)
    assert chunk_of(call.get("fileChunk")) == b"hello"
    assert call.get("missing") == ""
    assert "6F" not in repr(call)


@given(st.binary(max_size=2000), st.text(alphabet="ab<&>\"'", max_size=20))
def test_what_we_write_we_can_read(data: bytes, text: str) -> None:
    call = read_call(write_call("AppendChunk", {"fileChunk": chunk_text(data), "name": text}))
    assert chunk_of(call.get("fileChunk")) == data
    assert call.get("name") == text.strip()
    assert read_answer(write_answer("Op", text), "Op", UP) == text
    assert len(write_call("AppendChunk", {"fileChunk": chunk_text(data)})) < request_limit(
        len(data)
    )


@given(st.integers(0, len(CAPTURED) - 1), st.integers(0, 255))
def test_damage_is_refused_politely(place: int, byte: int) -> None:
    damaged = CAPTURED[:place] + bytes([byte]) + CAPTURED[place + 1 :]
    try:
        call = read_call(damaged)
        call.number("offset")
        chunk_of(call.get("fileChunk"))
    except (RemoteProtocolError, CommandFailed):
        pass


def test_a_fault_says_what_it_is() -> None:
    fault = write_fault(ErrorCode.INVALID_TOKEN, "too <late>")
    with pytest.raises(InvalidToken, match="too <late>"):
        read_answer(fault, "AppendChunk", UP)


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>IIS says no</html>",
        b"no XML",
        write_answer("Other"),
        CAPTURED,
        write_fault(ErrorCode.INVALID_TOKEN, "why").replace(b">18<", b">99<"),
        b"<s:Envelope xmlns:s='x'><s:Body><s:Fault/></s:Body></s:Envelope>",
    ],
)
def test_what_makes_no_sense_is_a_failed_transfer(answer: bytes) -> None:
    with pytest.raises(UploadFailed):
        read_answer(answer, "AppendChunk", UP)
    with pytest.raises(DownloadFailed):
        read_answer(answer, "AppendChunk", ErrorCode.FILE_DOWNLOAD_FAILED)


@pytest.mark.parametrize("text", ["", "-1", "1.0", "9" * 19, "\u0663", "1 2"])
def test_a_number_is_a_number(text: str) -> None:
    with pytest.raises(InvalidArgument):
        read_call(write_call("Op", {"offset": text})).number("offset")


@pytest.mark.parametrize("text", ["a", "====", "YQ", "%%%%", "\u00e9"])
def test_a_chunk_is_base64(text: str) -> None:
    with pytest.raises(InvalidArgument):
        chunk_of(text)
