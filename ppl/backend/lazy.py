"""scipy.special and LAPACK, imported when a function of theirs is first called.

The import takes a quarter of the start-up time of a small fit, and many models (normal likelihoods
and priors) call nothing of it.
"""

from __future__ import annotations

from typing import Any


class LazySpecial:
    """Stands for the module ``scipy.special``; each function is kept once it has been looked up.

    >>> float(special.gammaln(5.0).round(4))
    3.1781
    """

    def __getattr__(self, name: str) -> Any:
        from scipy import special as real

        function = getattr(real, name)
        setattr(self, name, function)
        return function


class LazyLapack:
    """Stands for the module ``scipy.linalg.lapack``.

    >>> float(lapack.dpotri([[2.0]], lower=1)[0][0, 0])
    0.25
    """

    def __getattr__(self, name: str) -> Any:
        from scipy.linalg import lapack as real

        function = getattr(real, name)
        setattr(self, name, function)
        return function


special: Any = LazySpecial()
lapack: Any = LazyLapack()
