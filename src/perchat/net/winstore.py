"""
The certificate store of Windows, LocalMachine/My and its like.

UNTESTED: written from the documentation of crypt32 ([MS] wincrypt.h) and never run on
Windows yet. Keys have to be marked exportable, as the ssl module of Python takes files
and cannot use a key that stays inside Windows; others are named as unreadable.

Each certificate is copied into a store in memory and exported from there as PKCS #12
under a password made for the moment (``PFXExportCertStoreEx``).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

from perchat.errors import ConfigurationError
from perchat.net.contents import Contents

__all__ = ["WindowsStore"]


@dataclass(frozen=True, slots=True)
class WindowsStore:
    """
    A store of Windows, opened for reading only.

    Attributes:
        location: Of the machine, or of the user that runs the program.
        name: ``My`` is the personal store, where certificates with keys are.

    """

    location: Literal["LocalMachine", "CurrentUser"] = "LocalMachine"
    name: str = "My"

    def __str__(self) -> str:
        return f"the Windows store {self.location}/{self.name}"

    def read(self, password: bytes | None) -> Contents:
        """Return what is in it; raises ConfigurationError where it cannot be opened."""
        contents = Contents()
        for index, (pfx, secret, error) in enumerate(_exported(self.location, self.name)):
            place = f"{self.location}/{self.name} entry {index}"
            try:
                if error:
                    raise ValueError(error)
                contents.add_pfx(pfx, place, secret)
            except (ValueError, TypeError) as problem:
                contents.unreadable.append(f"{place}: {problem}")
        return contents


if sys.platform == "win32":
    import ctypes
    import secrets
    from collections.abc import Iterator
    from ctypes import wintypes

    _LOCATIONS = {"CurrentUser": 1 << 16, "LocalMachine": 2 << 16}  # CERT_SYSTEM_STORE_*
    _READ_ONLY = 0x8000  # CERT_STORE_READONLY_FLAG
    _EXISTING = 0x4000  # CERT_STORE_OPEN_EXISTING_FLAG
    _SYSTEM = 10  # CERT_STORE_PROV_SYSTEM_W
    _MEMORY = 2  # CERT_STORE_PROV_MEMORY
    _ADD_ALWAYS = 4  # CERT_STORE_ADD_ALWAYS
    _WITH_KEYS = 4 | 2  # EXPORT_PRIVATE_KEYS | REPORT_NOT_ABLE_TO_EXPORT_PRIVATE_KEY

    class _Blob(ctypes.Structure):
        _fields_ = (("size", wintypes.DWORD), ("data", ctypes.POINTER(ctypes.c_ubyte)))

    _crypt32 = ctypes.WinDLL("crypt32", use_last_error=True)
    _open = _crypt32.CertOpenStore
    _open.restype = ctypes.c_void_p
    _open.argtypes = (
        ctypes.c_void_p,
        wintypes.DWORD,
        ctypes.c_void_p,
        wintypes.DWORD,
        ctypes.c_void_p,
    )
    _close = _crypt32.CertCloseStore
    _close.argtypes = (ctypes.c_void_p, wintypes.DWORD)
    _next = _crypt32.CertEnumCertificatesInStore
    _next.restype = ctypes.c_void_p
    _next.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    _add = _crypt32.CertAddCertificateContextToStore
    _add.argtypes = (ctypes.c_void_p, ctypes.c_void_p, wintypes.DWORD, ctypes.c_void_p)
    _export = _crypt32.PFXExportCertStoreEx
    _export.argtypes = (
        ctypes.c_void_p,
        ctypes.POINTER(_Blob),
        wintypes.LPCWSTR,
        ctypes.c_void_p,
        wintypes.DWORD,
    )

    def _exported(location: str, name: str) -> Iterator[tuple[bytes, bytes, str]]:
        flags = _LOCATIONS[location] | _READ_ONLY | _EXISTING
        store = _open(_SYSTEM, 0, None, flags, ctypes.c_wchar_p(name))
        if not store:
            raise ConfigurationError(
                f"cannot open the Windows store {location}/{name}:"
                f" {ctypes.WinError(ctypes.get_last_error())}"
            )
        try:
            context = _next(store, None)
            while context:
                yield _one(context)
                context = _next(store, context)  # frees the one before
        finally:
            _close(store, 0)

    def _one(context: int) -> tuple[bytes, bytes, str]:
        secret = secrets.token_hex(16)
        memory = _open(_MEMORY, 0, None, 0, None)
        try:
            if not memory or not _add(memory, context, _ADD_ALWAYS, None):
                return b"", b"", str(ctypes.WinError(ctypes.get_last_error()))
            blob = _Blob()
            if not _export(memory, blob, secret, None, _WITH_KEYS):  # tells the size
                return b"", b"", f"no exportable key: {ctypes.WinError(ctypes.get_last_error())}"
            buffer = (ctypes.c_ubyte * blob.size)()
            blob.data = buffer
            if not _export(memory, blob, secret, None, _WITH_KEYS):
                return b"", b"", str(ctypes.WinError(ctypes.get_last_error()))
            return bytes(buffer), secret.encode(), ""
        finally:
            if memory:
                _close(memory, 0)

else:

    def _exported(location: str, name: str) -> list[tuple[bytes, bytes, str]]:
        raise ConfigurationError(
            f"there is no Windows store {location}/{name} here: give a file or a folder"
        )
