"""
The background that all scenarios share: one domain, two categories, people of different rights.

Alice makes rooms. Projects is for everybody; Traders for the group of that name, which
mallory is not in. The account admin is a system user; ``administrator`` acts at the server.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import perchat
from perchat.server.admin import administration
from perchat.server.install import install
from tests.server.harness import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.client.opening import Opening
    from perchat.server.admin import Admin
    from perchat.server.config import ServerConfig
    from tests.server.harness import Sample

DOMAIN = "example.com"
PASSWORD = "Scenario-Pass-1"
PEOPLE = ("alice", "bob", "carol", "mallory", "admin")
ALICE, BOB, CAROL, MALLORY, ADMIN = (f"sip:{name}@{DOMAIN}" for name in PEOPLE)
EMAILS = {name: f"{name}@mail.example" for name in PEOPLE}

__all__ = [
    "ADMIN",
    "ALICE",
    "BOB",
    "CAROL",
    "DOMAIN",
    "EMAILS",
    "MALLORY",
    "PASSWORD",
    "World",
    "category",
    "install_world",
    "world_in",
]


async def install_world(folder: Path, more: tuple[str, ...] = ()) -> ServerConfig:
    """Make the domain, and ``more`` people."""
    config = await install(folder, DOMAIN)
    async with administration(config) as admin:
        for name in (*PEOPLE, *more):
            await admin.add_user(name, PASSWORD, display_name=name.title())
            await admin.set_user(name, email=EMAILS.get(name, ""))
        await admin.set_user("admin", system=True)
        await admin.add_group("traders", ["alice", "bob", "carol"])
        await admin.add_category(
            "Projects", creators=["alice"], invitations=True, file_posts=True, keeps_history=True
        )
        await admin.add_category("Traders", allow=["group:traders"], creators=["alice"])
    return config


@dataclass(frozen=True, slots=True)
class World:
    """The domain while its server runs."""

    sample: Sample

    def connect(
        self, name: str, *, credential: perchat.Credential | None = None
    ) -> Opening[perchat.PersistentChatEndpoint]:
        """Sign in over TLS, by password unless told otherwise."""
        return perchat.connect_user(
            f"sip:{name}@{DOMAIN}",
            server=self.sample.addresses.sip_tls,
            ca=self.sample.ca,
            credential=credential or perchat.PasswordCredential(f"{name}@{DOMAIN}", PASSWORD),
        )

    @contextlib.asynccontextmanager
    async def administrator(self) -> AsyncIterator[Admin]:
        """Act at the server itself, as its command line does."""
        async with administration(self.sample.config) as admin:
            yield admin


@contextlib.asynccontextmanager
async def world_in(config: ServerConfig) -> AsyncIterator[World]:
    """Run the domain's server for as long as the block."""
    async with running(config) as sample:
        yield World(sample)


async def category(chat: perchat.PersistentChatEndpoint, name: str) -> perchat.CategorySummary:
    """Return a category in which a user may make rooms, once the server has read of it."""
    async with asyncio.timeout(10):
        while True:
            for one in await chat.rooms.creatable_categories():
                if one.name == name:
                    return one
            await asyncio.sleep(0.02)
