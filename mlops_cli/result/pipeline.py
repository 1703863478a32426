"""What only `pipeline` knows, under `details.pipeline`: components, what flows between them, what broke."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Node:
    """One component.

    Parameters
    ----------
    name : of the component
    level : alarm, warning, ok or unknown
    spans : how many there are
    self_p50_ms, self_p95_ms, total_p95_ms : its own time (without its children's), and all of it
    share : of the sum of all components' own median time
    budget_ms : of its own time at the 95th percentile; None: none was given
    within_budget : None where there is no budget
    error_rate : share of its spans that failed
    errors_started_here : failures that nothing below or before it explains
    said : what is wrong with it, or why nothing is known
    findings : ids of the monitor's findings in it

    """

    name: str
    level: str
    spans: int
    self_p50_ms: float | None
    self_p95_ms: float | None
    total_p95_ms: float | None
    share: float | None
    budget_ms: float | None
    within_budget: bool | None
    error_rate: float | None
    errors_started_here: int
    said: str = ""
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Link:
    """From one component to another; `calls`: the first waits for the second, else it hands over to it.

    `received` is the spans of the second over the good ones of the first; None where neither is known.
    """

    parent: str
    child: str
    calls: bool
    received: float | None


@dataclass(frozen=True)
class Trouble:
    """Windows in which something broke.

    Parameters
    ----------
    since, until : ISO times
    first : the component at fault, or `outside`
    metric, kind : that accuses it most
    score : deviations beyond what came from upstream
    value, usual : of that metric, in its unit
    unit : of the metric
    n : spans of the component in these windows
    inherits : components that only pass it on, with the metric that shows it
    open : it reaches the last whole window
    confirmed : the monitor has a finding at that time; else it is a suspicion
    also : further components that are accused in these windows

    """

    since: str
    until: str
    first: str
    metric: str
    kind: str
    score: float
    value: float | None
    usual: float | None
    unit: str
    n: int
    inherits: Mapping[str, str]
    open: bool
    confirmed: bool
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pipeline:
    """The pipeline as it stands.

    Parameters
    ----------
    nodes, edges : in the order of the flow
    troubles : the oldest first
    windows, baseline : how many, and how many of them are taken as good
    window : `1h`
    cannot : why no cause can be named; empty where one can
    errors : component → failures that started there
    untold : failed requests that no span explains
    choices : the sentences that stand in the first lines

    """

    nodes: tuple[Node, ...]
    edges: tuple[Link, ...]
    troubles: tuple[Trouble, ...]
    windows: int
    baseline: int
    window: str
    cannot: str
    errors: Mapping[str, int]
    untold: int
    choices: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report."""
        return asdict(self)
