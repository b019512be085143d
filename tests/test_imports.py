"""Every module and package can be the first of this package that a program imports."""

from __future__ import annotations

import os
import subprocess
import sys

from workbench import REPOSITORY

# What others brought in stays; only our own modules are begun anew, each as the first.
EACH_FIRST = """
import importlib, pkgutil, sys
import distill, distill.commands
names = [one.name for home in (distill, distill.commands)
         for one in pkgutil.iter_modules(home.__path__, home.__name__ + ".")]
assert len(names) > 60, names
for name in names:
    if name.endswith("__main__"):
        continue
    for known in [known for known in sys.modules if known.partition(".")[0] == "distill"]:
        del sys.modules[known]
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(f"{name}: {error}")
"""


def test_no_module_needs_another_to_be_imported_first() -> None:
    told = subprocess.run(
        [sys.executable, "-c", EACH_FIRST],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=170,
        check=True,
    )

    assert told.stdout == ""
