"""Small numbers left out of a table with totals, and enough others with them that nobody can work them out. Pure.

A table has its totals in the last row and the last column. Whoever sees it knows that every row and column adds up
and that nothing is below zero. Seen as a flow between rows and columns (where totals run the other way), a hidden cell
can be another number exactly when a circle of hidden cells runs through it; so that is what is made. See Fischetti and
Salazar, "Models and algorithms for the 2-dimensional cell suppression problem" (1999), for the model; the choice of
cells here is a plain shortest path, not the cheapest set of all.
"""

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush

FEW = 5  # below this a number says more of people than of a place
Cell = tuple[int, int]
Table = Sequence[Sequence[int]]
Node = tuple[bool, int]  # (is a column, number)
BODY, MARGIN, GRAND = 1, 100, 10_000  # how much it hurts to lose a cell


def with_totals(body: Table) -> list[list[int]]:
    """The same table with the total of each row at its end, and a last row of totals."""
    rows = [[*row, sum(row)] for row in body]
    return [*rows, [sum(column) for column in zip(*rows, strict=True)]]


def suppress(tables: Sequence[Table], small: Iterable[Cell]) -> frozenset[Cell]:
    """The cells to leave out, the same ones in all of these tables (each with its totals): `small` and what that
    needs. Afterwards none of them is `exposed` in any of the tables."""
    hidden = set(small)
    while True:
        found = next(((table, cell) for table in tables for cell in sorted(exposed(table, hidden))), None)
        if found is None:
            return frozenset(hidden)
        hidden |= _circle(found[0], found[1], hidden)


def exposed(table: Table, hidden: Iterable[Cell]) -> set[Cell]:
    """The hidden cells that the rest tells to within FEW: everybody could work them out, or nearly."""
    cells = set(hidden)
    return {cell for cell in cells if _cheapest(table, cell, cells, only=cells) is None}


def _circle(table: Table, cell: Cell, hidden: set[Cell]) -> set[Cell]:
    everything = {(row, column) for row in range(len(table)) for column in range(len(table[0]))}
    found = _cheapest(table, cell, hidden, only=everything)
    assert found is not None  # adding to a cell and to its totals is always possible
    return found


def _cheapest(table: Table, cell: Cell, hidden: set[Cell], *, only: set[Cell]) -> set[Cell] | None:
    """The cells of the cheapest circle through `cell` and through cells of `only`, hidden ones for nothing."""
    found = []
    for more in (True, False):
        if more or table[cell[0]][cell[1]] >= FEW:
            start, end = _ends(table, cell, more)
            path = _path(table, end, start, hidden, only - {cell})
            if path is not None:
                found.append(path)
    return min(found, key=lambda path: path[0])[1] | {cell} if found else None


def _ends(table: Table, cell: Cell, more: bool) -> tuple[Node, Node]:
    """From where to where a cell flows when it gets more, or less. A total runs the other way than what it is of."""
    row, column = cell
    turned = (row == len(table) - 1) != (column == len(table[0]) - 1)
    ends: tuple[Node, Node] = ((False, row), (True, column))
    return ends if more != turned else (ends[1], ends[0])


def _path(table: Table, start: Node, end: Node, hidden: set[Cell], only: set[Cell]) -> tuple[int, set[Cell]] | None:
    """Dijkstra's shortest path: what it costs and its cells. A cell can lose FEW only when it has as much."""
    arcs: dict[Node, list[tuple[Node, Cell]]] = {}
    for cell in sorted(only):
        for more in (True, False):
            if more or table[cell[0]][cell[1]] >= FEW:
                tail, head = _ends(table, cell, more)
                arcs.setdefault(tail, []).append((head, cell))
    queue: list[tuple[int, Node, tuple[Cell, ...]]] = [(0, start, ())]
    done: set[Node] = set()
    while queue:
        cost, node, cells = heappop(queue)
        if node == end:
            return cost, set(cells)
        if node in done:
            continue
        done.add(node)
        for head, cell in arcs.get(node, ()):
            heappush(queue, (cost + (0 if cell in hidden else _price(table, cell)), head, (*cells, cell)))
    return None


def _price(table: Table, cell: Cell) -> int:
    totals = (cell[0] == len(table) - 1) + (cell[1] == len(table[0]) - 1)
    return (BODY, MARGIN, GRAND)[totals]
