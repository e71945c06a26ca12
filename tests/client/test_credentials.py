"""One credential for each realm, as the original's credential cache keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from perchat.client.credentials import (
    PasswordCredential,
    SystemCredential,
    checked_credentials,
    credential_for,
)
from perchat.client.userendpoint import UserEndpoint
from perchat.errors import AuthenticationError, AuthenticationReason
from tests.client.peer import ALICE

if TYPE_CHECKING:
    from perchat.client.credentials import Credentials
    from perchat.client.platform import CollaborationPlatform
    from tests.client.peer import Peer

REALM = "SIP Communications Service"
RIGHT = PasswordCredential("alice", "Secret-1")
WRONG = PasswordCredential("alice", "for somebody else")


def alice(peer: Peer, platform: CollaborationPlatform, credential: Credentials) -> UserEndpoint:
    return UserEndpoint(platform, ALICE, server=peer.address, credential=credential)


@pytest.mark.requirement("R21")
@pytest.mark.parametrize(
    "credentials",
    [
        {"Elsewhere": WRONG, REALM: RIGHT},
        {REALM.upper(): RIGHT, "*": WRONG},
        {"Elsewhere": WRONG, "*": RIGHT},
    ],
)
async def test_the_credential_of_the_realm_that_asks_is_used(
    peer: Peer, credentials: dict[str, PasswordCredential]
) -> None:
    async with peer.platform() as platform, alice(peer, platform, credentials) as endpoint:
        assert endpoint.credential == credentials


@pytest.mark.requirement("R25")
async def test_a_realm_for_which_there_is_none_is_named(peer: Peer) -> None:
    async with peer.platform() as platform:
        endpoint = alice(peer, platform, {"Elsewhere": RIGHT})
        with pytest.raises(AuthenticationError, match=REALM) as refused:
            await endpoint.establish()
        assert refused.value.reason is AuthenticationReason.MISSING_CREDENTIALS
        assert refused.value.realm == REALM
        endpoint.credential = {REALM: RIGHT}
        assert (await endpoint.establish()).status == 200


def test_what_is_given_is_copied_and_shows_no_password() -> None:
    given: dict[str, PasswordCredential | SystemCredential] = {REALM: RIGHT}
    kept = checked_credentials(given)
    given.clear()
    assert credential_for(kept, [REALM.lower()]) == RIGHT
    assert "Secret-1" not in repr(kept)


def test_several_realms_are_looked_up_in_order() -> None:
    system = SystemCredential()
    assert credential_for({"a": RIGHT, "b": system}, ["c", "B", "a"]) == system
    assert credential_for({"a": RIGHT}, ["c"]) is None
    assert credential_for(RIGHT, ["whatever"]) == RIGHT


@pytest.mark.parametrize(
    ("given", "kind"),
    [({}, ValueError), ({"a": "Secret-1"}, TypeError), ("Secret-1", TypeError), (None, TypeError)],
)
def test_what_is_no_credential_is_refused_at_once(given: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind) as refused:
        checked_credentials(given)
    assert "Secret-1" not in str(refused.value)
