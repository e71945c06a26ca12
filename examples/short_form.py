"""The whole way in a few lines: connect, list the rooms, read one, leave nothing open."""

import argparse
import asyncio
import os

import perchat


async def main(uri: str, room_name: str, server: str, ca: str | None) -> None:
    user, password = uri.removeprefix("sip:"), os.environ["PERCHAT_PASSWORD"]
    credential = perchat.PasswordCredential(user, password)
    async with perchat.connect_user(uri, server=server, ca=ca, credential=credential) as chat:
        for room in await chat.search_rooms():
            print(room.name, room.uri, room.participants)
        async with chat.join(room_name) as session:
            for message in await session.recent(10):
                print(message.id, message.author, message.text)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("uri", help="sip:user@domain; the password is in PERCHAT_PASSWORD")
parser.add_argument("room", help="name or ma-chan:// address")
parser.add_argument("--server", required=True, help="host or host:port")
parser.add_argument("--ca", help="PEM file of the authority to trust")
given = parser.parse_args()
asyncio.run(main(given.uri, given.room, given.server, given.ca))
