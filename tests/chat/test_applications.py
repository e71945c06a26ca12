from __future__ import annotations

from itertools import count

import pytest

from perchat.chat.applications import ApplicationRegister
from perchat.errors import ConfigurationError, NoSuchPrincipal
from perchat.model.application import RegisteredApplication
from perchat.model.uri import SipUri
from perchat.store.memory import MemoryStore
from tests.store.samples import ADA, BOB, DOMAIN, user

HOST = f"app.{DOMAIN}"


@pytest.fixture
async def register() -> ApplicationRegister:
    store = MemoryStore()
    await store.append(user(ADA), user(BOB))
    numbers = count(1)
    return ApplicationRegister(store, DOMAIN, new_id=lambda: f"id{next(numbers)}")


async def added(
    register: ApplicationRegister,
    name: str = "Reporter",
    *,
    port: int = 4585,
    identities: tuple[SipUri, ...] = (ADA,),
    gruu: str | None = None,
) -> RegisteredApplication:
    return await register.add(
        name,
        fqdn=HOST,
        port=port,
        certificate_names=[HOST],
        identities=identities,
        gruu=gruu,
    )


@pytest.mark.requirement("R43")
async def test_the_gruu_names_host_domain_and_application(register: ApplicationRegister) -> None:
    application = await added(register)
    assert application.gruu == f"sip:{HOST}@{DOMAIN};gruu;opaque=srvr:Reporter:id1"
    assert await register.all() == [application] == [await register.get("REPORTER")]


@pytest.mark.requirement("R43")
async def test_one_identity_is_granted_and_others_only_by_name(
    register: ApplicationRegister,
) -> None:
    assert (await added(register)).identities == {ADA}
    assert (await added(register, "Gate", identities=(ADA, BOB))).identities == {ADA, BOB}
    with pytest.raises(ConfigurationError, match="at least one user"):
        await added(register, "Nobody", identities=())


@pytest.mark.requirement("R41")
async def test_an_address_that_is_no_users_is_refused_with_the_fix(
    register: ApplicationRegister,
) -> None:
    contact = SipUri(f"sip:bot@{DOMAIN}")
    with pytest.raises(NoSuchPrincipal, match=r"user in the directory.*perchat user add bot"):
        await added(register, identities=(ADA, contact))
    assert await register.all() == []


async def test_a_gruu_can_be_given_with_what_copying_leaves(register: ApplicationRegister) -> None:
    gruu = (
        "sip:client.contoso.com@contoso.com;gruu;\n   opaque=srvr:grsample:uCFg9SltSVSXRkVxjKxvJwAA"
    )
    assert (await added(register, gruu=gruu)).gruu == "".join(gruu.split())


@pytest.mark.parametrize(
    "gruu", ["", "sip:a@b", "sip:a@b;gruu", "sip:a@b;opaque=srvr:x:y", "tel:1"]
)
async def test_what_is_no_gruu_of_a_service_is_refused(
    register: ApplicationRegister, gruu: str
) -> None:
    with pytest.raises(ConfigurationError):
        await added(register, gruu=gruu)


@pytest.mark.parametrize("name", ["", "two words", "a;b", "-a", "x" * 65, "naïve"])
async def test_a_name_is_one_word_of_a_user_agent(register: ApplicationRegister, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot name an application"):
        await added(register, name)


@pytest.mark.parametrize("port", [-1, 0, 65536])
async def test_a_port_is_a_port(register: ApplicationRegister, port: int) -> None:
    with pytest.raises(ConfigurationError, match="port"):
        await added(register, port=port)


async def test_names_and_gruus_are_of_one_application(register: ApplicationRegister) -> None:
    first = await added(register)
    with pytest.raises(ConfigurationError, match="perchat app rm Reporter"):
        await added(register, "REPORTER")
    with pytest.raises(ConfigurationError, match="the application Reporter's"):
        await added(register, "Other", gruu=first.gruu)


async def test_a_removed_one_is_unknown(register: ApplicationRegister) -> None:
    await added(register)
    await register.remove("reporter")
    assert await register.all() == []
    with pytest.raises(ConfigurationError, match="perchat app list"):
        await register.remove("Reporter")
