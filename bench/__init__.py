"""Figures, not tests: what start-up, memory and the codecs cost on the machine at hand."""
