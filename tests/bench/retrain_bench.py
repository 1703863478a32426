"""The tables of `spec/retrain-and-pipeline.md` with ours beside them.

    MLOPS_REFERENCE_DATA=../shared python tests/bench/retrain_bench.py [cbpe dle shown policy blame pace]

Worlds of retraining and pipelines are simulated by the reference's own simulators; the answers are ours.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

from mlops_cli.decide import retrain
from mlops_cli.stats import calibration
from mlops_cli.stats.blame import Column, Rules, blame
from mlops_cli.stats.loss_model import POWERS, Asked, Known, LossModel, mean_error, root_mean_square, terms
from mlops_cli.stats.shapes import Rules as Shapes
from mlops_cli.stats.shapes import pace

ROOT = Path(os.environ["MLOPS_REFERENCE_DATA"])
DATA, REFERENCE = ROOT / "data" / "monitoring", ROOT / "reference" / "retrain"
SETS = {
    "car_loan": ("car_loan", "repaid", "y_pred", "y_pred_proba"),
    "us_census_ma_employment": ("us_census_ma_employment", "employed", "prediction", "predicted_probability"),
    "california_housing": ("california_housing", "clf_target", "y_pred", "y_pred_proba"),
}


def oracle(name):
    return json.loads((ROOT / "oracles" / "monitoring_oracles.json").read_text())["datasets"][name]


def windows(name, file):
    """The reference in blocks as NannyML cuts it, and the windows of the analysis."""
    frame, told = pl.read_parquet(DATA / f"{file}.parquet"), oracle(name)["chunks"]
    parts = {p: frame.filter(pl.col("period") == p) for p in ("reference", "analysis")}
    return [(p, parts[p][a : b + 1]) for p, a, b, *_ in told]


def counts(frame, label, said, score):
    s = frame[score].to_numpy()
    y = frame[label].cast(pl.Float64).to_numpy()
    bucket = np.clip((s * 200).astype(int), 0, 199)
    n = np.bincount(bucket, minlength=200).astype(float)
    called = np.bincount(bucket, frame[said].cast(pl.Float64).to_numpy(), 200)
    return n, np.bincount(bucket, y, 200), called


def cbpe():
    print("\nEstimated without labels: mean error a window, coverage of the 95 % band; CPU of all windows")
    print(
        f"{'set':26s} {'metric':10s} {'ours':>8s} {'NannyML':>8s} {'no change':>9s} {'cover':>6s} {'theirs':>7s} {'CPU ms':>7s}"
    )
    for name, (file, *columns) in SETS.items():
        found = windows(name, file)
        blocks = [counts(f, *columns) for p, f in found if p == "reference"]
        now = [counts(f, *columns) for p, f in found if p == "analysis"]
        rows, yes = (np.array([b[i] for b in blocks]) for i in (0, 1))
        called, every = sum(b[2] for b in blocks), rows.sum(0)
        cut = int(np.argmin([called[:c].sum() + (every - called)[c:].sum() for c in range(201)]))
        clock = time.process_time()
        reference = calibration.Reference(rows, yes, cut)
        parts = [reference.estimate(n) for n, *_ in now]
        spent = time.process_time() - clock
        truth = [calibration.expected(k, n - k, cut).values for n, k, _ in now]
        base = calibration.expected(yes.sum(0), (rows - yes).sum(0), cut).values
        theirs = oracle(name)["nannyml"]["CBPE"]
        for metric, other in (("auc", "roc_auc"), ("accuracy", "accuracy"), ("f1", "f1")):
            real = np.array([t[metric] for t in truth])
            mine = np.array([p[metric].value for p in parts])
            half = np.array([p[metric].half for p in parts])
            told = {
                k: np.array(theirs[other][k][-len(now) :], float)
                for k in ("value", "lower_confidence_boundary", "upper_confidence_boundary")
            }
            inside = (told["lower_confidence_boundary"] <= real) & (real <= told["upper_confidence_boundary"])
            print(
                f"{name:26s} {metric:10s} {abs(mine - real).mean():8.4f} {abs(told['value'] - real).mean():8.4f} "
                f"{abs(base[metric] - real).mean():9.4f} {(abs(mine - real) <= half).mean():6.2f} "
                f"{inside.mean():7.2f} {1000 * spent:7.1f}"
            )


def mean_errors(known, loss, windows, blocks=10):
    """Estimated mean errors of windows by columns of the reference in time order, its errors, and windows."""
    model = LossModel(known, loss)
    at, o = np.arange(len(loss)) * blocks // len(loss), model.out
    each = {"n": np.ones(len(o)), **terms(loss, o)}
    sums = Known(**{name: np.bincount(at, x, blocks) for name, x in each.items()})
    out = []
    for columns in windows:
        fits = model.predict(columns)
        asked = Asked(fits.shape[1], fits.shape[1], *((fits**p).sum(axis=1) for p in POWERS))
        out.append((mean_error(sums, asked), root_mean_square(sums, asked)))
    return out


def dle():
    found = windows("car_price_every5th", "car_price_every5th")
    skip = {"id", "y_true", "y_pred", "period", "timestamp"}
    fields = [c for c in found[0][1].columns if c not in skip]
    reference = pl.concat([f for p, f in found if p == "reference"])

    def columns(frame):
        return [frame[c].to_numpy() for c in ("y_pred", *fields)]

    def error(frame):
        return (frame["y_pred"] - frame["y_true"]).abs().to_numpy()

    clock = time.process_time()
    now = [f for p, f in found if p == "analysis"]
    mine = [m for m, _ in mean_errors(columns(reference), error(reference), [columns(f) for f in now])]
    spent = time.process_time() - clock
    real = np.array([error(f).mean() for f in now])
    theirs = np.array(oracle("car_price_every5th")["nannyml"]["DLE"]["mae"]["value"][-len(now) :], float)
    value, half = np.array([m.value for m in mine]), np.array([m.half for m in mine])
    print("\nUsed cars, every fifth row: mean error of the estimated MAE")
    print(
        f"ours {abs(value - real).mean():.1f}, DLE {abs(theirs - real).mean():.1f}, no change "
        f"{abs(error(reference).mean() - real).mean():.1f}; covered {(abs(value - real) <= half).mean():.2f}; {spent:.1f} s CPU"
    )


SPEC = {  # mean errors of the specification 2.3, 2.5 and 2.6: no change, NannyML, bucket, weighted, label model
    ("car_loan", "auc"): (0.0067, 0.0021, 0.0021, 0.0043, 0.0028),
    ("car_loan", "accuracy"): (0.0168, 0.0028, 0.0028, 0.0078, 0.0043),
    ("us_census_ma_employment", "auc"): (0.0070, 0.0040, 0.0040, 0.0032, 0.0036),
    ("us_census_ma_employment", "accuracy"): (0.0087, 0.0051, 0.0051, 0.0043, 0.0047),
    ("california_housing", "auc"): (0.0867, 0.0315, 0.0315, 0.0607, 0.0744),
    ("california_housing", "accuracy"): (0.1105, 0.1024, 0.1024, 0.0598, 0.0600),
    ("car_price_every5th", "mae"): (79.7, 18.5, float("nan"), float("nan"), float("nan")),
    ("credit_cards_multiclass_every20th", "accuracy"): (0.0967, 0.0378, 0.0374, float("nan"), float("nan")),
}


def shown():
    """Through `monitor`: all labels but those of the last tenth; only what would have been shown counts."""
    import tempfile  # noqa: PLC0415

    from mlops_cli.api import monitor  # noqa: PLC0415

    sets = {
        **SETS,
        "car_price_every5th": ("car_price_every5th", "y_true", "y_pred", None),
        "credit_cards_multiclass_every20th": ("credit_cards_multiclass_every20th", "y_true", "y_pred", "top"),
    }
    sizes = {
        "car_price_every5th": "2d",
        "us_census_ma_employment": "4d",
        "credit_cards_multiclass_every20th": "14d",
    }
    print("\nEstimates as `monitor` shows them, beside the specification's (whose windows are others)")
    print(
        "set, metric: windows shown, withdrawn; mean error ours | no change, NannyML, bucket, weighted, label; coverage; CPU s"
    )
    for name, (file, label, said, score) in sets.items():
        frame = pl.read_parquet(DATA / f"{file}.parquet")
        top = [c for c in frame.columns if c.startswith("y_pred_proba_")]
        if top:
            frame = frame.with_columns(top=pl.max_horizontal(top)).drop(top)
        if "timestamp" not in frame.columns:
            minutes = pl.duration(minutes=pl.int_range(pl.len()))
            frame = frame.drop("year").with_columns(timestamp=pl.datetime(2020, 1, 1) + minutes)
        late = frame.filter(pl.col("period") == "analysis")["timestamp"].quantile(0.9)
        first = frame.filter(pl.col("period") == "analysis")["timestamp"].min()
        fields = [c for c in frame.columns if c not in {"id", label, said, score, "timestamp", "period"}]
        rows = frame.select(
            pl.col("id").cast(pl.String).alias("request_id"),
            "timestamp",
            pl.col(said).alias("prediction"),
            *([pl.col(score).alias("score")] if score else []),
            pl.when(pl.col("timestamp") < late).then(pl.col(label)).alias("label"),
            *(pl.col(c).alias(f"features.{c}") for c in fields),
        )
        with tempfile.TemporaryDirectory() as folder:
            for side, part in (
                ("base", rows.filter(pl.col("timestamp") < first)),
                ("now", rows.filter(pl.col("timestamp") >= first)),
            ):
                (Path(folder) / side).mkdir()
                part.write_parquet(Path(folder) / side / "rows.parquet")
            clock = time.process_time()
            how = {
                "baseline": str(Path(folder) / "base"),
                "window": sizes.get(name, "30d"),
                "no_state": True,
                "isolated": True,
            }
            found = monitor(Path(folder) / "now", **how)
            spent = time.process_time() - clock
        table = found.table("estimates")
        told = pl.DataFrame(
            [dict(zip(table.columns, r, strict=True)) for r in table.rows], infer_schema_length=None
        )
        for metric in ("auc", "accuracy", "f1", "mae", "rmse"):
            mine = told.filter((pl.col("metric") == f"estimated-{metric}") & pl.col("realised").is_not_null())
            if mine.is_empty():
                continue
            ok = mine.filter(pl.col("withdrawn").is_null())
            gap = (ok["estimate"] - ok["realised"]).abs().mean()
            theirs = " ".join(f"{v:.4g}" for v in SPEC.get((name, metric), ()))
            cover = ok["inside"].cast(pl.Float64).mean()
            every = (mine["estimate"] - mine["realised"]).abs().mean()
            print(
                f"{name:34s}{metric:9s} {ok.height:3d} {mine.height - ok.height:3d}  {gap if gap is not None else float('nan'):8.4g} "
                f"(all {every:.4g}, {mine['inside'].cast(pl.Float64).mean():.2f}) | {theirs:40s} "
                f"{cover if cover is not None else float('nan'):5.2f} {told['way'][0]:6s} {spent:5.1f}"
            )


def policy(seeds=12):
    sys.path.insert(0, str(REFERENCE))
    import policy_sim as sim  # noqa: PLC0415

    def ours(ev):
        have = ev["have"]
        if not have:
            return False
        drop = float(np.mean(have) - ev["base"])
        se = float(np.sqrt((0.08 * 0.92 / sim.N_LABEL + 0.006**2) / len(have)))
        answer = retrain.decide(
            retrain.Evidence(
                drop=drop,
                low=drop - 2.33 * se,
                labels=sim.N_LABEL * min(ev["weeks"], sim.WINDOW),
                data_alarms=("input",) if ev["broken"] else (),
                weeks_since=ev["weeks"],
                past=tuple(retrain.Past(*p) for p in ev["results"]),
                pending=ev["pending"],
            ),
            retrain.Rules(
                mode="automatic", per_error=sim.PER_ERROR, traffic=sim.TRAFFIC, retrain=sim.RETRAIN
            ),
        )
        return {"automatic": True, "by-hand": "person"}.get(answer.action, False)

    rules = {
        k: sim.POLICIES[k]
        for k in ("every 4 weeks", "every 13 weeks", "any drift alarm", "drop > 1 pp, no checks")
    }
    rules["ours"] = ours
    print(f"\nRegret against a clairvoyant, thousands, {seeds} seeds")
    print(f"{'world':10s}" + "".join(f"{k:>24s}" for k in rules))
    total = dict.fromkeys(rules, 0.0)
    for world in sim.WORLDS:
        best = [sim.oracle(world, s) for s in range(seeds)]
        line = f"{world:10s}"
        for name, rule in rules.items():
            cost = np.mean([(sim.run(world, rule, s)[0] - best[s]) / 1000 for s in range(seeds)])
            total[name] += cost / len(sim.WORLDS)
            line += f"{cost:24.1f}"
        print(line)
    print(f"{'mean':10s}" + "".join(f"{v:24.1f}" for v in total.values()))


def faults(seeds=24):
    sys.path.insert(0, str(REFERENCE))
    import pipe_sim as sim  # noqa: PLC0415

    columns = [Column(*m) for m in sim.META]

    def largest(x, base):
        middle = np.median(x[:base], 0)
        scale = 1.4826 * np.median(np.abs(x[:base] - middle), 0) + 1e-9
        z = np.abs((x[base:] - middle) / scale).max(0)
        score = {c: max(z[j] for j, m in enumerate(sim.META) if m[0] == c) for c in sim.COMP}
        return sorted(score, key=lambda c: -score[c])

    print(f"\nPipelines: top-1 / top-2 hits of {seeds} faults a line; false blame where nothing is wrong")
    print(f"{'fault':18s}{'largest z':>16s}{'ours':>16s}")
    for size, ramp, bent in ((6, 0, False), (12, 0, False), (12, 8, False), (30, 0, False), (30, 0, True)):
        hits = np.zeros(4)
        for s in range(seeds):
            fault, where = sim.FAULTS[s % len(sim.FAULTS)], sim.COMP[1:][s % 5]
            x, _ = sim.simulate(s, fault=fault, comp=where, size=size, ramp=ramp, bent=bent)
            z = largest(x, 168)
            mine = [a.component for a in blame(x, columns, sim.PARENTS, 168, 24, Rules())]
            hits += [where == z[0], where in z[:2], where in mine[:1], where in mine[:2]]
        a, b, c, d = hits / seeds
        form = f"{size} {'ramp' if ramp else 'step'}{' bent' if bent else ''}"
        print(f"{form:18s}{a:8.2f} /{b:6.2f}{c:8.2f} /{d:6.2f}")
    false = sum(bool(blame(sim.simulate(900 + s)[0], columns, sim.PARENTS, 168, 24)) for s in range(seeds))
    print(f"nothing wrong: blamed {false} of {seeds}")


def drift(runs=20):
    print(f"\nPace of simulated fields, T = 26 x 2000 rows, {runs} runs: how often each class")
    t, x = np.arange(26), (np.arange(30) - 14.5) / 30 * 5
    worlds = {
        "no drift": (0 * t, 0.0, 1.0),
        "memory 0.3": (0 * t, 0.3, 1.0),
        "memory 0.6": (0 * t, 0.6, 1.0),
        "slow": (0.36 * t / 25, 0.0, 1.0),
        "fast": (0.36 * t / 25, 0.0, 7.0),
        "shock": (0.36 * (t >= 14), 0.0, 1.0),
        "passing shock": (0.45 * ((t >= 8) & (t < 13)), 0.0, 1.0),
    }
    for name, (mu, memory, per_week) in worlds.items():
        seen = {}
        for s in range(runs):
            random = np.random.default_rng(s)
            own = np.zeros(26)
            for i in range(1, 26 if memory else 1):
                own[i] = memory * own[i - 1] + 0.1 * np.sqrt(1 - memory**2) * random.normal()
            shares = [np.exp(-((x - m) ** 2) / 2) for m in mu + own]
            table = np.array([random.multinomial(2000, p / p.sum()) for p in shares])
            kind = pace(table, per_week=per_week, rules=Shapes(shuffles=199)).kind
            seen[kind] = seen.get(kind, 0) + 1
        print(
            f"{name:16s}"
            + ", ".join(f"{k} {v / runs:.0%}" for k, v in sorted(seen.items(), key=lambda p: -p[1]))
        )


if __name__ == "__main__":
    asked = sys.argv[1:] or ["cbpe", "dle", "shown", "policy", "blame", "pace"]
    for part in asked:
        {"cbpe": cbpe, "dle": dle, "shown": shown, "policy": policy, "blame": faults, "pace": drift}[part]()
