"""TLS: what is trusted, and what is said when it is not."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.net.test_connection import Recorder, agent

from perchat.errors import ConfigurationError, TlsFailure, TlsFailureReason
from perchat.net.connector import Transport, open_connection
from perchat.net.listener import Listener, listen
from perchat.net.pki import KeyPair, create_authority, issue_certificate
from perchat.net.tls import client_context, server_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NOW = datetime.now(UTC)


def write(folder: Path, authority: KeyPair, server: KeyPair) -> Path:
    (folder / "ca.pem").write_bytes(authority.certificate)
    (folder / "server.pem").write_bytes(server.certificate)
    (folder / "server-key.pem").write_bytes(server.key)
    return folder


def certificates(folder: Path, *names: str, at: datetime = NOW, days: int = 30) -> Path:
    authority = create_authority("Test authority", NOW - timedelta(days=400), days=3650)
    return write(folder, authority, issue_certificate(authority, names, at, days=days))


@contextlib.asynccontextmanager
async def hosting(files: Path) -> AsyncIterator[Listener]:
    context = server_context(files / "server.pem", files / "server-key.pem")
    listener = await listen(Recorder, "127.0.0.1", 0, agent=agent, tls=context)
    try:
        yield listener
    finally:
        listener.close()


async def connect(listener: Listener, ca: Path, name: str = "127.0.0.1") -> None:
    owner = Recorder()
    connection = await open_connection(
        owner,
        "127.0.0.1",
        listener.address[1],
        transport=Transport.TLS,
        agent=agent,
        tls=client_context(ca),
        server_name=name,
    )
    assert connection.is_tls
    connection.close()
    await connection.wait_closed()


async def test_a_certificate_of_a_trusted_authority_for_the_name_is_taken(tmp_path: Path) -> None:
    files = certificates(tmp_path, "127.0.0.1", "localhost")
    async with hosting(files) as listener, asyncio.timeout(5):
        await connect(listener, files / "ca.pem")


@pytest.mark.parametrize(
    ("names", "start", "reason"),
    [
        (("other.example.com",), 0, TlsFailureReason.WRONG_NAME),
        (("127.0.0.1",), -100, TlsFailureReason.EXPIRED),
        (("127.0.0.1",), 100, TlsFailureReason.NOT_YET_VALID),
    ],
)
async def test_each_fault_of_a_certificate_has_its_reason_and_a_remedy(
    tmp_path: Path, names: tuple[str, ...], start: int, reason: TlsFailureReason
) -> None:
    files = certificates(tmp_path, *names, at=NOW + timedelta(days=start))
    async with hosting(files) as listener, asyncio.timeout(5):
        with pytest.raises(TlsFailure) as caught:
            await connect(listener, files / "ca.pem")
    assert caught.value.reason is reason
    assert ";" in str(caught.value)


async def test_an_unknown_authority_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    files = certificates(tmp_path, "127.0.0.1")
    other = certificates(tmp_path / "other", "127.0.0.1")
    async with hosting(files) as listener, asyncio.timeout(5):
        with pytest.raises(TlsFailure) as caught:
            await connect(listener, other / "ca.pem")
    assert caught.value.reason is TlsFailureReason.UNTRUSTED


async def test_a_peer_that_hangs_up_in_the_handshake_is_told_apart(tmp_path: Path) -> None:
    files = certificates(tmp_path, "127.0.0.1")
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with asyncio.timeout(5):
            with pytest.raises(TlsFailure) as caught:
                await open_connection(
                    Recorder(),
                    "127.0.0.1",
                    port,
                    transport=Transport.TLS,
                    agent=agent,
                    tls=client_context(files / "ca.pem"),
                )
    finally:
        server.close()
    assert caught.value.reason is TlsFailureReason.REMOTE_DISCONNECTED


def test_old_tls_is_not_spoken(tmp_path: Path) -> None:
    files = certificates(tmp_path, "localhost")
    for context in (
        client_context(files / "ca.pem"),
        server_context(files / "server.pem", files / "server-key.pem"),
    ):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_files_that_are_no_certificates_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("not a certificate")
    with pytest.raises(ConfigurationError, match=r"x\.pem"):
        client_context(tmp_path / "x.pem")
    with pytest.raises(ConfigurationError, match=r"gone\.pem"):
        server_context(tmp_path / "gone.pem", tmp_path / "x.pem")


def test_keys_do_not_show() -> None:
    pair = create_authority("Test", NOW)
    assert "PRIVATE" not in repr(pair)
