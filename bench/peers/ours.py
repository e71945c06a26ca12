"""
A Perchat server made from nothing for one measurement: users, a room, settings.

``python -m bench.peers.ours FOLDER`` makes it and prints what the driver has to know.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from perchat.lync.authentication import nt_hash
from perchat.model.journal import UserChanged
from perchat.model.principal import User
from perchat.model.uri import SipUri
from perchat.server.admin import administration
from perchat.server.install import install
from perchat.server.storage import open_store
from perchat.store.directory import Directory, load_key

if TYPE_CHECKING:
    from perchat.server.config import ServerConfig

__all__ = ["DOMAIN", "PASSWORD", "TCP_PORT", "TLS_PORT", "make_server"]

DOMAIN = "example.com"
PASSWORD = "pw"  # the driver's own; everybody has it, and nobody else gets near
TCP_PORT, TLS_PORT = 7061, 7062
USERS = 1100
_DAY = 86400


async def make_server(folder: Path, *, trust: bool, users: int = USERS) -> str:
    """Make a server whose ``users`` are members of one room; return the room's URI."""
    config = await install(folder, DOMAIN)
    names = [f"u{n:05d}" for n in range(users)]
    await _add_users(config, names)
    async with administration(config) as admin:
        await admin.add_category("Bench")
        room = await admin.add_room("Room", "Bench", members=names)
    (folder / "perchat.toml").write_text(_settings(trust=trust), "utf-8")
    return room.uri


async def _add_users(config: ServerConfig, names: list[str]) -> None:
    """Add users as ``perchat user add`` does, but in one transaction."""
    uris = [SipUri(f"sip:{name}@{DOMAIN}") for name in names]
    secret = nt_hash(PASSWORD)
    async with open_store(config) as store, asyncio.TaskGroup() as group:
        directory = Directory(store, load_key(config.path(config.paths.secret_key)))
        guids = (f"00000000-0000-4000-8000-{n:012d}" for n in range(len(uris)))
        users = (User(uri, uri.user, uri.user, guid) for uri, guid in zip(uris, guids, strict=True))
        await store.append(*map(UserChanged, users))
        for uri in uris:
            group.create_task(directory.set_secret(uri, secret))


def _settings(*, trust: bool) -> str:
    """Return the settings: nothing that bounds is lifted but how often to renew."""
    trusted = 'trust = ["127.0.0.1"]' if trust else ""
    return f"""\
domain = "{DOMAIN}"

[listen]
tls = "127.0.0.1:{TLS_PORT}"
tcp = "127.0.0.1:{TCP_PORT}"

[sign_in]
{trusted}
registration_expires = {_DAY}
keep_alive = {_DAY}

[chat]
session_expires = {_DAY}
"""


def main() -> None:
    """Make it in the folder named first; ``trust`` after it opens it to unsigned clients."""
    folder, trust = Path(sys.argv[1]), "trust" in sys.argv[2:]
    print(json.dumps({"room": asyncio.run(make_server(folder, trust=trust)), "domain": DOMAIN}))


if __name__ == "__main__":
    main()
