"""How a sign-in was answered: the original's ``SipResponseData``, as far as it means anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perchat.errors import Diagnostics
from perchat.lync.diagnostics import read_diagnostics

if TYPE_CHECKING:
    from typing import Self

    from perchat.net.discovery import FoundServer
    from perchat.sip.message import Response

__all__ = ["SignInResult"]


@dataclass(frozen=True, slots=True)
class SignInResult:
    """
    The final answer to a sign-in.

    Attributes:
        status: The SIP status code, 200 as a rule.
        reason: The text beside it.
        server: Who gave it, ``host:port``, after redirections if there were any.
        diagnostics: What the server said besides; mostly nothing.

    """

    status: int
    reason: str
    server: str = ""
    diagnostics: Diagnostics = field(default_factory=Diagnostics)

    @classmethod
    def of(cls, response: Response, server: FoundServer | None) -> Self:
        """Read a response that ``server`` sent."""
        return cls(
            response.status,
            response.reason,
            "" if server is None else server.host_port,
            read_diagnostics(response.headers),
        )
