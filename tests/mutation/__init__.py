"""Mutation testing of the core: `python -m tests.mutation`; what survives is in survivors.md."""
