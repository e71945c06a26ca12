"""
Where certificates are kept: a PEM or PFX file, a folder of them, the store of Windows.

A store is read whole and never written. Certificates and keys find each other by the
public key, whatever the files are called and however they are split. What cannot be
read is remembered with its reason, for whoever looks for it in vain.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from perchat.errors import ConfigurationError
from perchat.net.contents import Contents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from perchat.net.contents import CertificateStore

__all__ = ["FileStore", "default_store", "open_certificate_store"]

_PFX = frozenset({".pfx", ".p12"})
_PEM = frozenset({".pem", ".crt", ".cer", ".cert", ".key"})
_LARGEST = 1 << 20  # bytes; a bundle of all public authorities is a fifth of it
_BEGIN = b"-----BEGIN "
_CERTIFICATES = (b"CERTIFICATE-----", b"X509 CERTIFICATE-----")
_UNREADABLE = (
    OSError,
    TypeError,  # a locked key without a password
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class FileStore:
    """A PEM or PFX file, or a folder of such files (not of folders)."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def read(self, password: bytes | None) -> Contents:
        """Return what the files hold; raises ConfigurationError when the place is not there."""
        contents = Contents()
        for file in self._files():
            try:
                _read_file(file, contents, password)
            except _UNREADABLE as error:
                contents.unreadable.append(f"{file.name}: {_why(error, password)}")
        return contents

    def _files(self) -> Iterable[Path]:
        try:
            if not self.path.is_dir():
                self.path.stat()
                return [self.path]
            return sorted(f for f in self.path.iterdir() if _looks_right(f))
        except OSError as error:
            raise ConfigurationError(
                f"cannot read the certificate store {self.path}: {error.strerror}"
            ) from error


def open_certificate_store(place: Path | str | CertificateStore | None) -> CertificateStore:
    """Return the store for a path; the usual one for None."""
    if place is None:
        return default_store()
    if isinstance(place, Path | str):
        return FileStore(Path(place).expanduser())
    return place


def default_store() -> CertificateStore:
    """Return LocalMachine/My on Windows, else the folder of PERCHAT_CERTIFICATES or the user's."""
    if sys.platform == "win32":  # late: ctypes has these libraries only there
        from perchat.net.winstore import WindowsStore

        return WindowsStore()
    else:  # noqa: RET505 - for type checkers, who look at one platform
        if chosen := os.environ.get("PERCHAT_CERTIFICATES"):
            return FileStore(Path(chosen))
        config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
        return FileStore(Path(config).expanduser() / "perchat" / "certificates")


def _looks_right(file: Path) -> bool:
    return file.suffix.lower() in _PFX | _PEM and not file.is_dir()


def _read_file(file: Path, contents: Contents, password: bytes | None) -> None:
    if file.stat().st_size > _LARGEST:
        raise ValueError(f"larger than {_LARGEST} bytes")
    data = file.read_bytes()
    if file.suffix.lower() in _PFX:
        contents.add_pfx(data, file.name, password)
    elif _BEGIN in data:
        _read_pem(data, file.name, contents, password)
    else:
        contents.add(x509.load_der_x509_certificate(data), file.name)


def _read_pem(data: bytes, name: str, contents: Contents, password: bytes | None) -> None:
    for block in data.split(_BEGIN)[1:]:
        pem = _BEGIN + block
        if block.startswith(_CERTIFICATES):
            contents.add(x509.load_pem_x509_certificate(pem), name)
        elif block.split(b"-----", 1)[0].endswith(b"PRIVATE KEY"):
            contents.add_key(_load_key(pem, password))


def _load_key(pem: bytes, password: bytes | None) -> PrivateKeyTypes:
    locked = b"ENCRYPTED" in pem
    return serialization.load_pem_private_key(pem, password if locked else None)


def _why(error: Exception, password: bytes | None) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    locked = "password" in str(error).lower()
    if locked:
        return "needs a password" if password is None else "the password does not open it"
    return f"not a certificate or key ({str(error).splitlines()[0] if str(error) else 'damaged'})"
