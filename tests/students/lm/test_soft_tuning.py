"""A teacher's distributions at each token: kept, lacking little, and learnt."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import sums, write_tiny

from distill.config import compose
from distill.errors import UserError
from distill.students import SoftTargetsLm
from distill.students.classifier import TrainingError
from distill.students.lm.base import identify
from distill.students.lm.job import RESULT_FOLDER, Job, read_job
from distill.students.lm.vocabulary import check_same, read_vocabulary
from distill.students.lm.worker import Stopped, Work
from distill.students.sft import conversations, split

torch = pytest.importorskip("torch", reason="the extra train is not installed")
# The libraries warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")

KINDS = ("forward_kl", "reverse_kl", "jensen_shannon")
PARTS = ("train", "validation")
FULL = {"rank": None, "alpha": 1.0, "dropout": 0.0, "targets": []}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the folders of a teacher and a student, of one vocabulary and different weights."""
    from transformers import LlamaForCausalLM

    student = write_tiny(tmp_path_factory.mktemp("student"))
    teacher = write_tiny(tmp_path_factory.mktemp("teacher"))
    model = LlamaForCausalLM.from_pretrained(str(teacher))
    torch.manual_seed(7)
    for weights in model.parameters():
        weights.data += 0.15 * torch.randn_like(weights)
    model.save_pretrained(str(teacher))
    return teacher, student


def student_of(pair: tuple[Path, Path], work: Path, **changes: Any) -> SoftTargetsLm:
    words = ["seeds.path=-", "student=soft_targets_lm", f"student.teacher={pair[0]}"]
    node: dict[str, Any] = compose([*words, f"student.base={pair[1]}"])["student"]
    del node["_target_"]
    usual = {
        "work": str(work),
        "lora": FULL,
        "learning_rate": 0.005,
        "schedule": "constant",
        "validation_share": 0.0,
        "device": "cpu",
        "threads": 1,
        "alpha": 1.0,
    }
    return SoftTargetsLm(**(node | usual | changes))


def did(
    student: SoftTargetsLm,
    trainer: Any,
    base: str,
    settings: Any,
    *,
    n: int = 6,
    stop_at: int | None = None,
) -> Work:
    """Do a job in this process; with `stop_at`, tell it to stop after as many steps."""
    examples = sums(n)
    rows = split(conversations(examples.questions, examples.answers, None), 0.2, 0)
    job = Job(trainer=trainer.__name__, base=identify(base), settings=settings, seed=3, data=rows)
    folder = job.write(Path(student.work))
    (folder / RESULT_FOLDER).mkdir(exist_ok=True)
    said: list[Any] = []
    stopping = threading.Event()

    def hear(word: dict[str, Any]) -> None:
        said.append(word)
        if stop_at is not None and word.get("done") == stop_at:
            stopping.set()

    work = Work(read_job(folder), identify(base).source, folder / RESULT_FOLDER, hear, stopping)
    trainer.train(work)
    work.figures["said"] = said
    return work


def asked(student: SoftTargetsLm, *, stop_at: int | None = None) -> Work:
    from distill.students.lm import teacher_pass

    told = {key: getattr(student, key) for key in ("max_tokens", "top_k", "temperature")}
    told |= {"device": "cpu", "threads": 1, "student": student.base, "student_sha256": ""}
    return did(student, teacher_pass, student.teacher, told, stop_at=stop_at)


def tuned(student: SoftTargetsLm, asking: Work, *, stop_at: int | None = None) -> Work:
    from distill.students.lm import soft_tuning

    settings = student.shaping() | {"targets": asking.job.folder.name}
    return did(student, soft_tuning, student.base, settings, stop_at=stop_at)


def test_a_stopped_training_goes_on_to_the_weights_of_an_undisturbed_one(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    found = []
    for name, stop_at in (("whole", None), ("cut", 2)):
        student = student_of(pair, tmp_path / name, max_steps=4, checkpoint_steps=1)
        asking = asked(student)
        if stop_at is not None:
            with pytest.raises(Stopped):
                tuned(student, asking, stop_at=stop_at)
        work = tuned(student, asking)
        assert work.figures.get("resumed_from_step") == stop_at
        found.append((work.draft / "model.safetensors").read_bytes())

    assert found[0] == found[1]


def test_a_teachers_pass_that_is_told_to_stop_leaves_nothing_that_looks_whole(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(Stopped):
        asked(student_of(pair, tmp_path), stop_at=2)

    assert not list(tmp_path.glob("*/result/*"))


def test_the_kept_distributions_are_the_teachers_at_the_tokens_of_the_answers(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    from distill.students.lm.base import load_tokenizer
    from distill.students.lm.encoding import encode
    from distill.students.lm.teacher_pass import read_targets

    work = asked(student_of(pair, tmp_path, top_k=5, temperature=2.0))
    targets = read_targets(work.draft)
    row = work.job.rows("train")[0]
    encoded = encode(load_tokenizer(pair[1]), row["prompt"], row["completion"][0]["content"])
    model = AutoModelForCausalLM.from_pretrained(str(pair[0]))
    logits = model(torch.tensor([encoded.input_ids])).logits[0] / 2.0
    places = [i - 1 for i, label in enumerate(encoded.labels) if label != -100]
    wanted = torch.log_softmax(logits[places], dim=-1).detach()
    found = slice(0, len(places))

    assert targets.of(0) == found
    assert targets.said[found].tolist() == [x for x in encoded.labels if x != -100]
    assert targets.ids[found].tolist() == wanted.topk(5).indices.tolist()
    assert np.allclose(targets.logs[found], wanted.topk(5).values, atol=2e-3)
    rest = 1 - wanted.topk(5).values.exp().sum(dim=-1)
    assert np.allclose(np.exp(targets.tail[found]), rest, atol=1e-5)
    assert work.figures["bytes_a_position"] == 5 * 6 + 4


def test_the_loss_over_all_tokens_is_the_whole_divergence_and_over_some_a_little_less(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    from distill.students.lm import soft_tuning
    from distill.students.lm.base import load_tokenizer
    from distill.students.lm.teacher_pass import read_targets

    model = AutoModelForCausalLM.from_pretrained(str(pair[1]))
    lacks: dict[str, dict[int | None, Any]] = {kind: {} for kind in KINDS}
    for top_k in (8, 128, None):
        student = student_of(pair, tmp_path, top_k=top_k)
        work = asked(student)
        targets = read_targets(work.draft)
        tokenizer = load_tokenizer(pair[1])
        sets = {name: soft_tuning.encoded_rows(work, tokenizer, name) for name in PARTS}
        rows = soft_tuning._numbered(sets, targets)
        for kind, found in lacks.items():
            how = student.shaping() | {"divergence": kind}
            found[top_k] = soft_tuning.lacking(model, [*rows["train"], *rows["validation"]],
                                               targets, how)  # fmt: skip

    for found in lacks.values():
        whole = found[None]
        assert whole["tail_mass_mean"] == 0
        assert whole["loss_kept"] == pytest.approx(whole["loss_whole"], rel=0.01)
        assert whole["loss_whole"] > 0.01
        assert found[8]["loss_kept"] < found[128]["loss_kept"] < whole["loss_whole"] * 1.001
        assert found[8]["tail_mass_mean"] > found[128]["tail_mass_mean"] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_student_comes_closer_to_its_teacher(
    kind: str, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    student = student_of(pair, tmp_path, divergence=kind, epochs=5.0, top_k=32)

    work = tuned(student, asked(student))

    losses = [line["loss"] for line in work.figures["log"] if "loss" in line]
    assert losses[-1] < 0.7 * losses[0]
    assert losses[0] == pytest.approx(work.figures["top_k"]["loss_kept"], rel=0.25)
    (said,) = [word["say"] for word in work.figures["said"] if "say" in word]
    assert "of the teacher's 258 tokens 32 are kept" in said


def test_without_weight_on_the_teacher_it_is_fine_tuning(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    from distill.students import Sft
    from distill.students.lm import tuning

    student = student_of(pair, tmp_path, alpha=0.0, epochs=2.0)
    soft = tuned(student, asked(student))
    names = set(Sft.__dataclass_fields__)
    plain = Sft(**{key: value for key, value in vars(student).items() if key in names})
    hard = did(plain, tuning, plain.base, plain.shaping())  # type: ignore[arg-type]

    def of(work: Work) -> list[float]:
        return [line["loss"] for line in work.figures["log"] if "loss" in line]

    assert of(soft) == pytest.approx(of(hard), rel=1e-3)


def test_a_batch_computed_in_parts_teaches_the_same(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    losses = []
    for size in (1, 4):
        student = student_of(pair, tmp_path, batch_size=4, micro_batch_size=size, max_steps=3)
        log = tuned(student, asked(student)).figures["log"]
        losses.append([line["loss"] for line in log if "loss" in line])

    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def on_policy(student: SoftTargetsLm) -> Work:
    from distill.students.lm import on_policy as module

    told = {"teacher": student.teacher, "max_new_tokens": 12}
    return did(student, module, student.base, student.shaping() | told)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_on_the_datasets_answers_trl_means_the_same_by_a_divergence(
    kind: str, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    student = student_of(pair, tmp_path, top_k=None, divergence=kind, beta=0.3, max_steps=2,
                         batch_size=2, micro_batch_size=2)  # fmt: skip
    ours = tuned(student, asked(student)).figures["log"]
    theirs = on_policy(student).figures["log"]

    assert [line["loss"] for line in ours if "loss" in line] == pytest.approx(
        [line["loss"] for line in theirs if "loss" in line], rel=0.02
    )


@pytest.mark.slow
def test_a_student_comes_closer_to_its_teacher_on_answers_of_its_own(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    student = student_of(pair, tmp_path, top_k=None, on_policy_share=1.0, max_steps=12)

    log = on_policy(student).figures["log"]

    losses = [line["loss"] for line in log if "loss" in line]
    assert len(losses) == 12
    assert np.mean(losses[-3:]) < 0.7 * np.mean(losses[:3])


def test_on_policy_wants_whole_distributions_and_nothing_else(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    for changes in ({"top_k": 5}, {"alpha": 0.5, "top_k": None}):
        with pytest.raises(ValueError, match=r"on_policy_share: want student.alpha=1"):
            student_of(pair, tmp_path, on_policy_share=0.5, **changes)


def test_damaged_or_foreign_distributions_are_refused(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    from distill.students.lm import soft_tuning
    from distill.students.lm.teacher_pass import read_targets

    work = asked(student_of(pair, tmp_path))
    targets = read_targets(work.draft)
    rows = [{"input_ids": [1, 2], "labels": [-100, 2]}]
    with pytest.raises(TrainingError, match="the teacher looked at others"):
        soft_tuning._numbered({"train": rows, "validation": []}, targets)
    with (work.draft / "logs.npy").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(UserError, match=r"damaged \(logs.npy is not what was written\)"):
        read_targets(work.draft)


def test_vocabularies_that_differ_are_told_with_sizes_and_the_first_token_that_does() -> None:
    assert check_same({"a": 0, "b": 1}, {"b": 1, "a": 0}) == 2
    with pytest.raises(
        UserError, match="3 tokens against 2, 1 of them otherwise; 'c' is 2 to the "
    ):
        check_same({"a": 0, "b": 1, "c": 2}, {"a": 0, "b": 1})
    with pytest.raises(UserError, match="'a' is 1 to the teacher and 0 to the student"):
        check_same({"a": 1, "b": 0}, {"a": 0, "b": 1})


def test_another_vocabulary_is_refused_before_anything_is_spent(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    student = student_of(pair, tmp_path)
    student.ready()
    with pytest.raises(UserError, match=r"student.teacher: got '.*nowhere', want") as caught:
        student_of((tmp_path / "nowhere", pair[1]), tmp_path).ready()
    assert "student.base" not in str(caught.value.hint)
    assert len(read_vocabulary(pair[1]) or {}) == 258
    other = write_tiny(tmp_path / "other")
    told = json.loads((other / "tokenizer.json").read_text())
    vocabulary = told["model"]["vocab"]
    vocabulary["!"], vocabulary['"'] = vocabulary['"'], vocabulary["!"]
    (other / "tokenizer.json").write_text(json.dumps(told))

    with pytest.raises(UserError, match="258 tokens against 258, 2 of them otherwise"):
        student_of((other, pair[1]), tmp_path).ready()


def test_the_same_model_twice_and_packing_are_refused(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="teacher: want another model"):
        student_of((pair[1], pair[1]), tmp_path)
    with pytest.raises(ValueError, match="packing: want false"):
        student_of(pair, tmp_path, packing=True)


@pytest.mark.slow
def test_teacher_and_student_run_in_processes_of_their_own_and_once(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    student = student_of(pair, tmp_path, max_steps=2)

    trained = student.fit(sums(4), seed=0)
    logs = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/log.txt")}
    again = student.fit(sums(4), seed=0)

    assert {path.parent.name.rpartition("-")[0] for path in logs} == {
        "teacher_pass",
        "soft_tuning",
    }
    assert logs == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/log.txt")}
    assert trained.answer(["What is 1 plus 1?"]) == again.answer(["What is 1 plus 1?"])
