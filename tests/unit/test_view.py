"""The display settings: completed, checked, and told apart from what cannot be."""

from typing import Any

import numpy as np
import pytest

from xai_widget.view import DEFAULT_VIEW, check_view


@pytest.mark.parametrize(
    ("key", "given", "kept"),
    [
        ("crosshair", [3, 0, 7], [3, 0, 7]),
        ("crosshair", (3, 0, 7), [3, 0, 7]),
        ("crosshair", np.array([3, 0, 7]), [3, 0, 7]),
        ("crosshair", None, None),
        ("layout", "montage", "montage"),
        ("plane", 2, 2),
        ("plane", np.int64(1), 1),
        ("tiles", 4, 4),
        ("tiles", 30, 30),
        ("radiological", True, True),
    ],
)
def test_settings_of_volumes_are_kept_as_plain_json(key: str, given: Any, kept: Any) -> None:
    found = check_view({key: given})
    assert found == {**DEFAULT_VIEW, key: kept}
    assert type(found[key]) is type(kept)  # type: ignore[literal-required]


@pytest.mark.parametrize(
    ("view", "error", "words"),
    [
        ({"crosshair": [1, 2]}, ValueError, r"three indices.*\[1, 2\]"),
        ({"crosshair": [1, 2, -1]}, ValueError, r"from 0.*-1"),
        ({"crosshair": [1.0, 2.0, 3.0]}, TypeError, "whole numbers"),
        ({"crosshair": [True, 2, 3]}, TypeError, "whole numbers"),
        ({"crosshair": "123"}, TypeError, "whole numbers"),
        ({"crosshair": 5}, ValueError, "three indices"),
        ({"layout": "pane"}, ValueError, "Did you mean 'panes'"),
        ({"plane": 3}, ValueError, "between 0 and 2"),
        ({"plane": 1.0}, TypeError, "whole number"),
        ({"tiles": 3}, ValueError, "between 4 and 30"),
        ({"tiles": 31}, ValueError, "between 4 and 30"),
        ({"radiological": "yes"}, TypeError, "True or False"),
    ],
)
def test_what_is_no_setting_of_a_volume_is_refused_by_name(
    view: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as raised:
        check_view(view)
    assert repr(next(iter(view))) in str(raised.value)


def test_a_view_is_a_copy_that_leaves_the_defaults_alone() -> None:
    given = [1, 2, 3]
    found = check_view({"crosshair": given})
    given.append(4)
    assert found["crosshair"] == [1, 2, 3]
    assert DEFAULT_VIEW["crosshair"] is None
