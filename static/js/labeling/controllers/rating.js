// The rating form: digits rate, arrows change the answer, Enter goes on. The prompt's labels are in labels.js.
import { keepChoices } from "../history.js";
import { onPageKeys } from "../../shared/keys.js";
import { connect as autosave } from "../../shared/controllers/autosave.js";

const SWIPE = 80;

export function connect(form) {
  autosave(form);
  keepChoices(form.closest(".bench-page"));
  swipe();
  onPageKeys({
    digit: (likert) => {
      const rating = form.querySelector(`input[name=likert][value="${likert}"]`);
      if (!rating) return false;
      rating.checked = true;
      return rating.dispatchEvent(new Event("change", { bubbles: true }));
    },
    "[": () => step(-1),
    "]": () => step(1),
    ArrowLeft: (event) => !onRadio(event) && step(-1),
    ArrowRight: (event) => !onRadio(event) && step(1),
    Enter: () => document.querySelector("[data-primary]").click(),
  });
  form.dataset.ready = "";
}

const onRadio = (event) => event.target.matches("input[type=radio]");

function step(by) {
  const tabs = [...document.querySelectorAll("[data-tab]")];
  const here = tabs.findIndex((tab) => tab.getAttribute("aria-current"));
  tabs[here + by]?.click();
}

function swipe() {
  const text = document.querySelector(".answer-panel");
  let start = null;
  text.addEventListener(
    "touchstart",
    (event) => {
      start = event.target.closest("pre, table") ? null : event.touches[0];
    },
    { passive: true },
  );
  text.addEventListener(
    "touchend",
    (event) => {
      if (!start) return;
      const end = event.changedTouches[0];
      const across = end.clientX - start.clientX;
      if (Math.abs(across) > SWIPE && Math.abs(across) > 3 * Math.abs(end.clientY - start.clientY))
        step(across < 0 ? 1 : -1);
    },
    { passive: true },
  );
}
