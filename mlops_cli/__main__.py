"""`python -m mlops_cli` and the console script: `--version` answers before anything heavy is imported."""

import sys
import warnings

from mlops_cli import __version__


def main() -> int:
    """Run the command line; the exit code is returned."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"mlops {__version__}\n")
        return 0
    if not sys.warnoptions:  # those of libraries are for who develops this: python -W default -m mlops_cli
        warnings.simplefilter("ignore")
    from mlops_cli.cli.main import run  # noqa: PLC0415 # 0.1 s to import

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
