"""An event with a room for everybody and a secret one for the panel, seen in one window."""

import argparse
import asyncio
import heapq
import os

import perchat

WAITING = 1000  # messages of both rooms that may wait to be shown


async def set_up(chat: perchat.PersistentChatEndpoint, given: argparse.Namespace) -> None:
    """Make both rooms; who is on the panel has to be in the public room, too."""
    if strangers := set(given.panel) - set(given.members):
        raise SystemExit(f"not in the public room: {', '.join(sorted(strangers))}")
    category, *_ = await chat.rooms.creatable_categories()
    for name, privacy, members in (
        (given.public, perchat.Privacy.CLOSED, given.members),
        (given.secret, perchat.Privacy.SECRET, given.panel),
    ):
        room = await chat.rooms.create(name, category, privacy=privacy, members=members)
        print("made", room.name, room.privacy.name, len(await chat.rooms.members(room)))


async def talk(chat: perchat.PersistentChatEndpoint, given: argparse.Namespace) -> None:
    """Show both rooms, as far as one may see them; what is said names its room."""
    found = [one for one in await chat.my_rooms() if one.name in (given.public, given.secret)]
    rooms = {one.name: await chat.join(one) for one in found}
    before = [await room.recent(given.recent) for room in rooms.values()]
    for message in heapq.merge(*before, key=lambda message: message.timestamp):
        print(f"before [{message.room_name}] {message.author_name}: {message.text}")
    said = asyncio.Queue[perchat.MessageReceived](WAITING)
    for room in rooms.values():
        room.on(perchat.MessageReceived, said.put)  # from here on: one stream of both
    for line in given.say:
        name, colon, text = line.partition(":")
        if not colon or name not in rooms:
            raise SystemExit(f"say it as ROOM: TEXT, with one of {', '.join(rooms)}")
        await rooms[name].post(text.strip())
    for _ in range(given.hear):
        message = (await said.get()).message
        print(f"[{message.room_name}] {message.author_name}: {message.text}")


async def main(given: argparse.Namespace) -> None:
    user, password = given.uri.removeprefix("sip:"), os.environ["PERCHAT_PASSWORD"]
    credential = perchat.PasswordCredential(user, password)
    connecting = perchat.connect_user(
        given.uri, server=given.server, ca=given.ca, credential=credential
    )
    async with connecting as chat:
        await (set_up(chat, given) if given.members else talk(chat, given))


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("uri", help="sip:user@domain; the password is in PERCHAT_PASSWORD")
parser.add_argument("public", help="name of the room for everybody")
parser.add_argument("secret", help="name of the panel's room")
parser.add_argument("--members", nargs="+", default=[], help="make the rooms: who is in the first")
parser.add_argument("--panel", nargs="+", default=[], help="who is in the second, too")
parser.add_argument("--recent", type=int, default=30, help="messages of each room to begin with")
parser.add_argument("--say", nargs="+", default=[], help="ROOM: TEXT")
parser.add_argument("--hear", type=int, default=0, help="messages to wait for")
parser.add_argument("--server", required=True, help="host or host:port")
parser.add_argument("--ca", help="authority to trust, PEM")
asyncio.run(main(parser.parse_args()))
