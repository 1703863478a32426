"""Columns of the tables of a report, which sparklines, charts and CI formats are drawn from.

A column is found by its name: new ones may come, in any place.
"""

# One row a model, worst first. `worst` is the id of the finding to look at first; `alarms` and `warnings`
# count those not recovered; a row with an empty `model` holds what belongs to none, as a host's memory.
MODELS = ("model", "level", "alarms", "warnings", "recovered", "checked", "unknown", "worst")

# One row a judged or shown series, by group and metric, the worst of each metric first.
#   series      the id that a finding of it has
#   segment     "" for all rows, or "column=value,column=value"
#   direction   up (more is worse), down or both
#   level       of the last judged window: ok, unknown, warning, alarm; null: it has no line, it is shown only
#   worst       the worst level of the judged windows
#   value ...   of that last window, in `unit`; null with its reason in `why` where it is not known
#   used        how far the value has come from reference to line: 0 at the reference, 1 at the line
SERIES = (
    "series", "group", "code", "model", "component", "arm", "segment", "field", "unit", "direction",
    "level", "worst", "value", "n", "low", "high", "reference", "threshold", "used", "why",
)  # fmt: skip

# One row a series and window, oldest first, the baseline's windows included; `window` is its start. `level`
# is null where the window was not judged. Not every series is there: those with findings come first, then
# one of each metric, then those of all rows, until the table is full.
WINDOWS = ("series", "window", "value", "n", "level", "threshold")

# One row a metric, field and reason; `windows` is how many checks that were, in `series` series. They add up
# to `unknown` of the judgement.
UNKNOWN = ("group", "code", "model", "field", "why", "series", "windows")

# One row a bound of a metric that a file sets, for the metrics with findings: `level` is that of the bound,
# `line` that of its key in `file`. Bounds that are defaults have none.
BOUNDS = ("group", "code", "level", "file", "line")

# One row an open finding that does not block; `kind` is ack, known or soft; `until` null: while it is open.
KNOWN = ("finding", "kind", "reason", "until", "by")

# One row a finding and thing that changed within a window of its onset; the first column is the finding's id,
# the others are read as they come.
CHANGES = ("finding", "what", "at")

# One row a bin, of each finding with a field of numbers or categories, as long as there is room: the shares
# of the rows that have a value. `bin` names a category, and "(other)" all further ones; of numbers it is
# empty and they lie in [low, high), where null is an open end and low = high a value of its own. `baseline`
# null: it has no such row.
DISTRIBUTIONS = ("finding", "bin", "low", "high", "baseline", "current")

# One row a model and window with predictions, oldest first: how many of its rows have a label.
#   expected-final    share of its rows that will have one; null: labels still come later than was ever seen
#   mature            nearly all labels that will ever come have come; null: labels do not say when they came
#   label-delay-...   hours within which half, and nine tenths, of the model's labels come; null: not known,
#                     or longer than was seen, with the reason in `note`
#   blind-share       of the rows that are like none with a label, where figures are weighed as labels were
#                     chosen; null: they are not
#   effective-share   of the labels that as many evenly spread ones would need
LABELS = (
    "model", "window", "rows", "labelled", "label-coverage", "expected-final", "mature", "label-delay-p50",
    "label-delay-p90", "blind-share", "effective-share", "note",
)  # fmt: skip

# Of `history`: one row a thing that happened, the latest first; `kind` is verdict, settings, or that of a
# decision (ramp, retrain, accept, ack, silence).
TIMELINE = ("at", "kind", "level", "what")

# One row a window whose metric was estimated without labels, the latest first. `realised` and `inside` are
# null where the labels are not in; `withdrawn` says why the estimate is not (or would not have been) shown.
# `way`: bucket, label or weighted (how the calibrated score was corrected), fields, or `prediction only`.
ESTIMATES = (
    "model", "segment", "window", "metric", "estimate", "low", "high", "realised", "inside", "withdrawn",
    "way",
)  # fmt: skip
