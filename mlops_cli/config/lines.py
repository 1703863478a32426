"""The default lines of every metric, by group and code."""

from typing import Any

# The default lines. A rate that should be nearly zero has absolute ones; what depends on the world is
# compared with the baseline. Both need evidence beside size, so a small window does not cry wolf.
DEFAULT_LINES: dict[str, dict[str, dict[str, Any]]] = {
    "input": {
        "volume": {"warn": ("-40%", "+100%"), "alarm": ("-70%", "+300%")},
        "missing-rate": {"warn": "+2pp", "alarm": "+5pp"},
        "empty-rate": {"warn": "+2pp", "alarm": "+5pp"},
        "text-length": {"warn": ("-30%", "+30%"), "alarm": ("-60%", "+60%")},
        "out-of-range": {"warn": 0.001, "alarm": 0.01},
        "infinite-rate": {"warn": 0.0, "alarm": 0.005},
        "top-share": {"warn": "+2pp", "alarm": "+5pp"},
        "unseen-rate": {"warn": 0.001, "alarm": 0.01},
        "type-change": {"alarm": 0.0},
        "field-vanished": {"alarm": 0.0},
        "field-new": {"warn": 0.0},
        "duplicate-rate": {"warn": "+1pp", "alarm": "+5pp"},
        "bad-time-rate": {"warn": 0.001, "alarm": 0.01},
        "drift": {"warn": 0.05, "alarm": 0.15},
    },
    "output": {
        "null-rate": {"warn": 0.005, "alarm": 0.02},
        "constant-output": {"alarm": 0.9999},
        "score-mean": {"warn": ("-15%", "+15%"), "alarm": ("-40%", "+40%")},
        "redo-rate": {"warn": "+20%", "alarm": "+50%"},
        "action-rate": {"warn": ("-50%", "+50%"), "alarm": ("-80%", "+150%")},
        "drift": {"warn": 0.05, "alarm": 0.15},
    },
    "software": {
        "latency-p50": {"warn": "+30%", "alarm": "+100%"},
        "latency-p90": {},
        "latency-p95": {"warn": "+40%", "alarm": "+100%"},
        "latency-p99": {"warn": "+60%", "alarm": "+200%"},
        "queue-p95": {"warn": "+50%", "alarm": "+200%"},
        "throughput": {},
        "error-rate": {"warn": 0.005, "alarm": 0.02},
        "client-error-rate": {"warn": "+2pp", "alarm": "+5pp"},
        "log-completeness": {"warn": 0.99, "alarm": 0.95},
        "memory-utilisation": {"warn": 0.8, "alarm": 0.95},
        "cpu-utilisation": {"warn": 0.8, "alarm": 0.95},
        "load": {"warn": 1.0, "alarm": 2.0},
        "slo-burn": {"warn": 0.4999, "alarm": 0.9999},
        "staleness": {},
    },
    "model": {
        "accuracy": {"warn": "-2pp", "alarm": "-5pp"},
        "precision": {"warn": "-5pp", "alarm": "-15pp"},
        "recall": {"warn": "-5pp", "alarm": "-15pp"},
        "f1": {"warn": "-0.05", "alarm": "-0.15"},
        "auc": {"warn": "-0.02", "alarm": "-0.05"},
        "pr-auc": {},
        "brier": {"warn": "+10%", "alarm": "+30%"},
        "log-loss": {"warn": "+10%", "alarm": "+30%"},
        "calibration-gap": {"warn": ("-3pp", "+3pp"), "alarm": ("-8pp", "+8pp")},
        "mae": {"warn": "+10%", "alarm": "+30%"},
        "rmse": {"warn": "+10%", "alarm": "+30%"},
        "mape": {},
        "wape": {"warn": "+10%", "alarm": "+30%"},
        "label-coverage": {"warn": "-5pp", "alarm": "-20pp"},
        # An estimate alarms nobody by itself: it cannot see that the world has changed.
        "estimated-auc": {"warn": "-0.02"},
        "estimated-accuracy": {"warn": "-2pp"},
        "estimated-f1": {"warn": "-0.05"},
    },
}
