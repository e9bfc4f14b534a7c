// Part 1, the labels of the prompt: saved after every change; the questions about the answer that hang on one of
// them come and go with it, and the page tells how many are still open.
import { connect as autosave } from "../../shared/controllers/autosave.js";
import { onKey, onPageKeys } from "../../shared/keys.js";
import { _ } from "../../shared/words.js";

export function connect(form) {
  autosave(form);
  const fields = [...form.querySelectorAll("[data-label]")];
  const chosenIn = (field) => new FormData(form).get(`label-${field.dataset.label}`) || "";
  const open = () => fields.filter((field) => "required" in field.dataset && !chosenIn(field));

  const follow = () => {
    for (const field of fields) ask(field.dataset.label, chosenIn(field) === "yes");
    tellOpen(open().length);
  };
  const focusOpen = () => (open()[0] ?? fields[0])?.querySelector("select, input").focus();
  form.addEventListener("change", follow);
  follow();
  // Somebody may have been quicker than this script; ticks are seen by autosave.js itself.
  for (const select of form.querySelectorAll("select")) {
    if (select.value && !select.selectedOptions[0].defaultSelected)
      select.dispatchEvent(new Event("change", { bubbles: true }));
  }

  onKey(form, (key, event) => {
    if (key !== "Enter" || !event.target.matches("select")) return false;
    event.target.blur(); // chosen by its first letters; the keys of the page work again
    return true;
  });
  onPageKeys({
    l: () => showPrompt(form, focusOpen),
    y: () => answer(open(), "yes"),
    n: () => answer(open(), "no"),
  });
  if ("wanted" in form.dataset) focusOpen();
  form.dataset.ready = "";
}

function ask(name, asked) {
  for (const flag of document.querySelectorAll(`#answer-form [data-needs="${name}"]`)) {
    flag.hidden = !asked;
    for (const input of flag.querySelectorAll("input, select")) {
      input.disabled = !asked;
      if (asked) continue;
      if (input.matches("select")) input.value = "";
      else input.checked = false;
    }
  }
  for (const group of document.querySelectorAll("#answer-form .flag-group")) {
    group.hidden = !group.querySelector(".flag:not([hidden])");
  }
}

function tellOpen(count) {
  const place = document.querySelector("[data-open-labels]");
  const words = count ? _("prompt: %(count)s to answer", { count }) : (place.dataset.allSaid ?? _("prompt labelled"));
  if (place.value !== words) place.value = words;
}

function showPrompt(form, then) {
  form.closest("details")?.setAttribute("open", "");
  then();
}

// The first open question that takes such an answer.
function answer(open, value) {
  const radio = open.map((field) => field.querySelector(`input[value="${value}"]`)).find(Boolean);
  if (!radio) return;
  radio.checked = true;
  radio.dispatchEvent(new Event("change", { bubbles: true }));
}
