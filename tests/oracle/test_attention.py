"""Attention maps, rollout and transformer attribution against attention that is computed by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.attention_by_hand import (
    built,
    full_attribution,
    full_rollout,
    maps_and_gradients,
    normed_inputs,
    picture,
)
from tests.transformer_zoo import (
    HEADS,
    WIDTH,
    ClassAttention,
    EncoderViT,
    HubSwin,
    HubViT,
    TimmViT,
    torchvision_swin,
    torchvision_vit,
)
from tests.zoo import Plain, seeded
from xai_widget import Contrast, TargetNotScored, explain, explain_batch, methods
from xai_widget.binding import Binding
from xai_widget.engine import Case
from xai_widget.explainers import build_method
from xai_widget.inputs import read_input
from xai_widget.session import Session

METHODS = ("attention_rollout", "transformer_attribution")


VARIANTS: dict[str, tuple[dict[str, Any], tuple[int, ...], list[int] | None]] = {
    "one class token": ({}, (16, 16), [0]),
    "three layers": ({"layers": 3}, (16, 16), [0]),
    "not square": ({}, (16, 24), [0]),
    "a volume": ({}, (8, 12, 16), [0]),
    "class and distillation token": ({"prefix": 2, "read": 2}, (16, 24), [0, 1]),
    "a distillation token that is not read": ({"prefix": 2}, (16, 16), [0]),
    "registers": ({"prefix": 5}, (16, 16), [0]),
    "a mean over the patches": ({"prefix": 0, "read": 0}, (16, 16), None),
    "a mean beside a class token, normed late": ({"read": 0, "late_norm": True}, (16, 16), None),
}


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "explicit"])
@pytest.mark.parametrize(("options", "size", "read"), VARIANTS.values(), ids=VARIANTS)
def test_the_rows_read_of_the_full_products_over_the_patches(
    options: dict[str, Any], size: tuple[int, ...], read: list[int] | None, fused: bool
) -> None:
    model, x = built(lambda: TimmViT(size, fused=fused, **options)), picture(*size)
    prefix, grid = model.prefix, tuple(length // 4 for length in size)
    rows = slice(prefix, None) if read is None else read
    maps, gradients = maps_and_gradients(model, x, lambda logits: logits[1])
    found = explain(model, x, "attention_rollout", target=1, dims=len(size))
    expected = full_rollout(maps)[rows, prefix:].mean(0).reshape(grid)
    assert found.values == pytest.approx(expected, rel=1e-5)
    assert (found.meta["read"], found.meta["read_patches"]) == ([] if read is None else read, read is None)
    assert found.meta["read_found"] == "by looking"
    assert not found.signed
    found = explain(model, x, "transformer_attribution", target=1, dims=len(size))
    expected = full_attribution(maps, gradients)[rows, prefix:].mean(0).reshape(grid)
    assert found.values == pytest.approx(expected, rel=1e-5, abs=1e-9)
    assert not found.signed


def test_attention_in_the_oracle_is_far_from_even() -> None:
    """Else a wrong map would pass unnoticed."""
    maps, _ = maps_and_gradients(built(TimmViT), picture(16, 16), lambda logits: logits[1])
    assert min(a.max() for a in maps) > 5 / 17


def test_class_token_and_patches_that_are_both_read_weigh_alike() -> None:
    class Both(TimmViT):
        def forward(self, x: Tensor) -> Tensor:
            x = torch.cat([self.front.expand(len(x), -1, -1), self.patch_embed(x)], 1) + self.pos_embed
            x = self.norm(self.blocks(x))
            return self.heads[0](x[:, 0]) + self.heads[0](x[:, 1:].square().mean(1))

    model, x = built(Both), picture(16, 16)
    maps, _ = maps_and_gradients(model, x, lambda logits: logits[1])
    product = full_rollout(maps)[:, 1:]
    found = explain(model, x, "attention_rollout")
    assert found.values.ravel() == pytest.approx((product[0] + product[1:].mean(0)) / 2, rel=1e-5)
    assert (found.meta["read"], found.meta["read_patches"]) == ([0], True)


# -- however attention is called --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "size", "norms", "attentions"),
    [
        pytest.param(
            torchvision_vit,
            (32, 32),
            [f"encoder.layers.encoder_layer_{i}.ln_1" for i in range(2)],
            [f"encoder.layers.encoder_layer_{i}.self_attention" for i in range(2)],
            id="torchvision",
        ),
        pytest.param(
            EncoderViT,
            (16, 16),
            [f"encoder.layers.{i}.norm1" for i in range(2)],
            [f"encoder.layers.{i}.self_attn" for i in range(2)],
            id="torch.nn",
        ),
    ],
)
def test_multihead_attention_modules_show_the_weights_they_return(
    build: Callable[[], nn.Module], size: tuple[int, int], norms: list[str], attentions: list[str]
) -> None:
    model, x = built(build), picture(*size)
    maps = []
    with torch.no_grad():
        for normed, name in zip(normed_inputs(model, x, norms), attentions, strict=True):
            module = model.get_submodule(name)
            maps.append(module(normed, normed, normed, need_weights=True, average_attn_weights=False)[1][0].numpy())
    found = explain(model, x, "attention_rollout").values
    assert found == pytest.approx(full_rollout(maps)[0, 1:].reshape(4, 4), rel=1e-5)


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize(("prefix", "teacher", "read"), [(1, False, [0]), (2, False, [0]), (2, True, [0, 1])])
def test_attention_as_transformers_calls_it(implementation: str, prefix: int, teacher: bool, read: list[int]) -> None:
    model, x = built(lambda: HubViT(implementation, prefix=prefix, teacher=teacher)), picture(16, 16)
    maps = []
    with torch.no_grad():
        normed = normed_inputs(model, x, [f"layers.{i}.layernorm_before" for i in range(2)])
        for t, layer in zip(normed, model.layers, strict=True):
            q, k = layer.attention.q_proj(t)[0], layer.attention.k_proj(t)[0]
            heads = [(q[:, i : i + 4] @ k[:, i : i + 4].T / 2).softmax(1).numpy() for i in range(0, WIDTH, 4)]
            maps.append(np.stack(heads))
    found = explain(model, x, "attention_rollout")
    assert found.values == pytest.approx(full_rollout(maps)[read, prefix:].mean(0).reshape(4, 4), rel=1e-5)
    assert found.meta["read"] == read


@pytest.mark.parametrize("method", METHODS)
def test_fused_attention_on_or_off_gives_the_same_map(method: str) -> None:
    pairs = [
        [TimmViT(fused=True, normed=True), TimmViT(fused=False, normed=True)],
        [HubViT("sdpa", prefix=2, teacher=True), HubViT("eager", prefix=2, teacher=True)],
    ]
    for fused, explicit in pairs:
        explicit.load_state_dict(fused.state_dict())
        x = picture(16, 16).float()
        found = [explain(model.eval(), x, method, target=2).values for model in (fused, explicit)]
        assert found[0] == pytest.approx(found[1], rel=1e-4, abs=1e-8)
        assert found[0].max() > found[0].min()


# -- parameters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heads", ["mean", "max", "min"])
@pytest.mark.parametrize("discard", [0.0, 0.3, 0.9])
def test_heads_are_fused_and_small_attentions_discarded(heads: str, discard: float) -> None:
    model, x = built(TimmViT), picture(16, 16)
    maps, _ = maps_and_gradients(model, x, lambda logits: logits[1])
    product = np.eye(17)
    for a in maps:
        fused = getattr(a, heads)(0)
        fused = fused / fused.sum(1, keepdims=True)
        lost = np.argsort(fused, axis=None, kind="stable")[: int(discard * fused.size)]
        fused.ravel()[lost] = 0
        layer = fused + np.eye(17)
        product = layer / layer.sum(1, keepdims=True) @ product
    found = explain(model, x, "attention_rollout", heads=heads, discard=discard).values
    assert found.ravel() == pytest.approx(product[0, 1:], rel=1e-5, abs=1e-9)


def test_a_batch_is_its_rows() -> None:
    model = built(lambda: TimmViT(prefix=2, read=2))
    batch = [picture(16, 16, seed=seed) for seed in range(3)]
    for method, params in (("attention_rollout", {"discard": 0.5}), ("transformer_attribution", {})):
        together = explain_batch(model, torch.stack(batch), method, targets=[0, 1, 2], **params)
        for row, (x, found) in enumerate(zip(batch, together, strict=True)):
            alone = explain(model, x, method, target=row, **params)
            assert found.values == pytest.approx(alone.values, rel=1e-5)


# -- questions and cost -----------------------------------------------------------------------------------------------


def test_the_score_asked_about_is_the_one_differentiated() -> None:
    model, x = built(TimmViT), picture(16, 16)

    def margin(logits: Tensor) -> Tensor:
        return logits[..., 0] - logits[..., 1:].amax(-1)

    for target, score in ((Contrast(2, 0), lambda z: z[2] - z[0]), (margin, lambda z: z[0] - z[1:].amax())):
        maps, gradients = maps_and_gradients(model, x, score)
        found = explain(model, x, "transformer_attribution", target=target).values
        assert found.ravel() == pytest.approx(full_attribution(maps, gradients)[0, 1:], rel=1e-5, abs=1e-9)


def case_of(model: nn.Module, x: Tensor, method: str, target: int = 1) -> Case:
    return Session(model, [read_input(x, model)], Binding()).case(build_method(method, {}), [target])


@pytest.mark.parametrize("method", METHODS)
def test_another_class_costs_no_forward_and_rollout_says_the_same_of_all(method: str) -> None:
    model, x = built(TimmViT), picture(16, 16)
    found = explain(model, x, method, target=1)
    assert (found.meta["forwards"], found.meta["backwards"]) == (1, 1)
    again = found.for_target(3)
    assert again.values == pytest.approx(explain(model, x, method, target=3).values, rel=1e-5)
    assert np.allclose(again.values, found.values) == (method == "attention_rollout")
    case = case_of(model, x, method, target=3)
    list(build_method(method, {}).estimates(case))
    assert (case.runner.tally.forwards, case.runner.tally.backwards) == (0, 0)  # all of it is still there
    other = case_of(model, picture(16, 16, seed=1), method)
    expected = build_method(method, {}).cost(other)
    list(build_method(method, {}).estimates(other))
    assert (other.runner.tally.forwards, other.runner.tally.backwards) == (expected.forwards, expected.backwards)


def test_attribution_answers_for_rollout_but_rollout_keeps_no_more_than_the_maps() -> None:
    model, x = built(lambda: TimmViT(layers=3)), picture(16, 16)
    case = case_of(model, x, "transformer_attribution")
    assert [g.shape for g in case.attention_gradients()] == [(1, HEADS, 17, 17)] * 3
    list(build_method("attention_rollout", {}).estimates(case))
    assert (case.runner.tally.forwards, case.runner.tally.backwards) == (1, 1)
    other = case_of(model, picture(16, 16, seed=1), "attention_rollout")
    small = other.attention()
    assert (small.first, len(small.maps)) == (3, 3)  # which tokens are read is known by now: no graph at all
    assert small.nbytes < case.attention().nbytes / 2


def test_a_replay_without_a_graph_runs_nothing() -> None:
    model, x = built(TimmViT), picture(16, 16)
    case = case_of(model, x, "attention_rollout")
    case.attention()
    replayed = case.replayed(case.questions[0])
    assert replayed.attention() is case.attention()
    with pytest.raises(TargetNotScored):
        replayed.attention_gradients()
    assert case.runner.tally.forwards == 1


def test_no_gradient_of_a_parameter_is_left_and_nothing_else_changes() -> None:
    model, x = seeded(TimmViT).train(), picture(16, 16).float()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for method in METHODS:
        explain(model, x, method)
    assert model.training
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_rollout_needs_no_gradients_and_says_what_it_assumed() -> None:
    class Frozen(TimmViT):
        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                return super().forward(x)

    model, x = built(lambda: Frozen(prefix=2)), picture(16, 16)
    found = explain(model, x, "attention_rollout")
    assert found.values == pytest.approx(explain(built(lambda: TimmViT(prefix=2)), x, "attention_rollout").values)
    assert found.meta["read"] == [0]
    assert found.meta["read_found"].startswith("assumed")
    with pytest.raises(ValueError, match="do not depend on the attention differentiably"):
        explain(model, x, "transformer_attribution")


def test_half_precision_and_a_constant_score() -> None:
    model, x = built(TimmViT), picture(16, 16)
    exact = explain(model, x, "attention_rollout").values
    half = seeded(TimmViT).eval()
    half.load_state_dict(model.float().state_dict())
    rough = explain(half.bfloat16(), x.float(), "attention_rollout").values
    assert rough == pytest.approx(exact, rel=0.1)
    flat = explain(model, x.float(), "transformer_attribution", target=lambda logits: logits[:, 0] * 0)
    assert not flat.values.any()
    assert flat.meta["read"] == [0]


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("build", "words"),
    [
        (torchvision_swin, "undefined for windowed attention"),
        (HubSwin, "undefined for windowed attention"),
        (lambda: ClassAttention(channels=False), "its maps do not chain"),
        (lambda: ClassAttention(channels=True), "none that could be seen"),
        (Plain, "none that could be seen"),
    ],
)
def test_what_has_no_chain_of_maps_is_refused_in_words(method: str, build: Callable[[], nn.Module], words: str) -> None:
    model = seeded(build).eval()
    with pytest.raises(ValueError, match=words):
        explain(model, picture(32, 32).float(), method)
    (row,) = (row for row in methods(model, picture(32, 32).float()) if row.id == method)
    assert not row.works
    assert words in row.why_not
