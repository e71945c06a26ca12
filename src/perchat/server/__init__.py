"""The server: composition root, and what only a server has."""
