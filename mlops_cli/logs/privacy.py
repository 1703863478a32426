"""What [privacy] asks of a log, and the key of its hashes."""

import hashlib
import hmac
import os
from dataclasses import dataclass

from mlops_cli.config.privacy import ENV
from mlops_cli.config.privacy import Privacy as Section
from mlops_cli.errors import UsageError


@dataclass(frozen=True)
class Privacy:
    """What [privacy] asks of a log; names are of columns, of roles, or patterns. `key` names a variable."""

    drop: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()
    truncate: tuple[tuple[str, int], ...] = ()
    key: str = ""

    @staticmethod
    def of(section: Section) -> "Privacy":
        """As the settings have it."""
        return Privacy(section.drop, section.hash, tuple(sorted(section.truncate.items())), section.key)

    @property
    def asks(self) -> bool:
        """Whether anything is asked."""
        return bool(self.drop or self.hash or self.truncate)

    def secret(self) -> bytes:
        """The key of the hashes; empty where nothing is hashed."""
        if not self.hash:
            return b""
        name = self.key.removeprefix(ENV)
        value = os.environ.get(name, "")
        if not value:
            raise UsageError(
                f"the key of the hashes is not there: the variable {name} is empty",
                "[privacy] key",
                f"set {name} to a secret of your own; keep it, or hashes of other days will differ",
            )
        return value.encode()

    def digest(self) -> str:
        """Equal where the same columns would come out the same; tells nothing of the key."""
        if not self.asks:
            return ""
        said = repr((self.drop, self.hash, self.truncate)).encode()
        return hmac.new(self.secret(), said, hashlib.sha256).hexdigest()[:16]
