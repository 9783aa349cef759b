"""Nobody can work out what was left out of a table with totals: checked against a linear program."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from matching.suppression import FEW, Cell, exposed, suppress, with_totals

NUMBERS = st.sampled_from([0, 0, 1, 2, 4, 5, 7, 20, 60])
BODIES = st.integers(1, 7).flatmap(
    lambda columns: st.lists(st.lists(NUMBERS, min_size=columns, max_size=columns), min_size=1, max_size=6)
)


def small_of(table: list[list[int]]) -> set[Cell]:
    return {(r, c) for r, row in enumerate(table) for c, number in enumerate(row) if number < FEW}


def room(table: list[list[int]], hidden: frozenset[Cell], cell: Cell) -> float:
    """Between which bounds a reader can still place a hidden cell: the highest less the lowest."""
    rows, columns = len(table), len(table[0])
    place = {each: n for n, each in enumerate(sorted(hidden))}
    sums = [[((r, c), 1 if c < columns - 1 else -1) for c in range(columns)] for r in range(rows)]
    sums += [[((r, c), 1 if r < rows - 1 else -1) for r in range(rows)] for c in range(columns)]
    left, right = np.zeros((len(sums), len(place))), np.zeros(len(sums))
    for at, terms in enumerate(sums):
        for each, sign in terms:
            if each in place:
                left[at, place[each]] += sign
            else:
                right[at] -= sign * table[each[0]][each[1]]
    goal = np.zeros(len(place))
    goal[place[cell]] = 1
    low, high = (linprog(way * goal, A_eq=left, b_eq=right, bounds=(0, None)) for way in (1, -1))
    return float("inf") if high.status == 3 else -high.fun - low.fun


@settings(max_examples=60, deadline=None)
@given(BODIES)
def it_leaves_room_for_every_cell_that_is_left_out(body: list[list[int]]) -> None:
    table = with_totals(body)
    hidden = suppress([table], small_of(table))
    assert small_of(table) <= hidden
    assert all(room(table, hidden, cell) >= FEW - 1e-6 for cell in hidden)


@settings(max_examples=30, deadline=None)
@given(BODIES, st.integers(0, 3))
def it_leaves_the_same_cells_out_of_several_tables(body: list[list[int]], times: int) -> None:
    tables = [with_totals(body), with_totals([[number * times for number in row] for row in body])]
    hidden = suppress(tables, small_of(tables[0]))
    for table, cell in product(tables, hidden):
        assert room(table, hidden, cell) >= FEW - 1e-6


def it_sees_what_a_total_gives_away() -> None:
    table = with_totals([[3, 20], [30, 40]])
    assert exposed(table, {(0, 0)}) == {(0, 0)}
    assert exposed(table, {(0, 0), (0, 1), (1, 0), (1, 1)}) == set()


def it_sees_that_nothing_is_below_zero() -> None:
    table = with_totals([[0, 0, 9], [0, 0, 9]])
    assert exposed(table, {(0, 0), (0, 1), (1, 0), (1, 1)}) == {(0, 0), (0, 1), (1, 0), (1, 1)}


def it_leaves_out_nothing_without_reason() -> None:
    assert suppress([with_totals([[10, 20], [30, 40]])], set()) == frozenset()


def it_keeps_the_totals_where_it_can() -> None:
    table = with_totals([[3, 20, 30], [30, 40, 50], [60, 70, 80]])
    hidden = suppress([table], small_of(table))
    assert len(hidden) == 4
    assert all(row < 3 and column < 3 for row, column in hidden)
