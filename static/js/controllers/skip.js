// The sheet in which a task is skipped: s opens it, a digit chooses the reason, Enter skips.
import { isPlain, isTyping } from "./bench.js";

export function connect(sheet) {
  const form = sheet.querySelector("form");
  const note = form.elements.note;
  const reasons = [...form.querySelectorAll("input[name=reason]")];

  const follow = () => { note.required = form.elements.reason.value === note.dataset.neededFor; };
  form.addEventListener("change", follow);
  follow();
  sheet.querySelector("[data-close]").addEventListener("click", () => sheet.close());

  document.addEventListener("keydown", (event) => {
    if (event.key !== "s" || isTyping(event) || !isPlain(event)) return;
    document.querySelector("[data-open=skip]").click();
    event.preventDefault();
  });
  sheet.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === note && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    const chosen = reasons[Number(event.key) - 1];
    if (!chosen || event.target === note || event.ctrlKey || event.metaKey || event.altKey) return;
    chosen.checked = true;
    follow();
    (note.required ? note : chosen).focus();
    event.preventDefault();
  });
  if ("refused" in sheet.dataset) sheet.showModal();
  sheet.dataset.ready = "";
}
