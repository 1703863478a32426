"""How often windows that resemble their neighbours pass for a change, though they only wander."""

from functools import lru_cache

import numpy as np

from mlops_cli.stats.templates import SEED, Floats, shapes

MEMORIES = (0.0, 0.15, 0.3, 0.45, 0.6)  # correlations with the next window that are held to be possible
RUNS = 499
QUARTERS = 4  # the share of the noise that is its sample's is known to so many parts
CAUTION = 0.75  # of that share is believed: it is estimated from as few windows


def chance(series: Floats, sampling: float, directions: int = 1, period: int = 0) -> float:
    """Chance of as clear a change among windows that wander, by the least favourable memory up to 0.6.

    Parameters
    ----------
    series : (T,) windows in the direction of their change
    sampling : variance of a window that is due to its sample, which remembers nothing; 0: not known
    directions : among which that of the change was chosen; by chance, its sample's noise points there, too
    period : windows of a season that was taken out; 0: none

    Returns
    -------
    float
        in (0, 1]

    Notes
    -----
    The memory cannot be estimated from so few windows: what a shape leaves over has lost most of it. So none
    is; the clearness of a change is set against that of changes found in first-order autoregressions.

    """
    unit = shapes(len(series)).unit
    centred = series - series.mean()
    # The noise in the other directions that helped the best of many shapes: its mean and two deviations.
    other = directions - 1
    clear, left = _clearness(centred[None], unit, (other + 2 * np.sqrt(2 * other)) * sampling)
    share = min(1.0, CAUTION * sampling / max(float(left[0]), 1e-30))
    table = _wandering(len(series), period, int(share * QUARTERS))
    more = (table >= clear[0]).sum(axis=1)
    return float((1 + more.max()) / (RUNS + 1))


def _clearness(centred: Floats, unit: Floats, chosen: float = 0.0) -> tuple[Floats, Floats]:
    """Of each row's best shape: signal to noise, less where the noise resembles itself; and that noise."""
    windows = centred.shape[1]
    along = centred @ unit.T
    best = np.abs(along).argmax(axis=1)
    size = along[np.arange(len(along)), best]
    left = centred - size[:, None] * unit[best]
    rest = np.maximum((left**2).sum(axis=1), 1e-300)
    memory = np.clip((left[:, 1:] * left[:, :-1]).sum(axis=1) / rest, -0.99, 0.99)
    # Half of what a long-run variance would take off: it told 0.15 JS from a memory of 0.6 best.
    clear = np.log(np.maximum(size**2 - chosen, 1e-300) / rest) - 0.5 * np.log((1 + memory) / (1 - memory))
    return clear, rest / max(windows - 2, 1)


@lru_cache(maxsize=64)
def _wandering(windows: int, period: int, quarters: int) -> Floats:
    """Clearness of the changes found where there is none: memories × runs."""
    random = np.random.Generator(np.random.PCG64(SEED))
    new, sample = random.standard_normal((2, RUNS, windows))
    own = quarters / QUARTERS
    out = np.empty((len(MEMORIES), RUNS))
    for i, memory in enumerate(MEMORIES):
        noise = new.copy()
        for t in range(1, windows):
            noise[:, t] = memory * noise[:, t - 1] + np.sqrt(1 - memory**2) * new[:, t]
        noise = np.sqrt(1 - own) * noise + np.sqrt(own) * sample
        noise -= noise.mean(axis=1, keepdims=True)
        for phase in range(period):
            noise[:, phase::period] -= noise[:, phase::period].mean(axis=1, keepdims=True)
        out[i], _ = _clearness(noise, shapes(windows).unit)
    return out
