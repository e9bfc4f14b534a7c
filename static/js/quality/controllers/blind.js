// Rating a text by keyboard: digits choose, Enter keeps.
import { onPageKeys } from "../../shared/keys.js";

export function connect(page) {
  const form = page.querySelector("form");
  onPageKeys({
    digit: (rating) => {
      const choice = form.querySelector(`input[value="${rating}"][name=rating]`);
      if (!choice) return false;
      choice.checked = true;
      return choice.focus();
    },
  });
  form.dataset.ready = "";
}
