"""The load generator: many cheap clients, every message checked (``perchat loadgen``)."""
