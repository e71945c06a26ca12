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
from perchat.server.config import checked_domain, checked_host, load_config, new_config_text

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
        ConfigurationError: The folder exists and is not empty, or cannot be written; the domain
            or a host is none.

    """
    domain, hosts = checked_domain(domain), [checked_host(host) for host in hosts]
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(f"{folder} exists and is not empty; nothing was overwritten")
    try:
        place = folder.resolve()
        beside = place if place.exists() else place.parent  # on the same disk, and ours to write
        beside.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".perchat-", dir=beside))
        try:
            await _fill(draft, domain, hosts)
            _put(draft, place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise ConfigurationError(f"cannot make {folder}: {error.strerror}") from error
    return load_config(folder / CONFIG_FILE)


def _put(draft: Path, place: Path) -> None:
    """Move a finished folder to its place; an empty one that is there stays the same folder."""
    if not place.exists():
        draft.chmod(0o750)
        draft.rename(place)
        return
    for part in sorted(draft.iterdir(), key=lambda part: part.name == CONFIG_FILE):
        part.rename(place / part.name)


async def _fill(folder: Path, domain: str, hosts: Sequence[str]) -> None:
    _write(folder / CONFIG_FILE, new_config_text(domain).encode(), mode=0o640)
    config = load_config(folder / CONFIG_FILE)
    _write_certificates(config, hosts)
    await create_storage(config)


def _write_certificates(config: ServerConfig, hosts: Sequence[str]) -> None:
    now = datetime.now(UTC)
    names = dict.fromkeys((config.host_name, *_LOCAL_NAMES, *_own_name(), *hosts))
    authority = create_authority(f"Perchat authority of {config.domain}", now)
    server = issue_certificate(authority, list(names), now)
    paths = config.paths
    _write_public(config.path(paths.authority), authority.certificate)
    _write_secret(config.path(paths.authority).with_name("ca-key.pem"), authority.key)
    _write_public(config.path(paths.certificate), server.certificate)
    _write_secret(config.path(paths.certificate_key), server.key)


def _own_name() -> list[str]:
    """Return this machine's name, if it is one that a certificate can carry."""
    try:
        return [checked_host(socket.getfqdn())]
    except ConfigurationError:
        return []


def _write_public(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def _write_secret(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    _write(file, data, mode=0o600)


def _write(file: Path, data: bytes, *, mode: int) -> None:
    """Write a new file that nobody else than ``mode`` says may open, at any moment."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
