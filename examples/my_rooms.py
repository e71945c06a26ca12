"""Make a room, become its member, twice by mistake, and list one's rooms."""

import argparse
import asyncio
import os

import perchat

MOST = 1000


async def main(arguments: argparse.Namespace) -> None:
    user, password = arguments.uri.removeprefix("sip:"), os.environ["PERCHAT_PASSWORD"]
    connecting = perchat.connect_user(
        arguments.uri,
        server=arguments.server,
        ca=arguments.ca,
        credential=perchat.PasswordCredential(user, password),
    )
    async with connecting as chat:
        category, *_ = await chat.rooms.creatable_categories()
        room = await chat.rooms.create(arguments.name, category, description="made by an example")
        for _ in range(2):
            try:
                await chat.rooms.grant(room, perchat.Role.MEMBER, chat.owner_uri)
            except perchat.PrincipalsAlreadyDefined as error:
                print("not twice:", error.code.name)
        for one in await chat.my_rooms(MOST):
            print("member:", one.name, one.uri, one.description)
        for one in await chat.rooms_i_manage(MOST):
            print("manager:", one.name, one.uri, one.description)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("uri", help="sip:user@domain; the password is in PERCHAT_PASSWORD")
parser.add_argument("name", help="of the room")
parser.add_argument("--server", required=True, help="host or host:port")
parser.add_argument("--ca", help="authority to trust, PEM")
asyncio.run(main(parser.parse_args()))
