"""Without a server's name the SDK finds the servers of the user's domain."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat.net.resolver import ServiceRecord
from tests.server.harness import DOMAIN, PASSWORD, Sample, free_port, make_sample, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path


class Names:
    """A resolver that knows a few names."""

    def __init__(
        self,
        services: Mapping[str, Sequence[ServiceRecord]],
        addresses: Mapping[str, Sequence[str]],
    ) -> None:
        self._services = services
        self._addresses = addresses
        self.asked: list[str] = []

    async def services(self, name: str) -> Sequence[ServiceRecord]:
        self.asked.append(name)
        return self._services.get(name, ())

    async def addresses(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self._addresses.get(host, ())


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    config = await make_sample(tmp_path / "server")
    async with running(config) as server:
        yield server


def endpoint(sample: Sample, names: Names, server: str | None = None) -> perchat.UserEndpoint:
    platform = perchat.CollaborationPlatform.client("test", ca=sample.ca, resolver=names)
    return perchat.UserEndpoint(
        platform,
        f"sip:alice@{DOMAIN}",
        server=server,
        credential=perchat.PasswordCredential(f"alice@{DOMAIN}", PASSWORD),
    )


@pytest.mark.requirement("R19")
async def test_the_server_is_found_by_the_service_records_of_the_domain(sample: Sample) -> None:
    record = ServiceRecord(priority=0, weight=0, port=sample.tls[1], target=f"sip.{DOMAIN}")
    names = Names({f"_sipinternaltls._tcp.{DOMAIN}": [record]}, {f"sip.{DOMAIN}": ["127.0.0.1"]})
    user = endpoint(sample, names)
    async with user.platform, user, asyncio.timeout(10):
        assert (await user.provisioning()).chat.default_uri == f"sip:perchat@{DOMAIN}"


@pytest.mark.requirement("R19")
async def test_nothing_found_names_what_was_asked(sample: Sample) -> None:
    user = endpoint(sample, Names({}, {}))
    async with user.platform:
        with pytest.raises(perchat.ServerDiscoveryError, match="_sipinternaltls._tcp") as caught:
            await user.establish()
    assert f"_sip._tls.{DOMAIN}" in str(caught.value)


@pytest.mark.requirement("R18")
async def test_a_pool_whose_first_address_is_dead_is_reached_at_the_next(sample: Sample) -> None:
    host = f"sip.{DOMAIN}"
    names = Names({}, {host: ["127.0.0.2", "127.0.0.1"]})  # nobody listens on the first
    user = endpoint(sample, names, f"{host}:{sample.tls[1]}")
    async with user.platform, user, asyncio.timeout(10):
        assert user.state is perchat.EndpointState.ESTABLISHED


@pytest.mark.requirement("R19")
async def test_a_dead_server_of_the_domain_is_passed_over(sample: Sample) -> None:
    dead = ServiceRecord(priority=0, weight=0, port=free_port(), target=f"old.{DOMAIN}")
    live = ServiceRecord(priority=1, weight=0, port=sample.tls[1], target=f"sip.{DOMAIN}")
    names = Names(
        {f"_sip._tls.{DOMAIN}": [live, dead]},
        {f"sip.{DOMAIN}": ["127.0.0.1"], f"old.{DOMAIN}": ["127.0.0.1"]},
    )
    user = endpoint(sample, names)
    async with user.platform, user, asyncio.timeout(10):
        assert user.state is perchat.EndpointState.ESTABLISHED
