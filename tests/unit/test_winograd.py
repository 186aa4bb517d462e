"""Winograd's convolutions give what plain ones give, with fewer multiplications; the formulas hold exactly."""

import copy
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from tests.unit.test_prepared import runner_of, scores, worst
from tests.zoo import seeded
from xai_widget import explain
from xai_widget.engine import onednn, runner, winograd
from xai_widget.engine.winograd import BACK, FEWEST_CHANNELS, MOST_ROWS, ROWS, TAPS, TILE, TOGETHER, WinogradConv2d


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def layer(channels: int = FEWEST_CHANNELS, **options: Any) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(channels, options.pop("out", channels), 3, **options).eval().requires_grad_(False)


def combined(plain: nn.Conv2d) -> WinogradConv2d:
    made = copy.deepcopy(plain)
    assert winograd.multiplies_less(made)
    winograd.combine(made)
    assert isinstance(made, WinogradConv2d)
    return made


def assert_same(found: Tensor, plain: nn.Conv2d, x: Tensor, padding: Any) -> None:
    bias = None if plain.bias is None else plain.bias.double()
    expected = functional.conv2d(x.double(), plain.weight.double(), bias, 1, padding)
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 2e-5 * expected.abs().max()


# -- the formulas -----------------------------------------------------------------------------------------------------


def test_four_rows_of_three_taps_are_six_products() -> None:
    """With fractions, as unit vectors: every row of the result is its three rows times the three taps."""
    whole = [[Fraction(value).limit_denominator(24) for value in row] for row in (*ROWS, *BACK)]
    rows, back = whole[: len(ROWS)], whole[len(ROWS) :]
    taps = [[Fraction(value).limit_denominator(24) for value in row] for row in TAPS]
    for row in range(6):
        for tap in range(3):
            products = [rows[point][row] * taps[point][tap] for point in range(6)]
            for place in range(4):
                assert sum(back[place][point] * products[point] for point in range(6)) == (row == place + tap)


def test_the_bias_is_added_to_every_row_of_the_result_once() -> None:
    assert all(row[winograd.EVEN] == 1 for row in BACK)


# -- the layers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "size", "padding"),
    [
        (1, (14, 14), 1),
        (TOGETHER + 1, (7, 7), 1),
        (3, (13, 16), 0),
        (2, (3, 3), 0),
        (2, (1, 1), 1),
        (2, (4, 9), (2, 0)),
        (2, (9, 4), (0, 2)),
        (1, (MOST_ROWS + 1, 5), 1),
        (1, (2 * MOST_ROWS + TILE + 2, 5), 0),
        (1, (2 * MOST_ROWS, 5), (3, 1)),
    ],
    ids=str,
)
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_gives_what_the_plain_one_gives(count: int, size: tuple[int, int], padding: Any, bias: bool) -> None:
    plain = layer(padding=padding, bias=bias)
    made, x = combined(plain), numbers(count, FEWEST_CHANNELS, *size)
    with torch.inference_mode():
        found = made(x)
        assert found.is_contiguous(memory_format=torch.channels_last)
        assert_same(found, plain, x, padding)
        assert worst(made(x[0]), found[0]) < 1e-5
        if min(size) > 2:
            assert_same(made.convolved(x), plain, x, 0)


def test_more_channels_come_out_than_go_in() -> None:
    plain = layer(out=FEWEST_CHANNELS + 16, padding=1)
    x = numbers(2, FEWEST_CHANNELS, 6, 6)
    with torch.inference_mode():
        assert_same(combined(plain)(x), plain, x, 1)


def test_its_weights_can_be_asked_for_their_shape_and_take_no_memory() -> None:
    plain = layer(padding=1)
    made = combined(plain)
    assert (made.weight.shape, made.weight.dtype) == (plain.weight.shape, plain.weight.dtype)
    assert made.weight.untyped_storage().nbytes() <= 8
    assert made.nbytes == 2 * plain.weight.nbytes == sum(kernel.numel() * 4 for kernel in made.kernels)


def test_what_is_no_plain_layer_of_three_by_three_taps_is_left() -> None:
    class Own(nn.Conv2d):
        pass

    many = FEWEST_CHANNELS
    hooked = layer()
    hooked.register_forward_pre_hook(lambda _module, args: args)
    others: list[nn.Module] = [
        hooked,
        layer(channels=many // 2),
        layer(stride=2),
        layer(dilation=2),
        layer(groups=2),
        layer(padding=1, padding_mode="circular"),
        layer(padding="same"),
        layer().double(),
        nn.Conv2d(many, many, 1),
        nn.Conv2d(many, many, (3, 5)),
        nn.Conv3d(many, many, 1),
        Own(many, many, 3),
        parametrizations.weight_norm(nn.Conv2d(many, many, 3)),
    ]
    assert not [other for other in others if winograd.multiplies_less(other)]
    assert winograd.multiplies_less(layer(padding=1))


# -- in the prepared copy ---------------------------------------------------------------------------------------------


class Wide(nn.Sequential):
    """Two convolutions of many channels, the second with a norm, and a linear layer."""

    def __init__(self) -> None:
        many = FEWEST_CHANNELS
        super().__init__(
            nn.Conv2d(3, many, 5, stride=2),
            nn.ReLU(),
            nn.Conv2d(many, many, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(many, many, 3, bias=False),
            nn.BatchNorm2d(many),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(many, 5),
        )


def kinds(given: runner.Runner) -> list[type]:
    assert given.module is not None
    return [type(module) for module in given.module.modules() if hasattr(module, "weight")]


def test_a_copy_without_gradients_multiplies_less_and_one_with_gradients_has_them() -> None:
    model, x = seeded(Wide).eval(), numbers(2, 3, 40, 40)
    plain = runner_of(model)
    quick, graded = plain.prepared(x), plain.prepared(x, gradients="plain")
    assert kinds(quick) == [onednn.Conv2d, WinogradConv2d, WinogradConv2d, onednn.Linear]
    assert kinds(graded) == [nn.Conv2d, nn.Conv2d, nn.Conv2d, nn.Linear]
    for made in (quick, graded):
        assert worst(scores(made, x), scores(plain, x)) < 1e-5
    assert kinds(plain) == kinds(runner_of(model))
    gradients = []
    for made in (plain, graded):
        leaf = x.clone().requires_grad_()
        with made.session(grad=True):
            gradients.append(torch.autograd.grad(made.raw(leaf)[:, 1].sum(), leaf)[0])
    assert worst(gradients[1], gradients[0]) < 1e-4


def test_kernels_that_would_leave_no_room_are_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = seeded(Wide).eval(), numbers(1, 3, 40, 40)
    first, weight = (model.get_submodule(name).get_parameter("weight").nbytes for name in ("0", "2"))
    # The copy's own convolutions, laid out anew, and room for one of two with kernels instead.
    monkeypatch.setattr(runner, "LARGEST_KEPT", 2 * weight + first + 4 * weight // 3)
    quick = runner_of(model).prepared(x)
    assert kinds(quick).count(WinogradConv2d) == 1
    assert worst(scores(quick, x), scores(runner_of(model), x)) < 1e-5


def test_where_few_weights_would_be_combined_their_kernels_are_not_worth_the_memory() -> None:
    many = FEWEST_CHANNELS

    def combined_of(taps: int) -> int:
        wide = nn.Sequential(nn.Conv2d(3, many, 3), nn.Conv2d(many, many, taps), nn.Conv2d(many, many, 3, padding=1))
        model = nn.Sequential(wide, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(many, 5)).eval()
        return kinds(runner_of(model).prepared(numbers(1, 3, 12, 12))).count(WinogradConv2d)

    assert combined_of(1) == 1
    assert combined_of(5) == 0


def test_a_copy_is_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    monkeypatch.setattr(Wide, "forward", lambda self, x: passes.append(type(self)) or nn.Sequential.forward(self, x))
    runner_of(seeded(Wide).eval()).prepared(numbers(1, 3, 40, 40))
    assert len(passes) == 2


def test_where_onednn_lacks_an_operation_the_copy_is_the_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onednn, "OPERATIONS", (*onednn.OPERATIONS, "_no_such_operation"))
    model, x = seeded(Wide).eval(), numbers(1, 3, 40, 40)
    plain = runner_of(model)
    made = plain.prepared(x)
    assert made is not plain
    assert kinds(made) == [nn.Conv2d, nn.Conv2d, nn.Conv2d, nn.Linear]
    assert worst(scores(made, x), scores(plain, x)) < 1e-5


def test_windows_are_recomputed_with_it_in_part() -> None:
    model, x = seeded(Wide).eval(), numbers(3, 40, 40)
    found = explain(model, x, "occlusion", target=1, window=8, stride=8)
    with torch.no_grad():
        clean = model(x[None])[0, 1]
        covered = torch.stack([x] * 25)
        for place in range(25):
            row, column = 8 * (place // 5), 8 * (place % 5)
            covered[place, :, row : row + 8, column : column + 8] = 0
        drops = (clean - model(covered)[:, 1]).reshape(5, 5)
    assert worst(torch.tensor(found.arrays["scores"]), drops) < 1e-4


# -- linear layers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 40), (7, 40), (2, 9, 40), (2, 3, 4, 40), (0, 40)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_gives_what_torchs_own_gives(shape: tuple[int, ...], bias: bool) -> None:
    plain = nn.Linear(40, 6, bias=bias).requires_grad_(False)
    made, x = copy.deepcopy(plain), numbers(*shape)
    made.__class__ = onednn.Linear
    with torch.inference_mode():
        torch.testing.assert_close(made(x), plain(x), rtol=1e-5, atol=1e-6)
        turned = x.transpose(0, -1).contiguous().transpose(0, -1)  # not one after the other in memory
        torch.testing.assert_close(made(turned), plain(x), rtol=1e-5, atol=1e-6)
