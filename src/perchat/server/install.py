"""
``perchat init``: a folder with everything a server needs to start.

Nothing is overwritten. The folder is made complete beside its place and moved there
last, so that a failure half-way leaves nothing behind.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from perchat.errors import ConfigurationError
from perchat.net.pki import create_authority, issue_certificate
from perchat.server.admin import create_storage
from perchat.server.config import load_config, new_config_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perchat.server.config import ServerConfig

__all__ = ["CONFIG_FILE", "install"]

CONFIG_FILE = "perchat.toml"
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


async def install(folder: Path, domain: str, hosts: Sequence[str] = ()) -> ServerConfig:
    """
    Make ``folder`` a server for ``domain``: settings, certificates, key and database.

    The certificate carries ``sip.DOMAIN``, this machine's name, loopback and ``hosts``.

    Raises:
        ConfigurationError: The folder exists and is not empty, or cannot be written.

    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(f"{folder} exists and is not empty; nothing was overwritten")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".perchat-", dir=folder.parent))
    except OSError as error:
        raise ConfigurationError(f"cannot make {folder}: {error.strerror}") from error
    try:
        await _fill(draft, domain, hosts)
        draft.chmod(0o750)
        draft.rename(folder)
    except OSError as error:
        raise ConfigurationError(f"cannot make {folder}: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return load_config(folder / CONFIG_FILE)


async def _fill(folder: Path, domain: str, hosts: Sequence[str]) -> None:
    (folder / CONFIG_FILE).write_text(new_config_text(domain), "utf-8")
    config = load_config(folder / CONFIG_FILE)
    _write_certificates(config, hosts)
    await create_storage(config)


def _write_certificates(config: ServerConfig, hosts: Sequence[str]) -> None:
    now = datetime.now(UTC)
    names = dict.fromkeys((config.host_name, *_LOCAL_NAMES, socket.getfqdn(), *hosts))
    authority = create_authority(f"Perchat authority of {config.domain}", now)
    server = issue_certificate(authority, [n for n in names if n.isascii()], now)
    paths = config.paths
    _write_public(config.path(paths.authority), authority.certificate)
    _write_secret(config.path(paths.authority).with_name("ca-key.pem"), authority.key)
    _write_public(config.path(paths.certificate), server.certificate)
    _write_secret(config.path(paths.certificate_key), server.key)


def _write_public(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def _write_secret(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
