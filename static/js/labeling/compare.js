// Two answers side by side with what is only in one of them: struck through on the left, underlined on the right.
import { difference, wordsOf } from "../shared/difference.js";
import { followEachOther } from "./scrolling.js";
import { _ } from "../shared/words.js";

// Each side: {letter, text}. Gives a sentence on how much they share.
export function showDifference(dialog, left, right) {
  const language = document.documentElement.lang;
  const parts = difference(wordsOf(left.text, language), wordsOf(right.text, language));
  const [before, after] = dialog.querySelectorAll("[data-side]");
  fill(before, left.letter, parts, "left", "del");
  fill(after, right.letter, parts, "right", "ins");
  dialog.querySelector("[data-title]").textContent = _("Answers %(left)s and %(right)s, word by word", {
    left: left.letter,
    right: right.letter,
  });
  dialog.querySelector("[data-summary]").textContent = _(
    "%(left)s words only in %(a)s, %(right)s only in %(b)s, %(same)s in both.",
    {
      a: left.letter,
      b: right.letter,
      left: count(parts, "left", false),
      right: count(parts, "right", false),
      same: count(parts, "left", true),
    },
  );
  if (!dialog.dataset.bound) followEachOther([before, after], () => true);
  dialog.dataset.bound = "1";
  dialog.showModal();
  for (const side of [before, after]) side.scrollTop = 0;
}

const count = (parts, side, same) =>
  parts
    .filter((part) => part.same === same)
    .reduce((sum, part) => sum + part[side].filter((word) => /[\p{L}\p{N}]/u.test(word.key)).length, 0);

function fill(place, letter, parts, side, mark) {
  place.setAttribute("aria-label", _("Answer %(letter)s", { letter }));
  place.replaceChildren(
    ...parts
      .filter((part) => part[side].length)
      .map((part) => {
        const text = laidOut(part[side].map((word) => word.text).join(""));
        if (part.same) return text;
        const marked = document.createElement(mark);
        marked.append(spoken(_("only in %(letter)s:", { letter })), text, spoken(_("in both:")));
        return marked;
      }),
  );
}

// A word of thousands of letters in pieces, as app/web/markup.py lays it out and for the same reason.
export function laidOut(text) {
  const place = document.createDocumentFragment();
  for (const run of text.split(/(\S{1001,})/)) {
    if (run.length <= 1000 || /\s/.test(run)) place.append(run);
    else {
      const word = document.createElement("span");
      word.className = "long-word";
      word.append(...run.match(/.{1,500}\p{M}{0,500}/gsu).flatMap((piece) => [document.createElement("wbr"), piece]));
      place.append(word);
    }
  }
  return place;
}

function spoken(words) {
  const span = document.createElement("span");
  span.className = "visually-hidden";
  span.textContent = ` ${words} `;
  return span;
}
