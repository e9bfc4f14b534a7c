// The ranking board. The selects of the cards are the truth that is posted; lanes, drag and keys only set them.
// Nothing is saved or sent before the person has placed every answer or has agreed to a proposal.
import { send } from "./autosave.js";
import { isPlain, isTyping } from "./bench.js";

export function connect(form) {
  const cards = [...form.querySelectorAll(".rank-card")];
  const tray = form.querySelector("[data-tray]");
  const board = makeLanes(form, cards.length);
  const places = [form.querySelector("[data-lane='0']"), ...board];
  const page = form.closest(".bench-page");
  const [result, agreement] = ["[data-result]", "[data-agreement]"].map((selector) => page.querySelector(selector));
  const confirm = page.querySelector("[data-confirm]");
  const propose = page.querySelector("[data-propose]");
  let proposed = false;
  let current = cards[0];

  const select = (card) => card.querySelector("select");
  const laneOf = (card) => Number(select(card).value || 0);
  const ordered = () => places.flatMap((place) => [...place.querySelectorAll(".rank-card")]);

  function place(card, lane, { byPerson = true } = {}) {
    const hadFocus = card.contains(document.activeElement);
    select(card).value = lane || "";
    if (card.parentElement !== places[lane]) places[lane].append(card);
    if (hadFocus) card.focus();
    if (byPerson) {
      proposed = false;
      save();
    }
    draw();
  }

  function draw() {
    const placed = cards.every(laneOf);
    tray.hidden = placed;
    form.classList.toggle("all-placed", placed);
    board.forEach((lane) => lane.parentElement.classList.toggle("filled", lane.querySelector(".rank-card") !== null));
    result.value = placed ? weakOrder(cards) : `${cards.filter(laneOf).length} of ${cards.length} placed`;
    agreement.textContent = placed ? hint(cards) : "";
    confirm.hidden = !(placed && proposed);
    page.querySelectorAll("[data-submit]").forEach((button) => { button.disabled = !placed || proposed; });
  }

  const save = () => send(form.dataset.save, new FormData(form));

  function weakOrder(all) {
    const lanes = Map.groupBy ? Map.groupBy(all, laneOf) : group(all, laneOf);
    return [...lanes.keys()].sort((a, b) => a - b)
      .map((lane) => lanes.get(lane).map((card) => card.dataset.letter).sort().join(" = ")).join(" > ");
  }

  function hint(all) {
    const odd = [];
    for (const a of all) {
      for (const b of all) {
        if (laneOf(a) < laneOf(b) && Number(a.dataset.rating) < Number(b.dataset.rating)) {
          odd.push(`${a.dataset.letter} (${a.dataset.rating}) above ${b.dataset.letter} (${b.dataset.rating})`);
        }
      }
    }
    if (odd.length > 2) odd.splice(2, Infinity, `${odd.length - 2} more`);
    return odd.length
      ? `You rank ${odd.join(" and ")}, your ratings say the opposite. Both may be meant; look once more.`
      : "Your ratings agree with this order.";
  }

  const move = (card, by) => {
    const lane = laneOf(card);
    place(card, lane ? Math.min(cards.length, Math.max(1, lane + by)) : by > 0 ? cards.length : 1);
  };
  const tie = (card) => {
    const lane = laneOf(card);
    const above = cards.filter((other) => other !== card).map(laneOf).filter((other) => other && (!lane || other < lane));
    if (above.length) place(card, Math.max(...above));
  };
  const expand = (card) => {
    const open = card.classList.toggle("open");
    card.querySelector("[data-act=expand]").setAttribute("aria-expanded", String(open));
  };
  const act = { up: (card) => move(card, -1), down: (card) => move(card, 1), tie, expand };

  function proposeFromRatings() {
    const lanes = JSON.parse(form.dataset.proposal);
    cards.forEach((card) => place(card, lanes[card.dataset.candidate], { byPerson: false }));
    proposed = true;
    draw();
  }

  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (button) act[button.dataset.act](button.closest(".rank-card"));
  });
  form.addEventListener("change", (event) => {
    if (event.target.matches("select")) place(event.target.closest(".rank-card"), Number(event.target.value || 0));
  });
  form.addEventListener("focusin", (event) => { current = event.target.closest(".rank-card") ?? current; });
  confirm.addEventListener("click", () => {
    proposed = false;
    save();
    draw();
  });
  propose.addEventListener("click", proposeFromRatings);

  const focusBy = (by) => {
    const all = ordered();
    const at = document.activeElement.closest(".rank-card") ? all.indexOf(current) + by : all.indexOf(current);
    current = all[Math.min(all.length - 1, Math.max(0, at))];
    current.focus();
    current.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (isTyping(event) || !isPlain(event)) return;
    const digit = Number(event.key);
    if (digit >= 1 && digit <= cards.length) place(current, digit);
    else if (event.key === "j") focusBy(1);
    else if (event.key === "k") focusBy(-1);
    else if (event.key === "J") move(current, 1);
    else if (event.key === "K") move(current, -1);
    else if (event.key === "t") tie(current);
    else if (event.key === "e") expand(current);
    else if (event.key === "p") proposeFromRatings();
    else if (event.key === "Enter" && !event.target.closest("a, button, summary")) page.querySelector("[data-primary]").click();
    else return;
    event.preventDefault();
  });

  for (const list of places) {
    globalThis.Sortable?.create(list, {
      group: "answers",
      animation: 120,
      forceFallback: true,
      fallbackOnBody: true,
      fallbackTolerance: 4,
      handle: matchMedia("(pointer: coarse)").matches ? ".grip" : ".rank-head",
      filter: "select, button, a",
      preventOnFilter: false,
      draggable: ".rank-card",
      ghostClass: "ghost",
      onEnd: ({ item, to }) => {
        item.focus();
        place(item, places.indexOf(to));
      },
    });
  }

  form.querySelectorAll("[data-act]").forEach((button) => { button.hidden = false; });
  propose.hidden = false;
  cards.forEach((card) => {
    place(card, laneOf(card), { byPerson: false });
    const text = card.querySelector(".rank-text");
    card.querySelector("[data-act=expand]").hidden = text.scrollHeight <= text.clientHeight + 4;
  });
  draw();
  form.dataset.ready = "";
}

function makeLanes(form, count) {
  const lanes = form.querySelector("[data-lanes]");
  lanes.hidden = false;
  form.classList.add("with-lanes");
  return Array.from({ length: count }, (_, i) => {
    const lane = document.createElement("section");
    const title = document.createElement("h2");
    const list = document.createElement("div");
    const word = i === 0 ? " best" : i === count - 1 ? " worst" : "";
    lane.className = "lane";
    lane.setAttribute("aria-label", `Rank ${i + 1}${word}`);
    title.textContent = `${i + 1}${word}`;
    list.className = "lane-cards";
    list.dataset.lane = String(i + 1);
    lane.append(title, list);
    lanes.append(lane);
    return list;
  });
}

function group(items, key) {
  const groups = new Map();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}
