"""`python -m mlops_cli` and the console script: `--version` answers before anything heavy is imported."""

import os
import sys
import warnings

from mlops_cli import __version__

# polars and Arrow give freed memory back to the system soon, and taking it again page by page is a tenth of the
# CPU of a run over 10M rows. Their allocators read this when they are imported.
ALLOCATORS = {
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:3000,muzzy_decay_ms:3000",
    "MIMALLOC_PURGE_DELAY": "3000",
}


def main() -> int:
    """Run the command line; the exit code is returned."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"mlops {__version__}\n")
        return 0
    if not sys.warnoptions:  # those of libraries are for who develops this: python -W default -m mlops_cli
        warnings.simplefilter("ignore")
    for name, value in ALLOCATORS.items():
        os.environ.setdefault(name, value)
    from mlops_cli.cli.main import run  # noqa: PLC0415 # 0.1 s to import

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
