"""Files → LogFiles: the format by content, the kind and the column map from a sample of rows."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from mlops_cli.config.settings import Settings
from mlops_cli.errors import DataError, UsageError, nearest
from mlops_cli.logs.canon import FEATURE
from mlops_cli.logs.expressions import EXPRESSION, resolve, schema_of
from mlops_cli.logs.find import Candidate, find, fingerprint
from mlops_cli.logs.format import Format, LogFile
from mlops_cli.logs.missing import missed, unavailable
from mlops_cli.logs.privacy import Privacy
from mlops_cli.logs.private import private
from mlops_cli.logs.registry import FORMATS
from mlops_cli.logs.roles import Roles, hint_of, recognise
from mlops_cli.logs.scratch import fresh
from mlops_cli.logs.store import Kept
from mlops_cli.logs.store_rows import as_it_was
from mlops_cli.logs.stream import HEAD, head, opened
from mlops_cli.logs.times import ZONED, is_naive
from mlops_cli.logs.twins import without_twins
from mlops_cli.logs.unclaimed import UNKNOWN, Reason, reason, told
from mlops_cli.result.report import BadLine

SAMPLE = 1_000
FURTHER = 8 << 20  # bytes that are looked at where the first have no record
NAIVE = "times without a zone are read as"
_KEY = re.compile(rb'"([^"\\]{1,64})"\s*:')
SHOWN = 3


@dataclass(frozen=True)
class Discovered:
    """What was found: log files in the order of their paths, unclaimed files, what was assumed.

    `reasons` say why each of the unclaimed is not read. `general` are those notes that are not of one file.
    """

    files: tuple[LogFile, ...]
    unclaimed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    general: tuple[str, ...] = ()

    @property
    def why_not(self) -> Mapping[str, Mapping[str, str]]:
        """Format → the columns that its writer never logs, each with its reason."""
        return {name: FORMATS[name].unavailable for name in dict.fromkeys(f.format for f in self.files)}

    def passed_over(self) -> list[str]:
        """A sentence for each unclaimed file: what it is, and what to do."""
        return [told(path, why) for path, why in zip(self.unclaimed, self.reasons, strict=True)]


def discover(
    paths: Sequence[str],
    settings: Settings,
    *,
    columns: Mapping[str, str] | None = None,
    stdin_format: str = "jsonl",
    config_dir: str = ".",
    strict: bool = True,
) -> Discovered:
    """The log files under `paths`, or without any those of the settings' sources.

    Parameters
    ----------
    paths : files, folders, globs, or `-` for standard input
    settings : for sources, column maps and the time zone
    columns : canonical name → column, path or "= SQL"; used in every file that has the column
    stdin_format : name of a format, or `auto`
    config_dir : relative paths of the sources start here
    strict : a column of `columns` that no file has is an error

    Raises
    ------
    DataError
        Where there is no log at all, or a file may not be read.
    UsageError
        Where a name in a column map is unknown, or no file has the column.

    """
    found = find(paths, settings, config_dir)
    seen = _Seen(dict(columns or {}), stdin_format)
    for one in found.files:
        seen.look(one)
    if strict:
        seen.check_columns()
    seen.keep_broken()
    if not seen.files:
        raise _nothing(paths, seen)
    files, twins = without_twins(seen.files, _start)
    seen.files = missed(files)
    general = (*found.notes, *seen.passed(), *twins)
    notes = (*found.notes, *seen.said(), *seen.passed(), *twins)
    return Discovered(
        tuple(seen.files), tuple(seen.unclaimed), notes, tuple(seen.unclaimed.values()), general
    )


@dataclass
class _Seen:
    """What has been seen of the files so far."""

    columns: dict[str, str]
    stdin_format: str
    files: list[LogFile] = field(default_factory=list)
    unclaimed: dict[str, Reason] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    broken: list[LogFile] = field(default_factory=list)
    companions: dict[str, list[str]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    fields: dict[str, None] = field(default_factory=dict)
    known: dict[tuple[str, ...], tuple[Roles, dict[str, Any], int, bool]] = field(default_factory=dict)

    def look(self, one: Candidate) -> None:
        """One more file."""
        if one.kept is not None:
            self.files.append(_of_store(one, one.kept))
            return
        with opened(one.path, one.shown) as file:
            size = os.fstat(file.fileno()).st_size
        start = head(one.path, one.shown)
        if not start.strip():
            self.empty.append(one.shown)
            return
        name = self._format(one, start)
        if not name:
            self.unclaimed[one.shown] = reason(start)
            return
        form = FORMATS[name]
        if not form.kinds:
            self.companions.setdefault(name, []).append(one.shown)
            return
        file_ = LogFile(
            path=one.path,
            shown=one.shown,
            format=name,
            kind="",
            bytes=size,
            fingerprint=fingerprint(one.path, content=one.spooled),
            timezone=one.settings.project.timezone,
            model=one.model,
            settings_path=one.settings_path,
            privacy=Privacy.of(one.settings.privacy),
        )
        try:
            self._claim(one, file_, form, start)
        except DataError as error:
            if form.read is not None:
                raise
            self.broken.append(_lost(file_, hint_of(one.within), error))

    def _format(self, one: Candidate, start: bytes) -> str:
        wanted = one.source.format if one.source else "auto"
        if one.shown == "-" and wanted == "auto":
            wanted = self.stdin_format
        if wanted != "auto":
            FORMATS[wanted]  # an unknown name is an error
            return wanted
        sure = {name: FORMATS[name].detect(start, one.shown) for name in FORMATS}
        best = max(sure, key=lambda name: sure[name])
        return best if sure[best] > 0 else ""

    def _claim(self, one: Candidate, file: LogFile, form: Format, start: bytes) -> None:
        """Its kind and columns; those of a file that was seen before, in its folder and with its columns."""
        own = form.kinds[0] if len(form.kinds) == 1 else form.kind(start) if form.kind else ""
        file = replace(file, kind=own)
        key = (file.format, own, one.settings_path, str(Path(one.shown).parent), _names(file, form, start))
        if key not in self.known:
            sample = _private(sample_of(file, form, start), one, file, form)
            self.fields |= dict.fromkeys(sample.schema)
            given = self._given(one, sample, form.columns(file) if form.columns else {}, form.positions)
            kind = one.source.kind if one.source and one.source.kind != "auto" else ""
            kind = kind or own
            roles = recognise(sample, hint=hint_of(one.within), kind=kind, given=given)
            self.known[key] = (roles, given, sample.height, _naive(sample, roles))
        roles, given, sampled, naive = self.known[key]
        if not roles.known and not one.named and one.shown != "-":
            self.unclaimed[one.shown] = reason(start, file.format)
            return
        self.files.append(
            replace(
                file,
                kind=roles.kind,
                columns=roles.columns,
                split=roles.split,
                notes=(*roles.notes, *([f"{NAIVE} {file.timezone}"] * naive)),
                unavailable=unavailable(roles, form),
                given=given,
                sampled=sampled,
            )
        )

    def _given(
        self, one: Candidate, sample: pl.DataFrame, fixed: Mapping[str, str], positions: str
    ) -> dict[str, Any]:
        """The map of the format, the source's over it, over both the options' whose column is there."""
        schema = sample.schema
        own = {name: source for name, source in fixed.items() if resolve(schema, source) is not None}
        out: dict[str, Any] = {**own, **(one.source.columns if one.source else {})}
        if positions and isinstance(out.get("features"), list | tuple):
            out["features"] = _placed(out["features"], positions, schema)
        for name, source in self.columns.items():
            if source == "" or resolve(schema, source) is not None:
                out[name] = source
                self.used.add(name)
        return out

    def keep_broken(self) -> None:
        """Parquet that is damaged is told of beside the files that can be read, as one of their kind."""
        kinds = sorted({f.kind for f in self.files if f.format == "parquet"})
        kind = kinds[0] if len(kinds) == 1 else "predictions"
        self.files += [replace(f, kind=f.kind or kind) for f in self.broken]

    def check_columns(self) -> None:
        """An option that names a column which no file has is a mistake."""
        for name, source in self.columns.items():
            if name in self.used or not self.files:
                continue
            near = "" if source.startswith(EXPRESSION) else nearest(source, self.fields)
            raise UsageError(
                f"no log has the column of {name} = '{source}'",
                f"the columns are: {', '.join(list(self.fields)[:30])}",
                f"write '{near}'?" if near else "name one of these columns",
            )

    def said(self) -> list[str]:
        """What was assumed, once for all files that are alike; what their writers never log."""
        alike: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
        for file in self.files:
            # What zone times are read in is said when all rows are known (`open.py`).
            notes = tuple(n for n in file.notes if not n.startswith(NAIVE))
            if notes:
                alike.setdefault((file.kind, file.format, notes), []).append(file.shown)
        out = [f"{_files(shown)} ({kind}): {'; '.join(notes)}" for (kind, _, notes), shown in alike.items()]
        for name in dict.fromkeys(file.format for file in self.files):
            reasons = FORMATS[name].unavailable
            missing = {n for f in self.files if f.format == name for n in f.unavailable}
            told = "; ".join(f"no {n} ({why})" for n, why in reasons.items() if n in missing)
            if told:
                out.append(f"{_files([f.shown for f in self.files if f.format == name])}: {told}")
        return out

    def passed(self) -> list[str]:
        """Files without a byte."""
        return [f"empty: {_files(self.empty)}"] if self.empty else []


def _lost(file: LogFile, kind: str, error: DataError) -> LogFile:
    """A damaged Parquet file: no row of it, and its name and reason where lines that are missing stand."""
    path = fresh("damaged.parquet")
    pl.DataFrame().write_parquet(path)
    bad = BadLine(file.shown, 0, 0, file.bytes, error.what)
    return replace(file, path=path, kind=kind, bad=(bad,), quarantined=1, privacy=Privacy())


def _placed(names: Sequence[str], positions: str, schema: pl.Schema) -> dict[str, str]:
    """Names for columns that have only a place; what is not named keeps its place as its name."""
    out = {str(name): positions.format(i) for i, name in enumerate(names)}
    return out | {
        s.removeprefix(FEATURE): s for s in schema if s.startswith(FEATURE) and s not in out.values()
    }


def _of_store(one: Candidate, kept: Kept) -> LogFile:
    """A file of a store: what it holds is known without a look at it."""
    names = as_it_was(kept)
    privacy = Privacy.of(one.settings.privacy)
    return LogFile(
        path=one.path,
        shown=one.shown,
        format="parquet",
        kind=kept.kind,
        bytes=kept.bytes,
        fingerprint=kept.digest,
        columns=names,
        unavailable=unavailable(Roles(kept.kind, names), FORMATS["parquet"]),
        given=names,
        privacy=Privacy() if set(one.privacy) <= {privacy.digest()} else privacy,
        bad=one.bad,
        quarantined=one.lost,
    )


def _files(shown: Sequence[str]) -> str:
    if len(shown) <= SHOWN:
        return ", ".join(shown)
    return f"{shown[0]} and {len(shown) - 1} more like it"


def _private(sample: pl.DataFrame, one: Candidate, file: LogFile, form: Format) -> pl.DataFrame:
    """The sample as it will be kept; which column is a role of [privacy] is known from the sample itself."""
    if not file.privacy.asks:
        return sample
    given = {**(form.columns(file) if form.columns else {}), **(one.source.columns if one.source else {})}
    columns = recognise(sample, given=given).columns
    return private(sample.lazy(), sample.schema, file.privacy, columns).collect()


def _names(file: LogFile, form: Format, start: bytes) -> str:
    """What tells files of other columns apart, without reading their rows."""
    if form.read is None:
        return repr(schema_of(file.path))
    first = start.split(b"\n", 1)[0]
    return (
        repr(_KEY.findall(first)) if first.startswith(b"{") else repr(first if form.columns is None else b"")
    )


def sample_of(file: LogFile, form: Format, start: bytes) -> pl.DataFrame:
    """Some rows with all columns that they have; of a text log those of its first bytes."""
    if form.read is None:
        return parquet_sample(file.path, file.shown)
    found = _sampled(file, form, start)
    if not found.height and len(start) >= HEAD:  # nothing but messages of a starting server
        found = _sampled(file, form, head(file.path, file.shown, FURTHER))
    return found


def _sampled(file: LogFile, form: Format, start: bytes) -> pl.DataFrame:
    path = file.path
    if len(start) >= HEAD:
        path = fresh("head")
        Path(path).write_bytes(start[: start.rfind(b"\n") + 1] or start)
    try:
        frames = [
            b.frame
            for b in form.read(replace(file, path=path))  # type: ignore[misc] # no Parquet comes here
            if b.kind in ("", file.kind)
        ]
    finally:
        if path != file.path:
            Path(path).unlink()
    return pl.concat(frames).head(SAMPLE) if frames else pl.DataFrame()


def _start(file: LogFile) -> pl.DataFrame:
    return sample_of(file, FORMATS[file.format], head(file.path, file.shown))


def parquet_sample(path: str, shown: str) -> pl.DataFrame:
    """The first rows of a Parquet file; a DataError where it is damaged."""
    try:
        return pl.scan_parquet(path, glob=False).head(SAMPLE).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        first = str(error).strip().splitlines()[0]
        raise DataError(
            f"this Parquet file is cut or damaged: {first}", shown, "write it again, or leave it out"
        ) from None


def _naive(sample: pl.DataFrame, roles: Roles) -> bool:
    """Whether a time of it carries no zone."""
    for columns in (roles.columns, *roles.split.values()):
        for name in ("timestamp", "label_time"):
            source = columns.get(name)
            found = resolve(sample.schema, source) if source else None
            if found is None:
                continue
            value, dtype = found
            if is_naive(dtype):
                return True
            if dtype == pl.String:
                texts = sample.select(value.alias("t"))["t"].drop_nulls()
                dated = texts.filter(texts.str.contains(r"^\s*\d{4}[-/]"))
                if not dated.str.contains(ZONED).all():
                    return True
    return False


def _nothing(paths: Sequence[str], seen: _Seen) -> DataError:
    where = ", ".join(paths) or "[sources] of mlops.toml"
    others = [*seen.unclaimed, *(p for some in seen.companions.values() for p in some)]
    if seen.empty and not others:
        return DataError(f"nothing but empty files: {_files(seen.empty)}", where, "see whether logging works")
    whys = set(seen.unclaimed.values())
    if len(whys) == 1 and len(seen.unclaimed) == len(others) and UNKNOWN not in whys:
        why = whys.pop()
        more = f" (the same of {len(others) - 1} more)" if len(others) > 1 else ""
        return DataError(f"no log: {why.what}{more}", others[0], why.do)
    if others:
        return DataError(
            f"no format claims any of the {len(others) + len(seen.empty)} files: {_files(others)}",
            where,
            f"name logs in one of the formats {', '.join(n for n in FORMATS if FORMATS[n].kinds)}",
        )
    return DataError("there is no file", where, "name a folder that has logs in it")
