"""The fault matrix: driver x stage x fault, each pair either a row of one table or meaningless.

`table` is made of `handshake`, `afterwards` and `gss`; `meaningless` says why the other pairs are
none. The tests are generated from it, for every driver of `tests.drivers`.
"""
