"""Follow a room and the people in it: what is unread, what is said, and who is reachable."""

import argparse
import asyncio
import os

import perchat


async def main(uri: str, room: str, server: str, ca: str | None) -> None:
    user, password = uri.removeprefix("sip:"), os.environ["PERCHAT_PASSWORD"]
    credential = perchat.PasswordCredential(user, password)
    async with perchat.connect_user(uri, server=server, ca=ca, credential=credential) as chat:
        await chat.presence.publish(perchat.Availability.BUSY, "reading")
        await chat.rooms.follow(room)
        for followed in await chat.rooms.followed():
            async with chat.join(followed) as session:
                print(session.name, "unread:", await session.unread())
                for message in await session.recent():
                    print(message.author, message.text)
                    await session.mark_read(message)
                people = await session.all_participants()
            async with chat.presence.subscribe(people) as view:
                for one in view.presences.values():
                    print(one.user, one.availability.name, one.note)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("uri", help="sip:user@domain; the password is in PERCHAT_PASSWORD")
parser.add_argument("room", help="its name")
parser.add_argument("--server", required=True, help="host or host:port")
parser.add_argument("--ca", help="PEM file of the authority to trust")
given = parser.parse_args()
asyncio.run(main(given.uri, given.room, given.server, given.ca))
