// The sheet in which a task is skipped: s opens it, a digit chooses the reason, Enter skips.
import { isSend, onKey, onPageKeys } from "../../shared/keys.js";

export function connect(sheet) {
  const form = sheet.querySelector("form");
  const note = form.elements.note;
  const reasons = [...form.querySelectorAll("input[name=reason]")];

  const follow = () => {
    note.required = form.elements.reason.value === note.dataset.neededFor;
  };
  form.addEventListener("change", follow);
  follow();
  sheet.querySelector("[data-close]").addEventListener("click", () => sheet.close());

  onPageKeys({ s: () => document.querySelector("[data-open=skip]").click() });
  onKey(sheet, (key, event) => {
    if (isSend(key, event) && event.target === note) form.requestSubmit();
    const chosen = reasons[Number(key) - 1];
    if (!chosen || event.target === note || event.ctrlKey || event.metaKey || event.altKey) return false;
    chosen.checked = true;
    follow();
    (note.required ? note : chosen).focus();
    return true;
  });
  if ("refused" in sheet.dataset) sheet.showModal();
  sheet.dataset.ready = "";
}
