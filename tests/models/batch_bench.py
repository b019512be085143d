"""The command line on a server that takes batches; import its fixture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_batches import FakeBatches, serving_batches
from workbench import Workbench

from distill.ledger import Ledger
from distill.ledger.batches import BatchBook, OpenBatch
from distill.ledger.tables import BATCH_ITEMS

__all__ = ["fake", "open_batches", "seeded", "words"]


@pytest.fixture
def fake() -> Iterator[FakeBatches]:
    with serving_batches() as served:
        yield served


def words(bench: Workbench, fake: FakeBatches, *more: str) -> list[str]:
    """Return the command line of a run in batches."""
    plain = bench.words("judge=none", "filter=none", "teacher.mode=batch")
    plain = [word for word in plain if not word.startswith(("teacher.base", "teacher.max_ret"))]
    about = (f"teacher.base_url={fake.url}", "teacher.max_retries=3", "teacher.lost_batch_s=0")
    return [*plain, *about, *more]


def seeded(bench: Workbench, number: int) -> list[str]:
    """Write so many seeds and return their questions."""
    questions = [f"Question number {i} about rivers and oceans?" for i in range(number)]
    bench.write("seeds.jsonl", [{"id": f"s{i}", "question": q} for i, q in enumerate(questions)])
    return questions


def open_batches(bench: Workbench) -> list[OpenBatch]:
    """Return the batches that the ledger takes to be under way."""
    with Ledger(str(bench.ledger)) as ledger:
        with ledger.engine.connect() as connection:
            keys = [row.key for row in connection.execute(BATCH_ITEMS.select())]
        return BatchBook(ledger.engine).holding(keys)
