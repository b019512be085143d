"""What filters and judge are worth is seen beside as many rows drawn blindly."""

from __future__ import annotations

from workbench import Workbench


def test_a_random_control_of_the_same_size_costs_nothing_and_draws_from_all_answers(
    bench: Workbench,
) -> None:
    questions = [f"Why does metal number {i} melt in a furnace?" for i in range(40)]
    bench.write("seeds.jsonl", [{"id": f"q{i}", "question": q} for i, q in enumerate(questions)])
    bench.api.grade = lambda prompt, body, attempt: 5 if "number 1" in prompt else 1
    assert bench.run("filter=none").status == 0
    curated, rows = bench.lines("dataset.jsonl"), bench.manifest["rows"]
    paid = bench.api.count("teacher", "judge")
    assert 0 < rows < 40

    control = ["judge=none", "filter=none", "select=random_rows", f"select.max_rows={rows}"]
    ended = bench.main(bench.words(*control))

    assert ended.status == 0, ended.err
    assert bench.manifest["rows"] == rows
    assert bench.api.count("teacher", "judge") == paid
    assert set(bench.reasons.values()) == {"select/not_drawn"}
    assert bench.lines("dataset.jsonl") != curated
    drawn = bench.lines("dataset.jsonl")
    assert bench.main(bench.words(*control, "seed=1")).status == 0
    assert bench.lines("dataset.jsonl") != drawn
