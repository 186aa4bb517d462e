"""Which positions of the input tokens stand for, from their number alone."""

import pytest

from xai_widget.engine.tokens import is_stretched, token_grid

EMBEDDED = {
    "ViT": (197, (224, 224), [(14, 14)], ((14, 14), 1)),
    "DeiT with a distillation token": (198, (224, 224), [(14, 14)], ((14, 14), 2)),
    "class token and four registers": (261, (224, 224), [(16, 16)], ((16, 16), 5)),
    "no token in front": (196, (224, 224), [(14, 14)], ((14, 14), 0)),
    "not square": (281, (224, 320), [(14, 20)], ((14, 20), 1)),
    "patches that are not square": (33, (64, 64), [(4, 8)], ((4, 8), 1)),
    "a volume": (61, (12, 16, 20), [(3, 4, 5)], ((3, 4, 5), 1)),
    "several convolutions in front": (17, (32, 32), [(16, 16), (8, 8), (4, 4)], ((4, 4), 1)),
    "a coarser convolution inside the block": (16, (32, 32), [(4, 4), (2, 2)], ((4, 4), 0)),
}
TILED = {
    "patches cut without a convolution": (197, (224, 224), ((14, 14), 1)),
    "two tokens in front": (26, (32, 48), ((4, 6), 2)),
    "merged tokens": (49, (224, 224), ((7, 7), 0)),
    "merged tokens, not square": (24, (64, 96), ((4, 6), 0)),
    "merged tokens of a padded input": (91, (56, 100), ((7, 13), 0)),
    "a volume": (28, (12, 8, 16), ((3, 2, 4), 4)),
}


@pytest.mark.parametrize(("tokens", "size", "grids", "expected"), EMBEDDED.values(), ids=EMBEDDED)
def test_the_patch_embedding_tells_the_grid(
    tokens: int, size: tuple[int, ...], grids: list[tuple[int, ...]], expected: tuple[tuple[int, ...], int]
) -> None:
    assert token_grid(tokens, size, grids) == expected


@pytest.mark.parametrize(("tokens", "size", "expected"), TILED.values(), ids=TILED)
def test_without_a_fitting_convolution_the_patches_are_squares_that_tile_the_input(
    tokens: int, size: tuple[int, ...], expected: tuple[tuple[int, ...], int]
) -> None:
    assert token_grid(tokens, size, []) == expected
    assert token_grid(tokens, size, [tuple(length // 2 for length in size)]) == expected  # too fine to be it


def test_what_fits_no_grid_has_none() -> None:
    assert token_grid(100, (31, 37), []) is None
    assert token_grid(500, (224, 224), [(14, 14)]) is None  # 304 tokens in front of 196 patches


def test_a_grid_has_the_proportions_of_the_input() -> None:
    assert not is_stretched((7, 7), (224, 224))
    assert not is_stretched((7, 10), (224, 320))
    assert not is_stretched((8, 12), (60, 90))  # rounded up from 7.5 and 11.25
    assert is_stretched((7, 768), (224, 224))
    assert is_stretched((14, 14), (224, 448))
