"""Public: what our tests stand on and yours can trust. Nothing but tests imports it."""
