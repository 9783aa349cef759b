// A second press while the first is under way does nothing. The button stays enabled, so that it keeps
// the focus and its name and value are sent.
export function submitOnce(root) {
  let sent = new Map();
  root.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    if (sent.has(event.target)) {
      event.preventDefault();
      return;
    }
    sent.set(event.target, event.submitter);
    event.submitter?.setAttribute("aria-disabled", "true");
  });
  // Back on this page through the browser's history: it can be sent again.
  window.addEventListener("pageshow", () => {
    for (const button of sent.values()) button?.removeAttribute("aria-disabled");
    sent = new Map();
  });
}
