"""All of a rebuild, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from distill.config import Config, compose
from distill.errors import DistillError, UserError, printable
from distill.folder import MANIFEST
from distill.identity import config_sha256
from distill.ledger import Ledger, is_sqlite_path
from distill.plan import Plan
from distill.record import RunRecord
from distill.records import rows_sha256
from distill.records.sources import is_hub_name
from distill.reproduce.causes import Causes, causes
from distill.reproduce.damage import DamagedRunError
from distill.reproduce.differ import Difference, difference
from distill.reproduce.facts import Facts, read_facts
from distill.reproduce.leave import check_out, drafted, publish
from distill.reproduce.rebuild import plan_of, rebuild, stored_plan, stored_seeds
from distill.reproduce.replay import Gap, KnownRows, ReplayClient, put_all
from distill.reproduce.settings import Settings
from distill.reproduce.stored import CONFIG, DATASET, Stored, read_stored
from distill.stages import augment
from distill.stages.read import read_heldout
from distill.stages.screen import KnownScreen, Screen, no_screen, screen_of
from distill.table import is_in
from distill.trust import check_foreign, read_foreign

MASK = "***"
IN_MEMORY = "sqlite://"
SHOWN_REASON_CHARS = 160


@dataclass(frozen=True, kw_only=True)
class Check:
    """One digest, compared.

    Args:
        name: `dataset`, `config` or `seeds`.
        rebuilt: SHA-256 of what was rebuilt or read.
        wanted: What the run says it is, or `None` where nothing says so.
    """

    name: str
    rebuilt: str
    wanted: str | None

    @property
    def identical(self) -> bool:
        """Whether both are the same; false where there is nothing to compare with."""
        return self.rebuilt == self.wanted


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """What came of a rebuild.

    Args:
        run_id: The run's own id, or `None` where a config file alone was given.
        checks: The digests.
        responses: Stored responses that answered.
        first: The first difference of the tables, or `None`.
        gaps: Responses that could not be used.
        damage: What is not as the run left it, in sentences.
        causes: Code and libraries that are not those of then.
        compared: Whether there was a table to compare with.
    """

    run_id: str | None
    checks: tuple[Check, ...]
    responses: int
    first: Difference | None
    gaps: tuple[Gap, ...]
    damage: tuple[str, ...]
    causes: Causes
    compared: bool

    @property
    def identical(self) -> bool:
        """Whether every digest is the same and nothing at all is amiss."""
        amiss = self.first is not None or self.gaps or self.damage
        known = [check for check in self.checks if check.wanted is not None]
        return not amiss and all(check.identical for check in known)


def reproduce(place: Path, settings: Settings, *, out: Path | None = None) -> Reproduction:
    """Rebuild the dataset of a run with no model call, and compare.

    Args:
        place: A run's folder, or a config file, whose responses only a ledger has.
        settings: The user's overrides.
        out: Where the rebuilt files are written, or `None` for nowhere.

    Raises:
        ConfigError: the stored config is not one that a run saves; nothing was written.
        DamagedRunError: a file of the run is missing or cannot be read.
        UserError: the run is of a newer release, or `out` is not free.
    """
    if place.is_dir():
        stored = read_stored(place, trusted=settings.trust, replaced=settings.given)
        return _from_run(stored, settings, out)
    return _from_config(place, settings, out)


def _from_run(stored: Stored, settings: Settings, out: Path | None) -> Reproduction:
    """Let the run's own responses answer; the ledger of `ledger.url` has what they lack."""
    facts, plan = stored.facts, stored_plan(stored)
    seeds = stored_seeds(stored.examples, rows=facts.inputs.seeds.rows)
    if out is not None:
        check_out(out, stored.folder)
    with (
        Ledger(IN_MEMORY, synchronous="NORMAL") as ledger,
        _named_ledger(settings.ledger_url) as more,
        drafted(out) as draft,
    ):
        put_all(ledger, stored.responses)
        client = ReplayClient(ledger, KnownRows(stored.examples), more)
        with _told_of_damage(stored):
            screen = KnownScreen(stored.examples, stage=augment.STAGE)
            record = rebuild(plan, seeds, client, draft, screen=screen)
        checks = (
            Check(name="dataset", rebuilt=record.dataset_sha256, wanted=facts.dataset_sha256),
            Check(name="config", rebuilt=config_sha256(stored.config), wanted=facts.config_sha256),
            Check(
                name="seeds",
                rebuilt=rows_sha256(seeds.frame),
                wanted=facts.inputs.seeds.rows_sha256,
            ),
        )
        damage = [*stored.damage, *_other_identity(stored, checks[1])]
        damage += _damaged_line(stored, record, draft, checks[0])
        first = difference(record.table, stored.examples)
        made = _made(facts, plan, checks, client, damage, first, compared=True)
        _leave(record, made, draft, out)
    return made


def _from_config(path: Path, settings: Settings, out: Path | None) -> Reproduction:
    """Let the ledger answer for a config file; a manifest beside it says what is to come out."""
    config = read_foreign(path)
    check_foreign(config, trusted=settings.trust, replaced=settings.given)
    facts = read_facts(path.with_name(MANIFEST)) if path.with_name(MANIFEST).is_file() else None
    identity = config_sha256(config)
    if settings.seeds_path is not None and isinstance(config.get("seeds"), dict):
        config["seeds"]["path"] = settings.seeds_path
    _refuse_hub(config)
    plan = plan_of(config, heldout=config.get("augment") is not None)
    if out is not None:
        check_out(out, path.parent if facts is not None else None)
    url = settings.ledger_url or str(compose(["seeds.path=-"])["ledger"]["url"])
    with (
        Ledger(IN_MEMORY, synchronous="NORMAL") as ledger,
        _named_ledger(url) as more,
        drafted(out) as draft,
    ):
        seeds = plan.seeds.read()
        client = ReplayClient(ledger, KnownRows(seeds.frame), more)
        heldout = read_heldout(plan.heldout)
        screen: Screen = no_screen
        if heldout is not None and plan.augment is not None:
            screen = screen_of(heldout.frame, plan.augment)
        record = rebuild(plan, seeds, client, draft, screen=screen)
        wanted = (
            (facts.dataset_sha256, facts.config_sha256, facts.inputs.seeds.rows_sha256)
            if facts is not None
            else (None, None, None)
        )
        rebuilt = (record.dataset_sha256, identity, rows_sha256(seeds.frame))
        checks = tuple(
            Check(name=name, rebuilt=here, wanted=there)
            for name, here, there in zip(
                ("dataset", "config", "seeds"), rebuilt, wanted, strict=True
            )
        )
        made = _made(facts, plan, checks, client, [], None, compared=False)
        _leave(record, made, draft, out)
    return made


def _made(
    facts: Facts | None,
    plan: Plan,
    checks: tuple[Check, ...],
    client: ReplayClient,
    damage: list[str],
    first: Difference | None,
    *,
    compared: bool,
) -> Reproduction:
    return Reproduction(
        run_id=None if facts is None else facts.run_id,
        checks=checks,
        responses=len(client.used),
        first=first,
        gaps=tuple(_unexpected(client, facts)),
        damage=tuple(damage),
        causes=Causes(parts=(), libraries=()) if facts is None else causes(facts, plan),
        compared=compared,
    )


def _unexpected(client: ReplayClient, facts: Facts | None) -> Iterator[Gap]:
    """Yield the gaps, but for those of a role in which as many requests failed in the run itself.

    A judge that is asked several times leaves no word of a single request that failed.
    """
    for role in dict.fromkeys(gap.role for gap in client.gaps.values()):
        gaps = [gap for gap in client.gaps.values() if gap.role == role]
        known = 0 if facts is None else facts.failed.get(role, 0)
        failed = known - client.failed_before[role]
        if len(gaps) > failed:
            yield from gaps


def _other_identity(stored: Stored, check: Check) -> Iterator[str]:
    """Say why a config that is as the run left it has another identity."""
    if check.identical or CONFIG not in stored.facts.files or CONFIG in stored.altered:
        return
    if MASK in str(stored.config):
        yield f"{CONFIG}: {MASK} stands there for a password, so the run's config is not known."
    else:
        yield f"{CONFIG}: the file that the run left; this release names its identity otherwise."


def _damaged_line(stored: Stored, record: RunRecord, draft: Path, check: Check) -> Iterator[str]:
    """Name the first line of a damaged `dataset.jsonl`, where the rebuild shows what it was."""
    path = stored.folder / DATASET
    if DATASET not in stored.altered or not check.identical or not path.is_file():
        return
    rows = record.table.filter(is_in())["id"].to_list()
    was = (draft / DATASET).read_bytes().split(b"\n")
    found = path.read_bytes().split(b"\n")
    longest = max(len(was), len(found))
    at = next(i for i in range(longest) if was[i : i + 1] != found[i : i + 1])
    row = f", row {printable(rows[at])}" if at < len(rows) else ", after the last row"
    yield f"{DATASET}: line {at + 1}{row}, is not what the run wrote; --out DIR writes it anew."


@contextmanager
def _named_ledger(url: str | None) -> Iterator[Ledger | None]:
    """Open a ledger that the user names; one that is not there is not made."""
    if url is None:
        yield None
        return
    if is_sqlite_path(url) and not Path(url).is_file():
        raise UserError(
            f"ledger.url: got {url!r}, want a ledger that exists.",
            hint="name the one that the run used; a run's own folder needs none",
        )
    with Ledger(url) as ledger:
        yield ledger


def _refuse_hub(config: Config) -> None:
    """See that the files of a config lie on this machine: it may not make us go anywhere."""
    for key in ("seeds", "heldout") if config.get("augment") is not None else ("seeds",):
        node = config.get(key)
        source = node.get("path") if isinstance(node, dict) else None
        if isinstance(source, str) and is_hub_name(source):
            raise UserError(
                f"{key}.path: got {source!r}, want a file; a rebuild reaches for no network.",
                hint="name the run itself, which holds its seeds, or seeds.path=FILE",
            )


@contextmanager
def _told_of_damage(stored: Stored) -> Iterator[None]:
    """Turn what a damaged file breaks on its way through the stages into one sentence."""
    try:
        yield
    # What a damaged cell breaks cannot be foreseen; a fault of ours still shows its traceback.
    except Exception as error:
        if not stored.damage:
            raise
        kind = "" if isinstance(error, DistillError) else f"{type(error).__name__}: "
        reason = " ".join(str(error).split())[:SHOWN_REASON_CHARS]
        raise DamagedRunError(
            "\n".join([*stored.damage, f"The rebuild broke off because of it ({kind}{reason})."])
        ) from error


def _leave(record: RunRecord, made: Reproduction, draft: Path, out: Path | None) -> None:
    if out is None:
        return
    record.table.write_parquet(draft / "examples.parquet")
    about = {
        "run_id": made.run_id,
        "identical": made.identical,
        **{f"{check.name}_sha256": check.rebuilt for check in made.checks},
    }
    publish(draft, out, about)
