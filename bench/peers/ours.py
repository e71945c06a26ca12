"""
A Perchat server made from nothing for one measurement: users, a room, settings.

``python -m bench.peers.ours FOLDER`` makes it and prints what the driver has to know.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from perchat.server.install import install
from perchat.server.population import PopulatedRoom, Population, populate, room_uri

__all__ = ["DOMAIN", "PASSWORD", "make_server"]

DOMAIN = "example.com"
PASSWORD = "pw"  # the driver's own; everybody has it, and nobody else gets near
USERS = 1100
_DAY = 86400


async def make_server(folder: Path, *, trust: bool, users: int = USERS) -> str:
    """Make a server whose ``users`` are members of one room; return the room's URI."""
    config = await install(folder, DOMAIN)
    names = [f"u{n:05d}" for n in range(users)]
    wanted = Population(names, "Bench", (PopulatedRoom("Room", names),))
    await populate(config, wanted, PASSWORD)
    (folder / "perchat.toml").write_text(_settings(trust=trust), "utf-8")
    return room_uri(DOMAIN, "Room")


def _settings(*, trust: bool) -> str:
    """Return the settings: nothing that bounds is lifted but how often to renew."""
    trusted = 'trust = ["127.0.0.1"]' if trust else ""
    return f"""\
domain = "{DOMAIN}"

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
