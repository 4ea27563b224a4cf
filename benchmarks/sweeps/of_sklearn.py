"""scikit-learn's iterations: variational mixtures and latent Dirichlet allocation, from a random start."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from clock import report, settings
from scipy.sparse import csr_matrix
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.mixture import BayesianGaussianMixture


def mixture(data: Any, asked: dict[str, Any], n: int) -> object:
    """n iterations; rows picked at random for a start, since k-means would be timed with the first."""
    model = BayesianGaussianMixture(
        n_components=asked["components"], covariance_type=asked["covariance"], max_iter=n, tol=0.0, random_state=0,
        init_params="random_from_data", weight_concentration_prior_type="dirichlet_distribution",
    )  # fmt: skip
    return model.fit(data["x"])


def topics(data: Any, asked: dict[str, Any], n: int) -> object:
    """n passes over all documents, as `learning_method="batch"` makes them."""
    shape = (int(data["doc"].max()) + 1, int(data["word"].max()) + 1)
    counts = csr_matrix((data["count"].astype(float), (data["doc"], data["word"])), shape=shape)
    inner = {"max_doc_update_iter": asked["inner"]} if "inner" in asked else {}
    model = LatentDirichletAllocation(
        asked["components"], max_iter=n, learning_method="batch", n_jobs=1, random_state=0, evaluate_every=-1,
        doc_topic_prior=0.1, topic_word_prior=0.05, **inner,
    )  # fmt: skip
    return model.fit(counts)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # it did not converge in so few iterations
    asked = settings()
    with np.load(asked["data"]) as file:
        data = dict(file.items())
    which = topics if "doc" in data else mixture
    few, many = (1, 3) if which is topics else (2, 12)
    report(lambda n: which(data, asked, n), asked["repeats"], few, many)
