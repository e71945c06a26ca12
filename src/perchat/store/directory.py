"""
Local users and what proves that they are who they say.

The NT hash of a password is as good as the password, so it is kept encrypted, with a
key that is not in the database: AES-256-GCM, bound to the user's address.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from perchat.errors import ConfigurationError
from perchat.model.name import fold

if TYPE_CHECKING:
    from perchat.model.principal import User
    from perchat.model.uri import SipUri
    from perchat.store.base import Store

__all__ = ["Directory", "DirectoryKey", "create_key", "load_key"]

_KEY_BYTES = 32
_NONCE_BYTES = 12
_FORM = b"\x01"  # of the stored secret: this byte, nonce, ciphertext with tag


@dataclass(frozen=True, slots=True)
class DirectoryKey:
    """A key, and the file to name when it turns out to be the wrong one."""

    path: Path
    secret: bytes = field(repr=False)


def create_key(path: Path | str) -> DirectoryKey:
    """
    Write a new key to a file that only its owner may read.

    Raises:
        ConfigurationError: The file exists, or cannot be written.

    """
    path, secret = Path(path), secrets.token_bytes(_KEY_BYTES)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secret.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise ConfigurationError(
            f"{path} exists; a new key would make every stored password useless"
        ) from error
    except OSError as error:
        raise ConfigurationError(f"cannot write the key file {path}: {error.strerror}") from error
    return DirectoryKey(path, secret)


def load_key(path: Path | str) -> DirectoryKey:
    """
    Read a key.

    Raises:
        ConfigurationError: Missing, readable by others, or not a key.

    """
    path = Path(path)
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"others may use the key file {path}: chmod 600 {path}")
        secret = bytes.fromhex(path.read_text(encoding="ascii"))
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the key file {path}: {error.strerror}; restore it from its copy"
        ) from error
    except ValueError:
        secret = b""
    if len(secret) != _KEY_BYTES:
        raise ConfigurationError(f"{path} does not hold a key; restore it from its copy")
    return DirectoryKey(path, secret)


class Directory:
    """Finds users and their secrets in a store."""

    def __init__(self, store: Store, key: DirectoryKey) -> None:
        self._store = store
        self._path = key.path
        self._cipher = AESGCM(key.secret)

    async def find(self, login: str) -> User | None:
        """Return the user of an address (with or without ``sip:``) or of a login name."""
        login = login.strip()
        address = login if fold(login).startswith("sip:") or "@" not in login else f"sip:{login}"
        found = await self._store.find_users(address)
        return found[0] if len(found) == 1 else None  # a name of two users is nobody's

    def secret(self, uri: SipUri) -> bytes | None:
        """
        Return the user's NT hash, None when there is none; by one look-up, at once.

        Raises:
            ConfigurationError: It was stored with another key.
            StorageError: As the store says.

        """
        stored = self._store.secret(uri)
        if stored is None:
            return None
        nonce, sealed = stored[1 : 1 + _NONCE_BYTES], stored[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, sealed, _FORM + uri.encode())
        except InvalidTag as error:
            raise ConfigurationError(
                f"the password of {uri} was not stored with the key in {self._path}: name the "
                "key file this database was made with, or set the password again"
            ) from error

    async def set_secret(self, uri: SipUri, nt_hash: bytes) -> None:
        """
        Keep the NT hash of a user that exists; durable when this returns.

        Raises:
            StorageError: No such user, or as the store says.

        """
        await self._store.set_secret(uri, self.sealed(uri, nt_hash))

    def sealed(self, uri: SipUri, nt_hash: bytes) -> bytes:
        """Return an NT hash as it is stored."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORM + nonce + self._cipher.encrypt(nonce, nt_hash, _FORM + uri.encode())
