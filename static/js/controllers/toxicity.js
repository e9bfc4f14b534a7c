// The scales of the toxicity instrument. A digit answers the marked question and the mark goes on to the next open
// one, so that an answer takes as many keys as it has scales. The marked question is the one that has the focus, else
// the first open one. Saving is in autosave.js and labels.js.
import { keepChoices } from "../history.js";
import { isPlain, isTyping } from "./bench.js";

const TWO_TEXTS = "input and answer as two texts";
const STEP_OF = { "-": "-1", "−": "-1", "=": "0", "+": "1" };

export function connect(element) {
  keepChoices(element.closest(".bench-page"));
  const questions = () => [...element.querySelectorAll("[data-question]")].filter((question) => question.querySelector("input:enabled"));
  const isOpen = (question) => !question.querySelector("input:checked");
  const current = () => {
    const all = questions();
    return all.find((question) => question.contains(document.activeElement)) ?? all.find(isOpen) ?? all[0];
  };
  const mark = () => {
    const now = current();
    for (const question of element.querySelectorAll("[data-question]")) question.classList.toggle("current", question === now);
  };
  const goTo = (question) => {
    const input = question?.querySelector("input:checked") ?? question?.querySelector("input:enabled");
    input?.focus({ preventScroll: true });
    question?.scrollIntoView({ block: "nearest" });
    mark();
  };

  // Whether the key said something to the marked question.
  function say(key) {
    const question = current();
    const step = /^\d$/.test(key) ? key : STEP_OF[key];
    const input = step && question?.querySelector(`input[value="${step}"]`);
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

  document.addEventListener("keydown", (event) => {
    if (isTyping(event) || !isPlain(event)) return;
    if (say(event.key)) { /* said */ }
    else if (event.key === "j") stepBy(1);
    else if (event.key === "k") stepBy(-1);
    else if (event.key === "[") openAnswer(-1);
    else if (event.key === "]") openAnswer(1);
    else if (event.key === "v") toggle.click();
    else if (event.key === "Enter" && !event.target.closest("a, button, summary")) document.querySelector("[data-primary]").click();
    else return;
    event.preventDefault();
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
