// Writing a text: saved as it grows, with its length, with what comes of it, and with a sentence as soon as it is too long.
import { connect as autosave } from "../../shared/controllers/autosave.js";
import { isPlain, isTyping, onKey } from "../../shared/keys.js";
import { _, ngettext } from "../../shared/words.js";

const WAIT = 350;
const token = document.querySelector('meta[name="csrf-token"]')?.content;
const number = new Intl.NumberFormat(document.documentElement.lang);

export function connect(form) {
  const most = Number(form.dataset.most);
  const texts = () => [...form.querySelectorAll("[data-writes]")];
  const written = () => texts().reduce((sum, field) => sum + characters(field.value), 0);

  // What is too long is neither saved nor sent: the server would refuse it, and what it has is a good draft.
  const refuse = () => {
    const count = written();
    const place = form.querySelector("[data-too-long]");
    const sentence =
      count > most
        ? _("The text has %(count)s characters; %(most)s fit. Shorten it; what was saved before is kept.", {
            count: number.format(count),
            most: number.format(most),
          })
        : "";
    if (place.textContent !== sentence) place.textContent = sentence;
    place.hidden = !sentence;
    for (const field of texts()) {
      if (sentence) field.setAttribute("aria-invalid", "true");
      else if (place.dataset.said) field.removeAttribute("aria-invalid");
    }
    place.dataset.said = sentence;
    return Boolean(sentence);
  };
  for (const kind of ["input", "change", "submit"]) {
    form.addEventListener(kind, (event) => {
      if (!refuse()) return;
      event.stopImmediatePropagation();
      if (kind !== "submit") return;
      event.preventDefault();
      texts()
        .find((field) => field.value.length)
        ?.focus();
    });
  }
  autosave(form);

  const length = form.querySelector("[data-length]");
  const tellLength = () => {
    const all = texts().map((field) => field.value);
    const count = all.reduce((sum, text) => sum + characters(text), 0);
    const counted = all.reduce((sum, text) => sum + words(text), 0);
    const inWords = ngettext("%(num)s word", "%(num)s words", counted, { num: number.format(counted) });
    const inCharacters = ngettext("%(num)s character", "%(num)s characters", count, { num: number.format(count) });
    length.textContent = `${inWords} · ${inCharacters}`;
  };
  const fresh = previewed(form);
  let timer = null;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      tellLength();
      if (!refuse()) fresh();
    }, WAIT);
  };
  // Of what is too long no other listener of the form hears, so these two listen at the page.
  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => event.target.form === form && later(), { capture: true });
  }
  form.addEventListener("rows:change", later);
  // On a small screen the text comes first; the hints are one tap away.
  const hints = document.querySelector(".writing-hints");
  if (hints && matchMedia("(max-width: 640px)").matches) hints.open = false;
  form.addEventListener("form:restored", later);
  tellLength();
  views();
  scenarios();
  form.dataset.ready = "";
}

const characters = (text) => {
  let count = 0;
  for (const _one of text) count += 1;
  return count;
};

// Words in the sense of the text's own script, also where no blanks stand between them.
const segmenter =
  "Segmenter" in Intl ? new Intl.Segmenter(document.documentElement.lang, { granularity: "word" }) : null;
const LONG = 200_000; // beyond this, counting exactly would cost more than it tells
function words(text) {
  if (!segmenter || text.length > LONG) return text.split(/\s+/).filter(Boolean).length;
  let count = 0;
  for (const part of segmenter.segment(text)) count += part.isWordLike ? 1 : 0;
  return count;
}

// The server makes the preview, with the same template that first painted it; an answer that was overtaken is dropped.
function previewed(form) {
  const place = document.querySelector("[data-preview]");
  let running = null;
  return async () => {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    try {
      const answer = await fetch(form.dataset.previewAt, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        headers: { "X-CSRF-Token": token, "HX-Request": "true" },
        signal: mine.signal,
      });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine.signal.aborted) return;
      const closed = [...place.querySelectorAll("[data-item]")]
        .filter((item) => !item.open)
        .map((item) => item.dataset.item);
      const known = place.querySelectorAll("[data-item]").length;
      place.replaceChildren(...page.body.childNodes);
      for (const item of place.querySelectorAll("[data-item]")) {
        if (Number(item.dataset.item) <= known) item.open = !closed.includes(item.dataset.item);
      }
    } catch {
      /* offline or overtaken: the next change tries again */
    }
  };
}

// A reader sees an article, the model a string with its marks.
export function views() {
  const panel = document.querySelector("[data-preview-panel]");
  const said = panel.querySelector("[data-view-said]");
  const show = (view) => {
    panel.dataset.view = view;
    for (const button of panel.querySelectorAll("[data-view-as]"))
      button.setAttribute("aria-pressed", String(button.dataset.viewAs === view));
  };
  panel.classList.add("switching");
  panel.querySelector(".preview-switch").hidden = false;
  panel.addEventListener("click", (event) => {
    const button = event.target.closest("[data-view-as]");
    if (button) show(button.dataset.viewAs);
  });
  onKey(document, (key, event) => {
    if (
      key !== "v" ||
      !(event.altKey || (!isTyping(event) && isPlain(event))) ||
      document.querySelector("dialog[open]")
    )
      return false;
    show(panel.dataset.view === "reader" ? "model" : "reader");
    said.textContent = panel.dataset.view === "reader" ? _("Preview as a reader") : _("Preview as the model");
    return true;
  });
}

// Of the scenarios the chosen one is shown.
function scenarios() {
  const choice = document.querySelector("[data-scenario]");
  choice?.addEventListener("change", () => {
    for (const text of document.querySelectorAll("[data-scenario-text]"))
      text.hidden = text.dataset.scenarioText !== choice.value;
  });
}
