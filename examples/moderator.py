"""A moderator: an application that listens to a room and has replaced what should not stand."""

import argparse
import asyncio
import re

import perchat


def offends(message: perchat.Message, words: set[str]) -> bool:
    return not words.isdisjoint(re.findall(r"\w+", message.text.casefold()))


async def replace(message: perchat.Message, given: argparse.Namespace) -> None:
    """Have the administrator's command do it, here at the server, which need not stop for it."""
    command = (given.perchat, "message", "replace", message.room_uri, str(message.id))
    more = ("--text", given.text, "--config", given.config)
    process = await asyncio.create_subprocess_exec(
        *command, *more, stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise SystemExit(f"message {message.id} still stands")
    print("replaced", message.id, message.author, flush=True)


async def moderate(room: perchat.ChatRoomSession, given: argparse.Namespace) -> None:
    words = {word.casefold() for word in given.words}
    messages = room.messages()  # from here on nothing is missed
    for message in await room.recent(100):
        if offends(message, words):
            await replace(message, given)
    print("watching", room.name, flush=True)
    async for message in messages:
        if offends(message, words):
            await replace(message, given)


async def main(given: argparse.Namespace) -> None:
    application = perchat.TrustedApplication.from_file(given.application)
    connecting = perchat.connect_application(
        application, given.uri, proxy=given.proxy, listen=given.listen, ca=given.ca
    )
    async with connecting as chat, chat.join(given.room) as room:
        await moderate(room, given)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("application", help="what `perchat app add --issue` wrote, TOML")
parser.add_argument("uri", help="sip:user@domain, whom the application acts as")
parser.add_argument("room", help="name or ma-chan:// address")
parser.add_argument("words", nargs="+", help="what is not to be said")
parser.add_argument("--text", default="This was taken back by the moderator.")
parser.add_argument("--config", required=True, help="the server's perchat.toml")
parser.add_argument("--perchat", default="perchat", help="the program, where it is not on the path")
parser.add_argument("--proxy", required=True, help="the server, HOST:PORT")
parser.add_argument("--listen", nargs="+", default=[""], help="addresses of this machine")
parser.add_argument("--ca", help="authority to trust, PEM")
asyncio.run(main(parser.parse_args()))
