"""The tables of `spec/alarms.md` 7 and 9: false alarms, detection and delay, ours beside other tools' rules.

python tests/bench/alarms_bench.py quiet daily 10      false alarms a metric-year, no fault
python tests/bench/alarms_bench.py faults daily 8      share found, peers at our false alarms
python tests/bench/alarms_bench.py fleet               many series, one promise
python tests/bench/alarms_bench.py speed 200 [REFERENCE]   a year of hourly windows, beside the reference
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.special import ndtr

sys.path.insert(0, str(Path(__file__).parent))

from alarm_peers import PEERS
from alarm_worlds import FAULTS, KINDS, makes_sense, world

from mlops_cli.judge.fleet import confirm
from mlops_cli.stats.accumulate import SIZES, add, exponents
from mlops_cli.stats.multiplicity import benjamini_hochberg
from mlops_cli.stats.watch import resume, watch
from mlops_cli.stats.watched import ALARM, WARNING, promise

CUT = ("sampling", "events", "exposure")
WARM = {24: 28 * 24, 1: 56}
GAP = {24: 6, 1: 2}  # alarms nearer than this are one incident
HORIZON = {
    24: {"jump": 48, "ramp": 28 * 24, "spike": 1, "spread": 96, "season": 96},
    1: {"jump": 7, "ramp": 42, "spike": 1, "spread": 14, "season": 14},
}


def starts(flags, warm, gap):
    """First window of every incident of each series."""
    out = []
    for own in flags:
        at = np.flatnonzero(own[warm:]) + warm
        out.append(at[np.diff(at, prepend=-(10**9)) > gap])
    return out


def ours(made, per_day):
    return watch(made.batch(), promise(per_day, warmup=WARM[per_day]))


def quiet(per_day, series, peers=True):
    """Method and width → kind → false alarms a metric-year."""
    windows = WARM[per_day] + 365 * per_day
    out = {}
    for number, name in enumerate(KINDS):
        made = world(name, [[1000 + s, number, 1] for s in range(series)], windows, per_day)
        began = time.process_time()
        seen = ours(made, per_day)
        took = (time.process_time() - began) / series
        flags = {
            ("ours", None): seen.level == ALARM,
            ("ours, jump", None): (seen.level == ALARM) & (seen.eye == 1),
            ("ours, drift", None): (seen.level == ALARM) & (seen.eye == 2),
            ("ours, warnings", None): seen.level >= WARNING,
        }
        for peer, (rule, _, widths) in PEERS.items() if peers else ():
            for width, own in zip(widths, rule(made.x, per_day, WARM[per_day], widths), strict=True):
                flags[peer, width] = own
        for key, own in flags.items():
            found = sum(len(s) for s in starts(own, WARM[per_day], GAP[per_day]))
            out.setdefault(key, {})[name] = found / series
        out.setdefault(("seconds a series-year", None), {})[name] = took
    return out


def print_quiet(table):
    print(
        f"{'false alarms a metric-year':28s}{'mean':>7s}{'worst':>7s}  "
        + " ".join(f"{n[:13]:>13s}" for n in KINDS)
    )
    for (method, width), row in table.items():
        if width is None or width == PEERS[method][1]:
            values = [row[n] for n in KINDS]
            label = method if width is None else f"{method} {width:g}"
            cells = " ".join(f"{v:13.2f}" for v in values)
            print(f"{label:28s}{np.mean(values):7.2f}{max(values):7.2f}  {cells}")


def faults(per_day, series, table):
    """Method → (kind, fault) → delays of the series, NaN where it was not found."""
    warm = WARM[per_day]
    at = warm + (10 * 24 + 13 if per_day > 1 else 20)
    horizon = HORIZON[per_day]
    out = {}
    for number, name in enumerate(KINDS):
        target = max(table["ours", None][name], 0.2 if per_day > 1 else 0.1)
        chosen = {}
        for peer, (_, _, widths) in PEERS.items():
            quiet_enough = [w for w in widths if table[peer, w][name] <= target]
            if quiet_enough:
                chosen[peer] = max(quiet_enough) if peer == "dspot" else min(quiet_enough)
        for fault, size in FAULTS:
            if not makes_sense(name, fault):
                continue
            seeds = [[1000 + s, number, 2] for s in range(series)]
            made = world(name, seeds, at + max(horizon.values()) + 5, per_day, fault, size, at)
            flags = {"ours": ours(made, per_day).level == ALARM}
            for peer, width in chosen.items():
                flags[peer] = PEERS[peer][0](made.x, per_day, warm, [width])[0]
            for method in ("ours", *PEERS):
                none = [np.zeros(0, int)] * series
                found = starts(flags[method], warm, GAP[per_day]) if method in flags else none
                hits = [s[(s >= at) & (s < at + horizon[fault])] for s in found]
                delays = [float(s[0] - at) if len(s) else np.nan for s in hits]
                out.setdefault(method, {})[name, fault, size] = delays
    return out


def print_faults(table):
    print(f"{'share found, % (delay)':24s}" + "".join(f"{m[:12]:>15s}" for m in table))
    for fault, size in FAULTS:
        cells = []
        for row in table.values():
            mine = [v for (_, f, s), v in row.items() if (f, s) == (fault, size)]
            shares = [np.mean(~np.isnan(v)) for v in mine]
            late = np.concatenate([np.array(v)[~np.isnan(v)] for v in mine])
            cells.append(f"{100 * np.mean(shares):5.0f} ({late.mean() if len(late) else np.nan:5.1f})")
        print(f"{fault} {size:+.0%}".ljust(24) + "".join(f"{c:>15s}" for c in cells))
    means = [100 * np.mean([np.mean(~np.isnan(v)) for v in row.values()]) for row in table.values()]
    print("mean over cells".ljust(24) + "".join(f"{m:15.1f}" for m in means))


def fleet(series=1000, month=730, repetitions=6):
    """Section 7: false alarms a month and the share of faults found by the rule of the fleet."""
    rng = np.random.default_rng(0)

    def run(windows, faulty=0, size=0.0, at=100):
        z = rng.normal(size=(series, windows))
        z[:faulty, at:] += size
        p = 2 * ndtr(-np.abs(z))
        grow = np.exp(exponents(np.clip(z, -3.5, 3.5)))
        total, running = np.zeros((series, 2, len(SIZES))), np.zeros(z.shape)
        for t in range(windows):
            total = add(total, grow[:, t])
            running[:, t] = total.mean(axis=2).max(axis=1)
            total[running[:, t] >= 4 * month * series] = 0
        seen = confirm(p, running, np.full(z.shape, WARNING), np.zeros(series, bool), month)
        bonferroni = p <= 0.5 / month / series
        each = np.stack([benjamini_hochberg(p[:, t], 0.05) for t in range(windows)], axis=1)
        return {
            "3 sigma": np.abs(z) > 3,
            "BH 0.05": each,
            "Bonferroni": bonferroni,
            "ours": seen.jump | seen.drift,
        }

    rules: dict = {}
    for _ in range(repetitions):
        for rule, flags in run(month).items():
            rules.setdefault(rule, []).append(flags.sum())
    print("false alarms a month:", {r: round(float(np.mean(v)), 2) for r, v in rules.items()})
    for faulty, size in ((1, 5.0), (1, 6.0), (1, 8.0), (50, 4.0), (1, 2.0)):
        found: dict = {}
        for _ in range(40 if faulty == 1 else 4):
            for rule, flags in run(112, faulty, size).items():
                first = np.where(flags[:faulty, 100:].any(axis=1), flags[:faulty, 100:].argmax(axis=1), 99)
                found.setdefault(rule, []).extend(first)
        said = {
            r: "/".join(f"{100 * np.mean(np.array(v) < k):.0f}" for k in (1, 2, 12)) for r, v in found.items()
        }
        print(f"{faulty} of {size} sigma, found in window 1 / by 2 / by 12:", said)


def speed(series, reference=""):
    """A year of hourly windows; with the folder of the reference, one series of it, too."""
    windows = WARM[24] + 365 * 24
    for name in ("mean", "count seasonal", "p99 seasonal"):
        made = world(name, [[7, s] for s in range(min(series, 8))], windows, 24)
        wide = type(made)(
            made.name,
            made.kind,
            24,
            *(np.tile(a, (-(-series // 8), 1))[:series] for a in (made.x, made.n, made.se)),
        )
        whole = wide.batch(0.05)
        before = replace(
            whole, y=whole.y[:, :-24], **{k: v[:, :-24] for k in CUT if (v := getattr(whole, k)) is not None}
        )
        began, cpu = time.perf_counter(), time.process_time()
        _, kept = resume(before, promise(24), None)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        began = time.process_time()
        resume(whole, promise(24), kept)
        day = time.process_time() - began
        line = f"{name}: {series} series in {took:.1f} s ({cpu:.1f} CPU s, {1000 * cpu / series:.0f} ms a series)"
        line += f", one more day {day:.2f} CPU s"
        if reference:
            sys.path.insert(0, reference)
            from alarms_ref import Settings, judge  # noqa: PLC0415 # only there

            began = time.process_time()
            judge(made.kind, made.x[0], Settings(per_day=24, min_effect=0.05), n=made.n[0], se=made.se[0])
            line += f"; the reference {time.process_time() - began:.1f} CPU s a series"
        print(line)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "fleet":
        fleet()
    elif what == "speed":
        speed(int(rest[0]), *rest[1:])
    else:
        hours = {"hourly": 24, "daily": 1}[rest[0]]
        calm = quiet(hours, int(rest[1]))
        if what == "quiet":
            print_quiet(calm)
        else:
            print_faults(faults(hours, int(rest[1]), calm))
