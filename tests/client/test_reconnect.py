"""When to come back, and when not to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat import errors
from perchat.client.reconnect import ReconnectPolicy, is_final
from perchat.errors import (
    AuthenticationError,
    AuthenticationReason,
    ChatServerConnectionError,
    CommandFailed,
    ErrorCode,
    PublishSubscribeError,
    RegisterError,
    TlsFailure,
    TlsFailureReason,
)

policies = st.builds(
    ReconnectPolicy,
    initial=st.floats(0, 5),
    maximum=st.floats(5, 100),
    multiplier=st.floats(1, 10),
    jitter=st.floats(0, 1),
)


@given(policies, st.integers(0, 10_000), st.floats(0, 1))
def test_waits_grow_within_their_bounds(
    policy: ReconnectPolicy, failures: int, chance: float
) -> None:
    wait = policy.wait(failures, chance)
    longest = policy.wait(failures, 0)
    assert 0 <= longest * (1 - policy.jitter) * 0.999 <= wait <= longest <= policy.maximum
    assert longest <= policy.wait(failures + 1, 0)


def test_waits_double_up_to_the_longest() -> None:
    policy = ReconnectPolicy(initial=1, maximum=10, multiplier=2)
    assert [policy.wait(n, 0) for n in range(6)] == [1, 2, 4, 8, 10, 10]
    assert [policy.wait(n, 1) for n in range(3)] == [0.5, 1, 2]


def test_attempts_may_be_counted() -> None:
    assert [ReconnectPolicy(attempts=2).allows(n) for n in range(3)] == [True, True, False]
    assert ReconnectPolicy().allows(10**9)


@pytest.mark.parametrize(
    "wrong",
    [
        {"initial": -1},
        {"initial": 2, "maximum": 1},
        {"multiplier": 0.5},
        {"jitter": 1.5},
        {"attempts": 0},
        {"patience": 0},
        {"probe": 0},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=list(wrong)[-1]):
        ReconnectPolicy(**wrong)  # type: ignore[arg-type]


FINAL = [
    *(
        AuthenticationError("no", reason=reason)
        for reason in AuthenticationReason
        if reason
        not in (AuthenticationReason.BAD_SIGNATURE, AuthenticationReason.MALFORMED_CHALLENGE)
    ),
    TlsFailure("no", reason=TlsFailureReason.UNTRUSTED),
    TlsFailure("no", reason=TlsFailureReason.WRONG_NAME),
    RegisterError("disabled", status=403),
    RegisterError("unknown", status=404),
    errors.ServerPolicyError("policy", status=403),
    PublishSubscribeError("no", status=403),
    errors.PersistentChatDisabled("no"),
    errors.ChatServerNotConfigured("none"),
    ChatServerConnectionError("not provisioned", status=403),
    CommandFailed.of(ErrorCode.ERROR_PERMISSION, "no"),
    errors.ConfigurationError("file"),
    errors.StateError("bug"),
]
PASSING = [
    AuthenticationError("damaged", reason=AuthenticationReason.BAD_SIGNATURE),
    AuthenticationError("damaged", reason=AuthenticationReason.MALFORMED_CHALLENGE),
    TlsFailure("cut", reason=TlsFailureReason.REMOTE_DISCONNECTED),
    TlsFailure("renewed soon", reason=TlsFailureReason.EXPIRED),
    RegisterError("busy", status=503),
    PublishSubscribeError("busy", status=503),
    errors.ConnectionFailure("refused"),
    errors.OperationTimeout("slow"),
    errors.ServerDiscoveryError("no network yet"),
    ChatServerConnectionError("cut"),
    ChatServerConnectionError("too many", status=503),
    CommandFailed.of(ErrorCode.SERVER_ERROR, "trouble"),
    errors.RemoteProtocolError("damaged"),
    errors.ProvisioningError("damaged"),
]


@pytest.mark.parametrize("error", FINAL, ids=lambda e: f"{type(e).__name__} {e}")
def test_what_a_repetition_cannot_change_is_final(error: Exception) -> None:
    assert is_final(error)


@pytest.mark.parametrize("error", PASSING, ids=lambda e: f"{type(e).__name__} {e}")
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    assert not is_final(error)
