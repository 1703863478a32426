"""The tables of `spec/rollout-simulations.md`, theirs beside ours: rerun with

    python tests/bench/rollout_bench.py [--runs 500] [--policies 20] [--only SECTION ...]

A cell is materially worse where a false rollback is above its promise at 1e-6, a detection rate more than five
points below theirs, or a median delay more than a fifth (and two windows) longer. The policies of section 11
are those of the product: counts → `compare` → `decide`, window by window.
"""

import argparse
import sys
import time
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import binom  # noqa: TID251 - the oracle

from mlops_cli.config.rollout import Rollout
from mlops_cli.decide.rollout import Rules, decide
from mlops_cli.judge.arm_tables import Tables
from mlops_cli.judge.compare import compare
from mlops_cli.profile.arms import ACTIVE, COUNTS, TRAFFIC, ArmCounts
from mlops_cli.stats.mean_sequence import radius, stratified, tuned
from mlops_cli.stats.sequential import Increments, increments, log_e, log_e_late, until
from mlops_cli.stats.split import log_e_split

CHUNK = 100
MINUTE = 60_000_000


@dataclass(frozen=True)
class Cell:
    """One figure: found share and median look, theirs and ours; `null`: it promises at most alpha."""

    section: str
    name: str
    theirs: float
    theirs_look: float | None
    ours: float
    ours_look: float | None
    null: float | None = None
    runs: int = 0

    @property
    def worse(self) -> bool:
        """Materially worse than the specification's own simulation."""
        if self.null is not None:
            return self.ours * self.runs > binom.ppf(1 - 1e-6, self.runs, self.null)
        if self.ours < self.theirs - 0.05:
            return True
        if self.theirs_look is None or self.ours_look is None:
            return False
        return self.ours_look > max(1.2 * self.theirs_look, self.theirs_look + 2)

    def row(self) -> str:
        """As a line of the table."""

        def text(share: float, look: float | None) -> str:
            return f"{100 * share:5.1f} % / {'–' if look is None else f'{look:g}':>5}"

        mark = "WORSE" if self.worse else ""
        return f"{self.section:<10} {self.name:<52} {text(self.theirs, self.theirs_look)}   {text(self.ours, self.ours_look)} {mark}"


def summed(line, alpha, start=0):
    """Share that crosses, and the median look of those that do (None below half)."""
    hit = np.concatenate([part[..., start:] >= -np.log(alpha) for part in line])
    found = hit.any(-1)
    share = float(found.mean())
    return share, float(np.median(np.argmax(hit[found], -1) + 1 + start)) if share >= 0.5 else None


def many(runs, draw):
    rng = np.random.default_rng(7)
    return [draw(rng, min(CHUNK, runs - k)) for k in range(0, runs, CHUNK)]


def arms(rng, n, p_c, p_b, total=2_000, share=0.1, looks=200):
    nc = rng.binomial(total, share, (n, looks))
    nb = total - nc
    return rng.binomial(nc, p_c), rng.binomial(nb, p_b), nc, nb


def errors(runs):
    """Section 1: the count e-process."""
    theirs = {
        0.05: {
            0.01: (0.014, None),
            0.011: (0.192, None),
            0.0125: (0.952, 77),
            0.015: (1, 22),
            0.02: (1, 7),
            0.05: (1, 1),
        },
        0.01: {
            0.01: (0.002, None),
            0.011: (0.07, None),
            0.0125: (0.868, 112),
            0.015: (1, 31),
            0.02: (1, 10),
            0.05: (1, 1),
        },
    }
    for p in theirs[0.05]:
        lines = many(runs, lambda rng, n, p=p: log_e_late(increments(*arms(rng, n, p, 0.01))))
        for alpha, cells in theirs.items():
            yield Cell(
                "1 errors",
                f"1 -> {100 * p:g} %, alpha {alpha}",
                *cells[p],
                *summed(lines, alpha),
                alpha if p == 0.01 else None,
                runs,
            )


def rare(runs):
    """Section 2."""
    cells = {
        (0.0005, 0.0005): (0, None),
        (0.0005, 0.0015): (0.996, 53.5),
        (0.0005, 0.003): (1, 14),
        (0, 0.001): (1, 18),
        (0, 0.003): (1, 7),
    }
    for (b, c), theirs in cells.items():
        lines = many(runs, lambda rng, n, b=b, c=c: log_e_late(increments(*arms(rng, n, c, b))))
        yield Cell(
            "2 rare",
            f"{100 * b:g} -> {100 * c:g} % (Kayenta 0 % at 0.05 -> 0.15)",
            *theirs,
            *summed(lines, 0.01),
            0.01 if b == c else None,
            runs,
        )


def latency(runs):
    """Section 3: the mean of the log, and the share slower than a frozen p99."""
    runs = max(runs // 4, 50)
    cases = {"no change": (1.0, 0.0), "+10 %": (1.1, 0.0), "2 % of requests 5x slower": (1.0, 0.02)}
    theirs = {
        "no change": ((0.006, None), (0.002, None)),
        "+10 %": ((1, 5), (1, 55)),
        "2 % of requests 5x slower": ((1, 35), (1, 16)),
    }
    cut = np.log(100) + 0.8 * 2.3263
    for name, (factor, tail) in cases.items():
        rng = np.random.default_rng(7)
        means, shares = [], []
        for k in range(0, runs, 20):
            n = min(20, runs - k)
            yc = (
                np.log(100 * factor)
                + rng.normal(0, 0.8, (n, 200, 200))
                + np.where(rng.random((n, 200, 200)) < tail, np.log(5), 0)
            )
            yb = np.log(100) + rng.normal(0, 0.8, (n, 200, 1_800))
            sums = [v for y in (yc, yb) for v in (np.full((n, 200), y.shape[-1]), y.sum(-1), (y * y).sum(-1))]
            d = stratified(*sums)
            above = d.estimate - radius(d.variance, tuned(np.log(1.05), 0.01), 0.01)
            means.append(np.where(above > 0, 99.0, -99.0))
            shares.append(
                log_e_late(
                    increments(
                        (yc > cut).sum(-1),
                        (yb > cut).sum(-1),
                        np.full((n, 200), 200),
                        np.full((n, 200), 1_800),
                    )
                )
            )
        null = 0.01 if name == "no change" else None
        yield Cell(
            "3 latency",
            f"{name}: mean of log, alpha 0.01",
            *theirs[name][0],
            *summed(means, 0.01, 4),
            null,
            runs,
        )
        yield Cell(
            "3 latency",
            f"{name}: share above the frozen p99",
            *theirs[name][1],
            *summed(shares, 0.01),
            null,
            runs,
        )


def cycle(runs):
    """Section 5: a ramp through a rising day."""
    p = 0.002 + 0.016 * np.arange(200) / 200
    share = np.repeat([0.01, 0.05, 0.10, 0.25, 0.50], 40)
    lines = many(runs, lambda rng, n: log_e_late(increments(*arms(rng, n, p, p, share=share))))
    yield Cell(
        "5 cycle",
        "no change while the share ramps, alpha 0.05",
        0.018,
        None,
        *summed(lines, 0.05),
        0.05,
        runs,
    )


def users(runs):
    """Section 6."""
    runs = max(runs // 4, 50)

    def draw(rng, n):
        m = rng.binomial(200, 0.1, (n, 200))
        failed = rng.binomial(10, rng.beta(0.05, 4.95, (n, 200, 200)))
        mine = np.arange(200) < m[..., None]
        bad = [((failed > 0) & arm).sum(-1) for arm in (mine, ~mine)]
        return log_e_late(increments(*bad, m, 200 - m))

    rng = np.random.default_rng(7)
    lines = [draw(rng, min(25, runs - k)) for k in range(0, runs, 25)]
    yield Cell("6 users", "users with any error, alpha 0.05", 0.016, None, *summed(lines, 0.05), 0.05, runs)


def late(runs):
    """Section 7: delay after window 200."""
    for p, theirs in ((0.015, (0.999, 71)), (0.02, (0.996, 23)), (0.05, (0.999, 3))):
        rates = np.where(np.arange(400) < 200, 0.01, p)
        lines = many(
            runs,
            lambda rng, n, rates=rates: log_e_late(increments(*arms(rng, n, rates, 0.01, looks=400)))[
                :, 200:
            ],
        )
        yield Cell("7 late", f"1 -> {100 * p:g} % at window 200: delay", *theirs, *summed(lines, 0.01))


def split(runs):
    """Section 8."""
    for plan, true, theirs in (
        (0.1, 0.1, (0.001, None)),
        (0.1, 0.095, (0.945, 98)),
        (0.1, 0.09, (1, 25)),
        (0.5, 0.49, (0.995, 72)),
    ):

        def draw(rng, n, plan=plan, true=true):
            nc = rng.binomial(500, true, (n, 200))
            return log_e_split(nc, 500 - nc, plan)

        yield Cell(
            "8 split",
            f"plan {plan:g}, true {true:g}",
            *theirs,
            *summed(many(runs, draw), 0.01),
            0.01 if plan == true else None,
            runs,
        )


def switched(runs):
    """Section 10: against a 2 % holdback."""
    t = np.arange(36) + 36
    day = 1 + 0.5 * np.sin(2 * np.pi * (t / 144 - 0.25))
    for factor, theirs in ((1, (0.002, None)), (1.5, (0.993, 14)), (2, (1, 5))):

        def draw(rng, n, factor=factor):
            p = 0.01 * day * np.exp(rng.normal(0, 0.15, (n, 1)) + rng.normal(0, 0.08, (n, 36)))
            nh = rng.binomial(20_000, 0.02, (n, 36))
            return log_e_late(
                increments(
                    rng.binomial(20_000 - nh, np.minimum(p * factor, 1)), rng.binomial(nh, p), 20_000 - nh, nh
                )
            )

        yield Cell(
            "10 switch",
            f"errors x {factor:g}, 2 % holdback",
            *theirs,
            *summed(many(runs, draw), 0.01),
            0.01 if factor == 1 else None,
            runs,
        )


def runtime(runs):
    """Section 12: the expected path against what happens."""
    for p, theirs in ((0.0125, 118.5), (0.015, 31), (0.02, 10)):
        step = increments([200 * p], [1_800 * 0.01], [200], [1_800])
        none = Increments(np.zeros((0, 48)), np.zeros((0, 48)))
        path = until(none, step, 0.0, 0.01)
        lines = many(runs, lambda rng, n, p=p: log_e(increments(*arms(rng, n, p, 0.01, looks=400))))
        yield Cell(
            "12 eta", f"detect 1 -> {100 * p:g} %: path {path}, median", 1, theirs, *summed(lines, 0.01)
        )


def boundary(runs):
    """Section 13."""
    for name, p, r0, m, side, theirs in (
        ("safe at +0.3 pp", 0.013, 1.0, 0.003, -1, 0.015),
        ("harm beyond +0.3 pp", 0.013, 1.0, 0.003, 1, 0.013),
        ("harm beyond 2x", 0.02, 2.0, 0.0, 1, 0.017),
        ("harm beyond 2x + 0.3 pp", 0.023, 2.0, 0.003, 1, 0.012),
    ):
        lines = many(
            runs,
            lambda rng, n, p=p, r0=r0, m=m, side=side: log_e(
                increments(*arms(rng, n, p, 0.01, looks=500), r0, side), m
            ),
        )
        yield Cell(
            "13 null", f"{name}, alpha 0.05, 500 looks", theirs, None, *summed(lines, 0.05), 0.05, runs
        )


def policies(runs):
    """Section 11: the whole decision, as `mlops canary` takes it."""
    cases = {
        "no change": (0.01, 1.0, "promoted", 0.997, 52),
        "errors 1 -> 1.5 %": (0.015, 1.0, "rollback", 1.0, 43),
        "errors 1 -> 2 %": (0.02, 1.0, "rollback", 1.0, 26),
        "errors 1 -> 5 %": (0.05, 1.0, "rollback", 1.0, 9),
        "latency +10 %": (0.01, 1.1, "rollback", 1.0, 19),
        "latency +2 %": (0.01, 1.02, "promoted", 0.95, 52),
    }
    for name, (p, factor, wanted, theirs, look) in cases.items():
        rng = np.random.default_rng(7)
        ends = [policy(rng, p, factor) for _ in range(runs)]
        hits = [w for outcome, w in ends if outcome == wanted]
        yield Cell(
            "11 policy",
            f"{name}: {wanted} ({runs} runs)",
            theirs - 2.5 * (theirs * (1 - theirs) / runs) ** 0.5,
            look,
            len(hits) / runs,
            float(np.median(hits)) if hits else None,
        )


def policy(rng, p, factor, windows=300):
    """One rollout, window by window; the outcome and the windows it took."""
    settings = Rollout.model_validate(
        {
            "warmup": 0,
            "metrics": {"error-rate": {"absolute": 0.003}, "log-latency": {"relative": 1.05}},
        }
    )
    rules = Rules(settings.steps, 5.0, 200, 10, 5, float("inf"), "hold", "rollback", -np.log(0.01))
    share, plan, rows = 0.01, [(0.0, 0.01)], []
    for w in range(windows):
        nc = int(rng.binomial(2_000, share))
        nb = 2_000 - nc
        for arm, n, rate, mean in (
            ("treatment", nc, p, np.log(100 * factor)),
            ("control", nb, 0.01, np.log(100)),
        ):
            if not n:
                continue
            x = float(rng.binomial(n, rate))
            m = rng.normal(mean, 0.8 / np.sqrt(n))
            q = 0.64 * rng.chisquare(max(n - 1, 1)) + n * m * m
            at = (w * MINUTE, arm, "")
            rows += [
                ("error-rate", *at, n, x, x),
                ("log-latency", *at, n, n * m, q),
                (TRAFFIC, *at, n, n, n),
                (ACTIVE, *at, n, n, n),
            ]
        if w < 2:
            continue
        counts = ArmCounts(
            "stable", "canary", MINUTE, tuple(range(0, (w + 1) * MINUTE, MINUTE)), pl.DataFrame(rows, schema=COUNTS, orient="row"),
            pl.DataFrame(schema={"window": pl.Int64, "arm": pl.String, "stratum": pl.String, "status": pl.Int16, "n": pl.Float64}),
        )  # fmt: skip
        verdict = decide(compare(Tables(counts), settings, tuple(plan), w + 1), rules).verdict
        if verdict.action.value == "rollback":
            return "rollback", w + 1
        if verdict.action.value == "promote":
            return "promoted", w + 1
        if verdict.action.value == "ramp" and verdict.traffic:
            share = verdict.traffic
            plan.append(((w + 1) * MINUTE, share))
    return "undecided", windows


SECTIONS = {
    "errors": errors, "rare": rare, "latency": latency, "cycle": cycle, "users": users, "late": late, "split": split,
    "switched": switched, "runtime": runtime, "boundary": boundary, "policies": policies,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--policies", type=int, default=20)
    parser.add_argument("--only", nargs="*", default=list(SECTIONS))
    options = parser.parse_args()
    print(f"{'section':<10} {'case':<52} {'specification':>15}   {'ours':>15}")
    worse = 0
    start = time.time()
    for name in options.only:
        for cell in SECTIONS[name](options.policies if name == "policies" else options.runs):
            print(cell.row(), flush=True)
            worse += cell.worse
    print(f"{worse} cells are materially worse; {time.time() - start:.0f} s")
    return int(worse > 0)


if __name__ == "__main__":
    sys.exit(main())
