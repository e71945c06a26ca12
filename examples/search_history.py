"""What was said about something, in all rooms whose name has a word: newest first, all of it."""

import argparse
import asyncio
import os
from datetime import UTC, datetime, timedelta

import perchat


async def main(uri: str, rooms: str, words: str, server: str, ca: str | None) -> None:
    user, password = uri.removeprefix("sip:"), os.environ["PERCHAT_PASSWORD"]
    credential = perchat.PasswordCredential(user, password)
    query = perchat.HistoryQuery(
        words,
        match=perchat.Match.ANY,
        since=datetime.now(UTC) - timedelta(days=365),
        newest_first=True,
    )
    async with perchat.connect_user(uri, server=server, ca=ca, credential=credential) as chat:
        found = await chat.search_rooms(rooms)
        for result in await chat.query_history(found, query):
            print(result.room_name, result.total, "and more" if result.truncated else "")
        async for message in chat.iter_history(found, query):  # page by page
            print(message.room_name, message.id, message.author, message.text)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("uri", help="sip:user@domain; the password is in PERCHAT_PASSWORD")
parser.add_argument("rooms", help="words of the rooms' names")
parser.add_argument("words", help="words to look for")
parser.add_argument("--server", required=True, help="host or host:port")
parser.add_argument("--ca", help="PEM file of the authority to trust")
given = parser.parse_args()
asyncio.run(main(given.uri, given.rooms, given.words, given.server, given.ca))
