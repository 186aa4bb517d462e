"""Layers of oneDNN give what PyTorch's give: with packed weights and with shared ones, with one thread and with two."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from xai_widget.engine import onednn
from xai_widget.engine.onednn import PACKED, SHARING, MultiheadAttention, is_plain, pack

CASES: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "one tap": (nn.Conv2d(6, 8, 1), (6, 9, 7)),
    "no bias": (nn.Conv2d(6, 8, 3, padding=1, bias=False), (6, 9, 7)),
    "stride and holes": (nn.Conv2d(6, 8, (3, 2), stride=(2, 1), padding=(2, 1), dilation=(2, 1)), (6, 11, 9)),
    "groups": (nn.Conv2d(6, 12, 3, padding=1, groups=3), (6, 8, 8)),
    "depthwise": (nn.Conv2d(6, 6, 5, padding=2, groups=6), (6, 8, 8)),
    "volume": (nn.Conv3d(4, 6, 3, stride=(1, 2, 1), padding=(1, 0, 2)), (4, 5, 7, 6)),
    "one tap of a volume": (nn.Conv3d(4, 6, 1, bias=False), (4, 5, 7, 6)),
}


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def sharing(layer: Any) -> Any:
    layer.__class__ = SHARING[type(layer)]
    return layer


def packing(layer: Any) -> Any:
    pack(layer, [2, *CASES["one tap"][1]] if isinstance(layer, nn.Conv2d) else [2, *CASES["volume"][1]])
    assert type(layer) in PACKED.values()
    return layer


@pytest.mark.skipif(not onednn.serves(torch.zeros(1)), reason="this PyTorch has no oneDNN")
@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("change", [sharing, packing])
@pytest.mark.parametrize("name", CASES)
@torch.inference_mode()
def test_a_convolution_is_that_of_pytorch(name: str, change: Any) -> None:
    torch.manual_seed(0)
    layer, shape = CASES[name]
    layer.requires_grad_(False)
    made = change(copy.deepcopy(layer))
    lasts = torch.channels_last if len(shape) == 3 else torch.channels_last_3d
    for rows in (1, 3, 16):
        x = torch.randn(rows, *shape)
        for given in (x, x.contiguous(memory_format=lasts)):
            torch.testing.assert_close(made(given), layer(given), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(made.convolved(x), bare(layer)(x), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(made(x[0]), layer(x[0]), rtol=1e-4, atol=1e-5)


def bare(layer: Any) -> Any:
    """The same without padding."""
    made: Any = copy.deepcopy(layer)
    made.padding = tuple(0 for _ in layer.padding)
    return made


ATTENTION: dict[str, dict[str, Any]] = {
    "batch first": {"batch_first": True},
    "tokens first": {},
    "no bias": {"batch_first": True, "bias": False},
}


@pytest.mark.skipif(not onednn.serves(torch.zeros(1)), reason="this PyTorch has no oneDNN")
@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("options", ATTENTION.values(), ids=ATTENTION)
@torch.no_grad()
def test_attention_is_that_of_pytorch_whatever_is_asked(options: dict[str, Any], monkeypatch: Any) -> None:
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(12, 3, **options).eval().requires_grad_(False)
    for parameter in layer.parameters():
        parameter.normal_()  # its biases begin at 0
    assert is_plain(layer)
    made = sharing(copy.deepcopy(layer))
    products: list[Any] = []
    product = onednn.product

    def counted(*given: Any) -> Any:
        products.append(given)
        return product(*given)

    monkeypatch.setattr(onednn, "product", counted)
    x, other = torch.randn(5, 5, 12), torch.randn(5, 5, 12)
    barred = torch.ones(5, 5, dtype=torch.bool).triu(1)
    asked: dict[str, tuple[tuple[Any, ...], dict[str, Any], int]] = {
        "tokens": ((x, x, x), {"need_weights": False}, 2),
        "transposed tokens": ((x.transpose(0, 1),) * 3, {"need_weights": False}, 2),
        "one picture": ((x[0],) * 3, {"need_weights": False}, 0),
        "weights": ((x, x, x), {}, 0),
        "weights of every head": ((x, x, x), {"average_attn_weights": False}, 0),
        "a mask": ((x, x, x), {"attn_mask": barred, "need_weights": False}, 0),
        "a causal mask": ((x, x, x), {"attn_mask": barred, "is_causal": True, "need_weights": False}, 0),
        "padding": ((x, x, x), {"key_padding_mask": barred.roll(1, 1) & ~barred[-1:], "need_weights": False}, 0),
        "other keys": ((x, other, other), {"need_weights": False}, 0),
        "other values": ((x, x, other), {"need_weights": False}, 0),
    }
    for name, (given, how, times) in asked.items():
        products.clear()
        for found, expected in zip(made(*given, **how), layer(*given, **how), strict=True):
            assert (found is None) == (expected is None), name
            if expected is not None:
                torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5, msg=name)
        assert len(products) == times, name


@pytest.mark.parametrize(
    "options", [{"kdim": 7}, {"vdim": 7}, {"add_bias_kv": True}, {"add_zero_attn": True}, {"dtype": torch.float64}]
)
def test_attention_to_more_than_its_tokens_stays_pytorchs(options: dict[str, Any]) -> None:
    assert not is_plain(nn.MultiheadAttention(12, 3, **options))


def test_attention_with_weights_that_somebody_computes_stays_pytorchs() -> None:
    layer = nn.MultiheadAttention(12, 3)
    nn.utils.parametrizations.weight_norm(layer, "in_proj_weight")
    assert not is_plain(layer)
    layer = nn.MultiheadAttention(12, 3)
    layer.out_proj = nn.Linear(12, 12)  # type: ignore[assignment]
    assert not is_plain(layer)
    layer = nn.MultiheadAttention(12, 3)
    layer.register_forward_pre_hook(lambda _module, _given: None)
    assert not is_plain(layer)
    assert is_plain(nn.MultiheadAttention(12, 3))
    assert not is_plain(MultiheadAttention(12, 3))


def test_shared_layers_take_no_memory() -> None:
    layer: Any = nn.Conv2d(4, 4, 1)
    weight = layer.weight
    assert sharing(layer).weight is weight
