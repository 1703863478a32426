"""What a dashboard costs: the first report over many rows, one where nothing is new, one with a further file.

python tests/bench/dashboard_bench.py [ROWS] [FILES]
"""

import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.registry import REPORTS
from mlops_cli.cli.watching import state
from mlops_cli.live.prepared import Prepared

DAY = 86_400_000_000
START = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp() * 1e6)


def write(folder, day, rows):
    rng = np.random.default_rng(day)
    times = START + day * DAY + np.sort(rng.integers(0, DAY, rows))
    pl.DataFrame(
        {
            "request_id": np.arange(rows) + day * rows,
            "timestamp": pl.Series(times).cast(pl.Datetime("us", "UTC")),
            "amount": rng.lognormal(3, 1, rows).astype(np.float32),
            "age": rng.integers(18, 90, rows).astype(np.int16),
            "country": rng.choice(["DE", "FR", "US", "CN", "BR"], rows),
            "score": rng.beta(2, 5, rows).astype(np.float32),
            "prediction": rng.random(rows) < 0.3,
            "latency_ms": rng.gamma(4, 6, rows).astype(np.float32),
        }
    ).write_parquet(folder / f"{day:02d}.parquet")


def main(rows, files):
    with tempfile.TemporaryDirectory() as home:
        logs = Path(home) / "logs"
        logs.mkdir()
        for day in range(files):
            write(logs, day, rows // files)
        ask = Ask(paths=(str(logs),), isolated=True, state=f"{home}/state")
        took = []
        for step in ("first", "nothing new, another process", "one more file"):
            if step == "one more file":
                write(logs, files, rows // files)
            prepared = Prepared(lambda: REPORTS["monitor"](ask), state(ask), 0.2).start()
            answer = prepared.after(0, 3_600)
            prepared.stop(10)
            took.append(answer.seconds)
            print(f"{step:<30}{answer.seconds:8.2f} s  {answer.report.verdict.reason[:60]}")
        begun = time.monotonic()
        state(ask)()
        print(f"{'a look at the logs':<30}{time.monotonic() - begun:8.3f} s")
        print(f"one more file / first          {took[2] / took[0]:8.2f}  ({files} files, {rows:,} rows)")


if __name__ == "__main__":
    main(*(int(a) for a in (sys.argv[1:] or ["10_000_000", "20"])))
