"""Rows 12 to 15 of `spec/performance.md` 11: text logs into the store, and late labels. Prints a table.

    python tests/bench/ingest_bench.py [--rows 200000] [--spans 40000] [--pairs 1000000] [--repeats 3] [--only json|otlp|join]

CPU is user and system time of the process and its children, imports included; RSS its peak. What is compared
runs in turn, medians count, so that a busy machine slows both alike. `ours` is the whole command: detection,
the exact scan that names bad lines, canonical columns, dates, digests, fsync. `convert` is the part of it that
a plain reader does: the file as one Parquet file. 10x is the same with ten times the rows.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl

MLOPS = [sys.executable, "-m", "mlops_cli"]
NUMBERS = [f"f{i:02d}" for i in range(12)]
WORDS = [f"c{i}" for i in range(5)]


def made_records(path: Path, rows: int, *, nested: bool, bad: int = 0) -> None:
    """Predictions as JSON lines, 27 keys, flat or nested."""
    rng = random.Random(1)
    broken = set(rng.sample(range(rows), bad))
    with path.open("w") as out:
        for i in range(rows):
            features: dict[str, object] = {n: rng.gauss(0, 1) for n in NUMBERS}
            features |= {n: f"value_{rng.randrange(30)}" for n in WORDS}
            day, second = divmod(i * 5, 86_400)
            head: dict[str, object] = {
                "request_id": f"{rng.getrandbits(128):032x}",
                "timestamp": f"2026-01-{1 + day % 28:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.123Z",
                "text": "some words that were asked of the model again and again " * 2,
                "latency_ms": rng.random() * 100,
                "label": str(i % 2),
            }
            output = {"label": str(i % 2), "score": rng.random()}
            model = {"name": "m", "version": "1.0.0"}
            record = (
                {**head, "model": model, "features": features, "prediction": output}
                if nested
                else {
                    **head,
                    "model_version": "1.0.0",
                    **features,
                    "prediction": output["label"],
                    "score": output["score"],
                }
            )
            line = json.dumps(record)
            out.write((line[: len(line) // 2] if i in broken else line) + "\n")


def made_spans(path: Path, spans: int) -> None:
    """OTLP, 50 spans a line, 8 attributes each."""
    rng = random.Random(2)
    with path.open("w") as out:
        for begin in range(0, spans, 50):
            some = [
                {
                    "traceId": f"{rng.getrandbits(128):032x}", "spanId": f"{rng.getrandbits(64):016x}",
                    "parentSpanId": f"{rng.getrandbits(64):016x}", "name": f"step{i % 5}", "kind": 2,
                    "startTimeUnixNano": str(1_767_225_600_000_000_000 + i * 1_000_000),
                    "endTimeUnixNano": str(1_767_225_600_000_000_000 + i * 1_000_000 + rng.randrange(10**8)),
                    "attributes": [
                        {"key": "component", "value": {"stringValue": f"step{i % 5}"}},
                        {"key": "http.status_code", "value": {"intValue": "200"}},
                        *({"key": f"a{k}", "value": {"stringValue": f"value {rng.randrange(99)}"}} for k in range(6)),
                    ],
                    "status": {},
                }
                for i in range(begin, begin + 50)
            ]  # fmt: skip
            out.write(
                json.dumps(
                    {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"spans": some}]}]}
                )
                + "\n"
            )


def made_pairs(folder: Path, rows: int) -> None:
    """Predictions in 30 files; labels of 80 % of them, shuffled, in 15."""
    rng = np.random.default_rng(3)
    (folder / "predictions").mkdir(parents=True)
    (folder / "labels").mkdir()
    kept = []
    each = rows // 30
    for day in range(30):
        ids = [f"{a:016x}{b:016x}" for a, b in rng.integers(0, 2**63, (each, 2)).tolist()]
        at = 1_767_225_600_000_000 + day * 86_400_000_000 + np.sort(rng.integers(0, 86_400_000_000, each))
        frame = pl.DataFrame(
            {"request_id": ids, "timestamp": pl.Series(at).cast(pl.Datetime("us", "UTC")),
             "prediction": rng.random(each) < 0.3, "score": rng.random(each)}
        )  # fmt: skip
        frame.write_parquet(folder / f"predictions/{day:02d}.parquet", row_group_size=125_000)
        some = frame.filter(pl.Series(rng.random(each) < 0.8))
        kept.append(some.select("request_id", label=pl.Series(rng.random(some.height) < 0.3)))
    labels = pl.concat(kept).sample(fraction=1, shuffle=True, seed=1)
    for i in range(15):
        labels.gather_every(15, i).write_parquet(folder / f"labels/{i:02d}.parquet")


READERS = {
    "duckdb": "import duckdb,sys; duckdb.sql(\"copy (select * from read_json('%s',format='newline_delimited',"
    "columns=%s)) to '%s' (format parquet, compression zstd)\")",
    "polars": "import polars as pl; pl.scan_ndjson('%s',schema=%s).sink_parquet('%s',compression='zstd')",
    "pyarrow": "import pyarrow.json as j, pyarrow.parquet as q\n"
    "r=j.open_json('%s',read_options=j.ReadOptions(block_size=8<<20)); %s\nw=q.ParquetWriter('%s',r.schema,"
    "compression='zstd')\nfor b in r: w.write_batch(b)\nw.close()",
}
CONVERT = """
import sys
from mlops_cli.config.settings import Settings
from mlops_cli.logs.discover import discover
from mlops_cli.logs.open import open_logs
open_logs(discover([sys.argv[1]], Settings()).files, None)
"""
JOIN = """
import sys
from mlops_cli.config.settings import Settings
from mlops_cli.logs.discover import discover
from mlops_cli.logs.open import open_logs
from mlops_cli.profile.pairs import pairs
from mlops_cli.profile.plan import plan
logs = open_logs(discover([sys.argv[1]], Settings()).files, None)
pairs(logs.parts, plan(logs.parts, (), Settings()).window, Settings())
"""
JOIN_POLARS = """
import sys
import polars as pl
p = pl.scan_parquet(sys.argv[1] + '/predictions/*.parquet')
l = pl.scan_parquet(sys.argv[1] + '/labels/*.parquet')
p.join(l, on='request_id', how='left').group_by(
    pl.col('timestamp').dt.date(), 'prediction', 'label', (pl.col('score') * 200).cast(pl.Int16)
).len().collect(engine='streaming')
"""
OTLP_POLARS = """
import sys
import polars as pl
S = pl.String
V = pl.Struct({'stringValue': S, 'intValue': S})
A = pl.List(pl.Struct({'key': S, 'value': V}))
P = pl.Struct({'traceId': S, 'spanId': S, 'parentSpanId': S, 'name': S, 'startTimeUnixNano': S,
               'endTimeUnixNano': S, 'attributes': A, 'status': pl.Struct({'code': pl.Int64})})
R = pl.List(pl.Struct({'scopeSpans': pl.List(pl.Struct({'spans': pl.List(P)}))}))
q = pl.scan_ndjson(sys.argv[1], schema={'resourceSpans': R}).explode('resourceSpans').unnest('resourceSpans')
q = q.explode('scopeSpans').unnest('scopeSpans').explode('spans').unnest('spans')
def get(n, f):
    return pl.col('attributes').list.eval(
        pl.element().filter(pl.element().struct.field('key') == n).struct.field('value').struct.field(f)
    ).list.first().alias(n)
q.with_columns(get('component', 'stringValue'), get('http.status_code', 'intValue'),
               *(get(f'a{k}', 'stringValue') for k in range(6))).drop('attributes').sink_parquet(sys.argv[2])
"""


OTLP_DUCKDB = """
import sys
import duckdb
V = 'STRUCT(stringValue VARCHAR, intValue VARCHAR)'
P = ('STRUCT(traceId VARCHAR, spanId VARCHAR, parentSpanId VARCHAR, name VARCHAR, startTimeUnixNano VARCHAR, '
     f'endTimeUnixNano VARCHAR, attributes STRUCT(key VARCHAR, value {V})[])[]')
get = "list_filter(p.attributes, lambda a: a.key = '%s')[1].value.%s"
duckdb.sql(f'''
    COPY (
      WITH r AS (SELECT unnest(resourceSpans) AS r FROM read_json('{sys.argv[1]}', format='newline_delimited',
                 columns={{resourceSpans: 'STRUCT(scopeSpans STRUCT(spans {P})[])[]'}})),
           s AS (SELECT unnest(r.scopeSpans) AS s FROM r), p AS (SELECT unnest(s.spans) AS p FROM s)
      SELECT p.traceId, p.spanId, p.parentSpanId, p.name, p.startTimeUnixNano::BIGINT, p.endTimeUnixNano::BIGINT,
             {get % ('component', 'stringValue')}, {get % ('http.status_code', 'intValue')} FROM p
    ) TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION zstd)''')
"""


def run(*command: object) -> tuple[float, float]:
    """CPU seconds, and peak MB of the process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command}: {process.stderr.read().decode() if process.stderr else ''}")
    del before
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def schema(path: Path) -> tuple[str, str]:
    """Of the first record, for DuckDB and polars."""

    def walk(found: object) -> tuple[str, str]:
        if isinstance(found, dict):
            inner = {k: walk(v) for k, v in found.items()}
            duck = "STRUCT(" + ", ".join(f"{k} {v[0]}" for k, v in inner.items()) + ")"
            return duck, "pl.Struct({" + ", ".join(f"'{k}': {v[1]}" for k, v in inner.items()) + "})"
        return ("DOUBLE", "pl.Float64") if isinstance(found, float) else ("VARCHAR", "pl.String")

    with path.open() as file:
        fields = {k: walk(v) for k, v in json.loads(file.readline()).items()}
    fields["timestamp"] = ("TIMESTAMP", "pl.String")
    duck = "{" + ", ".join(f"{k}: '{v[0]}'" for k, v in fields.items()) + "}"
    return duck, "{" + ", ".join(f"'{k}': {v[1]}" for k, v in fields.items()) + "}"


class Bench:
    """Runs what is compared in turn."""

    def __init__(self, folder: Path, repeats: int) -> None:
        self.folder, self.repeats, self.at = folder, repeats, 0

    def turns(self, **commands: list[object]) -> dict[str, tuple[float, float]]:
        """Median CPU seconds and MB of each."""
        seen: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(self.repeats):
            for name, command in commands.items():
                self.at += 1
                target = self.folder / f"out{self.at}"
                seen[name].append(run(*(target if c == "OUT" else c for c in command)))
        return {n: (statistics.median(c for c, _ in v), max(m for _, m in v)) for n, v in seen.items()}

    def ingest(self, path: Path) -> list[object]:
        """Ours, into a new store."""
        return [*MLOPS, "ingest", path, "--to", "OUT", "--isolated"]

    def readers(self, path: Path) -> dict[str, list[object]]:
        """The plain readers."""
        duck, polars = schema(path)
        told = {"duckdb": duck, "polars": polars, "pyarrow": ""}
        out = self.folder / "plain.parquet"
        return {n: [sys.executable, "-c", code % (path, told[n], out)] for n, code in READERS.items()}


def json_lines(bench: Bench, asked: argparse.Namespace) -> None:
    """Rows 12 and 13."""
    for nested in (False, True):
        shape = "nested" if nested else "flat"
        path = bench.folder / f"{shape}.jsonl"
        made_records(path, asked.rows, nested=nested)
        size = path.stat().st_size / 1e6
        found = bench.turns(
            **bench.readers(path),
            convert=[sys.executable, "-c", CONVERT, path],
            ours=bench.ingest(path),
        )
        best = min(found[n][0] for n in READERS)
        for what, (cpu, peak) in found.items():
            target = ">= 0.95 of the best" if what in ("ours", "convert") else ""
            print(
                f"| 12 | {shape}, {what} | {size:.0f} | {cpu:.2f} | {size / cpu:.0f} | {peak:.0f} | {best / cpu:.2f} | {target} |"
            )
        if nested:
            continue
        bad = bench.folder / "bad.jsonl"
        made_records(bad, asked.rows, nested=False, bad=max(1, asked.rows // 10_000))
        both = bench.turns(clean=bench.ingest(path), bad=bench.ingest(bad))
        cpu, peak = both["bad"]
        print(
            f"| 13 | 0.01 % bad lines | {size:.0f} | {cpu:.2f} | {size / cpu:.0f} | {peak:.0f} | {cpu / both['clean'][0]:.2f} of clean | <= 1.5 |"
        )
        if asked.tenfold:
            large = bench.folder / "large.jsonl"
            with large.open("wb") as out:
                for _ in range(10):
                    out.write(path.read_bytes())
            cpu, peak10 = run(*(bench.folder / "large" if c == "OUT" else c for c in bench.ingest(large)))
            print(
                f"| 12 | flat, ours, 10x | {size * 10:.0f} | {cpu:.2f} | {size * 10 / cpu:.0f} | {peak10:.0f} | memory {peak10 / found['ours'][1]:.2f} of 1x | |"
            )
            large.unlink()


def otlp(bench: Bench, asked: argparse.Namespace) -> None:
    """Row 14."""
    spans = bench.folder / "spans.jsonl"
    made_spans(spans, asked.spans)
    size = spans.stat().st_size / 1e6
    found = bench.turns(
        polars=[sys.executable, "-c", OTLP_POLARS, spans, "OUT"],
        duckdb=[sys.executable, "-c", OTLP_DUCKDB, spans, "OUT"],
        convert=[sys.executable, "-c", CONVERT, spans],
        ours=bench.ingest(spans),
    )
    for what, (cpu, peak) in found.items():
        target = ">= 8" if what in ("convert", "ours") else ""
        print(
            f"| 14 | OTLP, {what} | {size:.0f} | {cpu:.2f} | {size / cpu:.0f} | {peak:.0f} | {found['polars'][0] / cpu:.1f} | {target} |"
        )


def join(bench: Bench, asked: argparse.Namespace) -> None:
    """Row 15."""
    # In a process of its own: a new process begins with the peak memory of the one that starts it.
    making = get_context("spawn").Process(target=made_pairs, args=(bench.folder / "pairs", asked.pairs))
    making.start()
    making.join()
    found = bench.turns(
        polars=[sys.executable, "-c", JOIN_POLARS, bench.folder / "pairs"],
        ours=[sys.executable, "-c", JOIN, bench.folder / "pairs"],
    )
    for what, (cpu, peak) in found.items():
        target = "CPU <= 0.5, RSS <= 0.2" if what == "ours" else ""
        ratio = f"{cpu / found['polars'][0]:.2f}, {peak / found['polars'][1]:.2f}"
        print(
            f"| 15 | join of {asked.pairs:,} with late labels, {what} | | {cpu:.2f} | | {peak:.0f} | {ratio} | {target} |"
        )


PARTS = {"json": json_lines, "otlp": otlp, "join": join}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    for name, default in (("rows", 200_000), ("spans", 40_000), ("pairs", 1_000_000), ("repeats", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--only", choices=PARTS, help="one of the parts")
    parser.add_argument("--tenfold", action="store_true", help="peak memory at ten times the rows, too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), asked.repeats)
        print(
            "| row | what | MB | CPU s | MB / CPU s | peak MB | ratio | target |\n|---|---|---|---|---|---|---|---|"
        )
        for name, part in PARTS.items():
            if asked.only in (None, name):
                part(bench, asked)


if __name__ == "__main__":
    main()
