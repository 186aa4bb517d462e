"""How a target is read against labels, and what the resulting question computes."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from xai_widget.names import nearest
from xai_widget.targets import Contrast, Question, TargetNotScored, resolve

LABELS = ("tabby, tabby cat", "tiger cat", "Tiger", "goldfish, Carassius auratus", "crane", "crane", "tiger")


def margin(logits: Tensor) -> Tensor:
    return logits[:, 0] - logits[:, 1:].amax(1)


# Reading classes


def test_none_is_the_predicted_class() -> None:
    assert resolve(None, LABELS, 3) == Question("goldfish, Carassius auratus", index=3)


@pytest.mark.parametrize("target", [1, np.int64(1), np.array(1), np.uint8(1), torch.tensor(1)])
def test_an_index_may_come_from_any_library(target: object) -> None:
    question = resolve(target, LABELS, 0)  # type: ignore[arg-type]  # numpy's and torch's integers are accepted too
    assert question == Question("tiger cat", index=1)
    assert type(question.index) is int


@pytest.mark.parametrize(
    ("label", "index"),
    [
        ("tiger cat", 1),  # exact
        ("Tiger", 2),  # exact comes before regardless of case, which would be ambiguous here
        ("tiger", 6),
        ("TIGER CAT", 1),
        (" tiger cat ", 1),
        ("tabby", 0),  # a synonym
        ("Tabby Cat", 0),
        ("carassius auratus", 3),
        ("tabby, tabby cat", 0),
    ],
)
def test_a_label_is_matched_exactly_then_by_case_then_by_synonym(label: str, index: int) -> None:
    assert resolve(label, LABELS, 0).index == index


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("crane", r"'crane' fits 2 classes: 4 \('crane'\), 5 \('crane'\)\. Give the index"),
        ("TIGER", r"'TIGER' fits 2 classes: 2 \('Tiger'\), 6 \('tiger'\)"),
        ("goldfsh", r"no class 'goldfsh'\. Did you mean 'goldfish, Carassius auratus'\? It has 7 classes"),
        ("zebra", r"no class 'zebra'\. It has 7 classes: 'tabby, tabby cat', .*, \.\.\.\."),
        ("4", r"no class '4'\. For a class index, give a number: 4\."),
        ("", r"no class ''"),
        ("  ", r"no class '  '"),
    ],
)
def test_a_label_without_one_class_says_so(label: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resolve(label, LABELS, 0)


def test_a_synonym_of_two_classes_is_ambiguous() -> None:
    with pytest.raises(ValueError, match=r"fits 2 classes: 0 \('crane, bird'\), 1 \('crane, machine'\)"):
        resolve("crane", ["crane, bird", "crane, machine"], 0)


@pytest.mark.parametrize("index", [7, -1, 1000, torch.tensor(-1)])
def test_an_index_out_of_range_names_the_range(index: int) -> None:
    with pytest.raises(ValueError, match=rf"Class index {int(index)} is out of range: .* classes 0 to 6\."):
        resolve(index, LABELS, 0)


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        (True, "True"),
        (np.bool_(True), "bool"),
        (torch.tensor(True), "Tensor"),
        (1.0, r"1\.0"),
        (np.float32(1), "float32"),
        (torch.tensor([1]), "Tensor"),
        (torch.tensor(1.5), "Tensor"),
        ([1], r"\[1\]"),
        ((1, 2), r"\(1, 2\)"),
        ({"target": 1}, "dict"),
        (Contrast, "type"),
        (b"tabby", "bytes"),
    ],
)
def test_other_types_are_refused(target: object, shown: str) -> None:
    with pytest.raises(TypeError, match=rf"A target cannot be {shown}.*\. Expected a class index, a label, Contrast"):
        resolve(target, LABELS, 0)  # type: ignore[arg-type]  # the point of this test


# Contrasts


def test_a_contrast_is_a_difference_of_logits() -> None:
    question = resolve(Contrast("tabby", 2), LABELS, 0)
    assert question == Question("tabby, tabby cat rather than Tiger", index=0, foil=2)
    assert question(torch.tensor([[5.0, 0.0, 3.0], [1.0, 0.0, 4.0]])).tolist() == [2.0, -3.0]
    assert question.columns == (0, 2)


@pytest.mark.parametrize("contrast", [Contrast(0, 0), Contrast("tabby", 0), Contrast("tabby", "TABBY CAT")])
def test_a_class_cannot_be_held_against_itself(contrast: Contrast) -> None:
    with pytest.raises(ValueError, match=r"holds class 0 \('tabby, tabby cat'\) against itself"):
        resolve(contrast, LABELS, 0)


def test_the_sides_of_a_contrast_are_checked_as_targets_are() -> None:
    with pytest.raises(ValueError, match="no class 'tabbi'"):
        resolve(Contrast("tiger cat", "tabbi"), LABELS, 0)
    with pytest.raises(ValueError, match="Class index -1 is out of range"):
        resolve(Contrast(-1, 0), LABELS, 0)
    with pytest.raises(TypeError, match="A target cannot be None"):
        resolve(Contrast(0, None), LABELS, 0)  # type: ignore[arg-type]  # the point of this test


# What a question computes


@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 2, 3), (0, 3)])
def test_every_question_maps_the_last_axis_away(shape: tuple[int, ...]) -> None:
    logits = torch.arange(float(np.prod(shape))).reshape(shape)
    for target in (1, Contrast(1, 0), lambda rows: rows[:, 1], lambda rows: rows[:, 1:2]):
        question = resolve(target, ["a", "b", "c"], 0)
        expected = logits[..., 1] - logits[..., 0] if question.foil == 0 else logits[..., 1]
        assert torch.equal(question(logits), expected)


def test_a_function_gets_flat_rows_and_keeps_gradients() -> None:
    seen: list[tuple[int, ...]] = []

    def spread(rows: Tensor) -> Tensor:
        seen.append(tuple(rows.shape))
        return rows[:, 0] * rows[:, 1]

    logits = torch.tensor([[[2.0, 3.0]], [[4.0, 5.0]]], requires_grad=True)
    scores = resolve(spread, ["a", "b"], 0)(logits)
    (gradient,) = torch.autograd.grad(scores.sum(), logits)
    assert seen == [(2, 2)]
    assert scores.tolist() == [[6.0], [20.0]]
    assert gradient.tolist() == [[[3.0, 2.0]], [[5.0, 4.0]]]


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda rows: rows.sum(), ValueError, r"returned shape \[\] for logits \[4, 3\]; expected \[4\]"),
        (lambda rows: rows, ValueError, r"returned shape \[4, 3\]"),
        (lambda rows: rows.sum(0), ValueError, r"returned shape \[3\]"),
        (lambda rows: rows.detach().numpy().sum(1), TypeError, "'<lambda>' returned ndarray; expected a tensor"),
        (lambda _: None, TypeError, "returned NoneType"),
    ],
)
def test_a_function_must_return_a_number_a_row(function: object, error: type[Exception], message: str) -> None:
    question = resolve(function, ["a", "b", "c"], 0)  # type: ignore[arg-type]  # the point of this test
    with pytest.raises(error, match=message):
        question(torch.zeros(2, 2, 3))


def test_whole_numbers_from_a_function_become_scores() -> None:
    scores = resolve(lambda rows: rows.argmax(1), ["a", "b"], 0)(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    assert (scores.dtype, scores.tolist()) == (torch.float32, [1.0, 0.0])


# Names, keys and the wire


@pytest.mark.parametrize(
    ("target", "label", "wire"),
    [
        (2, "Tiger", 2),
        (Contrast(1, 2), "tiger cat rather than Tiger", {"target": 1, "foil": 2}),
        (margin, "margin", {"callable": "margin"}),
        (partial(margin), "margin", {"callable": "margin"}),
        (nn.Identity(), "Identity", {"callable": "Identity"}),
    ],
)
def test_label_and_wire(target: object, label: str, wire: object) -> None:
    question = resolve(target, LABELS, 0)  # type: ignore[arg-type]  # a parametrised union
    assert question.label == label
    assert json.loads(json.dumps(question.wire)) == wire


def test_equal_keys_mean_equal_answers() -> None:
    keys = [
        resolve(target, LABELS, 1).key
        for target in (None, 1, "tiger cat", 2, Contrast(1, 2), Contrast(2, 1), margin, margin, partial(margin))
    ]
    assert keys[0] == keys[1] == keys[2]
    assert keys[6] == keys[7]
    assert len(set(keys)) == 6


def test_an_unhashable_function_still_has_a_key() -> None:
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]  # how Python spells it

        def __call__(self, rows: Tensor) -> Tensor:
            return rows[:, 0]

    first, second = Unhashable(), Unhashable()
    keys = [resolve(function, LABELS, 0).key for function in (first, second, first)]
    assert keys[0] == keys[2] != keys[1]
    assert len({keys[0], keys[1]}) == 2


def test_columns_are_what_a_question_needs() -> None:
    assert resolve(2, LABELS, 0).columns == (2,)
    assert resolve(Contrast(0, 3), LABELS, 0).columns == (0, 3)
    assert resolve(margin, LABELS, 0).columns is None


def test_target_not_scored_is_a_lookup_error() -> None:
    assert str(TargetNotScored("run it again")) == "run it again"
    assert issubclass(TargetNotScored, LookupError)


# Suggestions


@pytest.mark.parametrize(
    ("name", "choices", "sentence"),
    [
        ("tigr", ["tiger", "dog"], " Did you mean 'tiger'?"),
        ("cat", ["tiger cat", "tabby cat", "dog"], " Did you mean 'tiger cat' or 'tabby cat'?"),
        ("OPACITY", ["opacity", "gamma"], " Did you mean 'opacity'?"),
        ("layer5", ["layer1", "layer2", "layer4"], " Did you mean 'layer4', 'layer2' or 'layer1'?"),
        ("taby", ["tabby, tabby cat"], " Did you mean 'tabby, tabby cat'?"),
        ("a", ["bar", "baz"], ""),
        ("", ["bar"], ""),
        ("zebra", [], ""),
    ],
)
def test_nearest(name: str, choices: list[str], sentence: str) -> None:
    assert nearest(name, choices) == sentence


def test_nearest_suggests_each_choice_once_and_three_at_most() -> None:
    assert nearest("ab", ["ab1, ab2", "ab3", "ab4", "ab5"]).count("'ab") == 3
