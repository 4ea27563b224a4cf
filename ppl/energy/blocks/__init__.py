"""The kinds of blocks that q is made of: what each holds, and the update that is exact for it."""
