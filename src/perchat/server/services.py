"""What every connection of a server shares, handed round as one value."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perchat.net.ratelog import RateLimitedLog
from perchat.server.presence import Presences
from perchat.server.randomness import Randomness
from perchat.sip.registrar import Registrar

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.chat.service import ChatService
    from perchat.net.quota import Quota
    from perchat.server.admin import Admin
    from perchat.server.backoff import Backoff
    from perchat.server.config import ServerConfig
    from perchat.server.decoding import Decoding
    from perchat.server.fanout import Fanout
    from perchat.server.files import FileService
    from perchat.server.routing import FrontEnd
    from perchat.server.singlesignon import SingleSignOn
    from perchat.server.tasks import Tasks
    from perchat.store.directory import Directory

__all__ = ["EnvelopeIds", "Services", "wall_clock"]


def wall_clock() -> float:
    """Return the seconds since the epoch; the one place where the server reads that clock."""
    return time.time_ns() / 1e9


class EnvelopeIds:
    """Identifiers of the envelopes a server sends: growing, and not repeated after a restart."""

    def __init__(self, at: float) -> None:
        self._numbers = itertools.count(int(at * 1000) << 20)  # stays below 2**63 until 2248

    def next(self) -> str:
        """Return a new one."""
        return str(next(self._numbers))


@dataclass(slots=True)
class Services:
    """
    The parts of a running server.

    Attributes:
        decoding: Decodes documents of many elements.
        quota: What those share who have not signed in.
        backoff: Who guessed too often, and has to wait.
        random: As many bytes nobody can guess as it is asked for.
        connections: All that are open, signed in or not.
        endpoints: Who is signed in, by address-of-record and endpoint.
        presences: What users publish of themselves, and who is told; has to run beside.
        single_sign_on: Opens Kerberos tickets; None where Kerberos is not offered.
        admin_for: Gives the administration of the store in the name of a user.
        denied: Where it is noted that somebody tried what he was not granted.
        files: Gives leave to transfer files; None where there are none.

    """

    config: ServerConfig
    chat: ChatService
    directory: Directory
    fanout: Fanout
    tasks: Tasks
    envelope_ids: EnvelopeIds
    admin_for: Callable[[str], Admin]
    quota: Quota
    backoff: Backoff
    decoding: Decoding
    clock: Callable[[], float] = wall_clock
    random: Callable[[int], bytes] = field(default_factory=Randomness)
    registrar: Registrar = field(default_factory=Registrar)
    presences: Presences = field(init=False)
    connections: set[FrontEnd] = field(default_factory=set)
    endpoints: dict[tuple[str, str], FrontEnd] = field(default_factory=dict)
    single_sign_on: SingleSignOn | None = None
    files: FileService | None = None
    denied: RateLimitedLog = field(default_factory=RateLimitedLog)

    def __post_init__(self) -> None:
        self.presences = Presences(self.config.presence, self.chat.may_meet, self.clock)
