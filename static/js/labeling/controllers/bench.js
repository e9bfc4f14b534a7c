// What every task page shares: dialogs, folding, and whether key hints are shown.
import { isPlain, isSend, isTyping, onKey, onPageKeys } from "../../shared/keys.js";

const HINTS = "key hints off";
const FOLDED = "prompt folded of";

export function connect(page) {
  const open = (name, place = "[data-first]") => {
    const dialog = document.getElementById(name);
    if (!dialog.open) dialog.showModal();
    dialog.querySelector(place)?.focus();
  };
  page.addEventListener("click", (event) => {
    const button = event.target.closest("[data-open]");
    if (button) open(button.dataset.open);
    if (event.target.matches("dialog")) event.target.close();
  });

  const toggle = page.querySelector("[data-toggle-hints]");
  const show = () => document.body.classList.toggle("no-hints", !toggle.checked);
  toggle.checked = localStorage.getItem(HINTS) === null;
  toggle.addEventListener("change", () => {
    if (toggle.checked) localStorage.removeItem(HINTS);
    else localStorage.setItem(HINTS, "1");
    show();
  });
  show();

  const text = page.querySelector("#text, [data-writes]");
  onKey(document, (key, event) => {
    const guide = document.getElementById("guide");
    if (text && isSend(key, event) && !document.querySelector("dialog[open]"))
      page.querySelector("[data-primary]").click();
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || !(guide.open || isPlain(event)))
      return false;
    if (key === "g" && guide.open) guide.close();
    else if (key === "g") open("guide");
    else if (key === "q" && guide.querySelector(".guide-ask")) {
      guide.querySelector(".guide-ask").open = true;
      open("guide", "[data-ask] textarea");
    } else if (key === "?" && !guide.open) open("keys");
    else return false;
    return true;
  });

  tellHeight(page.querySelector(".bench-bar"), "--bar-height");
  const prompt = page.querySelector(".prompt-panel");
  if (prompt) keepFolded(prompt);
  if (prompt && !text && !document.querySelector("[data-propose]"))
    onPageKeys({
      p: () => {
        prompt.open = !prompt.open;
      },
    });
}

// What sticks to an edge tells how tall it is: what gets the focus scrolls clear of it.
function tellHeight(element, name) {
  new ResizeObserver(() => {
    document.documentElement.style.setProperty(name, `${element.offsetHeight}px`);
  }).observe(element);
}

// The prompt stays folded for as long as its task lasts.
function keepFolded(prompt) {
  const task = location.pathname.replace(/\/rank$/, "");
  if (sessionStorage.getItem(FOLDED) === task) prompt.open = false;
  prompt.addEventListener("toggle", () => {
    if (prompt.open) sessionStorage.removeItem(FOLDED);
    else sessionStorage.setItem(FOLDED, task);
  });
  tellHeight(prompt, "--prompt-height");
}
