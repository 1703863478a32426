"""Threads of this process: files are counted side by side, the biggest first, big ones range by range."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from mlops_cli.logs.format import Part
from mlops_cli.profile.cache import Cache
from mlops_cli.profile.merge import assemble, cut
from mlops_cli.profile.spec import Profile, ProfileSpec

THREADS = 4  # beyond, what holds the interpreter's lock decides (`performance.md` 5)
PIECES = 4  # of a range; a file of more is counted in several
BIG = 2_000_000  # rows from which a file may have so many pieces

Progress = Callable[[int, int], None]


@dataclass
class _File:
    """A part that is being counted: its ranges that are done, of how many; none: it is one task."""

    part: Part
    ranges: int = 0
    done: dict[int, Profile] = field(default_factory=dict)


def run(
    parts: Sequence[Part],
    spec: ProfileSpec,
    cache: Cache,
    progress: Progress | None,
    *,
    whole: bool = False,
) -> Profile:
    """The profile of all parts; what the cache has is not counted again.

    Parameters
    ----------
    parts : of all kinds, in any order: the result is the same
    progress : told (bytes done, bytes in all)
    whole : a reference: all rows are in window 0

    Raises
    ------
    DataError
        Where a file is gone or damaged. What was finished before is in the cache.

    """
    total = sum(p.source.bytes for p in parts)
    done = 0
    profiles: list[Profile] = []
    missing: list[Part] = []
    for part in parts:
        known = cache.get(part, spec, whole)
        if known is None:
            missing.append(part)
        else:
            profiles.append(known)
            done += part.source.bytes
    if progress:
        progress(done, total)

    def finished(part: Part, profile: Profile) -> None:
        nonlocal done
        cache.put(part, spec, whole, profile)
        profiles.append(profile)
        done += part.source.bytes
        if progress:
            progress(done, total)

    if missing:
        _count(missing, spec, finished, whole=whole)
    return assemble(spec, profiles)


def _count(
    parts: Sequence[Part], spec: ProfileSpec, finished: Callable[[Part, Profile], None], *, whole: bool
) -> None:
    """Count every part; `finished` is called in this thread, as files are done."""
    from mlops_cli.profile.kernel import profile_file, ranges  # noqa: PLC0415 - 0.2 s for pyarrow, not needed
    # where all is cached

    def ranged(part: Part) -> list[tuple[int, int]]:
        cuts = ranges(part, PIECES) if part.rows > BIG else []
        return cuts if len(cuts) > 1 else []

    tasks: dict[Future[Profile], tuple[_File, int]] = {}
    pool = ThreadPoolExecutor(max(1, min(THREADS, os.cpu_count() or 1)))
    try:
        for part in sorted(parts, key=lambda p: (-p.rows, p.path, p.kind)):
            cuts = ranged(part)
            file = _File(part, len(cuts))
            if not cuts:
                tasks[pool.submit(profile_file, part, spec, whole=whole)] = file, 0
            for k, row_groups in enumerate(cuts):
                task = pool.submit(profile_file, part, spec, whole=whole, row_groups=row_groups)
                tasks[task] = file, k
        for task in as_completed(list(tasks)):
            file, k = tasks.pop(task)
            file.done[k] = task.result()
            if len(file.done) >= file.ranges:
                made = file.done.pop(0) if not file.ranges else cut(assemble(spec, list(file.done.values())))
                file.done.clear()
                finished(file.part, made)
    finally:
        pool.shutdown(cancel_futures=True)
