"""Threads of this process: pieces of files are counted side by side, the biggest files first."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from mlops_cli.logs.format import Part
from mlops_cli.profile.cache import Cache
from mlops_cli.profile.spare_kernel import Counted, count_piece, finish, profile_file
from mlops_cli.profile.spare_merge import assemble, merge
from mlops_cli.profile.spare_pieces import ROWS, ranges
from mlops_cli.profile.spec import Profile, ProfileSpec

THREADS = 4  # beyond, the parts that hold the interpreter's lock decide (`performance.md` 5)

Progress = Callable[[int, int], None]


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
        Where a file is no whole Parquet file.

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
    threads = max(1, min(THREADS, os.cpu_count() or 1))
    with ThreadPoolExecutor(threads) as pool:
        try:
            for part, profile in _counted(pool, threads, _biggest_first(missing), spec, whole=whole):
                cache.put(part, spec, whole, profile)
                profiles.append(profile)
                done += part.source.bytes
                if progress:
                    progress(done, total)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if not profiles:
        return assemble(spec, [], tuple(f.mantissa for f in spec.fields))
    return merge(profiles)


def _biggest_first(parts: Sequence[Part]) -> list[Part]:
    return sorted(parts, key=lambda p: (-p.rows, p.path, p.kind))


@dataclass(frozen=True)
class _Flight:
    """A part that is being counted: as one task, or piece by piece."""

    part: Part
    whole: Future[Profile] | None
    pieces: tuple[Future[Counted], ...] = ()

    def land(self, spec: ProfileSpec) -> tuple[Part, Profile]:
        if self.whole is not None:
            return self.part, self.whole.result()
        return self.part, finish(spec, [piece.result() for piece in self.pieces])


def _counted(
    pool: ThreadPoolExecutor, threads: int, parts: Sequence[Part], spec: ProfileSpec, *, whole: bool
) -> Iterator[tuple[Part, Profile]]:
    """Profiles as files are finished; few files are in flight, so that few results are held."""
    flights: deque[_Flight] = deque()
    for part in parts:
        flights.append(_launch(pool, part, spec, whole=whole))
        if len(flights) > threads:
            yield flights.popleft().land(spec)
    while flights:
        yield flights.popleft().land(spec)


def _launch(pool: ThreadPoolExecutor, part: Part, spec: ProfileSpec, *, whole: bool) -> _Flight:
    cuts = ranges(part) if part.rows > ROWS else []
    if len(cuts) < 2:
        return _Flight(part, pool.submit(profile_file, part, spec, whole=whole))
    pieces = (pool.submit(count_piece, part, spec, cut, whole=whole) for cut in cuts)
    return _Flight(part, None, tuple(pieces))
