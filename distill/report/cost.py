"""What a run cost, in sentences that terminal, card and page all show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distill.costs import ROLES, per_row_usd, total_cost_usd
from distill.report.wording import count, counted, usd


def cost_sentence(manifest: Mapping[str, Any]) -> str:
    """Return what a run paid for, and what it had already."""
    roles = [manifest[role] for role in ROLES if role in manifest]
    paid, cached = (sum(role[name] for role in roles) for name in ("requests", "cached"))
    cost_usd = total_cost_usd(manifest)
    words = "a price is not known" if cost_usd is None else usd(cost_usd)
    return f"This run paid for {counted(paid, 'response')} ({words}); {count(cached)} were cached."


def cost_notes(manifest: Mapping[str, Any]) -> list[str]:
    """Return what there is to say beside the figures by role, a sentence each."""
    roles = [manifest[role] for role in ROLES if role in manifest]
    kept = manifest["rows"] - manifest["real_rows"]
    notes = []
    row_usd, uncached_usd = (
        manifest.get(name) for name in ("cost_per_row_usd", "cost_if_uncached_usd")
    )
    if row_usd is not None:
        notes.append(f"{usd(row_usd)} a kept row, {counted(kept, 'row')} from the teacher.")
    if uncached_usd is not None and any(role["cached"] for role in roles):
        by_row = per_row_usd(uncached_usd, kept)
        beside = "" if by_row is None else f", {usd(by_row)} a kept row"
        notes.append(f"Without the ledger it would have cost {usd(uncached_usd)}{beside}.")
    saved_usd = sum(role.get("cache_saved_usd") or 0.0 for role in roles)
    if saved_usd:
        verb = "saved" if saved_usd > 0 else "cost"
        notes.append(f"Prompt caching {verb} {usd(abs(saved_usd))}.")
    lost = sum(role.get("lost", 0) for role in roles)
    if lost:
        most_usd = sum(role.get("maybe_usd", 0.0) for role in roles)
        attempts = counted(lost, "attempt")
        notes.append(f"{attempts} without an answer may have been billed: {usd(most_usd)} at most.")
    return notes
