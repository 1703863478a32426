"""A public name → "module:attribute", imported on first use: the one mechanism of every open room."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Generic, TypeVar, cast

from mlops_cli.errors import unknown

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Read-only mapping of public names to members that are imported when asked for.

    Parameters
    ----------
    thing : what an error message calls a member, "output format"
    package : dotted package of the members
    members : public name to "module:attribute" below `package`, in the order to list them

    """

    def __init__(self, thing: str, package: str, members: Mapping[str, str]) -> None:
        self.thing = thing
        self.package = package
        self.members = dict(members)

    def __getitem__(self, name: str) -> T:
        """The member of this name, imported now; an unknown name is a UsageError."""
        if name not in self.members:
            raise unknown(self.thing, name, self.members)
        module, attribute = self.members[name].split(":")
        return cast("T", getattr(import_module(f"{self.package}.{module}"), attribute))

    def __contains__(self, name: object) -> bool:
        """Without importing: Mapping's own would call `__getitem__`."""
        return name in self.members

    def __iter__(self) -> Iterator[str]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)
