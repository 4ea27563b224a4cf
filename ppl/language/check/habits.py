"""Names and parameters that writers of Stan, PyMC and R bring along."""

from __future__ import annotations

from ppl import distributions

# Stan, PyMC, NumPyro and R names that are not ours with another case or an underscore
_NAMES = {
    "gaussian": "Normal",
    "norm": "Normal",
    "mvn": "MultivariateNormal",
    "mvnormal": "MultivariateNormal",
    "multinormal": "MultivariateNormal",
    "multivariatestudent": "MultivariateStudentT",
    "bern": "Bernoulli",
    "binom": "Binomial",
    "pois": "Poisson",
    "expon": "Exponential",
    "invgamma": "InverseGamma",
    "doubleexponential": "Laplace",
    "negbinomial": "NegativeBinomial",
    "negbinom": "NegativeBinomial",
    "negbinomial2": "NegativeBinomial",
    "gammapoisson": "NegativeBinomial",
    "unif": "Uniform",
    "bernoullilogit": "Bernoulli",
    "binomiallogit": "Binomial",
    "poissonlog": "Poisson",
    "categoricallogit": "Categorical",
    "negbinomial2log": "NegativeBinomial",
    "multinormalcholesky": "MultivariateNormal",
    "multinormalprec": "MultivariateNormal",
    "lkjcorr": "LKJ",
    "lkjcorrcholesky": "LKJCholesky",
    "lkjcholesky": "LKJCholesky",
    "invwishart": "InverseWishart",
    "student": "StudentT",
    "t": "StudentT",
    "discrete": "Categorical",
    "mixturesamefamily": "Mixture",
    "improperuniform": "Flat",
    "flat": "Flat",
    "halfflat": "Flat",
    "lognorm": "LogNormal",
}

# which of our parameters another system's name means, by what it usually says
PARAMETERS = {
    "mu": ("mean", "loc"),
    "loc": ("mean",),
    "location": ("loc", "mean"),
    "sigma": ("sd", "scale"),
    "std": ("sd", "scale"),
    "stddev": ("sd",),
    "scale": ("sd", "scale"),
    "sdlog": ("sd",),
    "tau": ("precision",),
    "prec": ("precision",),
    "variance": ("var",),
    "nu": ("df",),
    "alpha": ("shape", "a", "concentration"),
    "beta": ("rate", "b", "scale"),
    "concentration1": ("a",),
    "concentration0": ("b",),
    "lam": ("rate",),
    "lambda": ("rate",),
    "probs": ("p",),
    "prob": ("p",),
    "theta": ("p",),
    "logits": ("logit",),
    "logit_p": ("logit",),
    "total_count": ("n",),
    "size": ("n",),
    "phi": ("concentration",),
    "cov_matrix": ("cov",),
    "covariance_matrix": ("cov",),
    "chol": ("scale_tril",),
    "low": ("lower",),
    "high": ("upper",),
    "min": ("lower",),
    "max": ("upper",),
    "eta": ("log_rate", "logit"),
}


def known_distribution(name: str) -> str | None:
    """Our name of a distribution written as another system spells it.

    >>> known_distribution("student_t"), known_distribution("gaussian"), known_distribution("frobnicate")
    ('StudentT', 'Normal', None)
    """
    plain = name.replace("_", "").lower()
    found = _NAMES.get(plain)
    if found is not None:
        return found
    return next((n for n in distributions.names() if n.lower() == plain and n != name), None)
