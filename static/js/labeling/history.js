// Undo and redo over whole states: Ctrl+Z, Ctrl+Shift+Z (or Ctrl+Y), and the page's two buttons where it has them.
// A state is whatever `read` gives, as JSON; `apply` brings one back and saves it. Text fields keep their own undo.
import { onKey } from "../shared/keys.js";

const MOST = 200;

export function keepHistory({ read, apply }) {
  const past = [];
  const future = [];
  const [back, forth] = ["[data-undo]", "[data-redo]"].map((selector) => document.querySelector(selector));
  let now = JSON.stringify(read());
  let applying = false;

  function record() {
    const state = JSON.stringify(read());
    if (applying || state === now) return;
    past.push(now);
    if (past.length > MOST) past.shift();
    future.length = 0;
    now = state;
    draw();
  }

  function step(from, to) {
    if (!from.length) return;
    to.push(now);
    now = from.pop();
    applying = true;
    apply(JSON.parse(now));
    applying = false;
    draw();
  }
  const undo = () => step(past, future);
  const redo = () => step(future, past);

  // Not `disabled`: that would take the focus from whoever has just undone the last step.
  function draw() {
    back?.setAttribute("aria-disabled", String(!past.length));
    forth?.setAttribute("aria-disabled", String(!future.length));
  }

  for (const [button, act] of [
    [back, undo],
    [forth, redo],
  ]) {
    if (!button) continue;
    button.hidden = false;
    button.addEventListener("click", act);
  }
  const acts = { z: undo, Z: redo, y: redo, Y: redo };
  onKey(document, (key, event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || document.querySelector("dialog[open]")) return false;
    if (event.target.matches("textarea, input:not([type=radio], [type=checkbox])") || !Object.hasOwn(acts, key))
      return false;
    acts[key]();
    return true;
  });
  draw();
  return { record };
}

// The choices of the forms that save themselves: each is brought back as a person would, so that the form saves it.
export function keepChoices(page) {
  const choices = () => [
    ...page.querySelectorAll("form[data-controller] :is(input[type=radio], input[type=checkbox], select)"),
  ];
  const told = (choice) => (choice.matches("select") ? "value" : "checked");
  const history = keepHistory({
    read: () => choices().map((choice) => choice[told(choice)]),
    // In the order of the page: what hangs on a label of the prompt comes after it.
    apply: (state) =>
      choices().forEach((choice, place) => {
        if (choice[told(choice)] === state[place]) return;
        choice[told(choice)] = state[place];
        choice.dispatchEvent(new Event("change", { bubbles: true }));
      }),
  });
  page.addEventListener("change", history.record);
}
