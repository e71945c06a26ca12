"""
Signatures on the client's side: what we send is sealed, what is not vouched for is not heard.

Once a sign-in stands, a message without a signature is dropped in silence, and one
with a wrong signature ends the connection ([MS-SIPAE] 3.2).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from perchat.errors import AuthenticationError, AuthenticationReason
from perchat.lync.association import Check
from perchat.net.connection import Admission
from perchat.sip.message import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.lync.initiator import Initiator
    from perchat.sip.message import Message

__all__ = ["SigningGuard"]

_log = logging.getLogger("perchat.signin")


class SigningGuard:
    """Stands between parser and user agent; ``initiator`` may be replaced by a new sign-in."""

    def __init__(self, initiator: Initiator, fail: Callable[[Exception], None]) -> None:
        self.initiator = initiator
        self._fail = fail

    def seal(self, message: Message) -> Message:
        """Sign what goes out, as far as the sign-in has come."""
        return self.initiator.seal(message)

    def admit(self, message: Message, now: float) -> Admission:
        """Let pass what is signed or need not be."""
        match self.initiator.check(message):
            case Check.OK:
                return Admission(message)
            case Check.MISSING if not _ends_handshake(message):
                _log.warning("dropped, not signed by the server: %s", _name(message))
            case verdict:
                _log.error("signature %s on %s", verdict.name.lower(), _name(message))
                self._fail(_bad_signature(message))
        return Admission()


def _ends_handshake(message: Message) -> bool:
    """Whether we wait for this one's signature: without it nobody has proved anything."""
    return isinstance(message, Response) and message.cseq.method == "REGISTER"


def _bad_signature(message: Message) -> AuthenticationError:
    return AuthenticationError(
        f"the server's signature on {_name(message)} is missing or wrong: it is not who it says,"
        " or something between changed the message",
        reason=AuthenticationReason.BAD_SIGNATURE,
        status=0,
        request=message.cseq.method,
    )


def _name(message: Message) -> str:
    if isinstance(message, Request):
        return f"{message.method} request"
    return f"{message.status} response to {message.cseq.method}"
