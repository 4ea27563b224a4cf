"""scipy's distributions by the names and parameters of the language, and expectations under them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats


def frozen(name: str, p: dict[str, Any]) -> Any:
    """scipy's distribution."""
    makers = {
        "Normal": lambda: stats.norm(p["mean"], p["sd"]),
        "LogNormal": lambda: stats.lognorm(p["sd"], scale=np.exp(p["mean"])),
        "Gamma": lambda: stats.gamma(p["shape"], scale=1.0 / p["rate"]),
        "InverseGamma": lambda: stats.invgamma(p["shape"], scale=p["scale"]),
        "Beta": lambda: stats.beta(p["a"], p["b"]),
        "HalfNormal": lambda: stats.halfnorm(scale=p["scale"]),
        "Exponential": lambda: stats.expon(scale=1.0 / p["rate"]),
    }
    return makers[name]()


def places(q: Any) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of E_q by the trapezoid rule in the normal score of the probability."""
    z = np.linspace(-7.4, 7.4, 1201)
    x = np.where(z < 0, q.ppf(stats.norm.cdf(z)), q.isf(stats.norm.sf(z)))
    weight = stats.norm.pdf(z)
    return x, weight / weight.sum()
