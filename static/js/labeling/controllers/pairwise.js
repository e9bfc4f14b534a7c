// The bar between two answers: a digit chooses its step, Enter goes on. Saving is in autosave.js.
import { keepChoices } from "../history.js";
import { onPageKeys } from "../../shared/keys.js";
import { connect as autosave } from "../../shared/controllers/autosave.js";

export function connect(form) {
  const page = form.closest(".bench-page");
  const result = page.querySelector("[data-result]");
  const show = () => {
    result.textContent = form.querySelector("input[name=step]:checked")?.dataset.told ?? "";
  };
  autosave(form);
  keepChoices(page);
  form.addEventListener("change", show);
  form.addEventListener("form:restored", show);
  onPageKeys({
    digit: (step) => {
      const choice = form.querySelector(`input[name=step][value="${step}"]`);
      if (!choice) return false;
      choice.checked = true;
      return choice.dispatchEvent(new Event("change", { bubbles: true }));
    },
    Enter: () => page.querySelector("[data-primary]").click(),
  });
  show();
  form.dataset.ready = "";
}
