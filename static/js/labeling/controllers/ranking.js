// The ranking board: every answer has a lane, lanes are drawn as the person likes to read, and whatever they do is a
// new state that can be undone. What is saved and sent is the order that the person made or agreed to: a proposal is
// drawn, but stands in no form before they have said so.
import { makeBoard } from "../board.js";
import { keepHistory } from "../history.js";
import { onPageKeys } from "../../shared/keys.js";
import { makeViews } from "../views.js";
import { closedUp, contradictions, movedBy, tiedWithAbove, weakOrder } from "../weak_orders.js";
import { _ } from "../../shared/words.js";
import { connect as autosave, restore } from "../../shared/controllers/autosave.js";

export function connect(form) {
  restore(form); // before the order is read from the form
  const page = form.closest(".bench-page");
  const find = (selector) => page.querySelector(selector);
  const cards = [...form.querySelectorAll(".rank-card")];
  const letters = cards.map((card) => card.dataset.letter);
  // What each answer is worth by its rating, or by its scores, the higher the better; and how that is said.
  const worth = cards.map((card) => Number(card.dataset.worth ?? card.dataset.rating));
  const saidOf = cards.map((card) => card.dataset.said ?? card.dataset.rating);
  const byScores = "byScores" in form.dataset;
  const selects = cards.map((card) => card.querySelector("select"));
  const none = form.elements.none_acceptable;
  const places = new Map(
    [
      ["result", "[data-result]"],
      ["agreement", "[data-agreement]"],
      ["confirm", "[data-confirm]"],
    ].map(([name, selector]) => [name, find(selector)]),
  );
  const submits = [...page.querySelectorAll("[data-submit]")];

  // `agreed` is what the person made or agreed to; `lanes`, what the board shows, may be a proposal.
  const shown = closedUp(selects.map((select) => Number(select.value || 0)));
  let state = { lanes: shown, agreed: shown, proposed: false };
  let current = 0;
  const placed = () => state.lanes.every(Boolean);

  const board = makeBoard(form, cards, {
    dropped: (card, lane) => put(cards.indexOf(card), lane),
    outcomeOf: (card, lane) => {
      const lanes = state.lanes.with(cards.indexOf(card), lane);
      return lanes.every(Boolean) ? weakOrder(lanes, letters) : saidOfRank(lane);
    },
  });
  const views = makeViews(form, cards, () => draw());
  // Forms are read where they are saved and where they are sent: neither may find a proposal in them.
  form.addEventListener("formdata", ({ formData }) => {
    selects.forEach((select, i) => formData.set(select.name, state.agreed[i] || ""));
  });
  autosave(form);
  const content = () => JSON.stringify([state.agreed, none.checked]);
  let saved = JSON.stringify([closedUp(selects.map(chosenByServer)), none.checked]);
  function save() {
    if (content() === saved) return;
    saved = content();
    form.dispatchEvent(new Event("change", { bubbles: true }));
  }
  const history = keepHistory({
    read: () => ({ ...state, none: none.checked }),
    apply: (earlier) => {
      none.checked = earlier.none;
      take(earlier);
    },
  });

  function take({ lanes, proposed = false, agreed = state.agreed }) {
    const order = closedUp(lanes);
    state = { lanes: order, agreed: proposed ? agreed : order, proposed };
    draw();
    save();
    history.record();
  }
  const put = (i, lane) => take({ lanes: state.lanes.with(i, lane) });

  function draw() {
    const all = placed();
    cards.forEach((card, i) => {
      selects[i].value = state.lanes[i] || "";
      card.classList.toggle("current", i === current);
      card.setAttribute("aria-label", described(i));
    });
    board.draw(state.lanes, { inLanes: views.inLanes(), all });
    form.classList.toggle("proposed", state.proposed);
    tell(places.get("result"), told(all));
    tell(places.get("agreement"), all ? hint() : "");
    places.get("confirm").hidden = !(all && state.proposed);
    for (const button of submits) button.disabled = !all || state.proposed;
  }
  const tell = (place, words) => {
    if (place.textContent !== words) place.textContent = words;
  };

  function described(i) {
    const [letter, rating, rank] = [letters[i], saidOf[i], state.lanes[i]];
    const said = !rating
      ? _("Answer %(letter)s", { letter })
      : byScores
        ? _("Answer %(letter)s, %(scores)s", { letter, scores: rating })
        : _("Answer %(letter)s, rated %(rating)s", { letter, rating });
    return `${said}, ${saidOfRank(rank)}`;
  }

  const saidOfRank = (rank) => (rank ? _("rank %(rank)s", { rank }) : _("no rank yet"));

  function told(all) {
    const order = weakOrder(state.lanes, letters);
    if (state.proposed) return _("Proposed: %(order)s", { order });
    if (all) return order;
    const count = _("%(placed)s of %(all)s placed", { placed: state.lanes.filter(Boolean).length, all: cards.length });
    return order ? `${order} · ${count}` : count;
  }

  function hint() {
    if (!worth.some(Boolean)) return "";
    const pairs = contradictions(worth, state.lanes);
    if (!pairs.length)
      return byScores ? _("Your scores agree with this order.") : _("Your ratings agree with this order.");
    const said = pairs.slice(0, 2).map(inWords);
    if (pairs.length > 2) said.push(_("%(num)s more", { num: pairs.length - 2 }));
    const words = { pairs: said.join(byScores ? "; " : ", ") };
    return byScores ? _("Against your scores: %(pairs)s.", words) : _("Against your ratings: %(pairs)s.", words);
  }
  const inWords = ([i, j]) =>
    _("%(better)s (%(low)s) above %(worse)s (%(high)s)", {
      better: letters[i],
      low: saidOf[i],
      worse: letters[j],
      high: saidOf[j],
    });

  // What a person does ---------------------------------------------------------------------------

  const propose = () => {
    const proposal = JSON.parse(form.dataset.proposal);
    take({ lanes: cards.map((card) => proposal[card.dataset.candidate]), proposed: true });
  };
  const move = (i, by) => take({ lanes: movedBy(state.lanes, i, by) });
  const tie = (i) => take({ lanes: tiedWithAbove(state.lanes, i) });
  const mark = () => {
    none.checked = !none.checked;
    none.dispatchEvent(new Event("change", { bubbles: true }));
  };
  // A digit puts the current answer into a lane and goes on to the next one without.
  function rankByKey(digit) {
    put(current, digit);
    const open = state.lanes.map((lane, i) => (lane ? -1 : i)).filter((i) => i >= 0);
    if (open.length) current = open.find((i) => i > current) ?? open[0];
    focus(current);
  }
  function focus(i) {
    current = i;
    cards.forEach((card, j) => card.classList.toggle("current", i === j));
    if (cards[i] === document.activeElement) return;
    cards[i].focus({ preventScroll: true });
    cards[i].scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  function focusBy(by) {
    const all = board.ordered().map((card) => cards.indexOf(card));
    const at = all.indexOf(current) + (cards[current].contains(document.activeElement) ? by : 0);
    focus(all[Math.min(all.length - 1, Math.max(0, at))]);
  }

  let chosen = null;
  function choose(i) {
    const first = chosen;
    chosen = first === null ? i : null;
    cards.forEach((card, j) =>
      card.querySelector("[data-act=compare]").setAttribute("aria-pressed", String(j === chosen)),
    );
    if (first === null)
      tell(
        find("[data-told]"),
        _("Answer %(letter)s is chosen: choose another one to compare it with.", { letter: letters[i] }),
      );
    else tell(find("[data-told]"), "");
    if (first !== null && first !== i) compare(Math.min(first, i), Math.max(first, i));
  }
  async function compare(i, j) {
    const { showDifference } = await import("../compare.js");
    const [left, right] = [i, j].map((at) => ({
      letter: letters[at],
      text: cards[at].querySelector("template").content.textContent,
    }));
    showDifference(find("#difference"), left, right);
  }

  const act = {
    up: (i) => move(i, -1),
    down: (i) => move(i, 1),
    tie,
    expand: (i) => views.toggle(cards[i]),
    compare: choose,
  };
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (button) act[button.dataset.act](cards.indexOf(button.closest(".rank-card")));
  });
  form.addEventListener("change", (event) => {
    const i = selects.indexOf(event.target);
    if (i >= 0) put(i, Number(event.target.value || 0));
    else if (event.target === none) {
      saved = content(); // by the form itself
      history.record();
    }
  });
  form.addEventListener("focusin", (event) => {
    const card = event.target.closest(".rank-card");
    if (card) current = cards.indexOf(card);
    for (const [i, each] of cards.entries()) each.classList.toggle("current", i === current);
  });
  const confirm = () => take({ lanes: state.lanes });
  places.get("confirm").addEventListener("click", confirm);
  find("[data-propose]").addEventListener("click", propose);

  onPageKeys({
    digit: (digit) => digit <= cards.length && rankByKey(digit),
    j: () => focusBy(1),
    k: () => focusBy(-1),
    J: () => move(current, 1),
    K: () => move(current, -1),
    t: () => tie(current),
    e: () => views.toggle(cards[current]),
    E: () => views.toggleAll(),
    v: () => views.next(),
    y: () => views.bind(),
    c: () => choose(current),
    p: propose,
    0: mark,
    Enter: () => (state.proposed ? confirm() : find("[data-primary]").click()),
  });

  // What stands against the ratings is pointed out once before it is sent; one press more sends it all the same.
  const against = find("#against");
  let asked = false;
  form.addEventListener(
    "submit",
    (event) => {
      const pairs = placed() ? contradictions(worth, state.lanes) : [];
      if (!placed() || state.proposed) event.preventDefault();
      else if (pairs.length && !asked) {
        event.preventDefault();
        against.querySelector("[data-pairs]").replaceChildren(
          ...pairs.map((pair) => {
            const item = document.createElement("li");
            item.textContent = inWords(pair);
            return item;
          }),
        );
        against.querySelector("[data-all-the-same]").onclick = () => {
          asked = true;
          against.close();
          form.requestSubmit(event.submitter);
        };
        against.showModal();
      }
      if (event.defaultPrevented) event.stopImmediatePropagation();
    },
    { capture: true },
  );

  find("[data-propose]").hidden = false;
  for (const tool of page.querySelectorAll("[data-act], [data-tools]")) tool.hidden = false;
  views.start();
  draw();
  save(); // whatever was chosen before this script was there is the person's own
  form.dataset.ready = "";
}

const chosenByServer = (select) => Number([...select.options].find((option) => option.defaultSelected)?.value || 0);
