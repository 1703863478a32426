"""COMMANDS: the public list of commands with their one-line help, in the four panels of `--help`."""

from collections.abc import Callable, Mapping
from typing import Any

from mlops_cli.registry import Registry

# panel → name → (module:attribute, one-line help). A name of two words is a command in a group.
PANELS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Look": {
        "monitor": ("monitor:command", "Is the model healthy? What moved, by how much, how sure is that?"),
        "pipeline": ("pipeline:command", "Which component of the pipeline is the first at fault?"),
        "pace": ("pace:command", "How fast does this data change, how often must one look?"),
        "rows": ("rows:command", "The requests behind a finding, worst first, straight from the logs."),
        "verify": ("verify:command", "Compute a report again from the logs, and name the first difference."),
        "report": ("report:command", "Write a kept result, or that of logs, as a page or in another format."),
        "dashboard": ("dashboard:command", "The report while the logs grow, in the terminal or as a page."),
        "explain": ("explain:command", "What a metric is: formula, unit, lines, source, remedies."),
    },
    "Compare": {
        "canary": ("canary:command", "May the treatment get more traffic, or has it to go back?"),
        "blue-green": ("blue_green:command", "Is green ready, may it get traffic, when may blue go?"),
        "shadow-compare": ("shadow_compare:command", "How does a model compare with the people beside it?"),
        "automation": ("automation:command", "How much may it decide alone, and above which confidence?"),
    },
    "Decide": {
        "retrain": ("retrain:command", "Does a retrain pay, when, and may it start by itself?"),
        "accept": ("decide:accept", "Take a level shift as the new normal."),
        "ack": ("decide:ack", "Say that a finding was real or false; it blocks no more."),
        "silence": ("decide:silence", "Judge a metric not at all for a while: a maintenance."),
        "thresholds review": (
            "thresholds:review",
            "Replay the past against the lines; propose better ones.",
        ),
        "history": ("history:command", "What earlier runs have found, by incident or by run."),
    },
    "Set up": {
        "demo": ("demo:command", "Write small logs with planted faults into a folder and monitor them."),
        "init": ("init:command", "Write the mlops.toml that fits some logs."),
        "sources detect": ("sources:detect", "What each file is taken for, and what cannot be had from it."),
        "ingest": ("ingest:command", "Logs of any format into one store of Parquet, each record once."),
        "store info": ("store:info", "What a store holds, and which lines could not be read."),
        "store verify": ("store:verify", "Is every file of a store as it was written?"),
        "store compact": ("store:compact", "Put the files of each kind and date together."),
        "store forget": ("store:forget", "Remove the rows of a condition, and what was counted of them."),
        "store prune": ("store:prune", "Remove rows of a certain age, and what was counted of them."),
        "baseline save": ("baseline:save", "Save the profile of some logs as a baseline to compare with."),
        "config check": ("config:check", "Is the configuration right? Every wrong key at once."),
        "config show": ("config:show", "Every setting in force, and where it comes from."),
        "config schema": ("config:schema", "The JSON Schema of mlops.toml."),
        "metrics list": ("metrics:listing", "Every metric with its group and unit."),
        "schema": ("schema:command", "The JSON Schema of the report."),
        "serve": ("serve:command", "Reports over HTTP: JSON, Prometheus, Argo Rollouts, Flagger."),
    },
}

HELP: Mapping[str, str] = {name: text for panel in PANELS.values() for name, (_, text) in panel.items()}

COMMANDS: Registry[Callable[..., int]] = Registry(
    "command",
    "mlops_cli.cli.commands",
    {name: where for panel in PANELS.values() for name, (where, _) in panel.items()},
)

# The same for Python: what a command says, without printing it (`api.py`).
REPORTS: Registry[Callable[..., Any]] = Registry(
    "report",
    "mlops_cli.cli.commands",
    {
        "monitor": "monitor:report",
        "pipeline": "pipeline:report",
        "pace": "pace:report",
        "retrain": "retrain:report",
        "shadow-compare": "shadow_compare:report",
        "automation": "automation:report",
        "canary": "canary:report",
        "blue-green": "blue_green:report",
    },
)
