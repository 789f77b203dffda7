import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alscope.config import ScenarioConfig
from alscope.data.protocols import DataSummary
from alscope.data.scenario import build_scenario, scenario_problems
from alscope.errors import ConfigError
from alscope.types import SampleSpec


def summary(train, test=None, names=None) -> DataSummary:
    rng = np.random.default_rng(0)
    test = [5] * len(train) if test is None else test
    return DataSummary(
        class_names=tuple(names or (f"class{c}" for c in range(len(train)))),
        train_targets=rng.permutation(np.repeat(np.arange(len(train)), train)),
        test_targets=rng.permutation(np.repeat(np.arange(len(test)), test)),
        sample=SampleSpec(modality="features", shape=(2,)),
        source="made up",
        fingerprint="0",
    )


def config(**fields) -> ScenarioConfig:
    return ScenarioConfig(**{"n_initial": 4, "query_size": 1, "n_rounds": 1, **fields})


def open_config(**fields) -> ScenarioConfig:
    return config(**{"setting": "open", "n_known": 2, "ood_ratio": 0.4, **fields})


def rows(scenario) -> np.ndarray:
    split = scenario.split
    return np.sort(np.concatenate([split.labeled, split.unknowns, split.pool]))


def counts(labels) -> list[int]:
    return np.bincount(labels).tolist()


def paths(problems) -> list[str]:
    return [problem.path for problem in problems]


TEN = summary([30] * 10)


@st.composite
def cases(draw):
    sizes = draw(st.lists(st.integers(20, 60), min_size=3, max_size=6))
    fields = {
        "initial": draw(st.sampled_from(["random", "balanced"])),
        "initial_ood": draw(st.booleans()),
        "imbalance_ratio": draw(st.floats(1, 5)),
        "imbalance_profile": draw(st.sampled_from(["exponential", "step"])),
        "imbalance_test": draw(st.booleans()),
        "vary_split": draw(st.booleans()),
        "split_seed": draw(st.integers(0, 5)),
    }
    if draw(st.booleans()):
        fields["setting"] = "open"
        fields["n_known"] = draw(st.integers(2, len(sizes) - 1))
        fields["ood_ratio"] = draw(st.floats(0, 0.6))
    return config(**fields), summary(sizes), draw(st.integers(0, 100))


@given(cases())
def test_known_and_unknown_never_share_a_label(case):
    study, data, seed = case
    scenario = build_scenario(study, data, seed=seed)

    for label, original in enumerate(scenario.known):
        assert (data.train_targets[scenario.labels == label] == original).all()
        assert (data.test_targets[scenario.test_labels == label] == original).all()
    assert not np.isin(data.train_targets[scenario.labels == -1], scenario.known).any()


@given(cases())
def test_initial_set_and_pool_are_disjoint_and_have_the_right_sizes(case):
    study, data, seed = case
    split = build_scenario(study, data, seed=seed).split

    assert split.n_annotated == study.n_initial
    assert np.intersect1d(np.union1d(split.labeled, split.unknowns), split.pool).size == 0


@given(cases())
def test_labeled_are_known_and_unknowns_are_not(case):
    study, data, seed = case
    scenario = build_scenario(study, data, seed=seed)

    assert (scenario.labels[scenario.split.labeled] >= 0).all()
    assert (scenario.labels[scenario.split.unknowns] == -1).all()


@given(cases())
def test_share_of_unknowns_is_exact_within_one_sample(case):
    study, data, seed = case
    scenario = build_scenario(study, data, seed=seed)
    labels = scenario.labels[rows(scenario)]

    assert abs(np.mean(labels == -1) - study.ood_ratio) <= 1 / labels.size


@given(cases())
def test_same_configuration_and_seed_give_the_same_scenario(case):
    study, data, seed = case
    first, second = (build_scenario(study, data, seed=seed) for _ in range(2))

    for part in ("labeled", "unknowns", "pool", "test"):
        assert (getattr(first.split, part) == getattr(second.split, part)).all()


@given(cases())
def test_test_part_holds_every_known_class_and_no_other(case):
    study, data, seed = case
    scenario = build_scenario(study, data, seed=seed)

    assert set(scenario.test_labels[scenario.split.test]) == set(range(scenario.known.size))


@given(st.floats(1, 20))
def test_test_part_does_not_depend_on_the_imbalance(ratio):
    plain = build_scenario(config(), TEN, seed=0)
    tailed = build_scenario(config(imbalance_ratio=ratio), TEN, seed=0)

    assert (plain.split.test == tailed.split.test).all()
    assert (plain.test_labels == tailed.test_labels).all()


def test_closed_set_uses_everything():
    scenario = build_scenario(config(), TEN, seed=0)

    assert rows(scenario).size == 300
    assert scenario.split.test.size == 50
    assert scenario.class_names == TEN.class_names


def test_natural_imbalance_is_left_alone_at_ratio_one():
    scenario = build_scenario(config(), summary([40, 7]), seed=0)

    assert counts(scenario.labels[rows(scenario)]) == [40, 7]


def test_long_tail_has_the_exact_counts():
    scenario = build_scenario(config(imbalance_ratio=4), summary([64, 64, 64]), seed=0)

    assert counts(scenario.labels[rows(scenario)]) == [64, 32, 16]


def test_long_tail_is_applied_to_known_classes_only():
    study = open_config(known_classes=("class0", "class2"), n_known=None, imbalance_ratio=10)
    scenario = build_scenario(study, summary([40, 40, 40]), seed=0)
    labels = scenario.labels[rows(scenario)]

    assert counts(labels[labels >= 0]) == [40, 4]
    assert (labels == -1).sum() == round(0.4 / 0.6 * 44)


def test_imbalanced_test_part_follows_the_ranks_of_the_training_part():
    data = summary([20, 40], [50, 50])
    scenario = build_scenario(config(imbalance_ratio=5, imbalance_test=True), data, seed=0)

    assert counts(scenario.test_labels[scenario.split.test]) == [10, 50]


def test_known_samples_are_cut_when_unknowns_are_scarce():
    study = open_config(known_classes=("class0", "class1"), n_known=None, ood_ratio=0.5)
    scenario = build_scenario(study, summary([30, 30, 10]), seed=0)
    labels = scenario.labels[rows(scenario)]

    assert counts(labels[labels >= 0]) == [5, 5]
    assert (labels == -1).sum() == 10


def test_known_classes_may_be_named_in_any_order():
    names = ("class7", "class2")
    scenario = build_scenario(open_config(known_classes=names, n_known=None), TEN, seed=0)

    assert scenario.known.tolist() == [2, 7]
    assert scenario.class_names == ("class2", "class7")


def test_open_set_without_unknown_samples_is_allowed():
    scenario = build_scenario(open_config(ood_ratio=0.0), TEN, seed=0)

    assert rows(scenario).size == 60


def test_trials_share_classes_and_subsample():
    study = open_config(imbalance_ratio=3)
    first, second = (build_scenario(study, TEN, seed=seed) for seed in (1, 2))

    assert (first.known == second.known).all()
    assert (rows(first) == rows(second)).all()


def test_trials_differ_in_the_initial_set():
    first, second = (build_scenario(config(), TEN, seed=seed) for seed in (1, 2))

    assert (first.split.labeled != second.split.labeled).any()


def test_vary_split_draws_classes_anew():
    study = open_config(vary_split=True)
    drawn = {tuple(build_scenario(study, TEN, seed=seed).known) for seed in range(6)}

    assert len(drawn) > 1


def test_split_seed_is_ignored_when_the_split_varies():
    first, second = (
        build_scenario(open_config(vary_split=True, split_seed=s), TEN, seed=3) for s in (0, 1)
    )

    assert (rows(first) == rows(second)).all()


def test_split_seed_changes_the_subsample():
    first, second = (
        build_scenario(config(pool_limit=100, split_seed=s), TEN, seed=3) for s in (0, 1)
    )

    assert not np.array_equal(rows(first), rows(second))


def test_pool_limit_is_stratified():
    scenario = build_scenario(config(pool_limit=30), summary([60, 30]), seed=0)

    assert counts(scenario.labels[rows(scenario)]) == [20, 10]


def test_test_limit_is_stratified():
    scenario = build_scenario(config(test_limit=20), TEN, seed=0)

    assert counts(scenario.test_labels[scenario.split.test]) == [2] * 10


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ({"pool_limit": 50}, {"pool_limit": 90}),
        ({"imbalance_ratio": 10}, {"imbalance_ratio": 2}),
        ({"imbalance_ratio": 2}, {}),
    ],
)
def test_harder_subsamples_are_part_of_easier_ones(small, large):
    inner = build_scenario(config(**small), TEN, seed=0)
    outer = build_scenario(config(**large), TEN, seed=0)

    assert np.isin(rows(inner), rows(outer)).all()


@pytest.mark.parametrize("initial", ["random", "balanced"])
def test_larger_initial_sets_contain_smaller_ones(initial):
    small, large = (
        build_scenario(config(initial=initial, n_initial=n), TEN, seed=0) for n in (7, 23)
    )

    assert np.isin(small.split.labeled, large.split.labeled).all()


def test_fewer_known_classes_are_part_of_more():
    few, many = (build_scenario(open_config(n_known=n), TEN, seed=0) for n in (3, 6))

    assert np.isin(few.known, many.known).all()


def test_balanced_initial_set_has_equal_classes():
    scenario = build_scenario(config(n_initial=30), TEN, seed=0)

    assert counts(scenario.labels[scenario.split.labeled]) == [3] * 10


def test_balanced_initial_set_smaller_than_the_classes_spreads_over_them():
    scenario = build_scenario(config(n_initial=4), TEN, seed=0)

    assert max(counts(scenario.labels[scenario.split.labeled])) == 1


def test_balanced_initial_set_passes_over_exhausted_classes():
    scenario = build_scenario(config(n_initial=10), summary([2, 20]), seed=0)

    assert counts(scenario.labels[scenario.split.labeled]) == [2, 8]


def test_balanced_initial_set_holds_no_unknowns():
    scenario = build_scenario(open_config(n_initial=10), TEN, seed=0)

    assert scenario.split.unknowns.size == 0


def test_random_initial_set_may_hold_unknowns():
    study = open_config(initial="random", n_initial=40)

    assert build_scenario(study, TEN, seed=0).split.unknowns.size > 0


def test_random_initial_set_can_be_kept_free_of_unknowns():
    study = open_config(initial="random", n_initial=40, initial_ood=False)

    assert build_scenario(study, TEN, seed=0).split.unknowns.size == 0


def test_given_initial_set_is_taken_as_given():
    study = config(initial="given", initial_ids=(5, 2, 9, 0))

    assert build_scenario(study, TEN, seed=0).split.labeled.tolist() == [0, 2, 5, 9]


def test_cold_start_has_an_empty_initial_set():
    split = build_scenario(config(n_initial=0), TEN, seed=0).split

    assert split.n_annotated == 0


def test_labels_cannot_be_changed():
    scenario = build_scenario(config(), TEN, seed=0)

    with pytest.raises(ValueError, match="read-only"):
        scenario.labels[0] = 1


def test_sound_scenario_has_no_problems():
    assert scenario_problems(open_config(), TEN) == []


def test_all_problems_are_reported_at_once():
    study = config(n_rounds=1000, initial="given", initial_ids=(1, 2, 3, 900))
    found = paths(scenario_problems(study, TEN, "scenarios[0]"))

    assert found == ["scenarios[0].n_rounds", "scenarios[0].initial_ids"]


def test_problems_of_configuration_and_classes_come_together():
    study = open_config(known_classes=("class0", "klass1"), n_known=None, query_size=0)
    found = paths(scenario_problems(study, TEN))

    assert found == ["query_size", "known_classes"]


def test_building_a_wrong_scenario_raises_all_problems():
    with pytest.raises(ConfigError) as caught:
        build_scenario(open_config(n_known=None, query_size=0), TEN, seed=0)

    assert paths(caught.value.problems) == ["query_size", "n_known"]


def test_unknown_class_name_gets_a_suggestion():
    data = summary([30] * 3, names=("cat", "dog", "ship"))
    study = open_config(known_classes=("cat", "dgo"), n_known=None)
    (problem,) = scenario_problems(study, data)

    assert problem.message == "'dgo' is no class of digits; did you mean 'dog'?"


def test_unknown_class_name_without_a_near_one_lists_the_classes():
    study = open_config(known_classes=("class0", "???"), n_known=None)
    (problem,) = scenario_problems(study, TEN)

    assert "it has class0, class1, class2, class3, class4 and 5 more" in problem.message


def test_data_set_with_one_class_is_refused():
    (problem,) = scenario_problems(config(dataset="lonely"), summary([30]))

    assert problem.message == "lonely has 1 class; a classifier needs at least 2"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"n_known": 10}, "n_known"),
        ({"n_known": None, "known_classes": TEN.class_names}, "known_classes"),
    ],
)
def test_open_set_without_unknown_classes_is_refused(fields, path):
    (problem,) = scenario_problems(open_config(**fields), TEN)

    assert problem.path == path
    assert "make at most 9 known" in problem.message


def test_budget_over_the_pool_is_refused_with_the_numbers():
    (problem,) = scenario_problems(config(n_initial=20, query_size=100, n_rounds=3), TEN)

    assert problem.path == "n_rounds"
    assert "320 annotations (20 + 3 x 100) but the pool has 300 samples" in problem.message


def test_budget_may_use_up_the_pool():
    assert scenario_problems(config(n_initial=100, query_size=100, n_rounds=2), TEN) == []


@pytest.mark.parametrize("fields", [{}, {"initial": "random", "initial_ood": False}])
def test_initial_set_larger_than_the_known_part_is_refused(fields):
    (problem,) = scenario_problems(open_config(n_initial=70, **fields), TEN)

    assert problem.path == "n_initial"
    assert "60 samples of known classes" in problem.message


@pytest.mark.parametrize(
    ("train", "test", "part"), [([30, 30, 0], None, "training"), ([30] * 3, [5, 5, 0], "test")]
)
def test_class_without_samples_is_refused(train, test, part):
    (problem,) = scenario_problems(config(), summary(train, test))

    assert problem.path == "dataset"
    assert f"has no {part} sample of class2" in problem.message


def test_named_class_without_samples_is_reported_at_the_names():
    study = open_config(known_classes=("class0", "class2"), n_known=None)
    (problem,) = scenario_problems(study, summary([30, 30, 0]))

    assert problem.path == "known_classes"


def test_unknown_class_without_test_samples_is_fine():
    study = open_config(known_classes=("class0", "class1"), n_known=None)

    assert scenario_problems(study, summary([30] * 3, [5, 5, 0])) == []


@pytest.mark.parametrize(
    ("fields", "path", "part"),
    [
        ({"pool_limit": 2}, "pool_limit", "training"),
        ({"test_limit": 2}, "test_limit", "test"),
    ],
)
def test_limit_that_empties_a_class_is_refused(fields, path, part):
    (problem,) = scenario_problems(config(n_initial=1, **fields), summary([30] * 3))

    assert problem.path == path
    assert f"is 2, which leaves no {part} sample of class2; raise it" in problem.message


def test_share_of_unknowns_that_empties_a_known_class_is_refused():
    study = open_config(known_classes=("class0", "class1"), n_known=None, ood_ratio=0.95)
    (problem,) = scenario_problems(study, summary([30, 30, 10]))

    assert problem.path == "ood_ratio"
    assert "leaves no training sample of class1; lower it" in problem.message


def test_given_ids_outside_the_training_part_are_refused():
    study = config(initial="given", initial_ids=(0, 1, -1, 300))
    (problem,) = scenario_problems(study, TEN)

    assert "holds -1, 300, but the training part has 300 samples" in problem.message


def test_given_ids_that_subsampling_leaves_out_are_refused():
    study = config(initial="given", initial_ids=tuple(range(300)), n_initial=300, pool_limit=299)
    found = scenario_problems(dataclasses.replace(study, n_rounds=0), TEN)

    assert paths(found) == ["n_rounds", "initial_ids"]
    assert "leave out of the pool" in found[1].message


def test_given_ids_of_unknown_classes_become_unknowns():
    study = open_config(known_classes=("class0", "class1"), n_known=None, ood_ratio=0.5)
    data = summary([10, 10, 20])
    ids = tuple(int(i) for i in np.flatnonzero(data.train_targets == 2)[:4])
    study = dataclasses.replace(study, initial="given", initial_ids=ids)

    assert build_scenario(study, data, seed=0).split.unknowns.tolist() == sorted(ids)


def test_problems_of_a_varying_split_depend_on_the_seed():
    study = open_config(vary_split=True, ood_ratio=0.0, n_initial=0, query_size=35)
    data = summary([30, 30, 2])
    verdicts = {bool(scenario_problems(study, data, seed=seed)) for seed in range(8)}

    assert verdicts == {True, False}


def test_a_budget_over_the_training_part_is_reported_beside_broken_classes():
    config = ScenarioConfig(setting="open", n_known=1, query_size=10_000, n_rounds=9)
    problems = scenario_problems(config, summary([50, 50, 50]))

    assert {"n_known", "n_rounds"} <= {problem.path for problem in problems}


def test_a_cap_per_class_makes_large_classes_equal():
    built = build_scenario(config(pool_per_class=3, n_initial=3), summary([50, 5, 2]), seed=0)

    assert counts(built.labels[rows(built)]) == [3, 3, 2]


def test_a_wrong_cap_per_class_is_the_only_problem_it_makes() -> None:
    problems = scenario_problems(config(pool_per_class=0), TEN, seed=0)

    assert [problem.path for problem in problems] == ["pool_per_class"]


def test_wrong_answers_are_kept_apart_from_the_truth():
    erring = build_scenario(config(label_noise=0.3), TEN, seed=0)
    clean = build_scenario(config(), TEN, seed=0)

    assert (erring.labels == clean.labels).all()
    assert (erring.answers != erring.labels).any()
    assert clean.answers is clean.labels
    assert (erring.split.labeled == clean.split.labeled).all()


def test_classes_that_no_task_knows_are_unknown_or_absent():
    data = dataclasses.replace(TEN, never_known=(9,))
    closed = build_scenario(config(), data, seed=0)
    opened = build_scenario(config(setting="open", ood_ratio=0.05), data, seed=0)
    unknown = rows(opened)[opened.labels[rows(opened)] < 0]

    assert closed.known.tolist() == opened.known.tolist() == list(range(9))
    assert not (data.train_targets[rows(closed)] == 9).any()
    assert set(data.train_targets[unknown].tolist()) == {9}


def test_an_open_set_needs_known_classes():
    assert paths(scenario_problems(config(setting="open"), TEN)) == ["n_known"]
