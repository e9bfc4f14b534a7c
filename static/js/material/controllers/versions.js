// What differs between two versions of a guideline, in the place that brings both texts.
import { passages } from "../versions.js";
import { _, ngettext } from "../../shared/words.js";

export function connect(place) {
  const [before, after] = ["before", "after"].map((side) => textOf(place.querySelector(`[data-${side}]`)));
  place.replaceChildren(...passages(before, after, place.lang).map(paragraph));
}

const textOf = (template) => template.content.textContent;

function paragraph({ pieces, leftOut }) {
  const p = document.createElement("p");
  if (leftOut) {
    p.className = "left-out";
    p.lang = document.documentElement.lang;
    p.textContent = ngettext("%(num)s unchanged line", "%(num)s unchanged lines", leftOut);
    return p;
  }
  p.className = pieces.some((piece) => piece.kind !== "same") ? "changed" : "unchanged";
  p.append(...pieces.map(marked));
  return p;
}

function marked({ kind, text }) {
  if (kind === "same") return text;
  const mark = document.createElement(kind === "removed" ? "del" : "ins");
  mark.append(spoken(kind === "removed" ? _("taken out:") : _("put in:")), text, spoken(","));
  return mark;
}

function spoken(words) {
  const span = document.createElement("span");
  span.className = "visually-hidden";
  span.lang = document.documentElement.lang;
  span.textContent = ` ${words} `;
  return span;
}
