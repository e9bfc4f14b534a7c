// Reviewing by keyboard: digits rate, a accepts, s sends back, x rejects, n leaves it for later.
import { isPlain, isTyping } from "./bench.js";
import { views } from "./writing.js";

export function connect(page) {
  views();
  const form = page.querySelector("#review-form");
  if (!form) return;
  const reason = form.querySelector("textarea");
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target === reason) reason.blur();
    if (isTyping(event) || !isPlain(event)) return;
    if (/^[1-7]$/.test(event.key)) form.querySelector(`input[name=rating][value="${event.key}"]`).checked = true;
    else if (event.key === "r") reason.focus();
    else if (event.key === "n") form.querySelector("[data-later]").click();
    else if (!decide(form, reason, event.key)) return;
    event.preventDefault();
  });
  form.dataset.ready = "";
}

// Without a reason the key leads to where it is written.
function decide(form, reason, key) {
  const button = form.querySelector(`[data-verdict="${key}"]`);
  if (!button) return false;
  if (key !== "a" && !reason.value.trim()) reason.focus();
  else form.requestSubmit(button);
  return true;
}
