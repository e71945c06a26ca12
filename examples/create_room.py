"""Make a closed room in the first category that allows it, and let people in."""

import argparse
import asyncio
import os

import perchat


async def main(arguments: argparse.Namespace) -> None:
    user, password = arguments.uri.removeprefix("sip:"), os.environ["PERCHAT_PASSWORD"]
    connecting = perchat.connect_user(
        arguments.uri,
        server=arguments.server,
        ca=arguments.ca,
        credential=perchat.PasswordCredential(user, password),
    )
    async with connecting as chat:
        categories = await chat.rooms.creatable_categories()
        if not categories:
            raise SystemExit("you may not make rooms")
        auditorium = perchat.Behavior.AUDITORIUM
        room = await chat.rooms.create(arguments.name, categories[0], behavior=auditorium)
        print("made", room.name, "in", categories[0].name)
        people = await chat.rooms.eligible(room, perchat.Role.MEMBER, arguments.people)
        await chat.rooms.grant(room, perchat.Role.MEMBER, [chat.owner_uri, *people])
        await chat.rooms.grant(room, perchat.Role.PRESENTER, chat.owner_uri)
        for entry in await chat.rooms.members(room):
            print("member:", entry.principal.display_name)
        async with chat.join(room) as session:
            await session.post("Welcome", title=arguments.name)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("uri", help="sip:user@domain; the password is in PERCHAT_PASSWORD")
parser.add_argument("name", help="of the room")
parser.add_argument("people", help="part of their names")
parser.add_argument("--server", required=True, help="host or host:port")
parser.add_argument("--ca", help="authority to trust, PEM")
asyncio.run(main(parser.parse_args()))
