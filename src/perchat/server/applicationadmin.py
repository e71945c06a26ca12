"""
The administrator's words about trusted applications, and certificates for their first days.

As with users and rooms, what is done here returns when a running server has followed it.
"""

from __future__ import annotations

import base64
import contextlib
import os
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perchat.chat.applications import ApplicationRegister
from perchat.errors import CommandFailed, ConfigurationError, ErrorCode
from perchat.model.uri import SipUri
from perchat.net.pki import KeyPair, issue_certificate
from perchat.server.config import checked_domain
from perchat.server.storage import local_operator, open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from pathlib import Path

    from perchat.model.application import RegisteredApplication
    from perchat.server.config import ServerConfig
    from perchat.store.base import RunningNode, Store

__all__ = ["ApplicationAdmin", "application_administration", "issue_for", "write_settings"]


class ApplicationAdmin:
    """The trusted applications of one server."""

    def __init__(self, register: ApplicationRegister, store: Store, domain: str) -> None:
        self._register = register
        self._store = store
        self._domain = domain

    @property
    def behind(self) -> tuple[RunningNode, ...]:
        """The servers that had not followed the last change in time; they will."""
        return self._store.behind

    async def add(
        self,
        name: str,
        *,
        fqdn: str,
        port: int,
        act_as: Collection[str],
        certificate_subjects: Collection[str] = (),
        gruu: str | None = None,
    ) -> RegisteredApplication:
        """
        Register an application; its certificate is for ``fqdn`` unless told otherwise.

        Raises:
            ConfigurationError: A value that cannot be, or is taken.
            NoSuchPrincipal: One of ``act_as`` is not a user.

        """
        return await self._register.add(
            name,
            fqdn=checked_domain(fqdn),
            port=port,
            certificate_names=[checked_domain(one) for one in certificate_subjects or [fqdn]],
            identities=[self._address(one) for one in act_as],
            gruu=gruu,
        )

    async def all(self) -> list[RegisteredApplication]:
        """Return all applications, by name."""
        return await self._register.all()

    async def get(self, name: str) -> RegisteredApplication:
        """Return one; ConfigurationError when none has that name."""
        return await self._register.get(name)

    async def remove(self, name: str) -> RegisteredApplication:
        """Trust one no more; a running server closes its connections."""
        return await self._register.remove(name)

    def _address(self, name: str) -> SipUri:
        typed = name if name.lower().startswith("sip:") else f"sip:{name}"
        try:
            return SipUri(typed if "@" in typed else f"{typed}@{self._domain}")
        except ValueError as error:
            raise CommandFailed.of(ErrorCode.NO_SUCH_PRINCIPAL, f"no such user: {name}") from error


@contextlib.asynccontextmanager
async def application_administration(config: ServerConfig) -> AsyncIterator[ApplicationAdmin]:
    """
    Open the server's register for as long as the block runs.

    Raises:
        ConfigurationError: The settings name a database that is not there.
        StorageError: The database cannot be used.

    """
    async with open_store(config) as store:
        register = ApplicationRegister(store, config.domain, new_id=_new_id, by=local_operator())
        yield ApplicationAdmin(register, store, config.domain)


def issue_for(config: ServerConfig, fqdn: str, folder: Path) -> Path:
    """
    Issue a certificate for ``fqdn`` from the server's own authority; returns its file.

    The folder gets ``FQDN.pem`` with certificate and key, which only its owner may read,
    and ``ca.pem``, the authority to trust. Nothing is overwritten.

    Raises:
        ConfigurationError: The authority's key is not here, or a file cannot be written.

    """
    fqdn = checked_domain(fqdn)
    authority = config.path(config.paths.authority)
    pair = KeyPair(_read(authority), _read(authority.with_name("ca-key.pem")))
    issued = issue_certificate(pair, [fqdn], datetime.now(UTC))
    file = folder / f"{fqdn}.pem"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(file, issued.certificate + issued.key, mode=0o600)
        if not (folder / "ca.pem").exists():
            _write(folder / "ca.pem", pair.certificate, mode=0o644)
    except FileExistsError as error:
        raise ConfigurationError(f"{file} exists; it was not overwritten") from error
    except OSError as error:
        raise ConfigurationError(f"cannot write {error.filename}: {error.strerror}") from error
    return file


def write_settings(application: RegisteredApplication, certificate: Path) -> Path:
    """Write what the SDK reads as ``TrustedApplication.from_file``, beside the certificate."""
    file = certificate.with_name(f"{application.name}.toml")
    text = "".join(
        f"{name} = {value}\n"
        for name, value in {
            "user_agent": f'"{application.name}"',
            "fqdn": f'"{application.fqdn}"',
            "port": application.port,
            "gruu": f'"{application.gruu}"',
            "certificate": f'"{certificate.name}"',
        }.items()
    )
    try:
        _write(file, text.encode(), mode=0o644)
    except OSError as error:
        raise ConfigurationError(f"cannot write {file}: {error.strerror}") from error
    return file


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {file}: {error.strerror}; without the authority's key here,"
            " have your own authority issue the certificate"
        ) from error


def _write(file: Path, data: bytes, *, mode: int) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)


def _new_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
