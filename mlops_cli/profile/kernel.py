"""One part → its profile: counted piece by piece, the pieces merged.

Pure: the same file and spec give the same tables, whatever engine counts the pieces and in which order.
"""

from collections.abc import Iterator, Sequence

from mlops_cli.logs.format import Part
from mlops_cli.profile.columns import Columns, columns_of, new_columns
from mlops_cli.profile.count import Count
from mlops_cli.profile.grid import Scratch
from mlops_cli.profile.merge import assemble, bounded, cut, merge
from mlops_cli.profile.pieces import VALUES, Piece, Reader, bounds
from mlops_cli.profile.spec import Profile, ProfileSpec

AT_ONCE = 8  # pieces whose counts are held before they are added up


def profile_file(
    part: Part, spec: ProfileSpec, *, whole: bool = False, row_groups: tuple[int, int] | None = None
) -> Profile:
    """The profile of a part.

    Parameters
    ----------
    part : Parquet
    spec : what is counted and how
    whole : a reference file: all rows are in window 0
    row_groups : only the pieces that begin in this range, [from, to); they are not cut: merge the ranges of a
        file, then `merge.cut`

    Raises
    ------
    DataError
        Where the file is gone or damaged.

    """
    columns = columns_of(part, spec)
    reader, scratch = Reader(part, columns), Scratch()
    done: list[Profile] = []
    for piece in reader.pieces(row_groups):
        done.append(_counted(part, spec, columns, reader, piece, whole=whole, scratch=scratch))
        if len(done) == AT_ONCE:
            done = [merge(done)]
    out = bounded(done[0]) if len(done) == 1 else assemble(spec, done)
    return out if row_groups is not None else cut(out)


def ranges(part: Part, pieces: int) -> list[tuple[int, int]]:
    """Row groups of a file in ranges of so many pieces."""
    metadata = Reader(part, Columns()).metadata
    cuts = bounds([metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)])
    return [(cuts[i].first, cuts[min(i + pieces, len(cuts)) - 1].last) for i in range(0, len(cuts), pieces)]


def _counted(
    part: Part,
    spec: ProfileSpec,
    columns: Columns,
    reader: Reader,
    piece: Piece,
    *,
    whole: bool,
    scratch: Scratch,
) -> Profile:
    """The counts of one piece."""
    ids = list(columns.fields) if part.kind != "gauges" else []
    batches = _batches(columns, ids, piece.rows)
    first = next(batches, [])
    common = columns.common
    data = reader.read(piece, [*common, *(label for i in first for label in columns.labels_of(i))])
    shared = {label: data.pop(label) for label in common}
    count = Count(part, spec, columns, shared, piece, whole=whole, scratch=scratch)
    while first:
        for i in first:
            count.field(i, {label: data.pop(label) for label in columns.labels_of(i)})
        first = next(batches, [])
        if first:
            data = reader.read(piece, [label for i in first for label in columns.labels_of(i)])
    if part.kind == "gauges":
        count.gauges()
    else:
        for i in spec.field_ids(part.kind):
            if i not in columns.fields and spec.fields[i].type != "rows":
                count.absent(i)
    for name, family in new_columns(part, spec).items():
        count.new(name, family)
    return count.done()


def _batches(columns: Columns, ids: Sequence[int], rows: int) -> Iterator[list[int]]:
    """Fields that are decoded at once: all, but of a huge row group only so many as memory holds."""
    room = max(VALUES // max(rows, 1) - len(columns.common), 1)
    for start in range(0, len(ids), room):
        yield list(ids[start : start + room])
