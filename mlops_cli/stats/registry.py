"""DRIFT_STATISTICS: the public list of the statistics of drift; `js` makes the metric code `drift-js`."""

from mlops_cli.registry import Registry
from mlops_cli.stats.statistic import DriftStatistic

DRIFT_STATISTICS: Registry[DriftStatistic] = Registry(
    "drift statistic",
    "mlops_cli.stats.drift",
    {
        "js": "jensen_shannon:STATISTIC",
        "psi": "psi:STATISTIC",
        "hellinger": "hellinger:STATISTIC",
        "wasserstein": "wasserstein:STATISTIC",
        "ks": "kolmogorov_smirnov:STATISTIC",
        "chi-square": "chi_square:STATISTIC",
        "linf": "l_infinity:STATISTIC",
    },
)

DEFAULT = {"number": "js", "category": "js"}  # type of a field → the statistic that `drift` stands for
