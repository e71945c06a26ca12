"""The platform, and who signs in: what can be said before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perchat.client.credentials import AuthProtocol, PasswordCredential
from perchat.client.platform import CollaborationPlatform
from perchat.errors import AuthenticationError, AuthenticationReason, ConfigurationError, StateError
from perchat.net.connector import Transport

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.peer import Peer


@pytest.mark.requirement("R7")
def test_name_and_transport_can_be_read_back() -> None:
    platform = CollaborationPlatform.client("digest-tool")
    assert (platform.user_agent, platform.transport) == ("digest-tool", Transport.TLS)
    assert CollaborationPlatform.client().user_agent == ""
    assert CollaborationPlatform.client(transport=Transport.TCP).transport is Transport.TCP
    assert platform.allowed_auth == AuthProtocol.NTLM | AuthProtocol.KERBEROS


@pytest.mark.parametrize("transport", [None, "tls", "udp"])
@pytest.mark.requirement("R15")
def test_a_transport_is_tls_or_tcp(transport: object) -> None:
    with pytest.raises(TypeError, match=r"Transport\.TLS"):
        CollaborationPlatform.client("x", transport=transport)  # type: ignore[arg-type]


@pytest.mark.requirement("R8")
async def test_a_platform_starts_once() -> None:
    platform = CollaborationPlatform.client("x", transport=Transport.TCP)
    await platform.start()
    with pytest.raises(StateError, match="started"):
        await platform.start()
    await platform.stop()
    await platform.stop()
    with pytest.raises(StateError, match="stopped"):
        await platform.start()


@pytest.mark.requirement("R8")
async def test_a_platform_that_was_only_stopped_does_not_start() -> None:
    platform = CollaborationPlatform.client("x")
    await platform.stop()
    with pytest.raises(StateError, match="stopped"):
        await platform.start()


async def test_a_missing_authority_is_told_at_the_start(tmp_path: Path) -> None:
    platform = CollaborationPlatform.client("x", ca=tmp_path / "none.pem")
    with pytest.raises(ConfigurationError, match=r"none\.pem"):
        await platform.start()
    assert not platform.is_running


@pytest.mark.requirement("R26")
async def test_only_what_is_allowed_is_used_to_sign_in(peer: Peer) -> None:
    platform = CollaborationPlatform.client(
        "x", transport=Transport.TCP, allowed_auth=AuthProtocol.KERBEROS
    )
    async with platform:
        with pytest.raises(AuthenticationError) as caught:
            await peer.endpoint(platform).establish()
    assert caught.value.reason is AuthenticationReason.NO_COMMON_PROTOCOLS
    assert caught.value.protocols == ("NTLM",)


@pytest.mark.requirement("R21")
def test_a_credential_shows_no_password() -> None:
    assert "Secret-1" not in repr(PasswordCredential("alice", "Secret-1"))


@pytest.mark.parametrize(("name", "password"), [("", "Secret-1"), ("alice", "")])
@pytest.mark.requirement("R21")
def test_name_and_password_are_both_needed(name: str, password: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        PasswordCredential(name, password)


def test_a_password_is_text() -> None:
    with pytest.raises(TypeError, match="password"):
        PasswordCredential("alice", None)  # type: ignore[arg-type]
