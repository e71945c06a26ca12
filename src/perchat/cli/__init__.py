"""The command ``perchat``."""
