from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from finished_runs import HOSTILE, LONG, SHAPES, MakeRun, warned

from distill.manifest import make_manifest
from distill.record import RunRecord
from distill.report import write_card, write_report
from distill.report.arms import ARM_MEANINGS
from distill.review import review_frame
from distill.stages import arms as arms_beside
from distill.stages import evaluate, evaluate_endpoint
from distill.stages.refit import CurvePoint, Reseeded
from distill.statistics import wilson

VOID = {"meta", "link", "br", "hr", "img", "input", "line", "rect", "circle"}
LOADS = {"img", "iframe", "object", "embed", "video", "audio", "form", "use", "image"}


class Page(HTMLParser):
    """The elements of a page; a tag that is closed wrongly is a fault."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is open" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.found if name == tag]


def _text(record: RunRecord, folder: Path) -> str:
    write_report(record, make_manifest(record), folder / "report.html")
    return (folder / "report.html").read_text(encoding="utf-8")


def _words(text: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


@pytest.mark.parametrize("shape", SHAPES)
def test_no_text_of_a_run_becomes_markup(shape: str, make_run: MakeRun, tmp_path: Path) -> None:
    page = Page(_text(make_run(**SHAPES[shape]), tmp_path))

    assert page.faults == []
    assert not {tag for tag, _ in page.found} & (LOADS | {"b"})
    assert not [name for _, attrs in page.found for name in attrs if name.startswith("on")]
    assert page.all("script") == [{}]


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_asked_of_the_network(shape: str, make_run: MakeRun, tmp_path: Path) -> None:
    text = _text(make_run(**SHAPES[shape]), tmp_path)
    page = Page(text)

    addresses = [
        attrs[name]
        for _, attrs in page.found
        for name in ("src", "href", "srcset", "action", "data", "xlink:href")
        if name in attrs
    ]
    assert {str(address)[:1] for address in addresses} <= {"#", "d"}
    assert [address for address in addresses if str(address)[0] == "d"] == ["data:,"]
    style = text[text.index("<style>") : text.index("</style>")]
    assert not re.search(r"url\(|@import|@font-face|https?:", style)


def test_the_policy_forbids_everything_but_style_and_our_one_script(
    make_run: MakeRun, tmp_path: Path
) -> None:
    text = _text(make_run(), tmp_path)
    script = text[text.index("<script>") + len("<script>") : text.index("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

    policies = [
        attrs["content"] for attrs in Page(text).all("meta") if "Content-Security" in str(attrs)
    ]
    assert policies == [
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_no_heading_skips_a_level(shape: str, make_run: MakeRun, tmp_path: Path) -> None:
    page = Page(_text(make_run(**SHAPES[shape]), tmp_path))

    levels = [int(tag[1]) for tag, _ in page.found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_page_can_be_found_through_without_eyes(
    shape: str, make_run: MakeRun, tmp_path: Path
) -> None:
    text = _text(make_run(**SHAPES[shape]), tmp_path)
    page = Page(text)

    ids = Counter(attrs["id"] for _, attrs in page.found if "id" in attrs)
    assert set(ids.values()) == {1}
    pointers = [str(attrs["href"])[1:] for attrs in page.all("a")]
    pointers += [
        str(attrs["aria-labelledby"]) for _, attrs in page.found if "aria-labelledby" in attrs
    ]
    assert set(pointers) <= set(ids)
    assert {"header", "main", "nav", "footer", "h1"} <= {tag for tag, _ in page.found}
    assert len(page.all("caption")) == len(page.all("table"))
    outer = re.findall(r"<svg (?:width)[^>]*>", text)
    assert all('aria-hidden="true"' in one or 'role="img" aria-label="' in one for one in outer)


def test_the_page_says_the_sentence_of_the_verdict_and_its_doubts(
    make_run: MakeRun, tmp_path: Path
) -> None:
    record = make_run(guards=warned())
    assert record.evaluation is not None

    words = _words(_text(record, tmp_path))

    assert record.evaluation.reason in words
    assert "What could overturn it Guard contamination: 25 of 220" in words


def test_every_accuracy_has_its_interval_beside_it(make_run: MakeRun, tmp_path: Path) -> None:
    record = make_run()
    assert record.evaluation is not None

    words = _words(_text(record, tmp_path))

    for arm in record.evaluation.arms.values():
        value, low, high = (
            f"{100 * share:.1f}%"
            for share in (arm.headline.value, arm.headline.low, arm.headline.high)
        )
        assert f"{value} {low} to {high}" in words


def test_every_arm_has_its_meaning() -> None:
    named = vars(evaluate).items()
    arms = {value for name, value in named if name.isupper() and isinstance(value, str)}
    arms |= {arms_beside.UNFILTERED, arms_beside.RANDOM_SAME_SIZE}
    arms |= {evaluate_endpoint.ENDPOINT, evaluate_endpoint.BASE}

    assert evaluate.STUDENT in arms
    assert set(ARM_MEANINGS) == arms


def test_a_long_text_is_cut_and_its_length_said(make_run: MakeRun, tmp_path: Path) -> None:
    text = _text(make_run(**SHAPES["long_texts"]), tmp_path)

    assert len(text.encode()) < 1_000_000
    assert f"Cut here; {len(LONG):,} characters in all." in text
    assert "Cut here; 90,000 characters in all." in text


@pytest.mark.parametrize("texts", [("<&" * 3_000,), ("👩" * 3_000,)], ids=["escaped", "wide"])
def test_ten_thousand_rows_stay_below_a_megabyte(
    texts: tuple[str], make_run: MakeRun, tmp_path: Path
) -> None:
    record = make_run(task="qa", rows=10_000, questions=texts, answers=(f"{texts[0]} a b c",))

    assert record.table.height > 10_000
    assert len(_text(record, tmp_path).encode()) < 1_000_000


def test_dropped_examples_show_why_they_fell_out(make_run: MakeRun, tmp_path: Path) -> None:
    record = make_run(task="qa")

    text = _text(record, tmp_path)

    fell = Counter(record.table["reason"].drop_nulls())
    dropped = text[text.index('<h3 id="dropped">') : text.index('<h3 id="nearest">')]
    badges = Counter(re.findall(r'<span class="badge">\w+/(\w+)</span>', dropped))
    assert sum(badges.values()) == 20
    assert set(badges) == set(fell) == {"refusal", "min_words", "below_threshold", "unscored"}
    # A reason has fewer than its share of five only where fewer rows have it.
    assert all(badges[reason] >= min(rows, 5) for reason, rows in fell.items())


def test_labels_beyond_a_screenful_are_counted(make_run: MakeRun, tmp_path: Path) -> None:
    text = _text(make_run(**SHAPES["many_labels"]), tmp_path)

    assert "90 more labels are not shown." in text


def test_passwords_of_the_config_stay_out(make_run: MakeRun, tmp_path: Path) -> None:
    record = make_run()
    record.plan.config["ledger"]["url"] = "postgresql://u:secret@host/db"

    text = _text(record, tmp_path)

    assert "postgresql://u:***@host/db" in text
    assert "secret" not in text


def test_what_waits_for_a_human_is_counted_and_its_first_rows_are_shown(
    make_run: MakeRun, tmp_path: Path
) -> None:
    record = make_run()
    assert "Waiting for review" not in _text(record, tmp_path)
    row = {"question": "Q?", "answer": "A", "stage": "filter", "reason": "pii"}
    record.review = review_frame([row | {"id": f"r{i}", "evidence": f"e-{i}."} for i in range(30)])

    text = _text(record, tmp_path)

    assert "Waiting for review 20 of 30 rows in review.jsonl" in _words(text)
    assert text.count('<span class="badge">filter/pii</span>') == 20
    assert "e-0." in text


def test_a_row_says_which_slice_it_is_of(make_run: MakeRun, tmp_path: Path) -> None:
    record = make_run()
    record.table = record.table.with_columns(slice=pl.lit("night <shift>"))

    assert "slice <bdi>night &lt;shift&gt;</bdi>" in _text(record, tmp_path)


def test_the_page_says_whether_choosing_was_worth_it(make_run: MakeRun, tmp_path: Path) -> None:
    right = {"real_only": 0.5, "unfiltered": 0.6, "random_same_size": 0.9}
    words = _words(_text(make_run(right=right | {"real_and_distilled": 0.9}), tmp_path))

    assert "judge and selection earned their keep" in words
    assert "not shown that the kept answers are better than a blind draw" in words
    assert "The student beside each other arm" in words


def test_page_and_card_say_the_rule_of_the_verdict_and_which_arm_decides(
    make_run: MakeRun, tmp_path: Path
) -> None:
    record = make_run()
    write_card(record, make_manifest(record), tmp_path / "README.md")
    words = _words(_text(record, tmp_path))

    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    for text in (words, unescape(card.replace("\\", ""))):
        assert "helps where p < 0.05 and the whole 95% interval lies above 0" in text
    assert "The verdict rests on real_only alone; p is not adjusted" in words


def test_answers_out_of_the_ledger_stand_beside_the_cost(make_run: MakeRun, tmp_path: Path) -> None:
    record = make_run()
    record.spend["teacher"].requests, record.spend["teacher"].cached = 0, 750

    assert re.search(r"0 requests, 750 more from the ledger", _words(_text(record, tmp_path)))


def test_the_curves_of_a_collapse_are_shown_where_they_were_given(
    make_run: MakeRun, tmp_path: Path
) -> None:
    record = make_run()
    spread = {"mean": 0.5, "least": 0.4, "greatest": 0.6}
    one = dict.fromkeys(("heldout", "distinct_2", "less_varied", "support"), spread)
    generations = [one | {"number": number, "examples": 9} for number in range(3)]
    course = {"title": HOSTILE[0], "sentence": HOSTILE[1], "generations": generations}
    record.collapse = {
        "source": HOSTILE[2], "same_seeds": True, "student": HOSTILE[0], "measure": "accuracy",
        "real": 9, "heldout": 9, "theory": None, "courses": [course],
    }  # fmt: skip
    text = _text(record, tmp_path)

    assert Page(text).faults == []
    assert len(re.findall(r'aria-label="[^"]*from generation 0 to 2', text)) == 4
    assert '<a href="#collapse">' in text
    assert '<a href="#collapse">' not in _text(make_run(), tmp_path)


def test_slices_are_shown_and_small_ones_say_that_they_are(
    make_run: MakeRun, tmp_path: Path
) -> None:
    text = _text(make_run(heldout=100, slices=["often"] * 9 + ["<seldom>"]), tmp_path)

    assert "By slice" in text
    assert re.search(r"often</bdi></th>\s*<td[^>]*>90<", text)
    assert re.search(r"&lt;seldom&gt;</bdi></th>.{0,200}too few to say", text, re.DOTALL)


def test_a_learning_curve_and_other_seeds_are_shown(make_run: MakeRun, tmp_path: Path) -> None:
    record = make_run()
    assert record.evaluation is not None
    points = [
        CurvePoint(share=share, examples=50 + n, headline=wilson(100 + n, 220))
        for share, n in ((0.0, 0), (0.5, 40), (1.0, 80))
    ]
    seeds = Reseeded(seeds=(0, 1), means=(0.8, 0.82), verdicts=(), unchanged=False)
    record.evaluation = replace(record.evaluation, curve=tuple(points), reseeded=seeds)
    text = _text(record, tmp_path)

    assert not Page(text).faults
    assert "Learning curve: 50 examples 45.5%; 90 examples 63.6%; 130 examples 81.8%" in text
    assert "Trained with 2 seeds: 80.0% to 82.0%, standard deviation 1.4 pp." in text


def test_a_curve_of_one_point_is_not_drawn(make_run: MakeRun, tmp_path: Path) -> None:
    record = make_run()
    assert record.evaluation is not None
    point = CurvePoint(share=1.0, examples=9, headline=wilson(1, 2))
    record.evaluation = replace(record.evaluation, curve=(point,))

    assert "Learning curve" not in _text(record, tmp_path)
