"""How right and how sure students on soft targets are about news; see docs/soft_targets.md.

    python benchmarks/soft_news.py

The demo's texts (35 words each) with their true sections as a teacher's answers, as they are, and
half mixed with random distributions. 600 texts that no student saw are held out.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from distill.config import compose
from distill.records.bbc import Article, articles
from distill.students import Classifier, Examples, SoftTargets
from distill.students.calibration import expected_calibration_error

WORDS, HELD = 35, 600


def settings(choice: str) -> dict[str, Any]:
    """Return a student's keys as configured."""
    words = ["seeds.path=-", "task=classify", "task.labels=[a,b]", f"student={choice}"]
    node: dict[str, Any] = compose(words)["student"]
    return {key: value for key, value in node.items() if key != "_target_"}


def told(rows: tuple[Article, ...], labels: tuple[str, ...], noise: float) -> Examples:
    """Return examples whose targets are the true labels, mixed with random distributions."""
    rng = np.random.default_rng(0)
    probs = (1 - noise) * np.eye(len(labels))[[labels.index(row.section) for row in rows]]
    probs += noise * rng.dirichlet(np.full(len(labels), 0.5), size=len(rows))
    return Examples(
        questions=tuple(cut(row.text) for row in rows),
        answers=tuple(labels[i] for i in probs.argmax(axis=1)),
        real=np.zeros(len(rows), dtype=bool),
        labels=labels,
        label_probs=probs,
    )


def cut(text: str) -> str:
    """Return the first words of a text."""
    return " ".join(text.split()[:WORDS])


def main() -> None:
    """Print a table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    found = articles()
    labels = tuple(sorted({article.section for article in found}))
    held = [cut(article.text) for article in found[-HELD:]]
    truth = np.array([labels.index(article.section) for article in found[-HELD:]])
    print("| texts | noise | student | accuracy | calibration error |")
    for count, noise in ((50, 0.0), (400, 0.5)):
        examples = told(found[:count], labels, noise)
        for student in (
            Classifier(**settings("classifier")),
            SoftTargets(**settings("soft_targets")),
        ):
            probs = student.fit(examples, seed=0).predict_proba(held)
            right = (probs.argmax(axis=1) == truth).mean()
            error = expected_calibration_error(probs, truth)
            name = type(student).__name__
            print(f"| {count} | {noise} | {name} | {right:.1%} | {error:.3f} |", flush=True)


if __name__ == "__main__":
    main()
