"""scikit-learn's topics of a corpus: fits, saves E phi, prints the CPU seconds of the fit."""

from __future__ import annotations

import time

import numpy as np
from clock import settings
from scipy.sparse import csr_matrix
from sklearn.decomposition import LatentDirichletAllocation

if __name__ == "__main__":
    asked = settings()
    with np.load(asked["data"]) as file:
        doc, word, count = file["doc"], file["word"], file["count"].astype(float)
    rows = np.unique(doc, return_inverse=True)[1]
    counts = csr_matrix((count, (rows, word)), shape=(rows.max() + 1, asked["words"]))
    start = time.process_time()
    model = LatentDirichletAllocation(
        asked["topics"], max_iter=asked["passes"], learning_method="batch", n_jobs=1,
        random_state=asked["seed"], doc_topic_prior=0.1, topic_word_prior=0.05,
    ).fit(counts)  # fmt: skip
    print(time.process_time() - start)
    np.save(asked["out"], model.components_ / model.components_.sum(1, keepdims=True))
