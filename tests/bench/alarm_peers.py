"""The alarm rules of other tools, written anew from what they say they do: (S, N) values → flags.

Every rule sees only what was before; `width` is what a user turns. Widths come as an array (K,), and the
answer is (K, S, N), so that a rule is run once for all of them.
"""

import warnings

import numpy as np

WIDTHS = (2.5, 3, 3.5, 4, 5, 6, 8, 12, 20)


def _moving(x, windows):
    """Mean and standard deviation of the `windows` before each one."""
    zero = np.zeros((len(x), 1))
    one, two = (np.concatenate([zero, np.cumsum(v, axis=1)], axis=1) for v in (x, x * x))
    i = np.arange(x.shape[1])
    start = np.maximum(i - windows, 0)
    n = np.maximum(i - start, 1)
    mean = (one[:, i] - one[:, start]) / n
    square = np.maximum((two[:, i] - two[:, start]) / n - mean**2, 0) * n / np.maximum(n - 1, 1)
    return mean, np.sqrt(square)


def _beyond(distance, scale, widths):
    return np.abs(distance)[None] > np.asarray(widths, float)[:, None, None] * scale[None]


def rolling(x, per_day, warm, widths):
    """Three sigma of the last week (28 days)."""
    mean, sd = _moving(x, 7 * per_day if per_day > 1 else 28)
    return _beyond(x - mean, sd, widths)


def ewma(x, per_day, warm, widths, alpha=0.1):
    """Three sigma of an exponentially weighted mean and variance."""
    mean, variance = x[:, 0].copy(), x[:, :warm].var(axis=1)
    distance, sd = np.zeros(x.shape), np.zeros(x.shape)
    for t in range(x.shape[1]):
        distance[:, t] = x[:, t] - mean
        sd[:, t] = np.sqrt(variance)
        mean = mean + alpha * distance[:, t]
        variance = (1 - alpha) * (variance + alpha * distance[:, t] ** 2)
    return _beyond(distance, sd, widths)


def first_windows(x, per_day, warm, widths):
    """NannyML's: mean and standard deviation of the reference's windows."""
    mean, sd = x[:, :warm].mean(axis=1), x[:, :warm].std(axis=1)
    return _beyond(x - mean[:, None], np.broadcast_to(sd[:, None], x.shape), widths)


def pull(x, per_day, warm, widths):
    """Popmon's pull against an expanding reference."""
    mean, sd = _moving(x, x.shape[1])
    return _beyond(x - mean, sd, widths)


def percent(x, per_day, warm, widths):
    """So many percent off the mean of the first windows."""
    mean = x[:, :warm].mean(axis=1, keepdims=True)
    return _beyond(x - mean, np.broadcast_to(np.abs(mean), x.shape), widths)


def _same_slot(x, per_day, warm):
    """The last four values of the same slot of the week (of the day, where there are fewer than three weeks)."""
    cycle = 7 * per_day if warm >= 21 * per_day else per_day
    cycle = cycle if cycle > 1 else 7
    padded = np.concatenate([np.full((len(x), 4 * cycle), np.nan), x], axis=1)
    return np.stack([padded[:, k * cycle : k * cycle + x.shape[1]] for k in range(4)])


def _filled(values, function, instead):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = function(values, axis=0)
    return np.where(np.isnan(out), instead[:, None], out)


def seasonal(x, per_day, warm, widths):
    """STL and Prophet without their trend: mean of the slot, standard deviations of what is left."""
    rest = x - _filled(_same_slot(x, per_day, warm), np.nanmean, x[:, :warm].mean(axis=1))
    _, sd = _moving(rest, 28 * per_day if per_day > 1 else 56)
    return _beyond(rest, sd, widths)


def band(x, per_day, warm, widths, windows_in_a_row=1):
    """Datadog's and CloudWatch's bands: median of the slot, median absolute deviations of what is left."""
    rest = x - _filled(_same_slot(x, per_day, warm), np.nanmedian, np.median(x[:, :warm], axis=1))
    span, step = (7 * per_day if per_day > 1 else 28), max(per_day // 4, 1)
    middle, scale = np.zeros(x.shape), np.full(x.shape, np.inf)
    for t in range(warm, x.shape[1], step):
        past = rest[:, max(0, t - span) : t]
        centre = np.median(past, axis=1)
        middle[:, t : t + step] = centre[:, None]
        spread = 1.4826 * np.median(np.abs(past - centre[:, None]), axis=1)
        scale[:, t : t + step] = spread[:, None]
    out = _beyond(rest - middle, scale, widths)
    run = out.copy()
    for k in range(1, windows_in_a_row):
        run[..., k:] &= out[..., :-k]
        run[..., :k] = False
    return run


def band_for_three(x, per_day, warm, widths):
    """The same, three windows in a row."""
    return band(x, per_day, warm, widths, 3)


def cusum(x, per_day, warm, widths):
    """Page's cumulative sums, half a sigma forgiven, mean and sigma of the first windows."""
    mean, sd = x[:, :warm].mean(axis=1, keepdims=True), x[:, :warm].std(axis=1, keepdims=True) + 1e-12
    z = (x - mean) / sd
    limit = np.asarray(widths, float)[:, None]
    up, down = np.zeros((2, len(widths), len(x)))
    out = np.zeros((len(widths), *x.shape), bool)
    for t in range(warm, x.shape[1]):
        up = np.maximum(0, up + z[:, t] - 0.5)
        down = np.maximum(0, down - z[:, t] - 0.5)
        out[:, :, t] = (up > limit) | (down > limit)
        up, down = np.where(out[:, :, t], 0, up), np.where(out[:, :, t], 0, down)
    return out


def dspot(x, per_day, warm, widths):
    """Drifting streaming peaks over a threshold (Siffer et al. 2017), a moving mean of a day taken off."""
    depth = min(max(per_day, 10), warm // 3)
    mean, _ = _moving(x, depth)
    size = np.abs(x - mean)
    return np.stack([np.stack([_spot(own, depth, warm, risk) for own in size]) for risk in widths])


def _spot(size, depth, warm, risk):
    start = np.quantile(size[depth:warm], 0.98)
    excess = list(size[depth:warm][size[depth:warm] > start] - start)
    n, line = warm - depth, None
    out = np.zeros(len(size), bool)
    for t in range(warm, len(size)):
        if line is None:
            over = np.array(excess or [start * 0.1 + 1e-9])
            first, second = over.mean(), over.var() + 1e-18
            shape = np.clip(0.5 * (1 - first * first / second), -0.3, 0.5)
            scale = max(first * (1 - shape), 1e-12)
            share = risk * n / max(len(excess), 1)
            far = scale / shape * (share**-shape - 1) if abs(shape) > 1e-3 else -scale * np.log(share)
            line = start + far
        if size[t] > line:
            out[t] = True
            continue
        n += 1
        if size[t] > start:
            excess.append(size[t] - start)
            line = None
    return out


# name → rule, its default width, the widths tried
PEERS = {
    "rolling": (rolling, 3, WIDTHS),
    "EWMA": (ewma, 3, WIDTHS),
    "NannyML-like": (first_windows, 3, WIDTHS),
    "popmon-like": (pull, 4, WIDTHS),
    "percent": (percent, 0.2, (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3)),
    "seasonal": (seasonal, 3, WIDTHS),
    "band": (band, 3, WIDTHS),
    "band for 3": (band_for_three, 3, WIDTHS),
    "CUSUM": (cusum, 5, (5, 8, 12, 20, 40, 80, 200)),
    "dspot": (dspot, 1e-4, (1e-3, 1e-4, 1e-5, 1e-6)),
}
