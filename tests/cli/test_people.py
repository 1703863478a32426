"""`shadow-compare` and `automation` end to end: small tables written here, and the real log of `tests/data`."""

import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlops_cli.api import Beside, automation, shadow_compare
from mlops_cli.cli.main import run
from mlops_cli.errors import DataError, UsageError

ASSIST = Path(__file__).parents[1] / "data" / "assist" / "log.parquet"
SAMPLE = Path(__file__).parents[2] / "sample_logs"
SHADOW = Path(os.environ.get("MLOPS_REFERENCE_DATA") or "/nowhere") / "data" / "shadow"
needs_folder = pytest.mark.skipif(not SHADOW.is_dir(), reason="MLOPS_REFERENCE_DATA is not set")
ALONE = {"no_state": True, "isolated": True}


def ask(command, *logs, segment=(), model="", **beside):
    roles = {k.removesuffix("_column"): (v,) for k, v in beside.items() if k.endswith("_column")}
    rest = {k: v for k, v in beside.items() if not k.endswith("_column")}
    said = command(*logs, beside=Beside(roles=roles, **rest), segment=segment, model=model, **ALONE)
    return said, said.details["automation"]


def table(n=400, seed=7, **columns):
    """Items that a person and a model decide; the model is right in 90, the person in 85 of 100."""
    random = np.random.default_rng(seed)
    truth = random.choice(["yes", "no"], n)
    other = np.where(truth == "yes", "no", "yes")
    confidence = random.uniform(0.5, 1.0, n)
    right = random.random(n) < 0.6 + 0.4 * confidence
    return pl.DataFrame(
        {
            "item_id": [f"i{k:05d}" for k in range(n)],
            "human_decision": np.where(random.random(n) < 0.85, truth, other),
            "model_decision": np.where(right, truth, other),
            "model_confidence": confidence.round(3),
            "outcome": truth,
            "segment": random.choice(["a", "b", "c"], n),
            **columns,
        }
    )


def saved(folder, frame, name="log.parquet"):
    path = folder / name
    {".parquet": frame.write_parquet, ".csv": frame.write_csv, ".jsonl": frame.write_ndjson}[path.suffix](
        path
    )
    return str(path)


def judged(report):
    """What must not depend on order and partition."""
    whole = report.to_dict()
    return json.dumps([whole[k] for k in ("judgement", "verdict", "details", "tables")], sort_keys=True)


def gate(found, name, degree=""):
    return next(g for g in found["gates"] if g["name"] == name and (not degree or g["degree"] == degree))


# ---------------------------------------------------------------- the golden table


def test_the_card_game_supports_full_automation_and_is_confirmed_first():
    report, found = ask(automation, ASSIST, margin=0.0)
    assert found["degree"]["supported"] == "full"
    assert found["certificate"]["coverage"] == 1.0
    assert found["remainder"]["n"] == 2412
    np.testing.assert_allclose(found["remainder"]["ci"], [0.0056, 0.0582], atol=1e-4)
    assert found["confidence"]["distinct"] == 18
    assert found["assistance"]["complementarity"] < 0
    assert report.exit_code == 0
    _, found = ask(automation, ASSIST, margin=0.0, current="assisted")

    assert (found["degree"]["recommended"], found["degree"]["reason"]) == ("assisted", ("confirm",))


GOLDEN = [
    ("cnn_low", {}, 0.97281, 0.7362, (202, 170), "partial"),
    ("cnn_low", {"margin": 0.01}, 0.90324, 0.8254, (260, 303), "partial"),
    ("resnet110", {}, 0.7938683, 0.9416, (346, 304), "partial"),
    ("preresnet110", {}, 0.6181296, 0.9847, (388, 343), "partial"),
    ("preresnet110", {"margin": 0.01}, 0.3104729, 1.0, (402, 411), "partial"),
    ("densenet190", {}, 0.3014932, 1.0, (425, 272), "partial"),
]


@needs_folder
@pytest.mark.parametrize(("model", "options", "threshold", "coverage", "discordant", "degree"), GOLDEN)
def test_the_image_models_are_certified_as_the_specification_has_it(
    model, options, threshold, coverage, discordant, degree
):
    options = {"margin": 0.0, "human_column": "human_a", "human_counts": "h_*", **options}
    _, found = ask(automation, SHADOW / "cifar10h" / "log.parquet", model=model, **options)
    certificate = found["certificate"]

    np.testing.assert_allclose(certificate["threshold"], threshold, rtol=1e-6)
    assert certificate["coverage"] == coverage
    assert (certificate["only_model_right"], certificate["only_human_right"]) == discordant
    assert found["degree"]["supported"] == degree
    _, found = ask(
        automation, SHADOW / "cifar10h" / "log.parquet", model=model, **{**options, "current": "assisted"}
    )
    assert (found["degree"]["supported"], found["degree"]["recommended"]) == (degree, "assisted")
    assert found["degree"]["reason"] == ("confirm",)


@needs_folder
@pytest.mark.parametrize(
    ("model", "error", "coverage"),
    [("cnn_low", 0.01, 0.5432), ("cnn_low", 0.05, 0.8387), ("resnet110", 0.01, 0.7865)],
)
def test_an_absolute_target_is_certified_as_the_specification_has_it(model, error, coverage):
    _, found = ask(
        automation,
        SHADOW / "cifar10h" / "log.parquet",
        model=model,
        max_error=error,
        human_column="human_a",
        human_counts="h_*",
    )

    assert found["certificate"]["coverage"] == coverage


@needs_folder
def test_what_is_hard_for_the_image_models_stays_with_people():
    log = SHADOW / "cifar10h" / "log.parquet"
    options = {"human_column": "human_a", "human_counts": "h_*", "margin": 0.0}
    _, low = ask(automation, log, model="cnn_low", **options)
    _, dense = ask(automation, log, model="densenet190", **options)

    assert low["kept_with_people"] == ("class=cat",)
    cat = next(s for s in low["segments"] if s["value"] == "cat")["region"]
    assert (cat["n"], round(cat["model_accuracy"], 3), round(cat["human_accuracy"], 3)) == (472, 0.89, 0.96)
    np.testing.assert_allclose(dense["remainder"]["ci"], [-0.157, -0.091], atol=6e-4)
    team = dense["confidence"]["best_team"]
    assert (round(team["accuracy"], 3), round(team["coverage"], 2)) == (0.98, 0.91)


@needs_folder
def test_the_pictures_support_shadow_and_assistance_where_two_experiments_stay_with_people():
    log = SHADOW / "objects16" / "log.parquet"
    report, found = ask(automation, log, model="resnet50", margin=0.0)
    assert found["degree"]["supported"] == "shadow"
    assert found["degree"]["with_kept"] == "assisted"
    assert found["kept_with_people"] == ("experiment=edge", "experiment=silhouette")
    assert found["certificate"]["threshold"] is None
    assert report.exit_code == 0
    kept = ("experiment=edge", "experiment=silhouette")
    _, found = ask(automation, log, model="resnet50", margin=0.0, keep=kept)

    assert found["degree"]["supported"] == "assisted"


# ---------------------------------------------------------------- order, partition, duplicates


@pytest.mark.parametrize("command", [shadow_compare, automation])
def test_order_and_partition_of_the_rows_change_nothing(tmp_path, command):
    frame = table(human_id=[f"p{k % 9}" for k in range(400)])
    whole, _ = ask(command, saved(tmp_path, frame))
    shuffled = frame.sample(fraction=1, shuffle=True, seed=3)
    mixed, _ = ask(command, saved(tmp_path, shuffled, "shuffled.parquet"))
    parts = tmp_path / "parts"
    parts.mkdir()
    for i in range(4):
        saved(parts, shuffled[i::4], f"{i}.parquet")
    split, _ = ask(command, str(parts))

    assert judged(whole) == judged(mixed) == judged(split)


def test_order_and_partition_change_nothing_in_a_long_table(tmp_path):
    random = np.random.default_rng(5)
    rows = [
        {"item_id": i, "rater": r, "rater_kind": "model" if r == "m" else "human", "decision": str(random.choice(["x", "y"])), "outcome": "x"}
        for i in range(120)
        for r in ("a", "b", "c", "m")
    ]  # fmt: skip
    frame = pl.DataFrame(rows)
    one, _ = ask(automation, saved(tmp_path, frame))
    two, _ = ask(automation, saved(tmp_path, frame.sample(fraction=1, shuffle=True, seed=1), "b.parquet"))

    assert judged(one) == judged(two)


def test_exact_duplicates_change_only_their_own_count(tmp_path):
    frame = table()
    one, found = ask(automation, saved(tmp_path, frame))
    two, again = ask(automation, saved(tmp_path, pl.concat([frame, frame.head(17)]), "b.parquet"))

    assert (found["counts"]["duplicates"], again["counts"]["duplicates"]) == (0, 17)
    for side in (found, again):
        side["counts"] = {k: v for k, v in side["counts"].items() if k not in {"duplicates", "rows"}}
    assert found == again
    assert one.tables == two.tables


def test_of_a_person_who_decides_an_item_twice_the_first_decision_counts(tmp_path):
    frame = table(human_id=["p"] * 400, timestamp=["2026-01-01T10:00:00Z"] * 400)
    later = frame.head(50).with_columns(
        pl.lit("2026-01-01T11:00:00Z").alias("timestamp"), pl.lit("no").alias("human_decision")
    )
    _, before = ask(shadow_compare, saved(tmp_path, frame))
    _, after = ask(shadow_compare, saved(tmp_path, pl.concat([later, frame]), "b.parquet"))

    assert after["counts"]["repeated"] == 50
    assert before["agreement"]["value"] == after["agreement"]["value"]


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl", "log.parquet"])
def test_every_format_says_the_same(tmp_path, name):
    _, found = ask(automation, saved(tmp_path, table(), name))

    assert found["paired"]["n"] == 400
    assert found["agreement"]["n"] == 400
    assert found["certificate"]["threshold"] is not None


# ---------------------------------------------------------------- labels, blinding, joins


def test_outcomes_of_the_disagreements_alone_give_the_same_paired_interval(tmp_path):
    frame = table()
    _, whole = ask(shadow_compare, saved(tmp_path, frame))
    blank = saved(tmp_path, frame.drop("outcome"), "blank.parquet")
    wanted = tmp_path / "label.parquet"
    _, none = ask(shadow_compare, blank, disagreements=str(wanted))
    assert none["paired"]["diff"] is None
    labelled = (
        pl.read_parquet(wanted)
        .drop("outcome")
        .join(frame.select("item_id", "outcome"), left_on="item", right_on="item_id")
    )
    assert labelled.height == none["labels_needed"]["n"] < frame.height
    _, some = ask(shadow_compare, blank, outcomes=saved(tmp_path, labelled, "labelled.csv"))

    for name in ("n", "diff", "ci", "only_model_right", "only_human_right"):
        assert some["paired"][name] == whole["paired"][name]
    assert some["labels_needed"]["n"] == 0


def test_an_absolute_target_needs_outcomes_of_the_agreements_too(tmp_path):
    frame = table().with_columns(
        pl.when(pl.col("human_decision") != pl.col("model_decision")).then("outcome").alias("outcome")
    )
    path = saved(tmp_path, frame)
    _, relative = ask(automation, path)
    _, absolute = ask(automation, path, max_error=0.2)

    assert relative["certificate"]["threshold"] is not None
    assert absolute["certificate"]["threshold"] is None
    assert absolute["certificate"]["reason"] == "agreements-unlabelled"


def test_outcomes_seen_only_where_people_said_yes_are_a_warning_with_bounds(tmp_path):
    frame = table(n=800).with_columns(
        pl.when(pl.col("human_decision") == "yes").then("outcome").alias("outcome")
    )
    _, found = ask(shadow_compare, saved(tmp_path, frame))

    assert any(w.startswith("selective_labels") for w in found["warnings"])
    low, high = found["paired"]["worst_case"]
    assert low < found["paired"]["diff"] < high or low < 0 < high


def test_decisions_made_after_seeing_the_output_are_no_agreement(tmp_path):
    frame = table(human_saw_model=[k % 2 == 0 for k in range(400)])
    followed = frame.with_columns(
        pl.when("human_saw_model").then("model_decision").otherwise("human_decision").alias("human_decision")
    )
    _, found = ask(shadow_compare, saved(tmp_path, followed))

    assert found["counts"]["not_blinded"] == 200
    assert found["agreement"]["n"] == 200
    assert found["agreement"]["value"] < 0.95
    assert found["assistance"]["override_rate"]["value"] == 0


def test_without_a_word_on_blinding_agreement_is_given_in_shadow_only(tmp_path):
    path = saved(tmp_path, table())
    _, shadow = ask(shadow_compare, path)
    _, assisted = ask(shadow_compare, path, current="assisted")

    assert shadow["agreement"]["n"] == 400
    assert any("blinding-unknown" in w for w in shadow["warnings"])
    assert assisted["agreement"] == {"n": 0, "value": None, "ci": None, "reason": "not-blinded"}


def test_a_comparison_of_which_too_little_is_joined_is_undecided(tmp_path):
    rows = [{"item_id": i, "rater": "m", "rater_kind": "model", "decision": "x"} for i in range(90)]
    rows += [{"item_id": i, "rater": "a", "rater_kind": "human", "decision": "x"} for i in range(100)]
    report, found = ask(shadow_compare, saved(tmp_path, pl.DataFrame(rows)))

    assert report.exit_code == 3
    assert (gate(found, "joined")["status"], gate(found, "joined")["reason"]) == ("unknown", "join")
    assert found["counts"]["human_only"] == 10


def test_empty_outputs_are_no_decision_and_call_the_model_back(tmp_path):
    frame = table().with_columns(
        pl.when(pl.col("item_id").str.slice(1).cast(int) % 5 > 0)
        .then("model_decision")
        .alias("model_decision")
    )
    report, found = ask(automation, saved(tmp_path, frame))

    assert found["counts"]["null_model"] == 80
    assert found["agreement"]["n"] == 320
    assert found["certificate"]["coverage"] <= 0.8
    assert (found["degree"]["recommended"], report.exit_code) == ("human-only", 1)
    assert "null-outputs" in found["degree"]["reason"]


# ---------------------------------------------------------------- odd tables


def test_a_table_of_one_class_has_no_kappa_and_says_why(tmp_path):
    frame = table().with_columns(
        pl.lit("yes").alias(n) for n in ("human_decision", "model_decision", "outcome")
    )
    report, found = ask(automation, saved(tmp_path, frame))

    assert found["agreement"]["kappa"]["value"] is None
    assert found["agreement"]["kappa"]["reason"] == "one_class"
    assert found["agreement"]["value"] == 1.0
    assert report.exit_code == 0


def test_one_confidence_for_all_is_one_step(tmp_path):
    _, found = ask(automation, saved(tmp_path, table(model_confidence=[0.7] * 400)))

    assert found["confidence"]["distinct"] == 1
    assert found["certificate"]["coverage"] in {None, 1.0}


def test_confidences_beyond_one_rank_but_are_not_calibrated(tmp_path):
    frame = table().with_columns(pl.col("model_confidence") * 10)
    _, found = ask(automation, saved(tmp_path, frame))

    assert found["confidence"]["calibration"] is None
    assert found["certificate"]["threshold"] > 1


def test_items_without_a_confidence_go_to_people(tmp_path):
    frame = table().with_columns(
        pl.when(pl.int_range(pl.len()) % 4 > 0).then("model_confidence").alias("model_confidence")
    )
    _, found = ask(automation, saved(tmp_path, frame))

    assert found["counts"]["no_confidence"] == 100
    assert found["certificate"]["coverage"] <= 0.75
    assert found["degree"]["supported"] == "partial"


def test_a_target_that_no_number_of_faultless_items_can_show_is_unknown_with_the_number(tmp_path):
    frame = table(n=150).with_columns(pl.col("outcome").alias("model_decision"))
    _, found = ask(automation, saved(tmp_path, frame), max_error=0.001)

    assert found["certificate"]["reason"] == "too-few"
    assert found["certificate"]["n_needed"] > 1000


def test_a_risk_above_the_target_everywhere_asks_for_a_better_model_not_for_more_items(tmp_path):
    frame = table().with_columns(pl.Series("outcome", np.random.default_rng(2).choice(["yes", "no"], 400)))
    _, found = ask(automation, saved(tmp_path, frame), max_error=0.05)

    assert (found["certificate"]["reason"], found["certificate"]["n_needed"]) == ("risk-above-target", None)


def test_a_confidence_that_says_nothing_bars_partial_automation(tmp_path):
    random = np.random.default_rng(8)
    truth = random.choice(["yes", "no"], 3000)
    other = np.where(truth == "yes", "no", "yes")
    frame = pl.DataFrame(
        {
            "item_id": range(3000),
            "human_decision": np.where(random.random(3000) < 0.9, truth, other),
            "model_decision": np.where(random.random(3000) < 0.9, truth, other),
            "model_confidence": random.random(3000),
            "outcome": truth,
        }
    )
    _, found = ask(automation, saved(tmp_path, frame), margin=0.0, max_error=0.101)

    assert gate(found, "confidence")["status"] != "pass" or found["certificate"]["coverage"] == 1.0
    assert found["degree"]["supported"] != "partial"


def test_numbers_are_compared_as_numbers(tmp_path):
    random = np.random.default_rng(4)
    truth = random.normal(50, 10, 300)
    frame = pl.DataFrame(
        {
            "item_id": range(300),
            "human_decision": (truth + random.normal(0, 2, 300)).round(2),
            "model_decision": (truth + 1 + random.normal(0, 1, 300)).round(2),
            "outcome": truth.round(2),
        }
    )
    report, found = ask(shadow_compare, saved(tmp_path, frame))

    assert found["counts"]["scale"] == "numeric"
    assert 0.7 < found["numeric"]["bias"] < 1.3
    assert found["numeric"]["errors"]["diff"] < 0
    assert found["paired"]["reason"] == "no-tolerance"
    assert report.exit_code == 0


def test_an_order_gives_weighted_kappas(tmp_path):
    random = np.random.default_rng(6)
    people = random.integers(0, 3, 300)
    model = np.clip(people + random.integers(-1, 2, 300), 0, 2)
    words = np.array(["low", "mid", "high"])
    frame = pl.DataFrame(
        {"item_id": range(300), "human_decision": words[people], "model_decision": words[model]}
    )
    _, found = ask(shadow_compare, saved(tmp_path, frame), order=("low", "mid", "high"))

    kappa = found["agreement"]["kappa"]["value"]
    assert (
        kappa < found["agreement"]["kappa_linear"]["value"] < found["agreement"]["kappa_quadratic"]["value"]
    )
    with pytest.raises(UsageError, match="lacks the decision 'high'"):
        ask(shadow_compare, saved(tmp_path, frame), order=("low", "mid"))


def test_aliases_case_and_blanks_are_one_decision(tmp_path):
    frame = table().with_columns(
        pl.col("human_decision").replace({"yes": " Y ", "no": "NO"}), pl.col("outcome").str.to_titlecase()
    )
    path = saved(tmp_path, frame)
    _, loose = ask(shadow_compare, path, ignore_case=True, alias={"y": "yes"})
    _, exact = ask(shadow_compare, saved(tmp_path, table(), "exact.parquet"))

    assert loose["agreement"]["value"] == exact["agreement"]["value"]
    assert loose["paired"]["diff"] == exact["paired"]["diff"]


def test_costs_turn_the_verdict_where_one_error_is_dearer(tmp_path):
    random = np.random.default_rng(9)
    truth = random.choice(["ill", "well"], 2000)
    frame = pl.DataFrame(
        {
            "item_id": range(2000),
            "human_decision": np.where((truth == "well") & (random.random(2000) < 0.3), "ill", truth),
            "model_decision": np.where((truth == "ill") & (random.random(2000) < 0.2), "well", truth),
            "outcome": truth,
        }
    )
    _, found = ask(automation, saved(tmp_path, frame), cost=("ill:well=5",))

    assert found["paired"]["diff"] > 0
    assert found["paired"]["cost"]["worse"]
    assert gate(found, "cost")["status"] == "fail"
    assert found["degree"]["supported"] == "shadow"


# ---------------------------------------------------------------- privacy, gates, looks, audits


def test_people_are_pseudonyms_and_nobody_is_named_for_a_few_decisions(tmp_path):
    people = ["alice"] * 380 + ["bob"] * 20
    path = saved(tmp_path, table(human_id=people))
    report, _ = ask(shadow_compare, path)
    said = json.dumps(report.to_dict())
    assert "alice" not in said
    assert "bob" not in said
    named, _ = ask(shadow_compare, path, name_raters=True)

    assert "alice" in json.dumps(named.to_dict())
    assert "bob" not in json.dumps(named.to_dict()["details"])


def test_gates_that_are_asked_for_fail(tmp_path):
    path = saved(tmp_path, table())

    assert ask(shadow_compare, path, min_agreement=0.99)[0].exit_code == 1
    assert ask(shadow_compare, path, min_agreement=0.5)[0].exit_code == 0
    assert ask(automation, path, min_degree="full")[0].exit_code == 1
    assert ask(automation, path, min_degree="shadow")[0].exit_code == 0


def test_a_look_is_counted_by_its_evidence_and_the_next_window_confirms(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    early = table(n=3000, timestamp=["2026-01-01T00:00:00Z"] * 3000, human_saw_model=[False] * 3000)
    late = table(n=3000, seed=11, timestamp=["2026-02-01T00:00:00Z"] * 3000, human_saw_model=[False] * 3000)
    late = late.with_columns(pl.concat_str(pl.lit("late"), "item_id").alias("item_id"))
    first = saved(tmp_path, early, "early.parquet")
    _, plain = ask(automation, first, current="assisted")
    assert plain["certificate"]["looks"] is None
    _, one = ask(automation, first, current="assisted", record=True)
    _, same = ask(automation, first, current="assisted", record=True)
    assert (one["certificate"]["looks"], same["certificate"]["looks"]) == (1, 1)
    assert one["certificate"]["delta"] < plain["certificate"]["delta"]
    assert (tmp_path / "mlops.decisions.toml").read_text().count("[[look]]") == 1
    _, two = ask(automation, first, saved(tmp_path, late, "late.parquet"), current="assisted")

    assert two["certificate"]["looks"] == 2
    assert gate(two, "confirm")["status"] == "pass"
    assert two["degree"]["recommended"] == "partial"


def test_audits_that_fail_call_the_model_back_and_none_at_all_is_blind(tmp_path):
    frame = table(n=2000, audit=[k % 10 == 0 for k in range(2000)])
    path = saved(tmp_path, frame)
    _, fine = ask(automation, path, current="partial")
    assert gate(fine, "audits")["status"] == "pass"
    broken = frame.with_columns(
        pl.when("audit").then(pl.lit("neither")).otherwise("outcome").alias("outcome")
    )
    report, failed = ask(automation, saved(tmp_path, broken, "broken.parquet"), current="partial")
    assert failed["audits"]["alarm"]
    assert report.exit_code == 1
    assert failed["degree"]["recommended"] == "assisted"
    report, blind = ask(automation, saved(tmp_path, frame.drop("audit"), "none.parquet"), current="partial")

    assert (report.exit_code, blind["degree"]["reason"]) == (1, ("blind",))


def test_at_most_one_step_up_and_back_as_far_as_needed(tmp_path):
    path = saved(tmp_path, table(n=3000))
    _, up = ask(automation, path, current="human-only")
    bad = table(n=3000).with_columns(
        pl.col("outcome").replace({"yes": "no", "no": "yes"}).alias("model_decision")
    )
    report, down = ask(automation, saved(tmp_path, bad, "bad.parquet"), current="full")

    assert up["degree"]["recommended"] in {"human-only", "shadow"}
    assert (down["degree"]["recommended"], report.exit_code) == ("shadow", 1)


def test_too_few_pairs_keep_the_degree_undecided(tmp_path):
    path = saved(tmp_path, table(n=40))
    report, found = ask(automation, path, current="assisted")

    assert (found["degree"]["recommended"], report.exit_code) == ("assisted", 3)
    assert gate(found, "pairs")["n_needed"] == 60


# ---------------------------------------------------------------- errors, and the logs of the README


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        ({"a_decision": ["x"], "b_decision": ["x"], "human_decision": ["x"]}, {}, "several models decide"),
        ({"item_id": [1], "prediction": ["x"], "human_decision": ["x"]}, {"human_column": "nobody"}, "no column 'nobody'"),
        ({"item_id": [1], "prediction": ["x"], "human_decision": ["x"]}, {"margin": 2.0}, "less than 1"),
        ({"item_id": [1], "prediction": ["x"], "human_decision": ["x"]}, {"keep": ("x",)}, "no COLUMN=VALUE"),
        ({"item_id": [1], "prediction": ["x"], "human_decision": ["x"]}, {"cost": ("x",)}, "no TRUTH:DECISION=COST"),
    ],
)  # fmt: skip
def test_a_wrong_question_is_an_error_that_says_what_to_do(tmp_path, columns, options, said):
    with pytest.raises(UsageError, match=said) as error:
        ask(shadow_compare, saved(tmp_path, pl.DataFrame(columns)), **options)

    assert error.value.do


def test_a_log_without_people_cannot_be_compared(tmp_path):
    with pytest.raises(DataError, match="hold no decisions of people"):
        ask(shadow_compare, SAMPLE / "predictions")


def test_the_sample_logs_are_joined_and_only_the_blind_half_is_compared():
    report, found = ask(shadow_compare, SAMPLE)

    assert report.exit_code == 0
    assert found["counts"]["joined"] > 0.95
    assert found["counts"]["not_blinded"] > 1500
    assert 0.75 < found["agreement"]["value"] < 0.85
    assert found["paired"]["diff"] > 0
    assert found["assistance"]["override_rate"]["n"] == found["counts"]["not_blinded"]


def test_the_command_line_prints_four_things_first_and_explains_the_rest(tmp_path, capsys):
    path = saved(tmp_path, table())
    assert run(["shadow-compare", path, "--no-state", "--isolated"]) == 0
    short = capsys.readouterr().out
    assert run(["shadow-compare", path, "--no-state", "--isolated", "--explain"]) == 0
    long = capsys.readouterr().out

    for word in ("agreement", "people", "right", "part in"):
        assert f"\n{word}" in short
    assert "Explained" in long
    assert "Explained" not in short


@pytest.mark.parametrize("form", ["json", "jsonl", "markdown", "junit", "github", "prometheus", "line"])
def test_every_output_format_takes_the_report(tmp_path, capsys, form):
    assert run(["automation", saved(tmp_path, table()), "--no-state", "--isolated", "-f", form]) == 0

    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("name", ["log.parquet", "log.csv"])
def test_what_privacy_hashes_is_hashed_before_anything_is_said(tmp_path, monkeypatch, name):
    monkeypatch.setenv("MLOPS_TEST_KEY", "secret")
    path = saved(tmp_path, table(human_id=["alice"] * 200 + ["bob"] * 200), name)
    config = ('privacy.hash = ["human_id"]', 'privacy.key = "env:MLOPS_TEST_KEY"')
    report = shadow_compare(path, beside=Beside(name_raters=True), config=config, **ALONE)
    said = json.dumps(report.to_dict())

    assert "alice" not in said
    assert len(report.details["automation"]["ceiling"]["people"]) == 2


def test_a_damaged_table_beside_a_whole_one_is_told_of(tmp_path):
    whole = saved(tmp_path, table())
    (tmp_path / "log2.parquet").write_bytes((tmp_path / "log.parquet").read_bytes()[:900])
    report, _ = ask(shadow_compare, str(tmp_path))

    assert [(b.source, b.line) for b in report.quarantine] == [(str(tmp_path / "log2.parquet"), 0)]
    assert [s.quarantined for s in report.sources] == [1]
    assert report.verdict.reason == ask(shadow_compare, whole)[0].verdict.reason
