"""Seconds an iteration, ours and a peer's, on the same data in the same run."""
