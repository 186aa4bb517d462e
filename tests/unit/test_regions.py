"""The arithmetic of regions, against brute force: which outputs see a box of the input, and what those outputs see."""

from typing import NamedTuple

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xai_widget.engine.incremental.regions import Base, Extent, Region, Sliding, based, paste


class Line(NamedTuple):
    """A kernel that slides along one axis, and a box of the input."""

    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    size: int
    low: int
    high: int

    @property
    def reach(self) -> int:
        return (self.kernel - 1) * self.dilation + 1

    @property
    def out(self) -> int:
        return (self.size + self.before + self.after - self.reach) // self.stride + 1

    def taps(self, output: int) -> list[int]:
        start = output * self.stride - self.before
        return [start + tap * self.dilation for tap in range(self.kernel)]

    @property
    def sliding(self) -> Sliding:
        return Sliding(
            *(np.array([n]) for n in (self.reach, self.stride, self.before, self.after, self.size, self.out))
        )

    @property
    def extent(self) -> Extent:
        return Extent(np.array([[self.low]]), np.array([[self.high]]))


@st.composite
def lines(draw: st.DrawFn) -> Line:
    kernel, stride, dilation = (draw(st.integers(1, top)) for top in (7, 5, 3))
    size = draw(st.integers(1, 40))
    before, after = draw(st.integers(0, 6)), draw(st.integers(0, 6))
    low = draw(st.integers(0, size - 1))
    line = Line(kernel, stride, dilation, before, after, size, low, draw(st.integers(low + 1, size)))
    return line if line.size + before + after >= line.reach else line._replace(size=line.reach)


@settings(deadline=None)
@given(lines())
def test_every_output_that_sees_the_box_is_reached(line: Line) -> None:
    box = range(line.low, line.high)
    affected = [output for output in range(line.out) if any(tap in box for tap in line.taps(output))]
    reached = line.sliding.reached(line.extent)
    low, high = int(reached.low[0, 0]), int(reached.high[0, 0])
    assert 0 <= low < high <= line.out
    assert set(affected) <= set(range(low, high))
    if line.dilation == 1 and line.stride <= line.kernel and affected:  # nothing is skipped: no place too many
        assert affected == list(range(low, high))


@settings(deadline=None)
@given(lines(), st.data())
def test_windows_of_outputs_see_exactly_their_taps(line: Line, data: st.DataObject) -> None:
    width = data.draw(st.integers(1, line.out))
    offset = data.draw(st.integers(0, line.out - width))
    start, shape = line.sliding.seen(np.array([[offset]]), np.array([width]))
    assert start[0, 0] == line.taps(offset)[0]
    assert start[0, 0] + shape[0] - 1 == line.taps(offset + width - 1)[-1]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(1, 12)), min_size=1, max_size=5))
def test_windows_of_one_shape_hold_every_box_and_lie_inside(boxes: list[tuple[int, int]]) -> None:
    low = np.array([[first] for first, _ in boxes])
    high = np.minimum(low + np.array([[length] for _, length in boxes]), 12)
    offset, width = Extent(low, high).placed(np.array([12]))
    assert width[0] == (high - low).max()
    assert (offset >= 0).all()
    assert (offset <= low).all()
    assert (high <= offset + width).all()
    assert (offset + width <= 12).all()


def numbered(*shape: int) -> torch.Tensor:
    return torch.arange(float(np.prod(shape))).reshape(shape)


def padded_base() -> tuple[torch.Tensor, Base]:
    clean = numbered(2, 3, 5, 6)
    return clean, based(clean, np.array([1, 2]), np.array([2, 0]), -1.0)


def test_windows_are_copied_from_the_padded_map_of_their_own_input() -> None:
    clean, base = padded_base()
    windows = base.gather(np.array([0, 1, 1]), np.array([[-1, -2], [0, 0], [4, 3]]), np.array([3, 3]))
    padded = torch.nn.functional.pad(clean, (2, 0, 1, 2), value=-1.0)
    assert torch.equal(windows[0], padded[0, :, 0:3, 0:3])
    assert torch.equal(windows[1], clean[1, :, 0:3, 0:3])
    assert torch.equal(windows[2], padded[1, :, 5:8, 5:8])


def test_a_region_is_pasted_where_it_lies_and_cut_where_it_sticks_out() -> None:
    windows = torch.zeros(3, 1, 4, 4)
    values = numbered(3, 1, 2, 2) + 1
    offset = np.array([[1, 1], [-1, 3], [9, 9]])
    region = Region(values, offset, Extent(offset, offset + 2))
    paste(windows, np.zeros((3, 2), np.int64), region)
    expected = torch.zeros(3, 1, 4, 4)
    expected[0, 0, 1:3, 1:3] = values[0, 0]
    expected[1, 0, 0, 3] = values[1, 0, 1, 0]
    assert torch.equal(windows, expected)
