"""
When to come back after a connection was lost, and when not to.

What a repetition cannot change ends it: a password that is wrong stays wrong, and a
server that hears it over and over locks the account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.errors import (
    AuthenticationError,
    AuthenticationReason,
    ChatServerConnectionError,
    ChatServerNotConfigured,
    ConfigurationError,
    FailureResponse,
    LocalProtocolError,
    PermissionDenied,
    PersistentChatDisabled,
    RealTimeError,
    RegisterError,
    ServerPolicyError,
    StateError,
    TlsFailure,
    TlsFailureReason,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LOST", "ReconnectPolicy", "is_final"]

LOST = (ChatServerConnectionError, RealTimeError)
"""What a call on an established connection raises when that connection is no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectPolicy:
    """
    How a chat that outlives its connections comes back; times in seconds.

    Attributes:
        initial: The wait before the first attempt.
        maximum: The longest wait between two.
        multiplier: What one wait is to the one before.
        jitter: The share of each wait that chance may take away, 0 to 1, so that not all
            clients of a server come back at once.
        attempts: How many in a row may fail; None for no end.
        patience: How long a call, a post above all, waits for the connection to come back.
        probe: Silence after which the service is asked for a sign of life; None for never.

    """

    initial: float = 0.5
    maximum: float = 60.0
    multiplier: float = 2.0
    jitter: float = 0.5
    attempts: int | None = None
    patience: float = 60.0
    probe: float | None = 120.0

    def __post_init__(self) -> None:
        sound = {
            "initial": self.initial >= 0,
            "maximum": self.maximum >= self.initial,
            "multiplier": self.multiplier >= 1,
            "jitter": 0 <= self.jitter <= 1,
            "attempts": self.attempts is None or self.attempts >= 1,
            "patience": self.patience > 0,
            "probe": self.probe is None or self.probe > 0,
        }
        for name, holds in sound.items():
            if not holds:
                raise ValueError(f"{name} cannot be {getattr(self, name)}")

    def wait(self, failures: int, chance: float) -> float:
        """Return the wait after so many failures in a row; ``chance`` is 0 to 1."""
        base = self.initial
        for _ in range(failures):  # no power: it would overflow one day
            base *= self.multiplier
            if base >= self.maximum or self.multiplier == 1:
                break
        return min(base, self.maximum) * (1 - self.jitter * chance)

    def allows(self, failures: int) -> bool:
        """Whether there may be another attempt after so many failures in a row."""
        return self.attempts is None or failures < self.attempts


_DAMAGED = frozenset(  # the line may be at fault, not the credentials
    {AuthenticationReason.BAD_SIGNATURE, AuthenticationReason.MALFORMED_CHALLENGE}
)
_DISTRUSTED = frozenset(
    {
        TlsFailureReason.UNTRUSTED,
        TlsFailureReason.WRONG_NAME,
        TlsFailureReason.REVOKED,
        TlsFailureReason.WRONG_USAGE,
        TlsFailureReason.LOCAL_CERTIFICATE_NOT_FOUND,
        TlsFailureReason.LOCAL_CERTIFICATE_UNUSABLE,
    }
)
_ALWAYS_FINAL = (
    ServerPolicyError,
    PersistentChatDisabled,
    ChatServerNotConfigured,
    PermissionDenied,
    ConfigurationError,
    LocalProtocolError,
    StateError,
)
_FINAL_STATUS: Mapping[type[Exception], frozenset[int]] = {
    RegisterError: frozenset({403, 404}),
    FailureResponse: frozenset({403}),
    ChatServerConnectionError: frozenset({403, 404}),
}


def is_final(error: BaseException) -> bool:
    """Whether trying again cannot help, as far as anybody can tell."""
    match error:
        case AuthenticationError():
            return error.reason not in _DAMAGED
        case TlsFailure():
            return error.reason in _DISTRUSTED
        case FailureResponse() | ChatServerConnectionError():
            return isinstance(error, _ALWAYS_FINAL) or any(
                error.status in statuses
                for kind, statuses in _FINAL_STATUS.items()
                if isinstance(error, kind)
            )
        case _:
            return isinstance(error, _ALWAYS_FINAL)
