"""What unlabelled texts give without any teacher: naive Bayes that labels them itself.

A control for every claim that a teacher helped. It is deliberately a strong one, whatever student
the run trains: the expectation-maximisation of Nigam et al., on TF-IDF features.

Source:
    Nigam, McCallum, Thrun and Mitchell 2000, "Text Classification from Labeled and Unlabeled
    Documents using EM", Machine Learning 39.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distill.students.examples import Examples

SMOOTHING = 0.1
# Its answers settle within a few rounds.
ROUNDS = 8


def self_trained_answers(examples: Examples, questions: Sequence[str]) -> list[str]:
    """Learn from the real examples and the texts of the others, and answer `questions`.

    Args:
        examples: With labels; the targets of those that are not real are not looked at.
        questions: (questions,) texts.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.naive_bayes import MultinomialNB

    if examples.label_probs is None:
        raise TypeError("self-training needs labels")
    features = TfidfVectorizer(stop_words="english", sublinear_tf=True)
    texts = features.fit_transform(examples.questions)
    real, targets = examples.real, examples.label_probs.copy()
    model = _fit(MultinomialNB(alpha=SMOOTHING), texts[real], targets[real])
    for _ in range(ROUNDS):
        own = np.zeros_like(targets[~real])
        own[:, model.classes_] = model.predict_proba(texts[~real])
        targets[~real] = own
        model = _fit(MultinomialNB(alpha=SMOOTHING), texts, targets)
    return [examples.labels[i] for i in model.predict(features.transform(list(questions)))]


def _fit(model: Any, texts: Any, targets: NDArray[np.float64]) -> Any:
    """Fit to soft targets: each text once a label, weighted by its probability."""
    rows, labels = np.nonzero(targets)
    return model.fit(texts[rows], labels, sample_weight=targets[rows, labels])
