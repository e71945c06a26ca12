"""The SDK: sign in, open a chat session, join rooms; asyncio throughout."""
