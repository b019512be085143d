"""A run whose questions were partly made, with something amiss."""

from __future__ import annotations

from rewriter import rewriting
from stored_runs import drop_response, edit_config, edit_response, vouch
from workbench import Workbench


def test_a_rebuild_tells_which_new_question_is_missing(bench: Workbench) -> None:
    bench.api.teacher = rewriting()
    bench.run("augment=paraphrase", "augment.per_seed=1")
    drop_response(bench.out, "in other words", bench.manifest["teacher"]["model"])
    vouch(bench.out)

    ended = bench.main(["reproduce", "runs/one"])

    assert ended.status == 1
    assert "row s0~paraphrase-1: its response is missing (augment)." in ended.out
    assert "row s0~paraphrase-1, question: " in ended.out
    assert "in the run (augment)" in ended.out


def test_a_question_that_was_altered_is_told_as_the_stage_that_made_it(bench: Workbench) -> None:
    bench.api.teacher = rewriting()
    bench.run("augment=paraphrase", "augment.per_seed=1")
    edit_response(bench.out, "in other words", "In case", "In the case")
    vouch(bench.out)

    ended = bench.main(["reproduce", "runs/one"])

    assert ended.status == 1
    assert "row s0~paraphrase-1, question: 'In the case" in ended.out
    assert "in the run (augment)" in ended.out


def test_a_config_that_asks_for_more_questions_than_the_run_made_does_not_rebuild(
    bench: Workbench,
) -> None:
    bench.api.teacher = rewriting()
    bench.run("augment=paraphrase", "augment.per_seed=1")
    edit_config(bench.out, lambda config: config["augment"].update(per_seed=2))

    ended = bench.main(["reproduce", "runs/one"])

    assert ended.status == 1
    assert not ended.has_traceback
    assert "(augment)" in ended.out
