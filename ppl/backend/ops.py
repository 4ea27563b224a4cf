"""The array namespace (``xp``) of densities, functions and bijections."""


__all__ = [name for name in dir() if not name.startswith("_")]
