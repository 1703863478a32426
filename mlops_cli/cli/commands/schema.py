"""`mlops schema`: what `--format json` holds."""

from importlib.resources import files

from mlops_cli.cli.say import tell


def command() -> int:
    """Print the JSON Schema of the report, as `--format json` writes it."""
    return tell((files("mlops_cli") / "result" / "report.schema.json").read_text(encoding="utf-8"))
