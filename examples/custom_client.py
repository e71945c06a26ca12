"""A chat client of one's own: find rooms, look around, join one, read, talk, go to another."""

import argparse
import asyncio
import os

import perchat


def show(message: perchat.Message) -> None:
    mark = "! " if message.is_alert else ""
    shown = "".join(part.display for part in message.parts if message.title != part.display)
    title = f"<{message.title}> " if message.title else ""
    print(f"{message.id} {mark}{message.author_name}: {title}{shown}")


async def look_around(chat: perchat.PersistentChatEndpoint, words: str) -> None:
    for room in await chat.search_rooms(words, descriptions=True, match=perchat.Match.ALL):
        print(f"found {room.name} ({room.participants} there) {room.description}")
    print("mine:", *(room.name for room in await chat.my_rooms()))
    print("managed:", *(room.name for room in await chat.rooms_i_manage()))
    for invitation in await chat.stored_invitations():
        print("invited to", invitation.room.name)


async def talk(chat: perchat.PersistentChatEndpoint, given: argparse.Namespace) -> None:
    session = perchat.ChatRoomSession(chat)  # one object for one room after the other
    states = session.events()
    for name in given.rooms:
        await session.join(name)
        print("in", session.name, "with", ", ".join(one.name for one in session.participants))
        for message in await session.recent(given.recent):
            show(message)
        heard = session.messages()
        for text in given.say:
            await session.post(text)
            show(await anext(heard))
        found = await session.query_history(perchat.HistoryQuery(given.find))
        print(found.total, "messages have", given.find)
        await session.leave()
    print(*[one.state.value async for one in states if isinstance(one, STATE)])


STATE = perchat.SessionStateChanged


async def main(given: argparse.Namespace) -> None:
    user, password = given.uri.removeprefix("sip:"), os.environ.get("PERCHAT_PASSWORD")
    credential = (
        perchat.PasswordCredential(user, password) if password else perchat.SystemCredential()
    )
    connecting = perchat.connect_user(
        given.uri, server=given.server, ca=given.ca, credential=credential
    )
    async with connecting as chat:
        await look_around(chat, given.search)
        await talk(chat, given)
    print("signed out:", chat.state.value)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("uri", help="sip:user@domain; PERCHAT_PASSWORD, or single sign-on without it")
parser.add_argument("rooms", nargs="+", help="to join, one after the other")
parser.add_argument("--search", default="", help="words of names and descriptions")
parser.add_argument("--recent", type=int, default=20, help="messages to read of each room")
parser.add_argument("--say", nargs="+", default=[], help="what to post")
parser.add_argument("--find", default="", help="words to look for in each room")
parser.add_argument("--server", required=True, help="host or host:port")
parser.add_argument("--ca", help="authority to trust, PEM")
asyncio.run(main(parser.parse_args()))
