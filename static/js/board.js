// The lanes of the ranking board, and dragging into them. Once every answer has a place, empty lanes close up and the
// gaps between lanes take a card into a lane of its own.
import { _ } from "./words.js";

const byLetter = (a, b) => a.dataset.letter.localeCompare(b.dataset.letter);

export function makeBoard(form, cards, { dropped }) {
  const tray = form.querySelector("[data-tray]");
  const lanes = form.querySelector("[data-lanes]");
  const lists = new Map([[0, tray.querySelector("[data-lane]")]]);
  const sections = [];
  for (let lane = 1; lane <= cards.length; lane += 1) {
    const section = makeLane(lane, cards.length);
    sections.push(section);
    lists.set(lane, section.querySelector("[data-lane]"));
    lanes.append(makeGap(lane - 0.5), section);
  }
  lanes.append(makeGap(cards.length + 0.5));
  const gaps = [...lanes.querySelectorAll(".lane-gap")];

  function draw(ranks, { inLanes, all }) {
    const focused = document.activeElement;
    cards.forEach((card, i) => move(card, lists.get(inLanes ? ranks[i] : 0)));
    const last = Math.max(...ranks);
    sections.forEach((section, i) => {
      section.classList.toggle("filled", ranks.includes(i + 1));
      section.hidden = all && i >= last;
    });
    gaps.forEach((gap, i) => { gap.hidden = !all || i > last; });
    tray.hidden = inLanes && all;
    lanes.hidden = !inLanes;
    form.classList.toggle("all-placed", all);
    if (focused !== document.activeElement && form.contains(focused)) focused.focus({ preventScroll: true });
  }

  const ordered = () => [...form.querySelectorAll(".rank-card")];

  for (const list of form.querySelectorAll("[data-lane]")) {
    globalThis.Sortable?.create(list, {
      group: "answers",
      animation: 120,
      forceFallback: true,
      fallbackOnBody: true,
      fallbackTolerance: 4,
      handle: ".rank-head",
      // A finger moves a card by its handle alone: elsewhere it scrolls the page. A mouse takes the whole head.
      filter: (event) => {
        if (form.dataset.view !== "lanes" || event.target.closest("select, button, a, input")) return true;
        const byFinger = event.touches !== undefined || (event.pointerType && event.pointerType !== "mouse");
        return byFinger && !event.target.closest(".grip");
      },
      preventOnFilter: false,
      draggable: ".rank-card",
      ghostClass: "ghost",
      onStart: () => form.classList.add("dragging"),
      onEnd: ({ item, to }) => {
        form.classList.remove("dragging");
        dropped(item, Number(to.dataset.lane));
        item.focus({ preventScroll: true });
      },
    });
  }
  return { draw, ordered };
}

function move(card, list) {
  const after = [...list.children].find((other) => other !== card && byLetter(other, card) > 0) ?? null;
  if (card.parentElement === list && nextCard(card) === after) return;
  list.insertBefore(card, after);
}

const nextCard = (card) => card.nextElementSibling;

function makeLane(lane, most) {
  const section = document.createElement("section");
  const title = document.createElement("h2");
  section.className = "lane";
  title.textContent = lane === 1 ? _("1 best") : String(lane);
  section.setAttribute("aria-label", _("Rank %(rank)s of %(most)s", { rank: lane, most }));
  section.append(title, makeList(lane));
  return section;
}

function makeGap(lane) {
  const gap = makeList(lane);
  gap.classList.add("lane-gap");
  return gap;
}

function makeList(lane) {
  const list = document.createElement("div");
  list.className = "lane-cards";
  list.dataset.lane = String(lane);
  return list;
}
