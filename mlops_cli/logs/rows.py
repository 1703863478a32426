"""One record of a prediction with its inputs and outputs, lists or not → a row for each item of the batch."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_cli.logs.canon import FEATURE
from mlops_cli.logs.names import INPUTS, NAMES, OUTPUTS, WITHIN
from mlops_cli.logs.roles import normal

SCORES = {*NAMES["score"], "scores", "probabilities", *WITHIN["output"]["score"]}
PREDICTED = {*NAMES["prediction"], *OUTPUTS, "predictions", "labels", "classes"}


def rows_of(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows with `row`, `features.NAME`, `prediction` and `score`; none where the record has none of them."""
    inputs: list[Any] = []
    scores: list[Any] = []
    outputs: list[Any] = []
    for name, found in record.items():
        key = normal(name)
        if key in INPUTS:
            inputs = items(found)
        elif key in SCORES:
            scores = found if isinstance(found, list) else [found]
        elif key in PREDICTED:
            outputs = items(found)
    if not (inputs or scores or outputs):
        return []
    count = max(len(inputs), len(scores), len(outputs))
    rows = []
    for i in range(count):
        row: dict[str, Any] = {"row": i}
        row |= features(inputs[i]) if i < len(inputs) else {}
        row |= output(outputs[i]) if i < len(outputs) else {}
        row |= {"score": scores[i]} if i < len(scores) else {}
        rows.append(row)
    return rows


def items(found: Any) -> list[Any]:
    """The items of a batch, a list of objects or lists; one object or a list of plain values is one item."""
    if isinstance(found, list) and (not found or isinstance(found[0], list | Mapping)):
        return found
    return [found]


def features(item: Any) -> dict[str, Any]:
    """By name, or by place: `features.0`, `features.1` …"""
    if isinstance(item, Mapping):
        inner = next((v for k, v in item.items() if normal(k) in INPUTS), None) if len(item) == 1 else None
        if inner is not None:
            return features(inner)
        return {FEATURE + str(name): plain(found) for name, found in item.items()}
    if isinstance(item, Sequence) and not isinstance(item, str):
        return {f"{FEATURE}{i}": plain(found) for i, found in enumerate(item)}
    return {f"{FEATURE}0": item}


def output(item: Any) -> dict[str, Any]:
    """`prediction` and `score` of one output: by name, or (prediction, score) by place."""
    if isinstance(item, Mapping):
        return _named(item)
    if isinstance(item, list):
        if len(item) == 1:
            return output(item[0])
        if len(item) == 2:
            return {"prediction": plain(item[0]), "score": item[1]}
        if item and all(isinstance(v, int | float) for v in item) and abs(sum(item) - 1) < 1e-3:
            best = max(range(len(item)), key=lambda i: item[i])  # probabilities of the classes
            return {"prediction": best, "score": item[best]}
    return {"prediction": plain(item)}


def _named(item: Mapping[str, Any]) -> dict[str, Any]:
    known = {normal(name): found for name, found in item.items()}
    out: dict[str, Any] = {}
    score = next((n for n in WITHIN["output"]["score"] if n in known), None)
    if score is not None:
        out["score"] = known.pop(score)
    named = (*WITHIN["output"]["prediction"], *NAMES["prediction"])
    name = next((n for n in named if n in known), None) or (next(iter(known)) if len(known) == 1 else None)
    if name is not None:
        out["prediction"] = plain(known[name])
    return out


def plain(found: Any) -> Any:
    """True and false are 1 and 0: a model writes either, and its labels are mostly numbers."""
    return int(found) if isinstance(found, bool) else found
