"""The chat service: what rooms allow, and what becomes a fact."""
