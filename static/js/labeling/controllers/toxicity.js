// The scales of the toxicity instrument. A digit answers the marked question and the mark goes on to the next open
// one, so that an answer takes as many keys as it has scales. The marked question is the one that has the focus, else
// the first open one. Saving is in autosave.js and labels.js.
import { keepChoices } from "../history.js";
import { onPageKeys } from "../../shared/keys.js";

const TWO_TEXTS = "input and answer as two texts";

export function connect(element) {
  keepChoices(element.closest(".bench-page"));
  const questions = () =>
    [...element.querySelectorAll("[data-question]")].filter((question) => question.querySelector("input:enabled"));
  const isOpen = (question) => !question.querySelector("input:checked");
  const current = () => {
    const all = questions();
    return all.find((question) => question.contains(document.activeElement)) ?? all.find(isOpen) ?? all[0];
  };
  const mark = () => {
    const now = current();
    for (const question of element.querySelectorAll("[data-question]"))
      question.classList.toggle("current", question === now);
  };
  const goTo = (question) => {
    const input = question?.querySelector("input:checked") ?? question?.querySelector("input:enabled");
    input?.focus({ preventScroll: true });
    question?.scrollIntoView({ block: "nearest" });
    mark();
  };

  // Whether the step said something to the marked question.
  function say(step) {
    const question = current();
    const input = question?.querySelector(`input[value="${step}"]`);
    if (!input) return false;
    input.checked = true;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    const all = questions();
    const at = all.indexOf(question);
    goTo([...all.slice(at + 1), ...all.slice(0, at)].find(isOpen) ?? question);
    return true;
  }
  const stepBy = (by) => {
    const all = questions();
    goTo(all[Math.min(all.length - 1, Math.max(0, all.indexOf(current()) + by))]);
  };

  onPageKeys({
    digit: say,
    "-": () => say(-1),
    "−": () => say(-1),
    "=": () => say(0),
    "+": () => say(1),
    j: () => stepBy(1),
    k: () => stepBy(-1),
    "[": () => openAnswer(-1),
    "]": () => openAnswer(1),
    v: () => toggle.click(),
    Enter: () => document.querySelector("[data-primary]").click(),
  });
  element.addEventListener("change", mark);
  element.addEventListener("focusin", mark);
  element.addEventListener("focusout", () => setTimeout(mark));
  mark();

  const toggle = element.querySelector("[data-view-toggle]");
  const show = (two) => {
    element.querySelector("[data-one-text]").hidden = two;
    element.querySelector("[data-two-texts]").hidden = !two;
    toggle.setAttribute("aria-pressed", String(two));
  };
  toggle.addEventListener("click", () => {
    const two = toggle.getAttribute("aria-pressed") !== "true";
    if (two) localStorage.setItem(TWO_TEXTS, "1");
    else localStorage.removeItem(TWO_TEXTS);
    show(two);
  });
  show(localStorage.getItem(TWO_TEXTS) !== null);
  element.dataset.ready = "";
}

function openAnswer(by) {
  const tabs = [...document.querySelectorAll("[data-tab]")];
  tabs[tabs.findIndex((tab) => tab.getAttribute("aria-current")) + by]?.click();
}
