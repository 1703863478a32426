"""The halves that commands share: what was asked → logs → profile → measurements."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.asked import ready_of
from mlops_cli.cli.moments import moment
from mlops_cli.config.load import Loaded
from mlops_cli.config.settings import Settings
from mlops_cli.errors import DataError, UsageError, unknown
from mlops_cli.logs.discover import Discovered, discover
from mlops_cli.logs.format import LogFile, Logs
from mlops_cli.logs.leaves import with_leaves
from mlops_cli.logs.one_model import of_one_model
from mlops_cli.logs.open import open_logs
from mlops_cli.metrics.custom import JOINED, leaves
from mlops_cli.metrics.custom import joined as customs_joined
from mlops_cli.metrics.measure import measure
from mlops_cli.metrics.metric import Context
from mlops_cli.metrics.objectives import good_rows, objectives
from mlops_cli.metrics.registry import METRICS
from mlops_cli.metrics.timeline import Range, Timeline, rolling, timeline
from mlops_cli.profile.cache import SUFFIX, Cache, load_baseline
from mlops_cli.profile.joined_leaves import joined_leaves
from mlops_cli.profile.labelled import labelled, with_labels
from mlops_cli.profile.learn import Sides, learn
from mlops_cli.profile.pairs import Pairs, pairs
from mlops_cli.profile.plan import plan
from mlops_cli.profile.registry import ENGINES
from mlops_cli.profile.spec import Profile, ProfileSpec
from mlops_cli.profile.view import pool, select
from mlops_cli.result.scope import iso

Progress = Callable[[int, int], None]
SECOND = 1_000_000


@dataclass(frozen=True)
class Unit:
    """One model's logs with the settings that hold for them."""

    name: str
    settings: Settings
    folder: str
    logs: Logs
    found: Discovered


@dataclass(frozen=True)
class Counted:
    """A unit after its rows ended: what it was compared with, and every measurement."""

    unit: Unit
    profile: Profile
    line: Timeline
    baseline: Profile | None
    baseline_said: str
    measured: pl.DataFrame
    pairs: Pairs
    estimates: pl.DataFrame | None = None


@dataclass(frozen=True)
class Against:
    """What is compared with: a profile, how many whole windows it holds, and which of the run they are."""

    profile: Profile | None = None
    windows: int = 0
    starts: tuple[int, ...] = ()


class State:
    """The folder of the cache, or a temporary one where there is none or it cannot be written."""

    def __init__(self, ask: Ask, loaded: Loaded) -> None:
        self.note = ""
        self.folder = (
            self._folder(Path(loaded.folder) / loaded.settings.report.state) if ask.use_state else None
        )

    def _folder(self, wanted: Path) -> Path | None:
        try:
            (wanted / "cache").mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=wanted / "cache"):
                pass
        except OSError as error:
            self.note = f"no cache: {wanted} cannot be written ({error.strerror}); the verdict is the same"
            return None
        ignore = wanted / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        return wanted

    @cached_property
    def text(self) -> Path | None:
        """Where text logs are kept as Parquet."""
        return self.folder / "cache" / "text" if self.folder else None

    @cached_property
    def cache(self) -> Cache:
        """Where the counts of each file are kept."""
        return Cache(self.folder / "cache" / "profiles" if self.folder else None)

    @cached_property
    def lines(self) -> Path | None:
        """Where what the adaptive lines have seen is kept."""
        return lines_of(self.folder)

    @cached_property
    def pairs(self) -> Path | None:
        """Where the counts of joined logs are kept."""
        return self.folder / "cache" / "pairs" if self.folder else None


def lines_of(state: Path | None) -> Path | None:
    """Where, under the state folder, what the adaptive lines have seen is kept."""
    return state / "cache" / "lines" if state else None


def units(ask: Ask, loaded: Loaded, state: State, progress: Progress | None) -> list[Unit]:
    """The models under the given paths: sub-folders with their own `mlops.toml`, and the rest."""
    found = discover(
        ask.paths,
        loaded.settings,
        columns=ask.columns,
        stdin_format=ask.stdin_format,
        config_dir=loaded.folder,
    )
    by_model: dict[str, list[LogFile]] = {}
    for file in found.files:
        by_model.setdefault(file.settings_path, []).append(file)
    out: list[Unit] = []
    for path, files in by_model.items():
        settings, folder, name = loaded.settings, loaded.folder, ""
        if path:
            settings, folder = ready_of(path, ask), str(Path(path).parent)
            name = files[0].model
        if ask.model and name and name != ask.model:
            continue
        logs = _derived(open_logs(files, state.text, progress), settings)
        out.append(Unit(name, settings, folder, logs, found))
    if not out:
        raise unknown("model", ask.model, sorted({f.model for f in found.files if f.model}), "--model")
    return out


def _derived(logs: Logs, settings: Settings) -> Logs:
    """The logs, each part with its model, and with the columns that custom metrics add up."""
    logs = of_one_model(logs)
    wanted = leaves(settings.customs())
    wanted |= {good_rows(slo): f"slo of {code}" for code, slo in objectives(settings).items()}
    return replace(logs, parts=with_leaves(logs.parts, wanted)[0]) if wanted else logs


def count(unit: Unit, ask: Ask, state: State, progress: Progress | None) -> Counted:
    """Rows end here: profile, windows, baseline and every measurement of one unit."""
    settings = unit.settings
    parts = unit.logs.parts
    saved, reference = _reference(unit, ask, state, progress)
    if saved is not None:
        spec: ProfileSpec = replace(saved[0].spec, window=plan(parts, (), settings).window)
    else:
        spec = plan(parts, reference.parts if reference else (), settings)
    run = ENGINES["local"]
    profile = run(parts, spec, state.cache, progress)
    base: Profile | None = None
    if saved is not None:
        base = saved[0]
    elif reference is not None:
        base = run(reference.parts, spec, state.cache, progress, whole=True)
    wanted = _range(ask, settings)
    line = timeline(
        profile,
        settings.windows,
        settings.baseline,
        _excluded(settings),
        wanted,
        reference=base is not None,
    )
    joined = pairs(parts, spec.window, settings, cache=state.pairs)
    known = labelled(reference.parts, spec, state.pairs, reference=True) if reference is not None else None
    mine = labelled(parts, spec, state.pairs)
    joined = with_labels(joined, mine, known)
    sides = Sides(parts, line.baseline, reference.parts if reference is not None else ())
    learned = learn(sides, spec, mine, known, state.pairs)
    joined = replace(joined, counts={**joined.counts, **learned.counts()})
    over = joined_leaves(parts, customs_joined(settings.customs()), spec.window)
    joined = replace(joined, counts={**joined.counts, JOINED: over})
    said = _said(unit, ask, line, base)
    # Windows of another length say nothing about the volume of these.
    alike = saved is not None and saved[0].spec.window == spec.window
    against = Against(base, saved[1] if saved is not None and alike else 0)
    if base is None and line.baseline:
        against = _pooled(profile, line.baseline)
    frame, guessed = _measure(profile, against, line, settings, joined, ask.statistics)
    return Counted(unit, profile, line, against.profile, said, frame, joined, guessed)


def chosen(counted: Sequence[Counted], ask: Ask) -> list[Counted]:
    """Those that have the model that was asked for; all, where none was."""
    if not ask.model:
        return list(counted)
    models = [{c.unit.name} if c.unit.name else set(c.profile.groups["model"]) for c in counted]
    found = [c for c, has in zip(counted, models, strict=True) if ask.model in has]
    if not found:
        known = sorted({name for has in models for name in has if name})
        raise (
            unknown("model", ask.model, known, "--model")
            if known
            else UsageError(
                "these logs name no model",
                "--model",
                "leave it out, or name the column: --column model=COLUMN",
            )
        )
    return found


def reference(unit: Unit, ask: Ask, state: State, progress: Progress | None) -> tuple[Profile, int]:
    """The counts of the whole windows of the range, pooled, to compare with later; and how many those are."""
    settings = unit.settings
    spec = plan(unit.logs.parts, (), settings)
    profile = ENGINES["local"](unit.logs.parts, spec, state.cache, progress)
    line = timeline(
        profile,
        settings.windows,
        settings.baseline,
        _excluded(settings),
        _range(ask, settings),
        reference=True,
    )
    whole = tuple(s for s in line.judged if s not in line.partial) if spec.window.seconds else ()
    if not whole and not (ask.since or ask.until):
        return pool(profile), 0
    if not whole:
        raise DataError(
            "no whole window lies in the range",
            f"{iso(_time(line.starts[0]))} to {iso(_time(line.ends[-1]))}" if line.starts else "",
            "widen --since and --until",
        )
    return pool(select(profile, windows=whole)), len(whole)


def _reference(
    unit: Unit,
    ask: Ask,
    state: State,
    progress: Progress | None,
) -> tuple[tuple[Profile, int] | None, Logs | None]:
    """A saved baseline (profile, windows), or the logs of a reference file; none of both: (None, None)."""
    settings = unit.settings.baseline
    if settings.from_ in ("first", "rolling"):
        return None, None
    given = settings.path if settings.from_ in ("auto", "path") else ""
    if given:
        path = given if ask.baseline else str(Path(unit.folder) / given)
        saved = load_baseline(Path(path)) if Path(path).is_file() else None
        if saved is not None:
            return saved, None
        if not Path(path).exists() and (Path(unit.folder) / BASELINES / f"{given}{SUFFIX}").exists():
            return load_baseline(Path(unit.folder) / BASELINES / f"{given}{SUFFIX}"), None
        # A training table need not have the columns that were named for the logs.
        plain = unit.settings.model_copy(update={"sources": {}})
        found = discover((path,), plain, columns=ask.columns, strict=False)
        logs = _derived(open_logs(found.files, state.text, progress), unit.settings)
        if not logs.parts:
            raise DataError(
                "the baseline holds no readable row", given, "pass --baseline FILE with rows in it"
            )
        return None, logs
    if settings.saved:
        file = Path(unit.folder) / BASELINES / f"{settings.saved}{SUFFIX}"
        saved = load_baseline(file) if file.is_file() else None
        if saved is None:
            raise UsageError(
                f"no saved baseline '{settings.saved}'",
                str(file),
                f"make it: mlops baseline save {settings.saved} LOGS",
            )
        return saved, None
    return None, None


BASELINES = "mlops.baselines"


def _measure(
    profile: Profile,
    against: Against,
    line: Timeline,
    settings: Settings,
    joined: Pairs,
    statistics: str,
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Every measurement and estimate; with a rolling baseline each judged window has one of its own."""
    codes = wanted_codes(settings, statistics)

    def take(starts: tuple[int, ...], against: Against) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        end_of = line.end_of
        context = Context(
            current=profile,
            baseline=against.profile,
            baseline_windows=against.windows,
            baseline_starts=against.starts,
            windows=starts,
            ends=tuple(end_of[s] for s in starts),
            partial=line.partial,
            settings=settings,
            now=line.now,
            counts=joined.counts,
            unavailable=joined.unavailable,
        )
        return measure(context, codes), context.estimates

    if settings.baseline.from_ != "rolling" or against.profile is not None:
        return take(line.starts, against)
    frames = []
    for start in line.starts:
        before = rolling(line, start, settings.baseline.rolling)
        frames.append(take((start,), _pooled(profile, before) if before else Against()))
    if not frames:
        return take((), Against())
    guessed = [guess for _, guess in frames if guess is not None]
    return pl.concat(frame for frame, _ in frames), pl.concat(guessed) if guessed else None


def _pooled(profile: Profile, starts: tuple[int, ...]) -> Against:
    return Against(pool(select(profile, windows=starts)), len(starts), starts)


def wanted_codes(settings: Settings, statistics: str) -> list[str]:
    """Codes to measure: further drift statistics where they are named or asked for, objectives if set."""
    named = {code for group in settings.metrics.values() if isinstance(group, Mapping) for code in group}
    aims = bool(objectives(settings))
    set_up = {
        "slo-burn": aims,
        "parity-ratio": bool(settings.segments.protected),
        "error-gap": bool(settings.segments.protected),
        "mean-cost": bool(settings.labels.costs),
    }
    every = [c for c in METRICS if set_up.get(c, True)]
    return [c for c in every if not c.startswith("drift-") or statistics == "all" or c in named]


def _range(ask: Ask, settings: Settings) -> Range:
    def at(value: str | datetime | None, *, end: bool) -> int | None:
        return None if value is None or value == "" else _us(value, settings, end=end)

    found = Range(at(ask.since, end=False), at(ask.until, end=True), at(ask.now, end=True))
    if found.since is not None and found.until is not None and found.since >= found.until:
        raise UsageError(
            f"--since {ask.since} is not before --until {ask.until}",
            "the command line",
            "give a --since that is earlier",
        )
    return found


def _excluded(settings: Settings) -> list[tuple[int, int]]:
    return [(_us(a, settings, end=False), _us(b, settings, end=False)) for a, b in settings.baseline.exclude]


def _us(value: str | datetime, settings: Settings, *, end: bool) -> int:
    at = value if isinstance(value, datetime) else moment(value, settings.project.timezone, end=end)
    return round(at.astimezone(UTC).timestamp() * SECOND)


def _time(us: int) -> datetime:
    return datetime.fromtimestamp(us // SECOND, UTC)


def _said(unit: Unit, ask: Ask, line: Timeline, base: Profile | None) -> str:
    """The baseline in words."""
    if base is not None:
        return ask.baseline or unit.settings.baseline.path or unit.settings.baseline.saved
    if unit.settings.baseline.from_ == "rolling":
        return f"the {unit.settings.baseline.rolling} before each window, lagged"
    if not line.baseline:
        return "none: fewer than 4 whole windows"
    first, last = (iso(_time(line.baseline[i]))[:10] for i in (0, -1))
    span = f" ({first} to {last})" if first != last else ""
    return f"the first {len(line.baseline)} windows{span}"
