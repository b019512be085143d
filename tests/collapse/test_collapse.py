"""`distill collapse`: chains over real data, what they leave, and what cannot be followed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from distill.cli import main
from distill.collapse.chain import Generation, NgramBreed
from distill.collapse.regimes import Regime

GSM8K = Path(__file__).parents[2] / "../shared/data/gsm8k/train.jsonl"
WORDS = ["river", "stone", "cloud", "lamp", "field", "bread", "night", "glass", "tower", "sheep"]


def texts(n: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [
        f"{' '.join(rng.choice(WORDS, size=6))} number {rng.integers(400)} ends ." for _ in range(n)
    ]


def seeds(folder: Path, rows: list[dict[str, str]], name: str = "seeds.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_same_share_of_real_items_stays_in_every_generation() -> None:
    half = Regime(name="keep", share=0.5)
    rng = np.random.default_rng(0)
    first = half.mix([1, 2, 3, 4], [[10, 20, 30, 40]], rng)
    second = half.mix([1, 2, 3, 4], [[10, 20, 30, 40], [50, 60, 70, 80]], rng)
    assert first[:2] == second[:2] == [1, 2]
    assert set(first[2:]) < {10, 20, 30, 40}
    assert set(second[2:]) < {50, 60, 70, 80}
    assert (len(first), len(second)) == (4, 4)


def test_replace_keeps_nothing_and_accumulate_everything() -> None:
    rng = np.random.default_rng(0)
    outputs = [[10, 20], [30, 40]]
    assert Regime(name="replace").mix([1, 2], outputs, rng) == [30, 40]
    assert Regime(name="accumulate").mix([1, 2], outputs, rng) == [1, 2, 10, 20, 30, 40]


@pytest.mark.skipif(not GSM8K.is_file(), reason="GSM8K is not at hand")
@pytest.mark.parametrize("seed", range(3))
def test_on_gsm8k_replacing_collapses_and_accumulating_does_not(seed: int) -> None:
    lines = GSM8K.read_text(encoding="utf-8").strip().split("\n")
    rng = np.random.default_rng(seed)
    questions = [json.loads(lines[i])["question"] for i in rng.permutation(len(lines))[:1319]]
    breed = NgramBreed(questions[:1000], questions[1000:], order=3, temperature=1.0, words=20_000)
    worse, seen = {}, {}
    for regime in (
        Regime(name="replace"),
        Regime(name="keep", share=0.5),
        Regime(name="accumulate"),
    ):
        chain = breed.chain(regime, generations=8, seed=seed, tell=lambda one: None)
        worse[regime.name] = chain[8].heldout / chain[0].heldout
        seen[regime.name] = [one.less_varied for one in chain]
        assert [one.number for one in chain] == list(range(9))
    assert worse["replace"] >= 1.8
    assert 1.2 <= worse["keep"] <= 1.55
    assert worse["accumulate"] <= 1.15
    assert seen["replace"][3:] == [True] * 6
    assert seen["accumulate"] == [False] * 9


def test_a_chain_is_the_same_again_and_told_as_it_goes() -> None:
    told: list[Generation] = []
    breed = NgramBreed(texts(60), texts(20, seed=1), order=3, temperature=1.0, words=200)
    regime = Regime(name="replace")
    chain = breed.chain(regime, generations=3, seed=5, tell=told.append)
    assert told == chain
    assert chain == breed.chain(regime, generations=3, seed=5, tell=lambda one: None)
    assert chain != breed.chain(regime, generations=3, seed=6, tell=lambda one: None)
    assert all(0 < one.support <= 1 for one in chain)


def test_the_command_leaves_figures_and_a_picture(
    at: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = seeds(at, [{"question": text} for text in texts(80)])
    words = [
        f"seeds.path={path}", "tracking=none", "collapse.generations=3", "collapse.repeats=2",
        "paths.out=out",
    ]  # fmt: skip
    assert main(["collapse", *words]) == 0
    out = capsys.readouterr().out
    assert "perplexity on real held-out (rises)" in out
    assert "accumulate: perplexity" in out
    told = json.loads((at / "out/collapse.json").read_text(encoding="utf-8"))
    assert [course["regime"] for course in told["courses"]] == ["replace", "keep", "accumulate"]
    # Without held-out examples a quarter of the texts is set aside.
    assert (told["real"], told["heldout"], told["measure"]) == (60, 20, "perplexity")
    replace = told["courses"][0]["generations"]
    assert [one["examples"] for one in replace] == [60, 60, 60, 60]
    assert [one["examples"] for one in told["courses"][2]["generations"]] == [60, 120, 180, 240]
    assert all(
        one["heldout"]["least"] <= one["heldout"]["mean"] <= one["heldout"]["greatest"]
        for one in replace
    )
    assert (at / "out/collapse.png").read_bytes().startswith(b"\x89PNG")


def test_the_configured_student_learns_from_its_own_answers(
    at: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = {"sport": "goal team match", "law": "court judge vote"}
    rng = np.random.default_rng(0)
    rows = [
        {"question": " ".join(rng.choice(words.split(), size=2)) + f" {number}", "label": label}
        for number in range(40)
        for label, words in kinds.items()
    ]
    held = [
        {"question": f"the {row['question']} now", "reference_answer": row["label"]} for row in rows
    ]
    words = [
        f"seeds.path={seeds(at, rows)}", f"heldout.path={seeds(at, held, 'held.jsonl')}",
        "task=classify", "task.labels=[sport,law]", "judge=confidence", "student=classifier",
        "seeds.real_labels=10", "tracking=none", "collapse.generations=2", "paths.out=out",
        "student.min_texts=1",
    ]  # fmt: skip
    assert main(["collapse", *words]) == 0
    told = json.loads((at / "out/collapse.json").read_text(encoding="utf-8"))
    assert (told["student"], told["measure"], told["real"]) == ("Classifier", "accuracy", 10)
    generations = told["courses"][0]["generations"]
    assert generations[0]["heldout"]["mean"] > 0.8
    assert generations[0]["distinct_2"] is None
    assert [one["examples"] for one in generations] == [10, 70, 70]
    assert "accuracy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["collapse.generations=0"], "collapse.generations: got 0, want a whole number from 1"),
        (["collapse.regimes=[]"], "collapse.regimes: got [], want a list of replace"),
        (["collapse.regimes=[forget]"], "collapse.regimes"),
        (["collapse.column=answer"], "collapse.column"),
        (["collapse.column=reference"], "got 0 real texts in the column reference"),
        (["--frobnicate"], "no such flag: --frobnicate"),
        (["student=classifier", "task=classify", "task.labels=[a,b]", "judge=confidence"],
         "needs held-out examples"),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_told(
    at: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    path = seeds(at, [{"question": text} for text in texts(30)])
    assert main(["collapse", f"seeds.path={path}", "tracking=none", *words]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert "Traceback" not in err


def test_the_textbook_prints_its_theory(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collapse", "--textbook"]) == 0
    out = capsys.readouterr().out
    assert "at most 1.645" in out
    assert "51" in out
    assert main(["collapse", "--textbook", "seed=1"]) == 2


def test_mlflow_gets_the_curves_and_a_child_for_each_generation(
    at: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = seeds(at, [{"question": text} for text in texts(40)])
    words = [
        f"seeds.path={path}", "tracking.uri=sqlite:///t.db", "collapse.generations=2",
        "collapse.repeats=1", "paths.out=out",
    ]  # fmt: skip
    assert main(["collapse", *words]) == 0
    capsys.readouterr()
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{at}/t.db")
    experiments = [one.experiment_id for one in client.search_experiments()]
    (parent,) = client.search_runs(experiments, "tags.`distill.kind` = 'collapse'")
    course = client.get_metric_history(parent.info.run_id, "collapse/replace/perplexity")
    told = json.loads((at / "out/collapse.json").read_text(encoding="utf-8"))
    expected = [one["heldout"]["mean"] for one in told["courses"][0]["generations"]]
    assert [point.value for point in sorted(course, key=lambda m: m.step)] == expected
    children = client.search_runs(
        experiments, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    )
    assert {run.info.run_name for run in children} == {f"generation {n}" for n in range(3)}
    assert {run.info.status for run in [parent, *children]} == {"FINISHED"}
    assert parent.data.params["collapse.share"] == "0.5"
    names = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert names == {"collapse.json", "collapse.png", "collapse.html"}
