from __future__ import annotations

from pathlib import Path

import pytest

from distill.errors import UserError
from distill.folder import MANIFEST, RUN_FILES, RunFolder
from distill.paths import whole_file, write_text


def publish(out: Path, files: dict[str, str]) -> None:
    with RunFolder(out) as folder:
        for name, text in files.items():
            path = folder.draft / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        folder.publish()


def content(out: Path) -> dict[str, str]:
    files = (path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): path.read_text() for path in files}


def test_drafts_take_their_places(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    files = {"dataset.jsonl": "new", "student/model": "m", MANIFEST: "{}"}
    publish(out, files)

    assert content(out) == files
    assert sorted(path.name for path in out.iterdir()) == ["dataset.jsonl", MANIFEST, "student"]


def test_an_earlier_run_is_replaced_whole_and_nothing_else(tmp_path: Path) -> None:
    publish(tmp_path, {"dataset.jsonl": "old", "student/model": "old", MANIFEST: "old"})
    (tmp_path / "mine.txt").write_text("mine")
    publish(tmp_path, {"dataset.jsonl": "new", MANIFEST: "new"})

    assert content(tmp_path) == {"dataset.jsonl": "new", MANIFEST: "new", "mine.txt": "mine"}


def test_a_folder_of_figures_loses_the_run_s_own_alone(tmp_path: Path) -> None:
    publish(tmp_path, {"figures/arms.png": "old", "figures/scores.png": "old", MANIFEST: "old"})
    (tmp_path / "figures" / "mine.png").write_text("mine")
    publish(tmp_path, {"figures/arms.png": "new", MANIFEST: "new"})

    kept = {"figures/arms.png": "new", "figures/mine.png": "mine", MANIFEST: "new"}
    assert content(tmp_path) == kept


def test_no_empty_folder_of_figures_is_left(tmp_path: Path) -> None:
    publish(tmp_path, {"figures/arms.png": "old", MANIFEST: "old"})
    publish(tmp_path, {MANIFEST: "new"})

    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST]


def test_a_file_in_the_place_of_the_figures_is_told_before_anything_is_spent(
    tmp_path: Path,
) -> None:
    (tmp_path / "figures").write_text("mine")

    with pytest.raises(UserError, match="where figures is a file"), RunFolder(tmp_path):
        pass
    assert content(tmp_path) == {"figures": "mine"}


def test_a_run_that_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    earlier = {"dataset.jsonl": "old", MANIFEST: "old"}
    publish(tmp_path, earlier)

    def fail() -> None:
        with RunFolder(tmp_path) as folder:
            (folder.draft / "dataset.jsonl").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert content(tmp_path) == earlier


def test_a_run_that_fails_leaves_no_folder_that_it_made(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), RunFolder(tmp_path / "x" / "run"):
        raise ZeroDivisionError

    assert not (tmp_path / "x" / "run").exists()


def test_a_run_that_fails_leaves_folders_that_were_there(tmp_path: Path) -> None:
    (tmp_path / "mine" / "run").mkdir(parents=True)
    with pytest.raises(ZeroDivisionError), RunFolder(tmp_path / "mine" / "run"):
        raise ZeroDivisionError

    assert (tmp_path / "mine" / "run").is_dir()


def test_a_folder_without_its_manifest_is_seen_as_no_run(tmp_path: Path) -> None:
    publish(tmp_path, {"dataset.jsonl": "old", MANIFEST: "old"})
    with RunFolder(tmp_path) as folder:
        (folder.draft / "dataset.jsonl").write_text("new")
        folder.publish()

    assert not (tmp_path / MANIFEST).exists()


def test_a_place_that_cannot_be_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match=r"paths\.out"), RunFolder(out):
            pass


def test_the_manifest_is_the_last_of_the_files() -> None:
    assert RUN_FILES[-1] == MANIFEST
    assert len(set(RUN_FILES)) == len(RUN_FILES)


def test_a_whole_file_appears_only_when_all_is_well(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def fail() -> None:
        with whole_file(path) as draft:
            draft.write_text("half")
            assert not path.exists()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []

    write_text(path, "é\nline\n")
    assert path.read_bytes() == "é\nline\n".encode()
    assert list(tmp_path.iterdir()) == [path]
