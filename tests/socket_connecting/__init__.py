"""A `connect` that does not wait: what the fd says and when, in every kind of loop."""
