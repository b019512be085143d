"""What a run would ask and cost, before anything is spent: nothing is written, nothing is paid.

The run's own stages are walked with a client that answers out of the ledger and pays for nothing
(`demand`), so that what the ledger holds is free and what the filters leave out is not graded.
What is missing gets its tokens from the provider's own count, from the ledger's experience with
the model, or from a stated assumption (`tokens`), and its dollars from the price list (`figures`).
"""

from __future__ import annotations

from distill.estimate.demand import Demand, demand_of
from distill.estimate.figures import Estimate, estimate
from distill.estimate.stored import StoredResponses

__all__ = ["Demand", "Estimate", "StoredResponses", "demand_of", "estimate"]
