"""Make ten rooms, five of one prefix and five of another, and find them in every way."""

import argparse
import asyncio
import os

import perchat


def show(how: str, rooms: list[perchat.RoomSnapshot]) -> None:
    print(f"{how}:", *sorted(room.name for room in rooms), sep=" | ")


async def search(chat: perchat.PersistentChatEndpoint, place: perchat.CategorySummary) -> None:
    show("by name", await chat.search_rooms("Red 1", match=perchat.Match.PHRASE))
    show("by category", await chat.rooms_in(place))
    show("by criteria", await chat.search_rooms("Red", limit=100))
    add_ins = {add_in.name: add_in for add_in in await chat.rooms.add_ins()}
    filtered = await chat.filter_rooms(
        "Blue",
        member=chat.owner_uri,
        category=place,
        add_in=add_ins["Board"],
        privacy=perchat.Privacy.CLOSED,
        behavior=perchat.Behavior.NORMAL,
        invitations=perchat.InviteSetting.INHERIT,
        limit=100,
    )
    show("by filter", filtered)
    show("disabled", await chat.filter_rooms(disabled=True))
    show("any", await chat.filter_rooms())


async def main(arguments: argparse.Namespace) -> None:
    user, password = arguments.uri.removeprefix("sip:"), os.environ["PERCHAT_PASSWORD"]
    connecting = perchat.connect_user(
        arguments.uri,
        server=arguments.server,
        ca=arguments.ca,
        credential=perchat.PasswordCredential(user, password),
    )
    async with connecting as chat:
        place, *_ = await chat.rooms.creatable_categories()
        board = next(one for one in await chat.rooms.add_ins() if one.name == "Board")
        for number in range(1, 6):
            await chat.rooms.create(f"Red {number}", place, disabled=number == 5)
            await chat.rooms.create(f"Blue {number}", place, add_in=board, join_self=number < 5)
        await search(chat, place)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("uri", help="sip:user@domain; the password is in PERCHAT_PASSWORD")
parser.add_argument("--server", required=True, help="host or host:port")
parser.add_argument("--ca", help="authority to trust, PEM")
asyncio.run(main(parser.parse_args()))
