// The pairs of a few-shot set: added, moved and removed by button or key; what was removed can be brought back.
import { onKey } from "../../shared/keys.js";
import { _ } from "../../shared/words.js";

export function connect(field) {
  const form = field.closest("form");
  const list = field.querySelector("[data-pair-list]");
  const template = document.getElementById("pair-template");
  const add = field.querySelector("[data-pair-add]");
  const undo = field.querySelector("[data-pair-undo]");
  const said = field.querySelector("[data-pair-said]");
  const most = Number(field.dataset.most);
  let removed = null;

  const rows = () => [...list.children];
  const say = (words, canUndo = false) => {
    said.textContent = words;
    undo.hidden = !canUndo;
  };
  const number = () => {
    rows().forEach((row, place) => {
      const values = { number: place + 1 };
      row.querySelector("[data-pair-title]").textContent = _("Pair %(number)s", values);
      const [query, response] = row.querySelectorAll("textarea");
      query.setAttribute("aria-label", _("Query of pair %(number)s", values));
      response.setAttribute("aria-label", _("Response of pair %(number)s", values));
      row.querySelector("[data-pair-act=up]").disabled = place === 0;
      row.querySelector("[data-pair-act=down]").disabled = place === list.children.length - 1;
      row.querySelector("[data-pair-act=up]").setAttribute("aria-label", _("Move pair %(number)s up", values));
      row.querySelector("[data-pair-act=down]").setAttribute("aria-label", _("Move pair %(number)s down", values));
      row.querySelector("[data-pair-act=remove]").setAttribute("aria-label", _("Remove pair %(number)s", values));
      row.querySelector(".pair-tools").hidden = false;
    });
    add.disabled = list.children.length >= most;
  };
  // Saved and previewed like anything that is typed.
  const changed = () => {
    number();
    form.dispatchEvent(new Event("change", { bubbles: true }));
    form.dispatchEvent(new CustomEvent("rows:change"));
  };

  const addAfter = (row) => {
    if (list.children.length >= most) return;
    const fresh = template.content.firstElementChild.cloneNode(true);
    if (row) row.after(fresh);
    else list.append(fresh);
    changed();
    fresh.querySelector("textarea").focus();
    say(_("Pair %(number)s added.", { number: rows().indexOf(fresh) + 1 }));
  };
  const move = (row, step) => {
    const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    const focused = document.activeElement;
    if (step < 0) other.before(row);
    else other.after(row);
    changed();
    (focused.disabled ? row.querySelector("textarea") : focused).focus();
    say(_("Now pair %(number)s.", { number: rows().indexOf(row) + 1 }));
  };
  const remove = (row) => {
    const place = rows().indexOf(row);
    removed = { row, place };
    row.remove();
    if (!list.children.length) list.append(template.content.firstElementChild.cloneNode(true));
    changed();
    say(_("Pair %(number)s removed.", { number: place + 1 }), true);
    undo.focus();
  };

  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-pair-act]");
    if (!button) return;
    const row = button.closest("[data-pair]");
    if (button.dataset.pairAct === "remove") remove(row);
    else move(row, button.dataset.pairAct === "up" ? -1 : 1);
  });
  add.addEventListener("click", () => addAfter(null));
  undo.addEventListener("click", () => {
    if (!removed) return;
    const { row, place } = removed;
    removed = null;
    list.insertBefore(row, rows()[place] ?? null);
    changed();
    row.querySelector("textarea").focus();
    say(_("Pair %(number)s is back.", { number: place + 1 }));
  });
  const acts = { Enter: addAfter, ArrowUp: (row) => move(row, -1), ArrowDown: (row) => move(row, 1) };
  onKey(list, (key, event) => {
    const row = event.target.closest("[data-pair]");
    if (!row || !event.altKey || event.ctrlKey || event.metaKey || !Object.hasOwn(acts, key)) return false;
    acts[key](row);
    return true;
  });
  add.hidden = false;
  number();
}
