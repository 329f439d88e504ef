"""What socks5client costs, beside a hand-rolled handshake and other libraries.

`python -m benchmarks` from the root of the checkout. The contestants of a benchmark take
turns in every round, so that a noisy machine disturbs all of them alike: trust the ratios.
"""
