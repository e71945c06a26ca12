"""Puts the mutant on in a program that a test starts: Python imports this module by itself."""

from __future__ import annotations

import os

if mutant := os.environ.get("PERCHAT_WITNESS"):
    if "#" in mutant:
        from tools.witnesses.texts import change

        change(mutant)
    else:
        from tools.witnesses.mutants import apply

        apply(mutant)
