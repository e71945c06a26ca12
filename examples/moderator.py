"""
A moderator: an application that listens to a room and replaces what should not stand.

It runs anywhere: it signs in by its certificate, and what it may do it was granted with
`perchat user grant USER --role moderator`.
"""

import argparse
import asyncio
import re

import perchat


def offends(message: perchat.Message, words: set[str]) -> bool:
    return not words.isdisjoint(re.findall(r"\w+", message.text.casefold()))


async def replace(
    room: perchat.ChatRoomSession, message: perchat.Message, text: str | None
) -> None:
    await room.chat.moderation.replace(message.room_uri, message.id, text)
    print("replaced", message.id, message.author, flush=True)


async def moderate(room: perchat.ChatRoomSession, words: set[str], text: str | None) -> None:
    messages = room.messages()  # from here on nothing is missed
    for message in await room.recent(100):
        if offends(message, words):
            await replace(room, message, text)
    print("watching", room.name, flush=True)
    async for message in messages:
        if offends(message, words):
            await replace(room, message, text)


async def main(given: argparse.Namespace) -> None:
    words = {word.casefold() for word in given.words}
    application = perchat.TrustedApplication.from_file(given.application)
    connecting = perchat.connect_application(
        application, given.uri, proxy=given.proxy, listen=given.listen, ca=given.ca
    )
    async with connecting as chat, chat.join(given.room) as room:
        try:
            await moderate(room, words, given.text)
        except perchat.PermissionDenied as error:
            raise SystemExit(f"{given.uri} was not granted to moderate here: {error}") from error


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("application", help="what `perchat app add --issue` wrote, TOML")
parser.add_argument("uri", help="sip:user@domain, whom the application acts as")
parser.add_argument("room", help="name or ma-chan:// address")
parser.add_argument("words", nargs="+", help="what is not to be said")
parser.add_argument("--text", help="what stands there instead; the server's words without it")
parser.add_argument("--proxy", required=True, help="the server, HOST:PORT")
parser.add_argument("--listen", nargs="+", default=[""], help="addresses of this machine")
parser.add_argument("--ca", help="authority to trust, PEM")
asyncio.run(main(parser.parse_args()))
