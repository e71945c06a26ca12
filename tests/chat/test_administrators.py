"""Who is granted to administer over the network, and what the journal says of it."""

from __future__ import annotations

import pytest

from perchat.chat.administrators import AdministratorRegister
from perchat.errors import NoSuchPrincipal, RoomNotFound
from perchat.model.administration import AdministrativeRole, AdministratorGrant
from perchat.model.journal import Administered
from perchat.model.uri import CategoryUri, SipUri
from perchat.store.memory import MemoryStore
from tests.store.samples import ADA, BOB, DOMAIN, GENERAL, SETTLED

MODERATOR, ADMINISTRATOR = AdministrativeRole


@pytest.fixture
async def register() -> AdministratorRegister:
    store = MemoryStore()
    await store.append(*SETTLED)
    return AdministratorRegister(store, by="local:ada")


async def test_a_role_counts_everywhere_or_in_the_categories_named(
    register: AdministratorRegister,
) -> None:
    everywhere = await register.grant(ADA, MODERATOR)
    confined = await register.grant(BOB, ADMINISTRATOR, ["General"])
    assert confined == await register.grant(BOB, ADMINISTRATOR, [GENERAL])
    other = CategoryUri.of(DOMAIN, "other")
    assert [everywhere.covers(where) for where in (None, GENERAL, other)] == [True] * 3
    assert [confined.covers(where) for where in (None, GENERAL, other)] == [False, True, False]
    assert await register.all() == [everywhere, confined]


async def test_what_is_granted_anew_replaces_what_was_held(register: AdministratorRegister) -> None:
    await register.grant(ADA, MODERATOR)
    await register.grant(ADA, MODERATOR, ["General"])
    assert await register.all() == [AdministratorGrant(ADA, MODERATOR, frozenset([GENERAL]))]


async def test_the_same_again_is_no_news(register: AdministratorRegister) -> None:
    for _ in range(2):
        await register.grant(ADA, MODERATOR)
    assert [await register.revoke(ADA, MODERATOR) for _ in range(2)] == [True, False]
    done = [entry.fact async for entry in register.record()]
    assert done == [
        Administered("local:ada", "user grant moderator", ADA, 1),
        Administered("local:ada", "user revoke moderator", ADA, 1),
    ]


async def test_nobody_and_nowhere_are_refused(register: AdministratorRegister) -> None:
    with pytest.raises(NoSuchPrincipal):
        await register.grant(SipUri(f"sip:nobody@{DOMAIN}"), MODERATOR)
    with pytest.raises(RoomNotFound, match="Nowhere"):
        await register.grant(ADA, MODERATOR, ["General", "Nowhere"])
    assert await register.all() == []
