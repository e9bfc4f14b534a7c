// How the answers are laid out for reading: in lanes, side by side, or one under another; which of them are open, and
// whether columns scroll together. Each person's choice is remembered in this browser.
import { followEachOther } from "./scrolling.js";
import { _ } from "../shared/words.js";

const VIEWS = ["lanes", "side", "stacked"];

export function makeViews(form, cards, redraw) {
  const page = form.closest(".bench-page");
  const buttons = [...page.querySelectorAll("[data-view-button]")];
  const together = page.querySelector("[data-together]");
  const all = page.querySelector("[data-all]");
  const key = `ranking board of ${form.dataset.person}`;
  const chosen = { view: "lanes", together: false, ...remembered(key) };

  const inLanes = () => chosen.view === "lanes";
  function keep(change) {
    Object.assign(chosen, change);
    localStorage.setItem(key, JSON.stringify(chosen));
    show();
  }

  function show() {
    form.dataset.view = chosen.view;
    for (const button of buttons)
      button.setAttribute("aria-pressed", String(button.dataset.viewButton === chosen.view));
    together.hidden = chosen.view !== "side";
    together.setAttribute("aria-pressed", String(chosen.together));
  }

  const isOpen = (card) => card.classList.contains("open");
  function open(card, isNow) {
    card.classList.toggle("open", isNow);
    const button = card.querySelector("[data-act=expand]");
    button.setAttribute("aria-expanded", String(isNow));
    button.querySelector("span").textContent = isNow ? _("Show less") : _("Show all");
  }
  function openAll(isNow) {
    for (const card of cards) open(card, isNow);
    all.textContent = isNow ? _("Fold all") : _("Show all texts");
  }
  const toggle = (card) => {
    open(card, !isOpen(card));
    all.textContent = cards.every(isOpen) ? _("Fold all") : _("Show all texts");
  };
  const toggleAll = () => openAll(!cards.every(isOpen));

  function choose(view) {
    keep({ view });
    openAll(!inLanes());
    redraw();
    const current = form.querySelector(".rank-card.current");
    current?.scrollIntoView({ block: chosen.view === "stacked" ? "start" : "nearest", inline: "nearest" });
  }
  const next = () => choose(VIEWS[(VIEWS.indexOf(chosen.view) + 1) % VIEWS.length]);
  const bind = () => {
    if (chosen.view === "side") keep({ together: !chosen.together });
  };

  for (const button of buttons) button.addEventListener("click", () => choose(button.dataset.viewButton));
  together.addEventListener("click", bind);
  all.addEventListener("click", toggleAll);
  followEachOther(cards, () => chosen.view === "side" && chosen.together);

  // How much of the screen the prompt covers from above where it stays in sight.
  const prompt = page.querySelector(".prompt-panel");
  new ResizeObserver(() => {
    const covers = getComputedStyle(prompt).position === "sticky" ? prompt.offsetHeight : 0;
    form.style.setProperty("--prompt-height", `${covers}px`);
  }).observe(prompt);

  const start = () => {
    if (!VIEWS.includes(chosen.view)) chosen.view = "lanes";
    show();
    openAll(!inLanes());
  };
  return { inLanes, toggle, toggleAll, next, bind, start };
}

function remembered(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}
