// What every task page shares: dialogs, folding, and whether key hints are shown.
const HINTS = "key hints off";
const FOLDED = "prompt folded of";

export const isTyping = (event) => event.target.matches("textarea, select, input:not([type=radio], [type=checkbox])");
export const isPlain = (event) => !(event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented)
  && !document.querySelector("dialog[open]");

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
  document.addEventListener("keydown", (event) => {
    const guide = document.getElementById("guide");
    const submits = text && event.key === "Enter" && (event.ctrlKey || event.metaKey);
    if (submits && !document.querySelector("dialog[open]")) page.querySelector("[data-primary]").click();
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || !(guide.open || isPlain(event))) return;
    if (event.key === "g" && guide.open) guide.close();
    else if (event.key === "g") open("guide");
    else if (event.key === "q" && guide.querySelector(".guide-ask")) {
      guide.querySelector(".guide-ask").open = true;
      open("guide", "[data-ask] textarea");
    }
    else if (event.key === "?" && !guide.open) open("keys");
    else return;
    event.preventDefault();
  });

  tellHeight(page.querySelector(".bench-bar"), "--bar-height");
  const prompt = page.querySelector(".prompt-panel");
  if (prompt) keepFolded(prompt);
  if (prompt && !text) {
    document.addEventListener("keydown", (event) => {
      if (event.key === "p" && !document.querySelector("[data-propose]") && !isTyping(event) && isPlain(event)) prompt.open = !prompt.open;
    });
  }
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
