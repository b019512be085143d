"""What requests came to, read out of the ledger as it is needed: memory does not grow with them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import islice

from distill.ledger import Ledger
from distill.models.protocol import Failure, Model, Outcome

KEYS_AT_ONCE = 500


@dataclass(frozen=True)
class Answers:
    """Outcomes in the order of the requests.

    Args:
        ledger: Where the responses are.
        model: Reads them.
        keys: One a request.
        failures: By key; every other key is in the ledger.
        paid: Keys that were paid for just now; the others were cached.
    """

    ledger: Ledger
    model: Model
    keys: Sequence[str]
    failures: Mapping[str, Failure]
    paid: Set[str]

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Outcome]:
        keys = iter(self.keys)
        while some := list(islice(keys, KEYS_AT_ONCE)):
            known = dict(self.ledger.bodies(dict.fromkeys(some)))
            for key in some:
                yield self.failures[key] if key in self.failures else self._read(key, known[key])

    def _read(self, key: str, body: str) -> Outcome:
        reply = self.model.read(json.loads(body))
        return replace(reply, key=key, cached=key not in self.paid)
