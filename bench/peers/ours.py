"""
A Perchat server made from nothing for one measurement: users, a room, settings.

``python -m bench.peers.ours FOLDER`` makes it and prints what the driver has to know. Rooms
that nobody enters can stand beside the one that is measured.
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
_MEMBERS = 5  # of a room that only stands there
_DAY = 86400


async def make_server(folder: Path, *, trust: bool, users: int = USERS, rooms: int = 0) -> str:
    """Make a server whose ``users`` are members of one room, of ``rooms`` more; return its URI."""
    config = await install(folder, DOMAIN)
    names = [f"u{n:05d}" for n in range(users)]
    others = (PopulatedRoom(f"Other {n}", _some(names, n)) for n in range(rooms))
    wanted = Population(names, "Bench", (PopulatedRoom("Room", names), *others))
    await populate(config, wanted, PASSWORD)
    (folder / "perchat.toml").write_text(_settings(trust=trust), "utf-8")
    return room_uri(DOMAIN, "Room")


def _some(names: list[str], n: int) -> list[str]:
    return [names[(n + step) % len(names)] for step in range(_MEMBERS)]


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
    """
    Make it in the folder named first.

    After it, ``trust`` opens it to unsigned clients, and a number asks for so many rooms more.
    """
    folder, *wishes = sys.argv[1:]
    rooms = sum(int(wish) for wish in wishes if wish.isdecimal())
    room = asyncio.run(make_server(Path(folder), trust="trust" in wishes, rooms=rooms))
    print(json.dumps({"room": room, "domain": DOMAIN}))


if __name__ == "__main__":
    main()
