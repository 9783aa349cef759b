// The grid of half-days can be painted: press a cell and drag over the ones that should become the same.
export function paintDagdelen(root) {
  for (const grid of root.querySelectorAll(".oz-dagdelen")) paint(grid);
}

function paint(grid) {
  let start = null;
  let colour = null;
  let painted = false;

  grid.addEventListener("pointerdown", (event) => {
    start = boxAt(grid, event);
    if (!start || event.button !== 0) return;
    colour = !start.checked;
    painted = false;
    // A thumb keeps hold of the first cell unless it is let go.
    start.releasePointerCapture?.(event.pointerId);
  });

  grid.addEventListener("pointermove", (event) => {
    if (colour === null) return;
    const box = boxAt(grid, event);
    if (!box || (box === start && !painted)) return;
    painted = true;
    start.checked = colour;
    box.checked = colour;
  });

  // The click that ends a drag on the first cell would turn it back.
  grid.addEventListener("click", (event) => {
    if (painted && event.target === start) event.preventDefault();
    painted = false;
  });

  for (const end of ["pointerup", "pointercancel"]) {
    grid.ownerDocument.addEventListener(end, () => {
      if (colour !== null && painted) start.dispatchEvent(new Event("change", { bubbles: true }));
      colour = null;
    });
  }
}

function boxAt(grid, event) {
  const box = grid.ownerDocument.elementFromPoint(event.clientX, event.clientY)?.closest("td")?.querySelector("input");
  return box && grid.contains(box) ? box : null;
}
