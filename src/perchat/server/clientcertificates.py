"""
Verify the certificates that trusted applications show, by authorities and revocation lists.

A revocation list is good for days or weeks, then its authority issues the next one. So
the file is read again when it changes; connections that stand are left alone.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from perchat.errors import ConfigurationError, TlsFailure
from perchat.net.tls import ReloadableContext, server_context

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from perchat.server.config import ServerConfig

__all__ = ["SipContext"]

_log = logging.getLogger("perchat.signin")
LOOK_EVERY = 30.0
"""Seconds between two looks at the file of revocation lists."""


class SipContext(ReloadableContext):
    """The context of the TLS listener, which asks clients for a certificate."""

    def __init__(self, config: ServerConfig) -> None:
        """
        Read certificate, authorities and lists.

        Raises:
            ConfigurationError: A file of the settings is missing or cannot be used.

        """
        self._config = config
        self._known = _state(config.client_revocations)  # before it is read, to miss no change
        super().__init__(_context(config))

    async def follow(self) -> None:
        """Put new lists into use when their file changes; ones that cannot be read are logged."""
        file = self._config.client_revocations
        while file is not None:
            await asyncio.sleep(LOOK_EVERY)
            state = await asyncio.to_thread(_state, file)
            if state != self._known:
                self._known = state
                await self._reload(file)

    async def _reload(self, file: Path) -> None:
        try:
            self.replace(await asyncio.to_thread(_context, self._config))
        except (ConfigurationError, TlsFailure) as error:
            _log.error("revocation lists of %s not read again, the old ones stay: %s", file, error)
        else:
            _log.info("revocation lists of %s read again", file)


def _context(config: ServerConfig) -> ssl.SSLContext:
    paths = config.paths
    return server_context(
        config.path(paths.certificate),
        config.path(paths.certificate_key),
        client_ca=config.client_authority,
        crl=config.client_revocations,
    )


def _state(file: Path | None) -> tuple[int, int, int] | None:
    """Return what changes when a file does; None while there is none."""
    try:
        stat = None if file is None else file.stat()
    except OSError:
        stat = None
    return None if stat is None else (stat.st_mtime_ns, stat.st_size, stat.st_ino)
