// A page that comes back with errors says so first, also to a screen reader.
export function focusErrorSummary(root) {
  root.querySelector("[data-focus]")?.focus();
}
