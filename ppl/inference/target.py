"""The contract between a model and the inference backends (defined beside the diagnostics, which need it too)."""

from ppl.posterior.target import Block, SplitTarget, Target, coordinate_names, global_coordinates

__all__ = ["Block", "SplitTarget", "Target", "coordinate_names", "global_coordinates"]
