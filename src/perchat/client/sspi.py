"""
Kerberos by Windows' own library, SSPI: tokens and signatures of the logged-on user.

UNTESTED: written from the documentation of secur32 ([MS] sspi.h) and never run on
Windows yet. It stands behind the same face as ``perchat.lync.kerberos.obtain``: the
package "Kerberos" gives the same token (RFC 4121 §4.1) and the same signatures as
GSS-API does, one token being enough when mutual authentication is not asked for.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from perchat.errors import AuthenticationError, AuthenticationReason

if TYPE_CHECKING:
    from perchat.lync.kerberos import Ticket

__all__ = ["AVAILABLE", "obtain"]

AVAILABLE = sys.platform == "win32"

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    from perchat.lync.kerberos import Ticket, checked_service

    _OUTBOUND = 2  # SECPKG_CRED_OUTBOUND
    _INTEGRITY = 0x00010000  # ISC_REQ_INTEGRITY
    _NATIVE = 0x10  # SECURITY_NATIVE_DREP
    _DATA, _TOKEN = 1, 2  # SECBUFFER_*
    _SIZES, _NAMES = 0, 1  # SECPKG_ATTR_*
    _MOST_TOKEN = 65_536  # with the groups of a large organisation
    _TICKS = 10_000_000  # of a FILETIME, a second
    _REASONS = {
        0x8009030E: AuthenticationReason.MISSING_CREDENTIALS,  # SEC_E_NO_CREDENTIALS
        0x80090311: AuthenticationReason.NO_AUTHENTICATING_AUTHORITY,
        0x80090303: AuthenticationReason.NO_AUTHENTICATING_AUTHORITY,  # SEC_E_TARGET_UNKNOWN
        0x80090324: AuthenticationReason.CLOCK_SKEW,  # SEC_E_TIME_SKEW
    }

    class _Handle(ctypes.Structure):
        _fields_ = (("lower", ctypes.c_size_t), ("upper", ctypes.c_size_t))

    class _Buffer(ctypes.Structure):
        _fields_ = (
            ("size", wintypes.ULONG),
            ("kind", wintypes.ULONG),
            ("data", ctypes.c_void_p),
        )

    class _Buffers(ctypes.Structure):
        _fields_ = (
            ("version", wintypes.ULONG),
            ("count", wintypes.ULONG),
            ("buffers", ctypes.POINTER(_Buffer)),
        )

    class _Sizes(ctypes.Structure):
        _fields_ = (
            ("token", wintypes.ULONG),
            ("signature", wintypes.ULONG),
            ("block", wintypes.ULONG),
            ("trailer", wintypes.ULONG),
        )

    class _Names(ctypes.Structure):
        _fields_ = (("user", wintypes.LPWSTR),)

    _secur32 = ctypes.WinDLL("secur32")
    for _function in (
        _secur32.AcquireCredentialsHandleW,
        _secur32.InitializeSecurityContextW,
        _secur32.QueryContextAttributesW,
        _secur32.MakeSignature,
        _secur32.VerifySignature,
    ):
        _function.restype = wintypes.ULONG

    def _call(function: object, *arguments: object) -> None:
        status = function(*arguments)  # type: ignore[operator]  # a ctypes function
        if status:
            _refused(status)

    def _refused(status: int) -> NoReturn:
        reason = _REASONS.get(status, AuthenticationReason.NO_AUTHENTICATING_AUTHORITY)
        text = ctypes.FormatError(ctypes.c_long(status).value).strip()
        raise AuthenticationError(
            f"Windows gives no Kerberos ticket: {text} (0x{status:08X}); log on to the domain",
            reason=reason,
            protocols=("Kerberos",),
        )

    class SspiSigner:
        """A security context of Windows; makes and checks signatures."""

        def __init__(self, context: _Handle, size: int) -> None:
            self._context = context
            self._size = size

        def sign(self, text: bytes) -> bytes:
            """Return the signature of ``text``."""
            token = ctypes.create_string_buffer(self._size)
            buffers, parts = _two(text, token)
            _call(_secur32.MakeSignature, ctypes.byref(self._context), 0, ctypes.byref(buffers), 0)
            return token.raw[: parts[1].size]

        def verify(self, text: bytes, signature: bytes) -> bool:
            """Whether the other side made ``signature`` for ``text``."""
            token = ctypes.create_string_buffer(signature, len(signature))
            buffers, _ = _two(text, token)
            quality = wintypes.ULONG()
            status: int = _secur32.VerifySignature(
                ctypes.byref(self._context), ctypes.byref(buffers), 0, ctypes.byref(quality)
            )
            return status == 0

        def __del__(self) -> None:
            _secur32.DeleteSecurityContext(ctypes.byref(self._context))

    def _two(
        text: bytes, token: ctypes.Array[ctypes.c_char]
    ) -> tuple[_Buffers, ctypes.Array[_Buffer]]:
        data = ctypes.create_string_buffer(text, len(text))
        parts = (_Buffer * 2)(
            _Buffer(len(text), _DATA, ctypes.cast(data, ctypes.c_void_p)),
            _Buffer(len(token), _TOKEN, ctypes.cast(token, ctypes.c_void_p)),
        )
        buffers = _Buffers(0, 2, parts)
        buffers.kept = data  # alive as long as it is pointed to
        return buffers, parts

    def obtain(service: str, *, cache: str = "") -> Ticket:
        """Do as ``perchat.lync.kerberos.obtain``; Windows has no caches by name."""
        checked_service(service)
        if cache:
            raise AuthenticationError(
                "Windows has no ticket caches by name; leave cache out",
                reason=AuthenticationReason.MISSING_CREDENTIALS,
                protocols=("Kerberos",),
            )
        credentials, expiry = _Handle(), wintypes.LARGE_INTEGER()
        _call(
            _secur32.AcquireCredentialsHandleW,
            None,
            ctypes.c_wchar_p("Kerberos"),
            _OUTBOUND,
            *(None, None, None, None),
            ctypes.byref(credentials),
            ctypes.byref(expiry),
        )
        try:
            return _initiate(credentials, service)
        finally:
            _secur32.FreeCredentialsHandle(ctypes.byref(credentials))

    def _initiate(credentials: _Handle, service: str) -> Ticket:
        token = ctypes.create_string_buffer(_MOST_TOKEN)
        part = _Buffer(len(token), _TOKEN, ctypes.cast(token, ctypes.c_void_p))
        output = _Buffers(0, 1, ctypes.pointer(part))
        context, expiry, flags = _Handle(), wintypes.LARGE_INTEGER(), wintypes.ULONG()
        _call(
            _secur32.InitializeSecurityContextW,
            ctypes.byref(credentials),
            None,
            ctypes.c_wchar_p(service),
            *(_INTEGRITY, 0, _NATIVE, None, 0),
            ctypes.byref(context),
            ctypes.byref(output),
            ctypes.byref(flags),
            ctypes.byref(expiry),
        )
        sizes, names = _Sizes(), _Names()
        query = _secur32.QueryContextAttributesW
        _call(query, ctypes.byref(context), _SIZES, ctypes.byref(sizes))
        _call(query, ctypes.byref(context), _NAMES, ctypes.byref(names))
        signer = SspiSigner(context, sizes.signature)
        return Ticket(names.user, token.raw[: part.size], _seconds_until(expiry.value), signer)

    def _seconds_until(local: int) -> float:
        """Return the seconds until a local FILETIME, as SSPI tells expiry."""
        now, here = wintypes.FILETIME(), wintypes.FILETIME()
        kernel32 = ctypes.WinDLL("kernel32")
        kernel32.GetSystemTimeAsFileTime(ctypes.byref(now))
        kernel32.FileTimeToLocalFileTime(ctypes.byref(now), ctypes.byref(here))
        return max(0.0, (local - (here.dwHighDateTime << 32 | here.dwLowDateTime)) / _TICKS)

else:

    def obtain(service: str, *, cache: str = "") -> Ticket:
        """Say that this is not Windows."""
        raise AuthenticationError(
            f"no ticket for {service} by SSPI ({cache or 'no cache'}): this is not Windows",
            reason=AuthenticationReason.MISSING_CREDENTIALS,
            protocols=("Kerberos",),
        )
