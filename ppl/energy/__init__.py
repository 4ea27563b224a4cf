"""The expected log joint as one polynomial in statistics of the latents, and the blocks that it moves."""
