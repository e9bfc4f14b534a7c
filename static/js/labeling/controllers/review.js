// Reviewing by keyboard: digits rate, a accepts, s sends back, x rejects, n leaves it for later.
import { onKey, onPageKeys } from "../../shared/keys.js";
import { views } from "./writing.js";

export function connect(page) {
  views();
  const form = page.querySelector("#review-form");
  if (!form) return;
  const reason = form.querySelector("textarea");
  onKey(reason, (key) => key === "Escape" && reason.blur());
  onPageKeys({
    digit: (rating) => {
      const choice = form.querySelector(`input[name=rating][value="${rating}"]`);
      if (!choice) return false;
      choice.checked = true;
    },
    r: () => reason.focus(),
    n: () => form.querySelector("[data-later]").click(),
    ...Object.fromEntries(
      [...form.querySelectorAll("[data-verdict]")].map((button) => [
        button.dataset.verdict,
        () => decide(form, reason, button),
      ]),
    ),
  });
  form.dataset.ready = "";
}

// Without a reason the key leads to where it is written.
function decide(form, reason, button) {
  if (button.dataset.verdict !== "a" && !reason.value.trim()) reason.focus();
  else form.requestSubmit(button);
}
