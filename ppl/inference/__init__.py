"""Inference: backends, the loop that runs them, and the state they can be resumed from."""
