"""ENGINES: the public list of ways to run the kernel over files."""

from collections.abc import Callable

from mlops_cli.profile.spec import Profile
from mlops_cli.registry import Registry

ENGINES: Registry[Callable[..., Profile]] = Registry(
    "execution engine", "mlops_cli.profile.engines", {"local": "local:run"}
)
