"""Croissant metadata: the dataset as machines find and read it, in JSON-LD.

`examples.parquet` is described column by column, so that any Croissant reader yields its rows;
`dataset.jsonl` is listed with its digest, for the format of chat messages has no type there.

Source: Croissant format specification 1.0, MLCommons, http://mlcommons.org/croissant/1.0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill.paths import write_text
from distill.record import RunRecord
from distill.report.facts import run_name
from distill.report.wording import one_line

CROISSANT = "croissant.json"
CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
NAME_CHARS = 80
TABLE = "examples.parquet"
# Columns that a reader of the dataset needs, with what they hold.
COLUMNS = {
    "id": ("sc:Text", "The row's id"),
    "seed_id": ("sc:Text", "The seed that the row belongs to"),
    "question": ("sc:Text", "What is asked"),
    "answer": ("sc:Text", "What the student is to say"),
    "origin": ("sc:Text", "Where the question is from: log, human or synthetic"),
    "source": ("sc:Text", "Who answered: teacher, or real for a human"),
    "slice": ("sc:Text", "A name for the part of the data"),
    "score": ("sc:Float", "The judge's score in [0, 1]"),
    "stage": ("sc:Text", "The stage in which the row fell out; empty while it is in the dataset"),
    "reason": ("sc:Text", "Why it fell out"),
}
TERMS = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty",
    "fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField",
    "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator",
    "source", "subField", "transform",
)  # fmt: skip


def write_croissant(record: RunRecord, manifest: Mapping[str, Any], path: Path) -> None:
    """Write the metadata.

    Args:
        record: Of a finished run.
        manifest: What `make_manifest` made of it, with the digests of the files.
        path: Of the file; replaced whole.
    """
    made = croissant(record, manifest)
    write_text(path, json.dumps(made, ensure_ascii=False, indent=2) + "\n")


def croissant(record: RunRecord, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata as plain values; arguments are those of `write_croissant`."""
    model = one_line(str(manifest["teacher"]["model"]), NAME_CHARS)
    dataset_sha256 = str(manifest["dataset_sha256"])
    shown = [name for name in COLUMNS if name in record.table.columns]
    return {
        "@context": _context(),
        "@type": "sc:Dataset",
        "name": one_line(run_name(record), NAME_CHARS),
        "description": (
            f"{manifest['rows']} training examples for a small model, task "
            f"{record.plan.task.name}: {manifest['real_rows']} answered by humans, "
            f"the others by {model}. "
            f"Verdict on real held-out examples: {manifest['verdict']}. "
            "Rows of the table that fell out have a stage and a reason."
        ),
        "conformsTo": CONFORMS_TO,
        # Nobody but the owner of the seeds can say; the word is the hub's own.
        "license": "unknown",
        "url": f"urn:sha256:{dataset_sha256}",
        "version": "1.0.0",
        "datePublished": str(record.ended_at or record.started_at)[:10],
        "citeAs": f"distill dataset, SHA-256 {dataset_sha256}",
        "keywords": ["synthetic", "knowledge distillation"],
        "distribution": [
            _file("dataset.jsonl", "application/jsonlines", dataset_sha256),
            _file(TABLE, "application/x-parquet", str(manifest["files"][TABLE])),
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "examples",
                "name": "examples",
                "description": "One row an example, those that fell out included.",
                "field": [_field(name) for name in shown],
            }
        ],
    }


def _file(name: str, encoding: str, sha256: str) -> dict[str, str]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "encodingFormat": encoding,
        "sha256": sha256,
    }


def _field(name: str) -> dict[str, Any]:
    kind, what = COLUMNS[name]
    return {
        "@type": "cr:Field",
        "@id": f"examples/{name}",
        "name": name,
        "description": what,
        "dataType": kind,
        "source": {"fileObject": {"@id": TABLE}, "extract": {"column": name}},
    }


def _context() -> dict[str, Any]:
    """Return the context that the specification prescribes."""
    return {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "sc": "https://schema.org/",
        "conformsTo": "dct:conformsTo",
        "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "examples": {"@id": "cr:examples", "@type": "@json"},
        **{term: f"cr:{term}" for term in TERMS},
    }
