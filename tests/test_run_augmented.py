"""New questions end to end: made out of real ones, screened, answered, rebuilt."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from fake_api import CUT, Message, Status
from rewriter import is_rewriting, reworded, rewriting, text_of
from workbench import QUESTIONS, Workbench

from distill.embeddings import require_embeddings
from distill.errors import ExtraMissingError
from distill.stages.augment import key_of

HELD = "How many of the nine hundred boats in the old harbour had left by noon on that day?"
TWENTY = [
    {"id": f"q{i}", "question": f"Why does river number {i} flow north in spring?"}
    for i in range(20)
]


def children(bench: Workbench) -> pl.DataFrame:
    return bench.table.filter(pl.col("parent_id").is_not_null())


def about(row: dict[str, Any]) -> Any:
    return json.loads(row["extra"])["augment"]


def rewritten(bench: Workbench) -> list[str]:
    return [text_of(p) for p in rewriting_prompts(bench)]


def rewriting_prompts(bench: Workbench) -> list[str]:
    bodies = bench.api.bodies("teacher")
    return [body["messages"][-1]["content"] for body in bodies if is_rewriting(body)]


def test_twenty_seeds_become_more_than_a_hundred_rows_and_rebuild_without_a_call(
    bench: Workbench, cut_off: Callable[[], None]
) -> None:
    bench.write("seeds.jsonl", TWENTY)
    bench.api.teacher = rewriting()
    ended = bench.run("augment=paraphrase", "augment.per_seed=5")

    assert ended.status == 0, ended.err
    manifest = bench.manifest
    assert manifest["funnel"] == {
        "seeds": 20,
        "augmented": 120,
        "generated": 120,
        "filtered": 120,
        "judged": 120,
        "selected": 120,
    }
    assert (manifest["rows"], manifest["synthetic_rows"]) == (120, 100)
    assert manifest["augment"]["requests"] == 100
    assert manifest["teacher"]["requests"] == 120
    assert manifest["augment"]["cost_usd"] > 0
    assert {f"augment/{why}" for why in ("copy", "duplicate", "heldout_neighbour")} <= set(
        manifest["rejected"]
    )
    cut_off()

    ended = bench.main(["reproduce", "runs/one"])

    assert ended.status == 0, ended.out + ended.err
    assert ended.err == ""
    assert ended.out.count("identical") == 3
    assert bench.api.count() == 0


def test_a_child_is_synthetic_has_its_real_parent_and_never_its_answer(bench: Workbench) -> None:
    seeds = [
        {"id": "a", "question": QUESTIONS[0], "reference_answer": "docker", "slice": "ops"},
        {"id": "b", "question": QUESTIONS[1], "origin": "log"},
        {"id": "c", "question": QUESTIONS[2], "origin": "synthetic"},
    ]
    bench.write("seeds.jsonl", seeds)
    bench.api.teacher = rewriting()
    ended = bench.run("augment=paraphrase", "augment.per_seed=2", "seeds.real_labels=1")

    assert ended.status == 0, ended.err
    made = children(bench)
    assert made["id"].to_list() == [
        "a~paraphrase-1",
        "a~paraphrase-2",
        "b~paraphrase-1",
        "b~paraphrase-2",
    ]
    assert made["parent_id"].to_list() == ["a", "a", "b", "b"]
    assert made["slice"].to_list() == ["ops", "ops", None, None]
    assert set(made["origin"]) == {"synthetic"}
    assert set(made["source"]) == {"teacher"}
    assert made["reference"].null_count() == 4
    assert bench.table["id"].to_list()[:3] == ["a", "b", "c"]
    stored = set(pl.read_parquet(bench.out / "responses.parquet")["key"])
    assert {key_of(row) for row in made.iter_rows(named=True)} < stored
    assert about(made.row(0, named=True))["from"] == "a"


@pytest.mark.parametrize(("keep", "given"), [("true", "docker"), ("false", None)])
def test_a_paraphrase_keeps_its_parents_reference_only_where_that_is_asked_for(
    bench: Workbench, keep: str, given: str | None
) -> None:
    row = {"id": "a", "question": QUESTIONS[0], "reference_answer": "docker"}
    bench.write("seeds.jsonl", [row])
    bench.api.teacher = rewriting()
    bench.run("augment=paraphrase", f"augment.keep_reference={keep}", "seeds.real_labels=0")

    assert set(children(bench)["reference"]) == {given}
    answered = children(bench).filter(pl.col("answer").is_not_null())
    assert "docker" not in set(answered["answer"])


def test_what_gives_a_held_out_question_away_is_dropped_and_no_model_sees_it_again(
    bench: Workbench, cut_off: Callable[[], None]
) -> None:
    near = HELD.replace("nine hundred", "900").replace("?", " please?")

    def rewriter(text: str, prompt: str) -> str:
        if text == QUESTIONS[1]:
            return f"  {HELD.upper()} "
        return near if text == QUESTIONS[3] else reworded(text, prompt)

    bench.write("heldout.jsonl", [{"id": "h0", "question": HELD, "reference_answer": "x"}])
    bench.api.teacher = rewriting(rewriter)
    ended = bench.run("augment=evolve", "augment.rounds=2", "heldout.path=heldout.jsonl")

    assert ended.status == 0, ended.err
    fell = children(bench).filter(reason="heldout_neighbour")
    assert set(fell["parent_id"]) == {"s1", "s3"}
    assert {bench.reasons[row] for row in fell["id"]} == {"augment/heldout_neighbour"}
    assert bench.manifest["rejected"]["augment/heldout_neighbour"] == fell.height == 4
    assert fell["detail"][0] == "is held-out h0"
    assert "of the words of held-out h0" in fell.filter(parent_id="s3")["detail"][0]
    assert bench.manifest["guards"]["contamination"] == "pass"
    prompts = [*bench.api.prompts("teacher"), *bench.api.prompts("judge")]
    assert not any("harbour" in prompt.lower() for prompt in prompts)
    cut_off()
    (bench.folder / "heldout.jsonl").unlink()

    ended = bench.main(["reproduce", "runs/one"])
    assert ended.status == 0, ended.out + ended.err
    assert bench.api.count() == 0


def test_a_config_file_rebuilds_from_the_ledger_with_its_held_out_set(bench: Workbench) -> None:
    bench.write("heldout.jsonl", [{"id": "h0", "question": HELD, "reference_answer": "x"}])
    bench.api.teacher = rewriting(
        lambda text, prompt: HELD if text == QUESTIONS[1] else reworded(text, prompt)
    )
    bench.run("augment=persona", "heldout.path=heldout.jsonl")
    (bench.folder / "config.yaml").write_bytes((bench.out / "config.yaml").read_bytes())
    bench.api.forget()

    ended = bench.main(["reproduce", "config.yaml", "ledger.url=ledger.db"])

    assert ended.status == 0, ended.out + ended.err
    assert f"dataset: rebuilt, sha256 {bench.manifest['dataset_sha256']}" in ended.out
    assert bench.api.count() == 0


BAD = [
    pytest.param(Message("So be it."), "unread", id="prose"),
    pytest.param(Message('{"question": 5}'), "unread", id="a number"),
    pytest.param(Message('{"text": "x"}'), "unread", id="another key"),
    pytest.param(Message('{"question": "a\\ud800b"}'), "unread", id="half a character"),
    pytest.param(Message('{"question": "a\\u0000b"}'), "unread", id="a NUL"),
    pytest.param(Message("[" * 50_000, output_tokens=9), "unread", id="deeply nested"),
    pytest.param(Message('{"question": " \\u200b\\n"}'), "empty", id="no ink"),
    pytest.param(Message(""), "empty", id="nothing"),
    pytest.param(Message("I will not.", stop_reason="refusal"), "refusal", id="refusal"),
    pytest.param(Message('{"question": "Wh', stop_reason="max_tokens"), "max_tokens", id="cut"),
    pytest.param(f"  {QUESTIONS[3].upper()} !", "copy", id="copy"),
    pytest.param(QUESTIONS[0], "duplicate", id="another seed"),
    pytest.param(Status(400, "no such thing"), "error", id="error"),
    pytest.param(CUT, "error", id="lost connection"),
]


@pytest.mark.parametrize(("told", "reason"), BAD)
def test_a_rewriting_that_came_out_badly_falls_out_with_its_reason_and_nothing_is_lost(
    bench: Workbench, told: Any, reason: str, cut_off: Callable[[], None]
) -> None:
    bench.api.teacher = rewriting(
        lambda text, prompt: told if text == QUESTIONS[3] else reworded(text, prompt)
    )
    ended = bench.run("augment=grid", "augment.per_seed=1")

    assert ended.status == 0, ended.err
    assert bench.reasons == {"s3~grid-1": f"augment/{reason}"}
    assert bench.manifest["funnel"]["augmented"] == 2 * len(QUESTIONS) - 1
    assert bench.manifest["rows"] == 2 * len(QUESTIONS) - 1
    assert children(bench).height == len(QUESTIONS)
    cut_off()

    ended = bench.main(["reproduce", "runs/one"])
    assert ended.status == 0, ended.out + ended.err
    assert bench.api.count() == 0


def test_of_equal_rewritings_the_first_stays(bench: Workbench) -> None:
    bench.api.teacher = rewriting(lambda *_: "Is it always the same?")
    bench.run("augment=paraphrase", "augment.per_seed=2")

    made = children(bench)
    assert made.filter(pl.col("stage").is_null())["id"].to_list() == ["s0~paraphrase-1"]
    assert bench.manifest["rejected"]["augment/duplicate"] == 2 * len(QUESTIONS) - 1


def test_a_request_that_failed_is_asked_again_next_time_and_nothing_else(bench: Workbench) -> None:
    down = True

    def rewriter(text: str, prompt: str) -> Any:
        return Status(500, "overheated") if down and "metals" in text else reworded(text, prompt)

    bench.api.teacher = rewriting(rewriter)
    bench.run("augment=paraphrase", "augment.per_seed=2")
    assert bench.reasons == {
        "s3~paraphrase-1": "augment/error",
        "s3~paraphrase-2": "augment/error",
    }
    down = False
    bench.api.forget()
    bench.run("augment=paraphrase", "augment.per_seed=2")

    assert len(rewriting_prompts(bench)) == 2
    assert bench.api.count("teacher") == 4
    assert bench.manifest["augment"]["cached"] == 10
    assert bench.reasons == {}


def test_a_failed_step_is_eliminated_and_its_line_goes_on_from_the_text_before_it(
    bench: Workbench,
) -> None:
    def rewriter(text: str, prompt: str) -> str:
        if "depth" in prompt:
            return f"Here is the rewritten question: {text}"
        return f"{text} " + "and more " * 40 if "realistic" in prompt else reworded(text, prompt)

    bench.api.teacher = rewriting(rewriter)
    ended = bench.run("augment=evolve", "augment.rounds=6")

    assert ended.status == 0, ended.err
    made = children(bench)
    by_step = {about(row)["step"]: row["reason"] for row in made.iter_rows(named=True)}
    assert by_step == {
        "constrain": None,
        "deepen": "leaked_prompt",
        "concretise": None,
        "reason": None,
        "complicate": "too_long",
        "broaden": None,
    }
    assert made.filter(reason="leaked_prompt")["detail"][0] == "it says 'rewritten question'"
    assert "words more, at most" in made.filter(reason="too_long")["detail"][0]
    for seed in range(len(QUESTIONS)):
        line = made.filter(parent_id=f"s{seed}").rows(named=True)
        source = f"s{seed}"
        for row in line:
            assert about(row)["from"] == source
            source = source if row["reason"] else row["id"]
    assert max(len(text.split("In case")) for text in rewritten(bench)) == 4


def test_a_run_that_asks_for_no_new_question_says_so(bench: Workbench) -> None:
    ended = bench.run_unjudged("augment=paraphrase", "augment.per_seed=0")

    assert ended.status == 0, ended.err
    words = " ".join(ended.out.split())
    assert "no new question was asked for (augment.per_seed=0)" in words


def test_another_model_may_write_the_questions(bench: Workbench) -> None:
    bench.api.teacher = rewriting()
    ended = bench.run(
        "augment=paraphrase",
        "teacher@augment.via=vllm",
        "augment.via.model=writer-1",
        f"augment.via.base_url={bench.api.url}/v1",
    )

    assert ended.status == 0, ended.err
    assert bench.manifest["augment"]["served"] == ["writer-1"]
    assert bench.manifest["teacher"]["served"] == [bench.manifest["teacher"]["model"]]
    writers = {body["model"] for body in bench.api.bodies("teacher") if is_rewriting(body)}
    assert writers == {"writer-1"}


def test_an_alias_that_writes_questions_stops_the_run_before_it_spends(bench: Workbench) -> None:
    ended = bench.run(
        "augment=paraphrase", "teacher@augment.via=claude", "augment.via.model=claude-opus-4-5"
    )

    assert ended.status == 2
    assert "augment.via.model: got 'claude-opus-4-5'" in ended.err
    assert "augment.via.allow_alias=true" in ended.err
    assert bench.api.count() == 0


def test_how_it_is_augmented_shapes_the_dataset_and_where_it_is_asked_does_not(
    bench: Workbench,
) -> None:
    bench.api.teacher = rewriting()
    runs = {
        "base": ["augment=paraphrase"],
        "fewer": ["augment=paraphrase", "augment.per_seed=2"],
        "style": ["augment=paraphrase", "augment.styles.plain=as a poem"],
        "draw": ["augment=paraphrase", "augment.per_seed=2", "seed=1"],
    }
    identities = {}
    for name, overrides in runs.items():
        bench.run(*overrides, f"paths.out=runs/{name}")
        made = json.loads((bench.folder / f"runs/{name}/manifest.json").read_text())
        identities[name] = (made["config_sha256"], made["dataset_sha256"])
    assert len({config for config, _ in identities.values()}) == len(runs)
    assert len({dataset for _, dataset in identities.values()}) == len(runs)

    via = ["teacher@augment.via=claude", f"augment.via.base_url={bench.api.url}"]
    for concurrency in (1, 7):
        bench.run(
            "augment=paraphrase", *via, f"augment.via.concurrency={concurrency}", "paths.out=runs/v"
        )
        made = json.loads((bench.folder / "runs/v/manifest.json").read_text())
        identities[str(concurrency)] = (made["config_sha256"], made["dataset_sha256"])
    assert identities["1"] == identities["7"]
    assert identities["1"][1] == identities["base"][1]


def test_card_page_and_terminal_say_how_much_of_it_is_synthetic(bench: Workbench) -> None:
    bench.api.teacher = rewriting()
    ended = bench.run("augment=paraphrase", "augment.per_seed=2")

    card = (bench.out / "README.md").read_text(encoding="utf-8")
    page = (bench.out / "report.html").read_text(encoding="utf-8")
    assert "| with a synthetic question | 12 (66.7%); no user has asked it |" in card
    assert "66.7% of its questions are synthetic" in card
    assert "**Augmentation.** Paraphrase" in card
    assert "Synthetic questions" in page
    assert "12 of 12 new questions kept" in ended.out + ended.err


def test_without_augmentation_nothing_speaks_of_it(bench: Workbench) -> None:
    bench.run()

    assert "augmented" not in bench.manifest["funnel"]
    assert "augment" not in bench.manifest
    assert bench.manifest["synthetic_rows"] == 0
    assert "ugment" not in (bench.out / "README.md").read_text(encoding="utf-8")


def test_what_was_dropped_is_never_a_canary(bench: Workbench) -> None:
    bench.write("heldout.jsonl", [{"id": "h0", "question": HELD, "reference_answer": "x"}])
    bench.api.teacher = rewriting(lambda *_: HELD)
    ended = bench.run(
        "augment=paraphrase", "heldout.path=heldout.jsonl", "drift.questions=100", "drift.samples=2"
    )

    assert ended.status == 0, ended.err
    assert bench.manifest["canaries"]["questions"] == len(QUESTIONS)
    assert not any("harbour" in prompt for prompt in bench.api.prompts("teacher"))


def test_a_sweep_over_ways_to_augment_runs_each(bench: Workbench) -> None:
    bench.api.teacher = rewriting()
    words = bench.with_judge("augment=paraphrase,grid", "augment.per_seed=1,2", "-m")
    ended = bench.main([word for word in words if not word.startswith("paths.out")])

    assert ended.status == 0, ended.err
    made = sorted(json.loads(p.read_text())["rows"] for p in bench.folder.rglob("manifest.json"))
    assert made == [12, 12, 18, 18]


def test_the_estimate_knows_the_most_that_a_run_can_ask(bench: Workbench) -> None:
    bench.api.teacher = rewriting()
    words = bench.with_judge("augment=evolve", "augment.rounds=2", "augment.per_seed=2")

    ended = bench.main(["estimate", "--json", *words[1:]])
    assert ended.status == 0, ended.err
    made = json.loads(ended.out)
    asked = {one["what"]: one["requests"] for one in made["lines"]}
    assert asked == {"new questions": 24, "answers": 30, "grades to come": 30}
    assert any("at most 24 new questions" in note for note in made["assumptions"])
    assert bench.api.count("judge") == 0
    assert not bench.ledger.exists()

    bench.main(words)
    assert bench.api.count("teacher") <= 54
    ended = bench.main(["estimate", "--json", *words[1:]])
    made = json.loads(ended.out)
    assert {one["requests"] for one in made["lines"]} == {0}
    assert not any("new questions" in note for note in made["assumptions"])


def test_the_ledger_explains_new_questions_too(bench: Workbench) -> None:
    bench.api.teacher = rewriting()
    words = bench.with_judge("augment=paraphrase", "augment.per_seed=2")[1:]
    bench.run()

    ended = bench.main(["ledger", "explain", *words])
    assert ended.status == 0, ended.err
    assert "Augment    12 requests: 0 answered, 12 missing" in ended.out
    assert "12 new questions are not written" in ended.out

    bench.run("augment=paraphrase", "augment.per_seed=2")
    ended = bench.main(["ledger", "explain", *words])
    assert "Everything that the run asks is in the ledger." in ended.out


def test_a_floor_keeps_synthetic_questions_from_crowding_out_the_real_ones(
    bench: Workbench, cut_off: Callable[[], None]
) -> None:
    bench.api.teacher = rewriting()
    bench.api.grade = lambda prompt, *_: 4 if "metals" in prompt else 5
    ended = bench.run("augment=paraphrase", "select.min_real_share=0.4")

    assert ended.status == 0, ended.err
    assert (bench.manifest["rows"], bench.manifest["synthetic_rows"]) == (15, 9)
    assert bench.manifest["rejected"]["select/real_share"] == 21
    fell = bench.table.filter(reason="real_share")
    assert fell.filter(parent_id="s3").height == 5
    cut_off()
    assert bench.main(["reproduce", "runs/one"]).status == 0


def test_a_floor_over_synthetic_seeds_alone_leaves_nothing_and_says_so(bench: Workbench) -> None:
    bench.write("seeds.jsonl", [{"question": q, "origin": "synthetic"} for q in QUESTIONS])
    ended = bench.run("augment=paraphrase", "select.min_real_share=0.1")

    assert ended.status == 0, ended.err
    assert bench.manifest["rows"] == 0
    card = (bench.out / "README.md").read_text(encoding="utf-8")
    assert "No row has a real question: select.min_real_share left nothing" in card
    assert rewritten(bench) == []


def test_killed_while_it_writes_questions_it_pays_twice_only_for_what_was_in_flight(
    bench: Workbench,
) -> None:
    bench.write("seeds.jsonl", TWENTY)
    bench.api.teacher = rewriting(answer=lambda prompt, *_: f"An answer to: {prompt}")
    words = bench.words(
        "judge=none", "filter=none", "augment=evolve", "augment.rounds=2", "teacher.concurrency=4"
    )
    bench.main([*words, "paths.out=runs/undisturbed", "ledger.url=undisturbed.db"])
    undisturbed = (bench.folder / "runs/undisturbed/dataset.jsonl").read_bytes()
    bench.api.forget()

    # In the first round, in the second, and while the teacher answers.
    for moment in (9, 33, 70):
        with bench.start(words) as process:
            bench.api.wait_for("teacher", moment, unless=process.poll)
            process.kill()
            process.communicate(timeout=60)
    ended = bench.process(words)

    assert ended.status == 0, ended.err
    assert (bench.out / "dataset.jsonl").read_bytes() == undisturbed
    assert 100 <= bench.api.count("teacher") <= 100 + 3 * 4


def test_a_dollar_cap_holds_for_new_questions_too(bench: Workbench) -> None:
    bench.api.teacher = rewriting()
    ended = bench.run("augment=paraphrase", "budget.max_usd=0.06", "teacher.concurrency=1")

    assert ended.status == 2
    assert "budget.max_usd" in ended.err
    assert 0 < len(rewritten(bench)) < 5 * len(QUESTIONS)
    assert not bench.out.exists()


def test_an_id_that_is_taken_is_not_taken_twice(bench: Workbench) -> None:
    rows = [
        {"id": "a", "question": QUESTIONS[0]},
        {"id": "a~paraphrase-1", "question": QUESTIONS[1], "origin": "synthetic"},
    ]
    bench.write("seeds.jsonl", rows)
    bench.api.teacher = rewriting()
    ended = bench.run("augment=paraphrase", "augment.per_seed=1")

    assert ended.status == 0, ended.err
    assert bench.table["id"].to_list() == ["a", "a~paraphrase-1", "a~paraphrase-1~"]
    assert bench.main(["reproduce", "runs/one"]).status == 0


def test_answers_can_be_asked_again_and_dropped_questions_are_not(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", bench.api.url)
    bench.write("heldout.jsonl", [{"id": "h0", "question": HELD, "reference_answer": "x"}])
    bench.api.teacher = rewriting(
        lambda text, prompt: HELD if "metals" in text else reworded(text, prompt)
    )
    bench.run("augment=paraphrase", "augment.per_seed=1", "heldout.path=heldout.jsonl")
    bench.api.forget()

    ended = bench.main(["reproduce", "runs/one", "--refresh"])

    assert "0 of 11 answers changed" in ended.out, ended.out + ended.err
    assert not any("harbour" in prompt for prompt in bench.api.prompts("teacher"))
    assert rewritten(bench) == []


def test_what_means_a_held_out_question_falls_out_where_that_is_asked_for(
    bench: Workbench, cut_off: Callable[[], None]
) -> None:
    try:
        require_embeddings()
    except ExtraMissingError as error:
        pytest.skip(str(error))
    near = "By noon on that day, how many boats had left the old harbour of the nine hundred?"
    bench.write("heldout.jsonl", [{"id": "h0", "question": HELD, "reference_answer": "x"}])
    bench.api.teacher = rewriting(
        lambda text, prompt: near if "metals" in text else reworded(text, prompt)
    )
    words = ("augment=paraphrase", "augment.per_seed=1", "heldout.path=heldout.jsonl")
    assert bench.run(*words).status == 0
    assert bench.reasons == {}

    ended = bench.run(*words, "augment.heldout_cosine=0.9")

    assert ended.status == 0, ended.err
    assert bench.reasons == {"s3~paraphrase-1": "augment/heldout_neighbour"}
    detail = bench.table.filter(id="s3~paraphrase-1")["detail"].item()
    assert detail.startswith("has a cosine of 0.9")
    cut_off()
    assert bench.main(["reproduce", "runs/one"]).status == 0
