"""
Break each documented feature on purpose and list the rows whose named tests do not notice.

``python -m tools.witnesses`` does it, ``make witnesses`` for all. A *mutant* is one small fault.
Those of the members are made here, by the kind of thing a name is (``mutants``); those of the
requirements stand in ``requirements.toml``, as text that is changed while a module is imported
(``texts``). No file of the working tree is touched.
"""
