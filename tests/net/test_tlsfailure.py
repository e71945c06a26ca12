"""One certificate, one reason, one remedy; and each is written down where it was refused."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import struct
import warnings
from typing import TYPE_CHECKING

import pytest

from perchat.errors import TlsFailure, TlsFailureReason
from perchat.net.tls import client_context, server_context
from perchat.net.tlsfailure import tls_failure
from tests.net.material import HOST, Authority, attempt, program, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

R = TlsFailureReason


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path)


async def failure(port: int, tls: ssl.SSLContext, name: str | None = None) -> TlsFailure:
    """Why a connection is not made, or is cut right after (TLS 1.3 tells clients late)."""
    try:
        owner = await attempt(port, tls, name)
    except TlsFailure as error:
        return error
    late = await owner.lost
    assert isinstance(late, TlsFailure), late
    return late


async def logged(caplog: pytest.LogCaptureFixture, words: str) -> logging.LogRecord:
    """Return the one line that the accepting end writes."""
    while not any("connection refused" in r.message for r in caplog.records):
        await asyncio.sleep(0)
    [record] = [r for r in caplog.records if "connection refused" in r.message]
    assert words in record.message
    assert "127.0.0.1:" in record.message
    assert record.exc_info is None
    assert "\n" not in record.message
    return record


@contextlib.asynccontextmanager
async def raw(
    act: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A server that is no server of ours."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await act(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, HOST, 0)
    try:
        async with asyncio.timeout(10):
            yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


# --- the server's certificate, as a client finds it ---


@pytest.mark.parametrize(
    ("names", "start", "server", "reason", "remedy"),
    [
        (("other.example.com",), 0, True, R.WRONG_NAME, "use a host name"),
        (("10.9.8.7",), 0, True, R.WRONG_NAME, "use a host name"),
        ((HOST,), -100, True, R.EXPIRED, "renew"),
        ((HOST,), 100, True, R.NOT_YET_VALID, "clock"),
        ((HOST,), 0, False, R.WRONG_USAGE, "server authentication"),
    ],
)
@pytest.mark.requirement("R16")
async def test_each_fault_of_a_servers_certificate_has_its_reason_and_remedy(
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    names: tuple[str, ...],
    start: int,
    server: bool,
    reason: TlsFailureReason,
    remedy: str,
) -> None:
    caplog.set_level(logging.INFO)
    certificate = authority.certificate(*names, start=start, server=server)
    async with serving(server_context(certificate)) as there:
        error = await failure(there.port, authority.client())
        await logged(caplog, "certificate")  # the client has told the server by an alert
    assert error.reason is reason
    assert f"{HOST}:{there.port}" in str(error)
    assert remedy in str(error)


@pytest.mark.requirement("R16")
async def test_a_server_of_an_unknown_authority_is_not_trusted_and_learns_why(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    other = Authority.create(tmp_path / "other", "Other authority")
    async with serving(authority.server()) as there:
        error = await failure(there.port, other.client())
        await logged(caplog, "does not trust the authority of the certificate that it was shown")
    assert error.reason is R.UNTRUSTED
    assert "--ca" in str(error)


async def test_a_certificate_that_signed_itself_is_not_trusted(authority: Authority) -> None:
    async with serving(server_context(authority.save(authority.pair, "self"))) as there:
        error = await failure(there.port, client_context())
    assert error.reason is R.UNTRUSTED


async def test_a_revoked_certificate_is_refused_where_lists_are_looked_at(
    authority: Authority,
) -> None:
    good, bad = authority.issue(HOST), authority.issue(HOST)
    tls = client_context(authority.file, crl=authority.revoking(bad))
    async with serving(server_context(authority.save(bad))) as there:
        error = await failure(there.port, tls)
        await there.connect(authority.client())  # does not look
    assert error.reason is R.REVOKED
    async with serving(server_context(authority.save(good))) as there:
        await there.connect(tls)


@pytest.mark.parametrize(("start", "days"), [(-100, 1), (100, 1)])
async def test_a_list_out_of_date_is_not_called_an_expired_certificate(
    authority: Authority, start: int, days: int
) -> None:
    tls = client_context(authority.file, crl=authority.revoking(start=start, days=days))
    async with serving(authority.server()) as there:
        error = await failure(there.port, tls)
    assert error.reason is R.UNTRUSTED
    assert "list is out of date" in str(error)


async def test_a_missing_list_is_said_to_be_missing(authority: Authority, tmp_path: Path) -> None:
    other = Authority.create(tmp_path / "other", "Other authority")
    tls = client_context(authority.file, crl=other.revoking())
    async with serving(authority.server()) as there:
        error = await failure(there.port, tls)
    assert error.reason is R.UNTRUSTED
    assert "list is missing" in str(error)


# --- the client's certificate, as a server finds it ---


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("start", "client", "words", "told"),
    [
        (-100, True, "expired", "expired"),
        (100, True, "not valid yet", "it was shown"),
        (0, False, "not issued for this use", "not issued for this use"),
    ],
)
async def test_a_client_whose_certificate_is_refused_is_told_and_so_is_the_log(
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    newest: ssl.TLSVersion,
    start: int,
    client: bool,
    words: str,
    told: str,
) -> None:
    caplog.set_level(logging.INFO)
    server = server_context(authority.certificate(HOST), client_ca=authority.file)
    server.maximum_version = newest
    tls = authority.client(authority.certificate("app.example.com", start=start, client=client))
    async with serving(server) as there:
        error = await failure(there.port, tls)
        record = await logged(caplog, words)
    assert record.levelno == logging.WARNING
    assert error.reason is R.LOCAL_CERTIFICATE_UNUSABLE
    assert told in str(error)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_of_another_authority_is_refused_and_told(
    authority: Authority,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    newest: ssl.TLSVersion,
) -> None:
    caplog.set_level(logging.INFO)
    other = Authority.create(tmp_path / "other", "Other authority")
    server = server_context(authority.certificate(HOST), client_ca=authority.file)
    server.maximum_version = newest
    async with serving(server) as there:
        error = await failure(there.port, authority.client(other.certificate("app.example.com")))
        await logged(caplog, "not from an authority that is trusted here")
    assert error.reason is R.LOCAL_CERTIFICATE_UNUSABLE
    assert "have the peer trust that authority" in str(error)


async def test_a_revoked_client_is_refused_and_told(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    revoked = authority.issue("app.example.com")
    server = server_context(
        authority.certificate(HOST), client_ca=authority.file, crl=authority.revoking(revoked)
    )
    async with serving(server) as there:
        error = await failure(there.port, authority.client(authority.save(revoked)))
        await logged(caplog, "revoked")
    assert error.reason is R.LOCAL_CERTIFICATE_UNUSABLE
    assert "was revoked" in str(error)


@pytest.mark.parametrize(
    ("newest", "reason"),
    [
        (ssl.TLSVersion.TLSv1_3, R.LOCAL_CERTIFICATE_NOT_FOUND),
        (ssl.TLSVersion.TLSv1_2, R.NEGOTIATION),  # it has no alert of its own for that
    ],
)
async def test_a_client_without_a_certificate_is_told_that_one_is_asked_for(
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    newest: ssl.TLSVersion,
    reason: TlsFailureReason,
) -> None:
    caplog.set_level(logging.INFO)
    server = server_context(
        authority.certificate(HOST), client_ca=authority.file, require_client=True
    )
    server.maximum_version = newest
    async with serving(server) as there:
        error = await failure(there.port, authority.client())
        await logged(caplog, "showed no certificate")
    assert error.reason is reason


# --- no certificate is to blame ---


@pytest.mark.requirement("R16")
async def test_no_common_version_is_told_at_both_ends(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server, client = authority.server(), authority.client()
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    client.minimum_version = ssl.TLSVersion.TLSv1_3
    async with serving(server) as there:
        error = await failure(there.port, client)
        await logged(caplog, "no version of TLS")
    assert error.reason is R.NEGOTIATION
    assert "TLS 1.2 or newer" in str(error)


async def test_a_server_of_yesterday_is_told_apart(authority: Authority) -> None:
    old = authority.server()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with serving(old) as there:
        error = await failure(there.port, authority.client())
    assert error.reason is R.NEGOTIATION
    assert "no version of TLS" in str(error)


async def test_no_common_cipher_is_told_at_both_ends(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server, client = authority.server(), authority.client()
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    server.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    client.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    async with serving(server) as there:
        error = await failure(there.port, client)
        await logged(caplog, "no cipher")
    assert error.reason is R.NEGOTIATION


@pytest.mark.parametrize("greeting", [b"220 mail.example.com ESMTP\r\n", b"HTTP/1.1 400 Bad\r\n"])
async def test_a_port_that_speaks_no_tls_is_recognised(
    authority: Authority, greeting: bytes
) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await reader.read()

    async with raw(greet) as port:
        error = await failure(port, authority.client())
    assert error.reason is R.NEGOTIATION
    assert "not TLS" in str(error)
    assert "check the port" in str(error)


async def test_a_client_that_speaks_sip_without_tls_is_one_line_in_the_log(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with serving(authority.server()) as there:
        _, writer = await asyncio.open_connection(HOST, there.port)
        writer.write(b"OPTIONS sip:example.com SIP/2.0\r\n\r\n")
        await logged(caplog, "not TLS")
        writer.close()


@pytest.mark.requirement("R16")
async def test_a_peer_that_hangs_up_is_told_apart(authority: Authority) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with raw(hang_up) as port:
        error = await failure(port, authority.client())
    assert error.reason is R.REMOTE_DISCONNECTED


async def test_a_peer_that_resets_is_told_apart(authority: Authority) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        raw_socket = writer.get_extra_info("socket")
        raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async with raw(reset) as port:
        error = await failure(port, authority.client())
    assert error.reason is R.REMOTE_DISCONNECTED


async def test_who_only_looks_in_is_noted_and_no_more(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with serving(authority.server()) as there:
        _, writer = await asyncio.open_connection(HOST, there.port)
        writer.close()
        record = await logged(caplog, "hung up")
    assert record.levelno == logging.INFO


@pytest.mark.peer
async def test_a_foreign_client_is_told_why_by_an_alert(
    authority: Authority, tmp_path: Path
) -> None:
    other = Authority.create(tmp_path / "other", "Other authority")
    other.save(other.issue("app.example.com"), "app")
    server = server_context(authority.certificate(HOST), client_ca=authority.file)
    async with serving(server) as there:
        child = await asyncio.create_subprocess_exec(
            *(
                program("openssl", "openssl"),
                "s_client",
                "-connect",
                f"{HOST}:{there.port}",
                "-quiet",
            ),
            *("-cert", str(tmp_path / "other" / "app.pem")),
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await child.communicate(b"")
    assert b"alert unknown ca" in said


def test_an_error_that_nobody_knows_is_still_told() -> None:
    error = tls_failure(ssl.SSLError(1, "[SSL] something new (_ssl.c:1007)"), "host:5061")
    assert error.reason is R.NEGOTIATION
    assert "something new;" in str(error).replace("(", "").replace(")", "")
    assert "_ssl.c" not in str(error)
