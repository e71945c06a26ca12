"""``perchat init``: everything or nothing."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

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
