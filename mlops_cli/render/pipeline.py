"""A pipeline in the terminal: its components as a tree, each with its own time, errors and level."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from mlops_cli.render.grid import Column, Row, grid
from mlops_cli.render.look import Look
from mlops_cli.render.words import clean, count, quantity
from mlops_cli.result.report import Report


def of_pipeline(report: Report) -> Mapping[str, Any] | None:
    """The pipeline of this report, None where it has none."""
    found = report.details.get("pipeline")
    return found if isinstance(found, Mapping) else None


def pipeline(report: Report, look: Look) -> Iterator[Text]:
    """The tree, then what broke, the newest last."""
    found = of_pipeline(report)
    if found is None:
        return
    if found["nodes"]:
        yield Text()
        yield from _tree(found, look)
    yield from _troubles(found, look)
    if found["untold"]:
        yield Text()
        said = f"failed requests that no span explains: {count(found['untold'])}"
        yield from look.wrapped(Text(said), 3, 5)


def _tree(found: Mapping[str, Any], look: Look) -> Iterator[Text]:
    heads = {
        "spans": "spans",
        "p50": "own p50",
        "p95": "own p95",
        "share": "of time",
        "errors": "errors",
        "started": "started here",
    }
    head: Row = {"name": Text("Component", "bold"), **{k: Text(v, "dim") for k, v in heads.items()}}
    nodes, depths = {n["name"]: n for n in found["nodes"]}, _depths(found)
    body: list[Row] = []
    for name, (depth, hands) in depths.items():
        node = nodes[name]
        mark = ("→ " if hands else "└ ") if look.glyphs else ("> " if hands else "- ")
        body.append(
            {
                "mark": look.mark(node["level"]),
                "name": Text("  " * max(depth - 1, 0) + (mark if depth else "") + clean(name)),
                "spans": Text(count(node["spans"])),
                "p50": Text(quantity(node["self_p50_ms"], "ms")),
                "p95": Text(quantity(node["self_p95_ms"], "ms")),
                "share": Text(quantity(node["share"], "share")),
                "errors": Text(quantity(node["error_rate"], "share")),
                "started": Text(count(node["errors_started_here"])),
            }
        )
    columns = [Column(k, right=True, drop=len(heads) - i) for i, k in enumerate(heads)]
    laid = grid(
        [Column("mark"), Column("name", least=20), *columns], [head, *body], look.width, look.ellipsis
    )
    for row in (head, *body):
        yield laid.line(row)


def _depths(found: Mapping[str, Any]) -> dict[str, tuple[int, bool]]:
    """Each component's depth and whether it is handed over to; in the order of the nodes."""
    above: dict[str, tuple[str, bool]] = {}
    for edge in found["edges"]:
        above.setdefault(edge["child"], (edge["parent"], not edge["calls"]))
    out: dict[str, tuple[int, bool]] = {}
    for node in found["nodes"]:
        depth, name, seen = 0, node["name"], {node["name"]}
        while name in above and above[name][0] not in seen:
            name = above[name][0]
            seen.add(name)
            depth += 1
        out[node["name"]] = (depth, above.get(node["name"], ("", False))[1])
    return out


def _troubles(found: Mapping[str, Any], look: Look) -> Iterator[Text]:
    if found["cannot"]:
        yield Text()
        yield from look.wrapped(Text(f"cannot tell which is at fault: {clean(found['cannot'])}"), 3, 5)
    shown = [t for t in found["troubles"] if t["confirmed"] or t["open"] or look.every]
    if not shown:
        return
    yield Text()
    yield Text("   First at fault", "bold")
    for trouble in shown[-look.limit("open") :]:
        mark = look.mark("alarm" if trouble["confirmed"] else "warning", over=not trouble["open"])
        value, usual = (quantity(trouble[k], trouble["unit"]) for k in ("value", "usual"))
        numbers = f"{value}, usual {usual}"
        when = f"{trouble['since'][:16].replace('T', ' ')} to {trouble['until'][:16].replace('T', ' ')}"
        rest = [f"{clean(n)} only inherits it ({clean(m)})" for n, m in trouble["inherits"].items()]
        rest += [f"also {clean(n)}" for n in trouble["also"]]
        name = "from outside" if trouble["first"] == "outside" else clean(trouble["first"])
        text = Text.assemble((name, "bold"), f"  {clean(trouble['metric'])} {numbers}  {when}")
        lines = list(look.wrapped(text, 3, 5))
        lines[0] = Text.assemble(mark, "  ", lines[0][3:])
        yield from lines
        if rest:
            yield from look.wrapped(Text("; ".join(rest), "dim"), 5, 5)
