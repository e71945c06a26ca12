"""``perchat init``: everything or nothing."""

from __future__ import annotations

import ssl
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from perchat.errors import ConfigurationError
from perchat.net.tls import client_context, server_context
from perchat.server.install import install

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_folder_has_all_a_server_needs_and_secrets_are_private(tmp_path: Path) -> None:
    config = await install(tmp_path / "d", "example.com", ["chat.example.org"])
    server_context(config.path("pki/server.pem"), config.path("pki/server-key.pem"))
    assert client_context(config.path("pki/ca.pem")).verify_mode is ssl.CERT_REQUIRED
    for secret in ("secret.key", "pki/server-key.pem", "pki/ca-key.pem"):
        assert config.path(secret).stat().st_mode & 0o077 == 0
    assert config.path("perchat.toml").stat().st_mode & 0o027 == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d"]


async def test_nothing_is_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "precious").write_text("data")
    with pytest.raises(ConfigurationError, match="not empty"):
        await install(folder, "example.com")
    assert [p.name for p in folder.iterdir()] == ["precious"]


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot make"):
        await install(tmp_path / "file" / "d", "example.com")


async def test_an_empty_folder_is_filled_and_stays_the_same_folder(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir(mode=0o700)
    before = folder.stat()
    await install(folder, "example.com")
    after = folder.stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert {p.name for p in folder.iterdir()} == {"perchat.toml", "perchat.db", "secret.key", "pki"}


@pytest.mark.parametrize(
    ("domain", "hosts"), [("not a domain", []), ("10.0.0.1", []), ("example.com", ["a b"])]
)
async def test_bad_names_leave_nothing_behind(
    tmp_path: Path, domain: str, hosts: list[str]
) -> None:
    with pytest.raises(ConfigurationError):
        await install(tmp_path / "d", domain, hosts)
    assert not list(tmp_path.iterdir())


async def test_the_certificate_carries_what_clients_may_use(tmp_path: Path) -> None:
    config = await install(tmp_path / "d", "Example.com", ["Chat.example.org", "10.0.0.1"])
    certificate = x509.load_pem_x509_certificate(config.path("pki/server.pem").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"sip.example.com", "localhost", "chat.example.org"} <= set(
        names.get_values_for_type(x509.DNSName)
    )
    assert {ip_address("127.0.0.1"), ip_address("10.0.0.1")} <= set(
        names.get_values_for_type(x509.IPAddress)
    )
