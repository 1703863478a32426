"""Changes of what is stored: equal columns, rows taken out, small files put together."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import polars as pl

from mlops_cli.errors import UsageError
from mlops_cli.logs.expressions import roots
from mlops_cli.logs.store import QUARANTINE, SOURCE, Kept, Manifest, Store
from mlops_cli.logs.store_rows import BEFORE, alike, columns_of, condition_of, entry, place
from mlops_cli.logs.write import ROW_GROUP


def settled(store: Store) -> Store:
    """The store with equal columns in all files of a kind: any reader of Parquet takes them as one table."""
    files, staged = dict(store.manifest.files), dict[str, str]()
    for kind in sorted({k.kind for k in files.values()}):
        wanted = columns_of(files, kind)
        told = {n: str(t) for n, t in wanted.items()}
        for where, kept in list(files.items()):
            if kept.kind == kind and list(kept.columns.items()) != list(told.items()):
                files[where] = _written(store, staged, where, alike(store.root / where, wanted), kept)
    if not staged:
        return store
    return store.commit(Manifest(origins=store.manifest.origins, files=files), staged)


def without(store: Store, chunks: Sequence[str]) -> tuple[Manifest, dict[str, str], list[str]]:
    """The manifest without the rows of some chunks; what to stage for that, and what to remove."""
    files, staged, removes = dict(store.manifest.files), dict[str, str](), list[str]()
    gone = set(chunks)
    for where, kept in store.manifest.files.items():
        if not gone & set(kept.chunks):
            continue
        left = [c for c in kept.chunks if c not in gone]
        del files[where]
        if not left:
            removes.append(where)
            continue
        rows = pl.scan_parquet(store.root / where, glob=False).filter(~pl.col(SOURCE).is_in(list(gone)))
        made = _written(store, staged, where, rows, kept)
        files[where] = msgspec.structs.replace(made, chunks=left)
    removes += [f"{QUARANTINE}/{c}.jsonl" for c in gone]
    return Manifest(origins=store.manifest.origins, files=files), staged, removes


def compact(store: Store) -> tuple[Store, int, int]:
    """One file a kind and date; how many files there were, and how many there are."""
    before = len(store.manifest.files)
    groups: dict[tuple[str, str, str], list[str]] = {}
    for where, kept in sorted(store.manifest.files.items()):
        groups.setdefault((kept.kind, kept.date, repr(sorted(kept.was.items()))), []).append(where)
    for (kind, date, _), places in groups.items():
        if len(places) < 2:
            continue
        wanted = columns_of(store.manifest.files, kind)
        rows = pl.concat([alike(store.root / where, wanted) for where in places])
        chunks = list(dict.fromkeys(c for where in places for c in store.manifest.files[where].chunks))
        staged: dict[str, str] = {}
        target = place(kind, date, f"compact-{len(places)}-{store.manifest.files[places[0]].digest[7:19]}")
        model = msgspec.structs.replace(store.manifest.files[places[0]], chunks=chunks)
        made = _written(store, staged, target, rows, model)
        files = {w: k for w, k in store.manifest.files.items() if w not in places}
        manifest = Manifest(origins=store.manifest.origins, files={**files, target: made})
        store = store.commit(manifest, staged, places)
    return store, before, len(store.manifest.files)


def matching(store: Store, condition: str) -> dict[str, int]:
    """File → rows for which a condition holds, where there are any.

    Raises
    ------
    UsageError
        Where it cannot be read, or no kind of log has its columns.

    """
    _check(store, condition)
    out = {}
    for where in store.manifest.files:
        rows = pl.scan_parquet(store.root / where, glob=False)
        n = (
            rows.select(condition_of(condition, rows.collect_schema()).sum())
            .collect(engine="streaming")
            .item()
        )
        if n:
            out[where] = int(n)
    return out


def _check(store: Store, condition: str) -> None:
    wanted = set() if condition.startswith(BEFORE) else set(roots(f"= {condition}"))
    kinds = {kept.kind: set(kept.columns) for kept in store.manifest.files.values()}
    if not any(wanted <= have for have in kinds.values()):
        have = sorted(set().union(*kinds.values()))
        raise UsageError(
            f"no kind of log has the columns of the condition: {', '.join(sorted(wanted))}",
            f"--where; the columns are: {', '.join(have[:30])}",
            "name columns of one kind of log",
        )


def forget(store: Store, condition: str, hits: Sequence[str]) -> Store:
    """The store without the rows for which a condition holds, now and when their sources are read again."""
    files, staged, removes = dict(store.manifest.files), dict[str, str](), list[str]()
    for where in hits:
        rows = pl.scan_parquet(store.root / where, glob=False)
        keep = ~condition_of(condition, rows.collect_schema()).fill_null(value=False)
        made = _written(store, staged, where, rows.filter(keep), files.pop(where))
        if made.rows:
            files[where] = made
        else:
            name = next(n for n, w in staged.items() if w == where)
            (store.staging / name).unlink()
            del staged[name]
            removes.append(where)
    origins = [
        msgspec.structs.replace(o, forgotten=[*o.forgotten, condition]) for o in store.manifest.origins
    ]
    return store.commit(Manifest(origins=origins, files=files), staged, removes)


def verify(store: Store, tick: Callable[[int, int], None] | None = None) -> list[str]:
    """What is wrong, a sentence each: files that are missing, changed or unknown, rows that do not add up."""
    wrong = []
    total, done = sum(k.bytes for k in store.manifest.files.values()), 0
    for where, kept in store.manifest.files.items():
        path = store.root / where
        if not path.is_file():
            wrong.append(f"{where} is missing: {kept.rows:,} rows")
        else:
            now = entry(path, kept.kind, kept.date, [], {}) if path.stat().st_size == kept.bytes else None
            if now is None or now.digest != kept.digest:
                wrong.append(f"{where} is not as it was written")
        done += kept.bytes
        if tick is not None:
            tick(done, total)
    known = {store.root / where for where in store.manifest.files}
    strange = sorted(p for p in store.root.glob("kind=*/**/*") if p.is_file() and p not in known)
    wrong += [f"{p.relative_to(store.root)} is no file of this store" for p in strange]
    chunks = {c.id for o in store.manifest.origins for c in o.chunks}
    lost = {c for k in store.manifest.files.values() for c in k.chunks} - chunks
    return wrong + [f"rows of {chunk} have no source in the manifest" for chunk in sorted(lost)]


def _written(store: Store, staged: dict[str, str], where: str, rows: pl.LazyFrame, kept: Kept) -> Kept:
    name = f"{len(staged)}-{Path(where).name}"
    target = store.staging / name
    rows.sink_parquet(str(target), compression="zstd", compression_level=1, row_group_size=ROW_GROUP)
    staged[name] = where
    return entry(target, kept.kind, kept.date, kept.chunks, kept.was)
