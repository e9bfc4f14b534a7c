// The lanes of the ranking board, and dragging into them. Once every answer has a place, empty lanes close up and the
// gaps between lanes take a card into a lane of its own.
import { makeDraggable } from "./dragging.js";
import { laneAt } from "./geometry.js";
import { _ } from "../shared/words.js";

const byLetter = (a, b) => a.dataset.letter.localeCompare(b.dataset.letter);

// outcomeOf(card, lane): what a drop there would make, in words.
export function makeBoard(form, cards, { dropped, outcomeOf }) {
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
    drags.stop();
    const focused = document.activeElement;
    cards.forEach((card, i) => move(card, lists.get(inLanes ? ranks[i] : 0)));
    const last = Math.max(...ranks);
    sections.forEach((section, i) => {
      section.classList.toggle("filled", ranks.includes(i + 1));
      section.hidden = all && i >= last;
    });
    gaps.forEach((gap, i) => {
      gap.hidden = !all || i > last;
    });
    tray.hidden = inLanes && all;
    lanes.hidden = !inLanes;
    form.classList.toggle("all-placed", all);
    if (focused !== document.activeElement && form.contains(focused)) focused.focus({ preventScroll: true });
  }

  const ordered = () => [...form.querySelectorAll(".rank-card")];

  const boxOf = (element) => element.getBoundingClientRect();
  const laneUnder = (x, y) =>
    laneAt(x, y, {
      board: boxOf(lanes),
      tray: tray.hidden ? null : boxOf(tray),
      lanes: sections.filter((section) => !section.hidden).map(boxOf),
    });

  const placeOf = (lane) => (lane === 0 ? tray : Number.isInteger(lane) ? sections[lane - 1] : gaps[lane - 0.5]);
  const prompt = document.querySelector(".prompt-panel");
  const bar = document.querySelector(".bench-bar");
  const drags = makeDraggable(form, {
    // A finger or a pen moves a card by its handle alone: elsewhere it scrolls the page. A mouse takes the whole head.
    grabs: ({ target, pointerType }) => {
      const handle = target.closest(pointerType === "mouse" ? ".rank-head" : ".grip");
      return (
        handle &&
        form.dataset.view === "lanes" &&
        !target.closest("select, button, a, input, label") &&
        handle.closest(".rank-card")
      );
    },
    placeAt: laneUnder,
    view: () => ({
      top: getComputedStyle(prompt).position === "sticky" ? Math.max(0, prompt.getBoundingClientRect().bottom) : 0,
      bottom: bar.getBoundingClientRect().top,
    }),
    token: makeToken,
    mark: (card, lane, token) => {
      for (const place of [tray, ...sections, ...gaps]) place.classList.remove("aimed");
      if (lane === null) return;
      placeOf(lane).classList.add("aimed");
      token.querySelector("[data-outcome]").textContent = outcomeOf(card, lane);
    },
    dropped: (card, lane) => {
      dropped(card, lane);
      card.focus({ preventScroll: true });
    },
  });
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

// What stands for a card on its way: its letter, how it begins, and what would come of a drop.
function makeToken(card) {
  const token = document.createElement("div");
  const outcome = document.createElement("strong");
  const beginning = document.createElement("span");
  outcome.dataset.outcome = "";
  beginning.textContent = card.querySelector("template").content.textContent.slice(0, 80);
  token.append(card.querySelector(".letter").cloneNode(true), beginning, outcome);
  token.className = "rank-token";
  return token;
}

function makeList(lane) {
  const list = document.createElement("div");
  list.className = "lane-cards";
  list.dataset.lane = String(lane);
  return list;
}
