"""Self-attention in its explicit form against PyTorch's own, however it is called."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.transformer_zoo import HEADS, WIDTH
from tests.zoo import seeded
from xai_widget.engine.attention_calls import ExplicitAttention


def calls(shape: tuple[int, ...] = (2, 4, 5, 6), *, keys: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    q = torch.randn(shape, generator=generator, dtype=torch.float64)
    rest = (shape[0], keys or shape[1], *shape[2:])
    k, v = (torch.randn(rest, generator=generator, dtype=torch.float64) for _ in range(2))
    return q, k, v


BIAS = torch.linspace(-1, 1, 25, dtype=torch.float64).reshape(5, 5)
FUSED: dict[str, tuple[dict[str, Any], int | None]] = {
    "plain": ({}, None),
    "scale": ({"scale": 0.3}, None),
    "causal": ({"is_causal": True}, None),
    "a query with nothing to attend to": ({"attn_mask": BIAS < 0.5}, None),
    "bool mask": ({"attn_mask": BIAS < 0.9}, None),
    "additive mask": ({"attn_mask": BIAS.expand(2, 1, 5, 5)}, None),
    "grouped queries": ({"enable_gqa": True}, 2),
}


@pytest.mark.parametrize(("options", "keys"), FUSED.values(), ids=FUSED)
def test_the_explicit_form_gives_what_fused_attention_gives(options: dict[str, Any], keys: int | None) -> None:
    q, k, v = calls(keys=keys)
    maps: list[Tensor] = []
    with ExplicitAttention(lambda a: maps.append(a) or a):
        found = functional.scaled_dot_product_attention(q, k, v, **options)
    torch.testing.assert_close(found, functional.scaled_dot_product_attention(q, k, v, **options))
    assert maps[0].shape == (2, 4, 5, 5)
    mask = options.get("attn_mask", torch.ones(5, 5))
    attends = mask.any(-1) if mask.dtype == torch.bool else torch.ones(5)
    torch.testing.assert_close(maps[0].sum(-1), torch.ones(2, 4, 5, dtype=torch.float64) * attends)


MODULES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "packed": ({}, {}),
    "batch first, no bias": ({"batch_first": True, "bias": False}, {}),
    "separate projections": ({"kdim": 7, "vdim": 9}, {}),
    "no weights": ({}, {"need_weights": False}),
    "every head": ({}, {"average_attn_weights": False}),
    "bool mask": ({}, {"attn_mask": BIAS > 0.9}),
    "additive mask": ({}, {"attn_mask": BIAS}),
    "a mask a head": ({}, {"attn_mask": torch.stack([BIAS * i for i in range(6)])}),
    "padding": ({}, {"key_padding_mask": torch.tensor([[False] * 5, [False] * 3 + [True] * 2])}),
}


@pytest.mark.parametrize(("options", "asked"), MODULES.values(), ids=MODULES)
@pytest.mark.parametrize("batched", [True, False], ids=["batch", "single"])
def test_the_explicit_form_gives_what_the_module_gives(
    options: dict[str, Any], asked: dict[str, Any], batched: bool
) -> None:
    if not batched and (set(asked) & {"key_padding_mask", "attn_mask"}):
        asked = {"attn_mask": BIAS}
    module = seeded(lambda: nn.MultiheadAttention(WIDTH, HEADS, **options)).eval().double()
    generator = torch.Generator().manual_seed(1)
    lead = ((2, 5) if options.get("batch_first") else (5, 2)) if batched else (5,)
    widths = (WIDTH, options.get("kdim", WIDTH), options.get("vdim", WIDTH))
    q, k, v = (torch.randn(*lead, width, generator=generator, dtype=torch.float64) for width in widths)
    maps: list[Tensor] = []
    with ExplicitAttention(lambda a: maps.append(a) or a):
        out, weights = module(q, k, v, **asked)
    with torch.enable_grad():  # not the fast path of inference
        expected, expected_weights = module(q.requires_grad_(), k, v, **asked)
    torch.testing.assert_close(out, expected)
    assert (weights is None) == (expected_weights is None)
    if weights is not None:
        torch.testing.assert_close(weights, expected_weights)
    assert maps[0].shape == (2 if batched else 1, HEADS, 5, 5)


def test_what_is_no_self_attention_passes_as_it_is() -> None:
    q, k, v = calls()
    seen: list[Tensor] = []
    with ExplicitAttention(lambda a: seen.append(a) or a):
        crossed = functional.scaled_dot_product_attention(q[:, :, :2], k, v)
        q.softmax(1)
        torch.zeros(3, 5, 5).softmax(-1)
        functional.softmax(torch.zeros(2, 7), dim=-1)
    torch.testing.assert_close(crossed, functional.scaled_dot_product_attention(q[:, :, :2], k, v))
    assert seen == []


def test_keys_that_are_no_tokens_are_refused() -> None:
    for options in ({"add_bias_kv": True}, {"add_zero_attn": True}):
        module = nn.MultiheadAttention(WIDTH, HEADS, **options)
        x = torch.zeros(5, 2, WIDTH)
        with ExplicitAttention(lambda a: a), pytest.raises(ValueError, match="keys that are no tokens"):
            module(x, x, x)
