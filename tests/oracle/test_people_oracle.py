"""Every number of `oracle.json` of the logs with human decisions, reproduced from the log.

`assist` lies in `tests/data` (ODC-BY); `cifar10h` and `objects16` may not be copied and are read from the
folder that MLOPS_REFERENCE_DATA names. The values come from statsmodels, scikit-learn, irrCAC, krippendorff
and MAPIE, the rest from `../shared/reference/shadow/ref.py`.
"""

import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlops_cli.stats import agreement, paired, raters, reliability, selective, slices, symmetry
from mlops_cli.stats.certificate import below, bound, certify, fewest, naive, relative
from mlops_cli.stats.clusters import clustered
from mlops_cli.stats.proportion import exceeds, wilson

ASSIST = Path(__file__).parents[1] / "data" / "assist"
FOLDER = os.environ.get("MLOPS_REFERENCE_DATA", "")
SHADOW = Path(FOLDER or "/nowhere") / "data" / "shadow"
needs_folder = pytest.mark.skipif(not SHADOW.is_dir(), reason="MLOPS_REFERENCE_DATA is not set")
ROUNDED = 1e-5  # irrCAC prints five decimals


def load(folder):
    return pl.read_parquet(folder / "log.parquet"), json.loads((folder / "oracle.json").read_text())[
        "results"
    ]


def near(mine, oracle, rel=1e-9, abs_=1e-11):
    np.testing.assert_allclose(np.asarray(mine, float), np.asarray(oracle, float), rtol=rel, atol=abs_)


def rate(k, n, oracle):
    assert (k, n) == (oracle["k"], oracle["n"])
    near(k / n, oracle["value"])
    near(wilson(k, n, 0.95), oracle["ci"])


def square(human, model, labels):
    at = {name: i for i, name in enumerate(labels)}
    out = np.zeros((len(labels), len(labels)), int)
    for h, m in zip(human, model, strict=True):
        if h is not None and m is not None:
            out[at[h], at[m]] += 1
    return out


def check_agreement(table, oracle):
    assert table.tolist() == oracle["table_rows_human_cols_model"]
    n = table.sum()
    near(np.trace(table) / n, oracle["raw_agreement"]["value"])
    near(wilson(int(np.trace(table)), int(n), 0.95), oracle["raw_agreement"]["ci"])
    kappa, gwet = agreement.kappa(table), agreement.ac1(table)
    near(kappa.value, oracle["cohen_kappa"]["value"])
    near(kappa.se, oracle["cohen_kappa"]["se"])
    near(kappa.interval, oracle["cohen_kappa"]["ci_adjusted_atanh"])
    z = 1.959963984540054
    near((kappa.value - z * kappa.se, kappa.value + z * kappa.se), oracle["cohen_kappa"]["ci"])
    near(gwet.value, oracle["gwet_ac1"]["value"])
    near(gwet.se, oracle["gwet_ac1"]["se"])
    near(gwet.interval, oracle["gwet_ac1"]["ci"])
    irr = oracle["gwet_ac1"].get("irrCAC")
    if irr:
        near(gwet.value, irr["value"], rel=0, abs_=ROUNDED)
    value, _, _ = agreement.specific(table)
    theirs = np.array(oracle["specific_agreement"]["value"], float)
    near(value[~np.isnan(value)], theirs[~np.isnan(value)])
    for name, test in (("stuart_maxwell_own", symmetry.stuart_maxwell), ("bowker", symmetry.bowker)):
        mine, other = test(table), oracle[name]
        near((mine.statistic, mine.degrees, mine.p), (other["stat"], other["df"], other["p"]))


def check_paired(right, ok, oracle):
    both, b, c = int((right & ok).sum()), int((right & ~ok).sum()), int((~right & ok).sum())
    neither = len(right) - both - b - c
    counts = [oracle[k] for k in ("both_right", "only_model_right", "only_human_right", "both_wrong")]
    assert [both, b, c, neither] == counts
    n = len(right)
    near(paired.tango(b, c, n), oracle["tango_ci"], abs_=1e-11)
    near(paired.newcombe_paired(both, b, c, neither), oracle["newcombe_ci"])
    test = paired.mcnemar(b, c)
    near((test.exact, test.mid_p), (oracle["mcnemar_exact"], oracle["mcnemar_midp"]), abs_=1e-200)
    for margin, p in oracle["ni_p"].items():
        near(paired.not_worse(b, c, n, float(margin)), p)
    near(agreement.error_consistency(both, b, c, neither), oracle["error_consistency_kappa"])
    near((both + b + c) / n, oracle["either_right"])


def check_selective(confidence, wrong, oracle):
    curve = selective.steps(confidence, errors=wrong)
    near(wrong.mean(), oracle["error"])
    near(selective.aurc(curve), (oracle["aurc"], oracle["e_aurc"]))
    assert len(curve.threshold) == oracle["distinct_confidences"]
    for coverage, point in oracle["grid"].items():
        i = min(
            np.searchsorted(curve.accepted, np.ceil(float(coverage) * len(wrong) - 1e-9)),
            len(curve.accepted) - 1,
        )
        near(curve.threshold[i], point["threshold"])
        near(curve.coverage[i], point["coverage"])
        near(curve.sums["errors"][i] / curve.accepted[i], point["risk"])
    for target, kinds in oracle["certified"].items():
        check_certified(curve, float(target), kinds)


def check_certified(curve, target, kinds):
    delta, fallback = kinds["delta"], kinds["fallback"]
    found = certify(curve, below(curve, target), delta)
    assert (found is None) == (fallback is None)
    if found is not None:
        errors = curve.sums["errors"][found.step]
        near(found.threshold, fallback["threshold"])
        near(found.coverage, fallback["coverage"])
        assert (found.accepted, errors) == (fallback["accepted"], fallback["errors"])
        near(found.p, fallback["p"])
        near(bound(errors, found.accepted), fallback["upper95"])
    picked, theirs = naive(curve, target), kinds["naive"]
    if theirs:
        near(curve.threshold[picked], theirs["threshold"])
    assert fewest(target, delta) == kinds["n_min"]
    fixed = kinds.get("fixed_sequence_from_n_min")
    if fixed:
        near(bound(fixed["errors"], fixed["n"]), fixed["upper"])
        near(exceeds(fixed["errors"], fixed["n"], target, "down"), kinds["p_binomial"])


def check_calibration(confidence, right, oracle):
    for name, mass in (("ece_width15", False), ("ece_mass15", True)):
        mine, theirs = reliability.gaps(confidence, right, equal_mass=mass), oracle[name]
        near(
            (mine.ece, mine.mce, mine.rms, mine.debiased),
            [theirs[k] for k in ("ece", "mce", "rms", "rms_debiased")],
        )
    near(reliability.brier(confidence, right), oracle["brier"])
    z, p = reliability.spiegelhalter(confidence, right)
    near(z, oracle["spiegelhalter_z"])
    near(p, oracle["spiegelhalter_p"], rel=1e-7, abs_=1e-300)  # the tail at z = 36 magnifies the last bits
    curve = selective.steps(confidence, errors=1 - right)
    near(selective.auroc(curve)[0], oracle["auroc_conf_vs_correct"])
    near((confidence.mean(), right.mean()), (oracle["mean_confidence"], oracle["accuracy"]))


def check_relative(confidence, right, ok, oracle):
    curve = selective.steps(confidence, first=right & ~ok, second=ok & ~right)
    for margin, theirs in oracle.items():
        found = certify(curve, relative(curve, float(margin), "first", "second"), 0.05)
        assert (found is None) == (theirs is None)
        if found is None:
            continue
        b, c = (int(curve.sums[k][found.step]) for k in ("first", "second"))
        near((found.threshold, found.coverage, found.p), [theirs[k] for k in ("threshold", "coverage", "p")])
        assert (found.accepted, b, c) == (
            theirs["accepted"],
            theirs["only_model_right"],
            theirs["only_human_right"],
        )


def check_ceiling(counts, model, oracle):
    found = raters.ceiling(
        counts[np.arange(len(counts)), model], (counts * (counts - 1)).sum(axis=1), counts.sum(axis=1)
    )
    assert found.items == oracle["n_items"]
    for name in ("model_human", "human_human", "excess"):
        mine, theirs = getattr(found, name), oracle[name]
        near((mine.value, *mine.interval), (theirs["mean"], *theirs["ci"]))
    near(found.ratio, oracle["ratio"])


def check_alpha(counts, oracle):
    found = raters.alpha(counts)
    near(found.value, oracle["value"])
    near((found.value, found.se, *found.interval), (*oracle["jackknife"][:2], *oracle["jackknife"][2]))


def check_segments(segments, apart, oracle):
    items, events = len(apart), int(apart.sum())
    p = {}
    for name, mask in segments.items():
        k, n = int(apart[mask].sum()), int(mask.sum())
        theirs = next(s for s in oracle if s["segment"] == name)
        assert (k, n) == (theirs["k"], theirs["n"])
        p[name] = slices.more_often([k], [n], events, items)[0]
        near(p[name], theirs["p"], rel=1e-8, abs_=1e-300)
    for name, q in zip(p, slices.adjusted(list(p.values())), strict=True):
        near(q, next(s for s in oracle if s["segment"] == name)["q"], rel=1e-8, abs_=1e-300)


LOG, ORACLE = load(ASSIST)
YARDS = [name for name in ORACLE if "/" in name]


@pytest.mark.parametrize("yard", YARDS)
def test_reliance_on_the_advice_of_the_card_game_is_that_of_the_oracle(yard):
    group, truth = yard.split("/")
    log, oracle = LOG if group == "all" else LOG.filter(pl.col("group") == group), ORACLE[yard]
    log = log.filter(pl.col(truth).is_not_null())
    initial, model, final, outcome = (
        log[c].to_numpy() for c in ("initial_decision", "model_decision", "final_decision", truth)
    )
    n = len(log)
    assert n == oracle["n"]
    right = {"initial": initial == outcome, "model": model == outcome, "final": final == outcome}
    for name, hits in right.items():
        rate(int(hits.sum()), n, oracle[f"{name}_acc"])
    parted = initial != model
    rate(int(parted.sum()), n, oracle["initial_disagreement"])
    took = final == model
    rate(int((parted & took).sum()), int(parted.sum()), oracle["switch_given_disagreement"])
    rate(int((parted & ~took).sum()), int(parted.sum()), oracle["override_given_disagreement"])
    saved, misled = ~right["initial"] & right["model"] & parted, right["initial"] & ~right["model"] & parted
    rate(int((saved & took).sum()), int(saved.sum()), oracle["RAIR_correct_ai_reliance"])
    rate(int((misled & ~took).sum()), int(misled.sum()), oracle["RSR_correct_self_reliance"])
    rate(int((misled & took).sum()), int(misled.sum()), oracle["over_reliance"])
    rate(int((saved & ~took).sum()), int(saved.sum()), oracle["under_reliance"])
    wrong = ~right["model"]
    rate(int((took & wrong).sum()), int(wrong.sum()), oracle["final_agree_when_model_wrong"])
    rate(int((~parted & wrong).sum()), int(wrong.sum()), oracle["initial_agree_when_model_wrong"])
    for name, before in (("final_minus_initial", "initial"), ("final_minus_model", "model")):
        b, c = int((right["final"] & ~right[before]).sum()), int((~right["final"] & right[before]).sum())
        assert (b, c) == (oracle[name]["b"], oracle[name]["c"])
        near(paired.tango(b, c, n), oracle[name]["tango_ci"])
        if "mcnemar_exact" in oracle[name]:
            near(paired.mcnemar(b, c).exact, oracle[name]["mcnemar_exact"], abs_=1e-300)


def test_the_weight_of_advice_is_that_of_the_oracle_but_for_its_single_precision():
    scores = [LOG[f"{n}_score"].cast(pl.Float64) for n in ("initial", "model", "final")]
    apart = scores[1] - scores[0]
    moved = ((scores[2] - scores[0]) / apart).filter(apart != 0).clip(0, 1)

    near(moved.mean(), ORACLE["all/outcome"]["weight_of_advice_mean_clipped"], rel=1e-7)
    assert abs(moved.median()) == ORACLE["all/outcome"]["weight_of_advice_median"]


def test_the_gain_of_advice_has_the_cluster_robust_error_of_the_oracle():
    right = {n: (LOG[f"{n}_decision"] == LOG["outcome"]).cast(pl.Int8) for n in ("initial", "final")}
    people = LOG["human_id"].rank("dense").to_numpy() - 1
    found = clustered((right["final"] - right["initial"]).to_numpy(), people)
    oracle = ORACLE["final_minus_initial_cluster_human"]

    near((found.value, found.naive, found.se), (oracle["diff"], oracle["se_naive"], oracle["se_cluster"]))


def test_confidence_and_certificate_of_the_card_game_are_those_of_the_oracle():
    confidence = LOG["model_confidence"].cast(pl.Float64).to_numpy()
    right = (LOG["model_decision"] == LOG["outcome"]).to_numpy()
    ok = (LOG["initial_decision"] == LOG["outcome"]).to_numpy()

    check_calibration(confidence, right.astype(float), ORACLE["calibration_model_confidence"])
    check_selective(confidence, ~right, ORACLE["selective_model"])
    check_relative(confidence, right, ok, ORACLE["certify_relative_to_initial_human"])


@needs_folder
@pytest.mark.parametrize("model", ["cnn_low", "resnet110", "preresnet110", "densenet190"])
def test_every_value_of_the_images_is_that_of_the_oracle(model):
    log, oracles = load(SHADOW / "cifar10h")
    oracle = oracles[model]
    labels = oracles["agreement_human_a_vs_human_b"]["labels"]
    human, decision, truth = (log[c].to_numpy() for c in ("human_a", f"{model}_decision", "outcome"))
    confidence = log[f"{model}_confidence"].to_numpy()
    right, ok = decision == truth, human == truth
    check_agreement(square(human, decision, labels), oracle["agreement_with_human_a"])
    check_paired(right, ok, oracle["paired_vs_human_a"])
    check_paired(right, log["human_majority"].to_numpy() == truth, oracle["paired_vs_majority"])
    check_selective(confidence, ~right, oracle["selective_vs_truth"])
    check_selective(confidence, decision != human, oracle["selective_vs_human_a"])
    check_calibration(confidence, right.astype(float), oracle["calibration"])
    check_relative(confidence, right, ok, oracle["certify_relative_to_human_a"])
    counts = log.select(f"h_{c}" for c in labels).to_numpy()
    assert counts.dtype == np.int8
    check_ceiling(counts.astype(int), np.searchsorted(labels, decision), oracle["ceiling"])
    bands = log["human_entropy_band"]
    segments = {f"class={c}": truth == c for c in labels}
    segments |= {f"band={b}": (bands == b).to_numpy() for b in bands.unique()}
    check_segments(segments, decision != human, oracle["segments"])


@needs_folder
def test_agreement_among_people_on_the_images_is_that_of_the_oracle_from_counts_of_eight_bits():
    log, oracle = load(SHADOW / "cifar10h")
    labels = oracle["agreement_human_a_vs_human_b"]["labels"]
    counts = log.select(f"h_{c}" for c in labels).to_numpy()

    assert counts.dtype == np.int8
    check_alpha(counts, oracle["alpha_humans_nominal"])
    gwet = raters.ac1_many(counts)
    near((gwet.value, gwet.se), [oracle["gwet_ac1_humans"][k] for k in ("value", "se")])
    check_agreement(square(log["human_a"], log["human_b"], labels), oracle["agreement_human_a_vs_human_b"])


@needs_folder
@pytest.mark.parametrize(
    "experiment", ["original", "grayscale", "texture", "silhouette", "edge", "cue-conflict"]
)
def test_every_value_of_the_pictures_is_that_of_the_oracle(experiment):
    log, oracles = load(SHADOW / "objects16")
    oracle, log = oracles[experiment], log.filter(pl.col("experiment") == experiment)
    people = log.filter(pl.col("rater_kind") == "human")
    labels = sorted(log["decision"].drop_nulls().unique())
    table = people.filter(pl.col("decision").is_not_null()).pivot(
        "decision", index="item_id", values="rater", aggregate_function="len", sort_columns=True
    )
    table = table.sort("item_id")
    for name in labels:
        if name not in table.columns:
            table = table.with_columns(pl.lit(0, dtype=pl.UInt32).alias(name))
    counts = table.select(labels).fill_null(0).to_numpy().astype(int)
    assert len(counts) == oracle["items"]
    check_alpha(counts, oracle["alpha_humans"])
    gwet, theirs = raters.ac1_many(counts[:, counts.sum(axis=0) > 0]), oracle["ac1_humans"]
    near((gwet.value, gwet.se), (theirs["value"], theirs["se"]))
    near(gwet.value, theirs["irrCAC"]["coefficient_value"], rel=0, abs_=ROUNDED)
    for model in ("alexnet", "googlenet", "resnet50", "resnet50-SIN", "vgg"):
        check_picture_model(log, table, counts, labels, oracle[model], model)


def check_picture_model(log, table, counts, labels, oracle, model):
    machine = log.filter(pl.col("rater") == model).select("item_id", "outcome", model="decision")
    machine = table.select("item_id").join(machine, on="item_id", maintain_order="left", how="left")
    check_ceiling(counts, np.searchsorted(labels, machine["model"].to_numpy()), oracle["ceiling"])
    first = log.filter(pl.col("rater") == "human-01").select("item_id", human="decision")
    both = machine.join(first, on="item_id").filter(pl.col("human").is_not_null())
    if oracle["agreement_with_human_01"]:
        theirs = oracle["agreement_with_human_01"]
        check_agreement(square(both["human"], both["model"], theirs["labels"]), theirs)
    if "paired_vs_human_01" in oracle:
        known = machine.join(first, on="item_id")  # no answer is not right
        truth = known["outcome"]
        right, ok = ((known[c] == truth).fill_null(value=False).to_numpy() for c in ("model", "human"))
        check_paired(right, ok, oracle["paired_vs_human_01"])
    if "paired_item_mean" in oracle:
        truth = np.searchsorted(labels, machine["outcome"].to_numpy())
        asked = log.filter(pl.col("rater_kind") == "human").group_by("item_id").len().sort("item_id")["len"]
        share = counts[np.arange(len(counts)), truth] / asked.to_numpy()  # the oracle: no answer is not right
        apart = (machine["model"] == machine["outcome"]).to_numpy() - share
        found, theirs = clustered(apart, np.arange(len(apart))), oracle["paired_item_mean"]
        near((found.value, *found.interval), (theirs["diff"], *theirs["ci"]))


@needs_folder
def test_the_experiments_that_part_more_than_others_are_those_of_the_oracle():
    log, oracles = load(SHADOW / "objects16")
    one = log.filter(pl.col("rater") == "human-01").select(
        "item_id", "experiment", human="decision", truth="outcome"
    )
    machine = log.filter(pl.col("rater") == "resnet50").select("item_id", model="decision")
    both = one.join(machine, on="item_id").filter(pl.col("truth").is_not_null())
    apart = (both["human"].fill_null("") != both["model"]).to_numpy()
    segments = {e: (both["experiment"] == e).to_numpy() for e in both["experiment"].unique()}

    check_segments(segments, apart, oracles["segments_resnet50_vs_human_01"])
