"""`mlops history`: the runs and incidents that the state folder remembers."""

from pathlib import Path
from typing import Annotated

from typer import Option

from mlops_cli.cli.options import Configured, Facts
from mlops_cli.cli.say import columns, tell, tell_json


def command(
    ask: Configured,
    state: Annotated[
        str,
        Option(metavar="FOLDER", help="Of the history. [.mlops]", envvar="MLOPS_STATE", show_default=False),
    ] = "",
    runs: Annotated[bool, Option("--runs", help="The runs instead of the incidents.")] = False,
    number: Annotated[int, Option("--number", "-n", min=1, help="So many, the latest first.")] = 20,
    form: Facts = "text",
) -> int:
    """What earlier runs have found: every incident with its onset, and whether it has recovered.

    Only history: a run without this folder comes to the same verdict.
    """
    from mlops_cli.cli.asked import configured  # noqa: PLC0415
    from mlops_cli.ledger.history import incidents  # noqa: PLC0415
    from mlops_cli.ledger.history import runs as kept  # noqa: PLC0415

    loaded = configured(ask)
    folder = Path(state) if state else Path(loaded.folder) / loaded.settings.report.state
    if runs:
        rows = [
            {
                "generated": data["generated"],
                "command": data["command"],
                "exit_code": data["exit_code"],
                "level": data["level"],
                "open": sum(f["status"] != "recovered" for f in data["judgement"]["findings"]),
                "reason": data["verdict"]["reason"],
                "file": path.as_posix(),
            }
            for path, data in kept(folder)
        ][::-1][:number]
    else:
        rows = [vars(one) for one in incidents(folder)][:number]
    if form == "json":
        return tell_json(rows)
    if not rows:
        return tell(f"no run is kept in {folder.as_posix()}: mlops monitor LOGS keeps one each time")
    return tell(columns([tuple(rows[0]), *(tuple(str(v) for v in row.values()) for row in rows)]))
