"""Rebuild the dataset of a finished run without a model, and prove that it is the same.

What a run leaves is enough: its responses, its examples (which hold every seed), its config and
its manifest. The rebuild goes through the very stages of `distill/run.py`; what is compared is the
SHA-256 of dataset, config and seeds, and every cell of the table.

    settings.py   the overrides that this command takes
    facts.py      what its manifest says
    stored.py     what it left, read with care
    damage.py     what is missing or cannot be read
    replay.py     a model client that has stored responses and no way to a model
    rebuild.py    the stages once more
    causes.py     which code and which libraries are not those of then
    differ.py     the first row and field that differ, and the stage that made them
    proof.py      all of it, and what came of it
    told.py       the same in lines
    refresh.py    the live teacher, asked again
    leave.py      where a rebuilt dataset is written

The files of a run are foreign input: data formats only, nothing is executed, no class is built that
`distill.trust` does not know, no endpoint, store or path that they name is used.

Format: `manifest.json` says under `format` how its folder is to be read. A release raises
`distill.manifest.FORMAT` when it writes a file of a run folder differently, finds responses by
another key, computes the identity of config or seeds differently, or gives a component that shapes
the dataset a key that older configs lack; from then on it reads the older format as it was. Each
format has a frozen run in `tests/frozen/` that must rebuild for ever. A run of a newer format than
this release knows is refused with the advice to upgrade.
"""

from __future__ import annotations

from distill.reproduce.proof import Check, Reproduction, reproduce
from distill.reproduce.settings import Settings, read_settings

__all__ = ["Check", "Reproduction", "Settings", "read_settings", "reproduce"]
