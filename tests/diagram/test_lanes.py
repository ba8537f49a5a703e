"""An arrow to the picture on the right passes between the boxes, not behind them."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from statemachines.core.diagram.lanes import way
from statemachines.core.diagram.layout import Point, Rect

COLUMNS = [60.0, 180.0, 300.0]
"""Boxes stand in columns that leave room between them, as layouts do."""

boxes = st.lists(
    st.builds(Rect, st.sampled_from(COLUMNS), st.integers(0, 400).map(float), st.just(80.0), st.just(40.0)), max_size=6
)


def passed(points: tuple[Point, ...]) -> list[Point]:
    """Return points along Bézier curves, close to each other."""
    found = []
    for first in range(0, len(points) - 1, 3):
        four = points[first : first + 4]
        for step in range(101):
            part, rest = step / 100, 1 - step / 100
            weights = rest**3, 3 * rest**2 * part, 3 * rest * part**2, part**3
            x, y = (sum(weight * point[axis] for weight, point in zip(weights, four, strict=True)) for axis in (0, 1))
            found.append((x, y))
    return found


@example(left=[Rect(60, 0, 80, 40), Rect(60, 54, 80, 40), Rect(180, 3, 80, 40)], right=[], y=47, to=0)
@given(left=boxes, right=boxes, y=st.integers(0, 400), to=st.integers(0, 400))
def test_it_goes_behind_no_box(left: list[Rect], right: list[Rect], y: int, to: int) -> None:
    """However boxes stand in its columns, the arrow starts and ends where it should, and meets none of them."""
    aside = [Rect(box.x + 500, box.y, box.width, box.height) for box in right]
    points = way((40.0, y), (900.0, to), left, aside)
    assert (points[0], points[-1]) == ((40.0, y), (900.0, to))
    assert not [
        (point, box)
        for box in (*left, *aside)
        for point in passed(points)
        if box.x < point[0] < box.right and box.y < point[1] < box.bottom
    ]


def test_where_nothing_stands_it_is_one_curve() -> None:
    """An arrow that meets nothing makes no detour."""
    assert len(way((0.0, 0.0), (300.0, 90.0), [Rect(20, 200, 50, 50)], [])) == 4
