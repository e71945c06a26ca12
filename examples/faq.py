"""Questions and answers out of all that was said in a room, read by a trusted application."""

import argparse
import asyncio
from datetime import UTC, datetime

import perchat


def is_question(message: perchat.Message) -> bool:
    return message.text.rstrip().endswith("?")


async def write_faq(chat: perchat.PersistentChatEndpoint, room: str, since: datetime) -> None:
    """Print every question with its answer; never more than a page is held in memory."""
    query = perchat.HistoryQuery(since=since)  # oldest first
    read = answered = 0
    question: perchat.Message | None = None
    last = since
    async for message in chat.iter_history(room, query):
        read, last = read + 1, message.timestamp
        if is_question(message):
            question = message
        elif question is not None and message.author != question.author:
            print("Q:", question.text)
            print("A:", message.text, f"({message.author})")
            question, answered = None, answered + 1
    print(f"{read} messages, {answered} answers; go on with --since {last.isoformat()}")


async def main(given: argparse.Namespace) -> None:
    application = perchat.TrustedApplication.from_file(given.application)
    connecting = perchat.connect_application(
        application, given.uri, proxy=given.proxy, listen=given.listen, ca=given.ca
    )
    async with connecting as chat:
        await write_faq(chat, given.room, given.since)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("application", help="what `perchat app add --issue` wrote, TOML")
parser.add_argument("uri", help="sip:user@domain, whom the application acts as")
parser.add_argument("room", help="name or ma-chan:// address")
parser.add_argument(
    "--since", type=datetime.fromisoformat, default=datetime(2000, 1, 1, tzinfo=UTC)
)
parser.add_argument("--proxy", required=True, help="the server, HOST:PORT")
parser.add_argument("--listen", nargs="+", default=[""], help="addresses of this machine")
parser.add_argument("--ca", help="authority to trust, PEM")
asyncio.run(main(parser.parse_args()))
