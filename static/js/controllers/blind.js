// Rating a text by keyboard: digits choose, Enter keeps.
import { isPlain, isTyping } from "./bench.js";

export function connect(page) {
  const form = page.querySelector("form");
  document.addEventListener("keydown", (event) => {
    if (isTyping(event) || !isPlain(event)) return;
    const choice = /^[1-7]$/.test(event.key) && form.querySelector(`input[value="${event.key}"][name=rating]`);
    if (!choice) return;
    choice.checked = true;
    choice.focus();
    event.preventDefault();
  });
  form.dataset.ready = "";
}
