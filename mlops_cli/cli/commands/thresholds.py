"""`mlops thresholds review`: past windows against the lines in force, and lines that would do better."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.options import Facts
from mlops_cli.cli.progress import progress
from mlops_cli.cli.say import columns, tell, tell_json
from mlops_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_cli.config.load import Loaded
    from mlops_cli.judge.replay import Replayed


def review(
    ask: Ask,
    write: Annotated[
        bool, Option("--write", help="Write the proposals into mlops.toml, keeping comments.")
    ] = False,
    form: Facts = "text",
) -> int:
    """Replay the past against every alarm line: false alarms a year, real incidents found, a better line.

    What was real and what was false is heard from `mlops ack`. Nothing is changed without --write.
    """
    from mlops_cli.cli.asked import ready  # noqa: PLC0415 # polars and numpy
    from mlops_cli.cli.judging import judging, policies  # noqa: PLC0415
    from mlops_cli.cli.steps import State, count, units  # noqa: PLC0415
    from mlops_cli.judge.replay import replay  # noqa: PLC0415

    loaded = ready(ask)
    state = State(ask, loaded)
    found: list[Replayed] = []
    need = 0
    with progress() as tick:
        for unit in units(ask, loaded, state, tick):
            counted = count(unit, ask, state, tick)
            judged = judging(counted, ask)
            need = judged.history.promised.how().warmup
            how = policies(counted, counted.measured)
            seen = judged.history
            found += replay(seen.groups, how, judged.decided.acks, seen.promised, judged.outcome.frame)
    changed = _write(loaded, [f for f in found if f.new]) if write else []
    if form == "json":
        return tell_json({"metrics": [_facts(f) for f in found], "written": changed})
    if not found:
        return tell(f"nothing to review: no metric has more than {need} windows of history and 60 surprises")
    return tell(_table(found) + _said(found, changed, write=write))


def _facts(one: "Replayed") -> dict[str, Any]:
    def finite(value: Any) -> Any:
        return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 # NaN

    costs = {k: {n: finite(v) for n, v in vars(getattr(one, k)).items()} for k in ("now", "at_promise")}
    return {**vars(one), **costs}


HEAD = (
    "metric", "alarm line", "false a year", "90 %", "said false", "said real", "first window", "drift eye",
    "",
)  # fmt: skip
HOPELESS = "no line keeps the real incidents and the promise: set min_effect, or judge it by segment"


def _table(found: "Sequence[Replayed]") -> str:
    rows = [HEAD]
    for one in found:
        now = one.now
        width = "" if now.width != now.width else f", {now.width:.3g} sigma"  # NaN
        rows.append(
            (
                f"{one.group}.{one.code}",
                f"{one.line}{width}",
                f"{now.false_alarms:.2g}",
                f"{now.low:.2g} to {now.high:.2g}",
                str(one.acked_false),
                str(one.acked_real) + ("" if now.found is None else f", {now.found:.0%} found"),
                "-" if one.first is None else f"{one.first:.0%}",
                "-" if one.delay is None else f"{one.delay:.0f} windows",
                f"{one.proposal}: {one.new}" if one.new else one.proposal,
            )
        )
    return columns(rows)


def _said(found: "Sequence[Replayed]", changed: list[str], *, write: bool) -> str:
    out = ["", "", "first window, drift eye: how soon the smallest change that matters is found"]
    out.append("alarms that nobody has called real or false (mlops ack) are left out")
    out += [f"{one.group}.{one.code}: {HOPELESS}" for one in found if one.proposal == "conflict"]
    if changed:
        out += [f"written: {line}" for line in changed]
    elif any(one.new for one in found) and not write:
        out.append("nothing is changed: --write puts the proposals into mlops.toml")
    return "\n".join(out)


def _write(loaded: "Loaded", found: "Sequence[Replayed]") -> list[str]:
    """Edit the file, keeping its comments; the lines that were written."""
    import tomlkit  # noqa: PLC0415 # 40 ms

    if not found:
        return []
    path = Path(loaded.path) if loaded.path else Path(loaded.folder) / "mlops.toml"
    if path.name == "pyproject.toml":
        raise UsageError("pyproject.toml is not written to", str(path), "move [tool.mlops] to a mlops.toml")
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    document = tomlkit.parse(text)
    out = []
    for one in found:
        table: Any = document
        custom = "custom" in document.get("metrics", {}) and one.code in document["metrics"]["custom"]
        for key in ("metrics", "custom" if custom else one.group, one.code):
            if key not in table:
                table[key] = (
                    tomlkit.inline_table()
                    if key == one.code
                    else tomlkit.table(is_super_table=key == "metrics")
                )
            table = table[key]
        table["alarm"] = one.new
        out.append(f'{path.as_posix()}: [metrics.{one.group}] {one.code}.alarm = "{one.new}"')
    path.write_text(tomlkit.dumps(document), encoding="utf-8")
    return out
