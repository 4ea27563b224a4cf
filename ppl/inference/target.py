"""The contract between a model and the inference backends (shared with the diagnostics)."""

from ppl.posterior.target import Block, SplitTarget, Target, coordinate_names, global_coordinates

__all__ = ["Block", "SplitTarget", "Target", "coordinate_names", "global_coordinates"]
