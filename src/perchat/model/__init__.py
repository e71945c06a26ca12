"""The nouns of persistent chat, as frozen values; they know neither wire nor store."""
