// Saves what is entered as a draft: within a second on the server, and before that in this browser, where it stays
// until the server has it. Each part of a draft (its address) is saved by itself. A part that was changed elsewhere
// since this page was opened is never saved over: the person chooses. Others hear of it all by the event draft:state.
import { allKept, forget, keep } from "../kept.js";
import { post, signInAddress } from "../session.js";
import { _ } from "../words.js";

const WAIT = 500; // ms from the first unsaved change to its save
const RETRY = 5_000;
const LEFT_BEHIND = 1_000;
const PAGE = Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(36)).join("");
const DRAFT = "draft";

const pathOf = (address) => new URL(address, location.href).pathname;
const addressOf = (form) => form.dataset.save || form.getAttribute("action");

export function tell(state, message = "", more = {}) {
  document.dispatchEvent(new CustomEvent("draft:state", { detail: { state, message, ...more } }));
}

class Part {
  constructor(path, revision) {
    Object.assign(this, {
      path,
      revision,
      page: PAGE,
      number: 0,
      saved: 0,
      entries: [],
      faults: null,
      timer: null,
      sending: null,
      state: "done",
      safe: true,
    });
  }

  get name() {
    return `${this.page} ${this.path}`;
  }
  get unsaved() {
    return this.saved < this.number;
  }
  get mayRetry() {
    return this.unsaved && (this.state === "offline" || this.state === "signed out");
  }
  stamped(entries = this.entries) {
    return [
      ...entries.filter(([name]) => name !== "revision"),
      ["revision", `${this.revision}.${this.page}.${this.number}`],
    ];
  }

  // `faults` are sentences by field: what cannot be kept is neither sent nor thrown away.
  changed(entries, faults = null) {
    Object.assign(this, { entries, faults });
    this.number += 1;
    if (!faults) this.put();
    this.timer ??= setTimeout(() => this.save(), WAIT);
  }

  put() {
    const { path, revision, page, number, entries } = this;
    this.safe = keep(DRAFT, this.name, { path, revision, page, number, entries });
  }

  // Takes over what an earlier page of this person left in this browser, as if that page were still here.
  inherit(left) {
    const { revision, page, number, entries } = left;
    Object.assign(this, { revision, page, number, entries, saved: number - 1 });
  }

  // Sends all there is, one save after the other: of two that overtake one another the older might stay.
  save() {
    clearTimeout(this.timer);
    this.timer = null;
    this.sending ??= this.sendAll().finally(() => {
      this.sending = null;
    });
    return this.sending;
  }

  async sendAll() {
    if (!this.unsaved) return true;
    while (this.unsaved) {
      if (this.faults) {
        this.report({ state: "refused", fields: this.faults });
        return false;
      }
      if (this.state === "done") tell("saving");
      const number = this.number;
      const answer = await post(this.path, [...this.stamped(), ["autosave", "1"]]);
      if (answer.location)
        Object.assign(answer, {
          state: "refused",
          error: _("The server did not accept this. Reload the page to see what was saved."),
        });
      this.state = answer.state;
      if (answer.state === "done" || answer.kept) this.hasSaved(number, answer.saved);
      if (answer.state !== "done") {
        this.report(answer);
        return !this.unsaved;
      }
    }
    if (everything().every((part) => !part.unsaved)) tell("saved");
    return true;
  }

  hasSaved(number, revision) {
    this.saved = number;
    if (!Number.isNaN(revision)) this.revision = revision;
    if (this.unsaved) return this.put();
    forget(DRAFT, this.name);
    if (this.page !== PAGE) Object.assign(this, { page: PAGE, number: 0, saved: 0 });
    for (const form of formsOf(this.path)) {
      if (form.elements.revision) form.elements.revision.value = this.revision;
      withoutErrors(form);
    }
  }

  report(answer) {
    if (answer.state === "changed elsewhere") tell("refused", answer.error, { choices: this.choices(answer.revision) });
    else if (answer.state === "signed out")
      tell("refused", answer.error, { link: [signInAddress(), _("Sign in again")] });
    else if (answer.state === "offline") tell("offline", this.safe ? answer.error : noRoom());
    else if (!formsOf(this.path).some((form) => besideFields(form, answer.fields ?? {}))) tell("refused", answer.error);
    else tell("refused", "", { beside: true });
  }

  choices(revision) {
    return [
      [
        _("Keep what is here"),
        async () => {
          await this.sending;
          forget(DRAFT, this.name);
          Object.assign(this, { revision, page: PAGE });
          this.put();
          this.save();
        },
      ],
      [
        _("Show what was saved"),
        () => {
          this.saved = this.number;
          forget(DRAFT, this.name);
          location.reload();
        },
      ],
    ];
  }
}

const parts = new Map();
const everything = () => [...parts.values()];
const formsOf = (path) => [...document.forms].filter((form) => pathOf(addressOf(form) ?? "") === path);
const noRoom = () => _("This browser has no room to keep it: leave this page open until the connection is back.");

function partOf(address, fields = []) {
  const path = pathOf(address);
  if (!parts.has(path)) {
    const revision = parseInt(Object.fromEntries(fields).revision ?? "0", 10);
    parts.set(path, new Part(path, revision));
  }
  return parts.get(path);
}

const entriesOf = (form, submitter = null) =>
  [...new FormData(form, submitter)].filter(([name, value]) => name !== "csrf_token" && typeof value === "string");

// Saves fields as a draft at once. Answers true when the server has them; until then this browser keeps them.
export function send(address, fields) {
  const entries = [...fields].filter(([name]) => name !== "csrf_token");
  const part = partOf(address, entries);
  part.changed(entries);
  return part.save();
}

// Saves whatever is not saved yet. Answers true when the server has all of it.
export async function saveEverything() {
  const saved = await Promise.all(everything().map((part) => part.save()));
  return saved.every(Boolean);
}

// Fills in what this browser holds of a form that never reached the server, and sends it.
export function restore(form) {
  const path = pathOf(addressOf(form));
  const left = allKept(DRAFT)
    .map(([, draft]) => draft)
    .filter((draft) => draft.path === path && draft.page !== PAGE)
    .pop();
  const part = partOf(path, [...new FormData(form)]);
  if (!left || part.number) return;
  const whole = fill(form, left.entries);
  part.inherit(left);
  setTimeout(() => form.dispatchEvent(new CustomEvent("form:restored")));
  form.inert = !whole; // it has rows that this page has not: the server paints them all
  part.save().then((saved) => {
    if (saved && !whole) location.reload();
  });
}

// Answers false when the form has no place for some of the values.
function fill(form, entries) {
  const left = new Map();
  for (const [name, value] of entries) left.set(name, [...(left.get(name) ?? []), value]);
  const texts = new Set();
  for (const input of form.elements) {
    if (!input.name || input.type === "hidden" || input.type === "submit") continue;
    if (input.type === "radio" || input.type === "checkbox")
      input.checked = Boolean(left.get(input.name)?.includes(input.value));
    else if ("value" in input) {
      texts.add(input.name);
      input.value = left.get(input.name)?.shift() ?? "";
    }
  }
  return [...texts].every((name) => !left.get(name)?.length);
}

// Drafts of pages left behind whose form is not on this page.
async function sendLeftBehind() {
  for (const [name, draft] of allKept(DRAFT)) {
    if (parts.has(draft.path) || formsOf(draft.path).length || draft.refused) continue;
    const stamp = ["revision", `${draft.revision}.${draft.page}.${draft.number}`];
    const answer = await post(draft.path, [
      ...draft.entries.filter(([field]) => field !== "revision"),
      stamp,
      ["autosave", "1"],
    ]);
    if (answer.state === "done" || answer.kept) forget(DRAFT, name);
    else if (answer.state === "offline" || answer.state === "signed out") return;
    else keep(DRAFT, name, { ...draft, refused: true }); // it is offered when its page is opened
  }
}

const retry = () =>
  everything()
    .filter((part) => part.mayRetry)
    .forEach((part) => part.save());
addEventListener("online", retry);
document.addEventListener("visibilitychange", () => document.hidden || retry());
setInterval(retry, RETRY);
setTimeout(sendLeftBehind, LEFT_BEHIND);

export function connect(form) {
  const change = () => partOf(addressOf(form), [...new FormData(form)]).changed(entriesOf(form), tooLong(form));
  restore(form);
  form.addEventListener("input", (event) => isText(event.target) && change());
  form.addEventListener("change", (event) => {
    if (!isText(event.target)) change();
    partOf(addressOf(form)).save();
  });
  document.addEventListener("change", ({ target }) => {
    if (target.form !== form || form.contains(target)) return;
    change(); // a field beside its form
    partOf(addressOf(form)).save();
  });
  // What was entered before this script was there has had no change event that it could hear.
  const entered = (input) =>
    input.checked !== input.defaultChecked || (input.matches("textarea") && input.value !== input.defaultValue);
  if (!partOf(addressOf(form)).number && [...form.querySelectorAll("input, textarea")].some(entered)) change();
}

const isText = (input) => input.matches("textarea, input[type=text]");

// A form of a task is sent from here and not by the browser, whose error page would stand in the way of what was entered.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (event.defaultPrevented || !form.matches(".bench-page form[data-controller][method=post]")) return;
  event.preventDefault();
  if (form.dataset.leaving !== undefined) return;
  form.dataset.leaving = "";
  if (!(await submit(form, event.submitter))) delete form.dataset.leaving;
});

// Answers true when the page is being left.
async function submit(form, submitter) {
  if (!(await saveEverything())) return false;
  const entries = entriesOf(form, submitter);
  tell("saving");
  const answer = await post(form.getAttribute("action"), partOf(addressOf(form), entries).stamped(entries));
  if (answer.state === "done") {
    location.assign(answer.location ?? location.href);
    return true;
  }
  if (answer.page) return resubmit(form, submitter); // what is wrong stands beside its field in the server's own page
  if (answer.state === "offline")
    tell(
      "offline",
      answer.error ||
        _("The server did not answer. Everything you entered is kept; when the connection is back, submit again."),
    );
  else partOf(addressOf(form)).report(answer);
  return false;
}

function resubmit(form, submitter) {
  if (form.elements.revision)
    form.elements.revision.value = Object.fromEntries(partOf(addressOf(form)).stamped([])).revision;
  if (submitter?.name)
    form.append(
      Object.assign(document.createElement("input"), { type: "hidden", name: submitter.name, value: submitter.value }),
    );
  form.submit();
  return true;
}

// Whoever goes on to another answer of the task takes along what is not saved yet.
document.addEventListener("click", async (event) => {
  const link = event.target.closest?.(".bench-page a[href^='/label/tasks/']");
  if (
    !link ||
    event.defaultPrevented ||
    event.ctrlKey ||
    event.metaKey ||
    event.shiftKey ||
    everything().every((part) => !part.unsaved)
  )
    return;
  event.preventDefault();
  if (await saveEverything()) location.assign(link.href);
});

addEventListener("pagehide", () => {
  for (const part of everything())
    if (part.unsaved) post(part.path, [...part.stamped(), ["autosave", "1"]], { keepalive: true });
});
addEventListener("pageshow", (event) => event.persisted && location.reload());
addEventListener("beforeunload", (event) => {
  if (everything().some((part) => part.unsaved && !part.safe)) event.preventDefault();
});

// A field may say how many characters it takes (data-most). Nothing is cut off: the person hears of it.
function tooLong(form) {
  const faults = {};
  for (const field of form.querySelectorAll("textarea[data-most], input[data-most]")) {
    const most = Number(field.dataset.most);
    const length = field.value.length > most ? [...field.value].length : 0;
    if (length <= most) continue;
    const numbers = { length: length.toLocaleString("en"), most: most.toLocaleString("en") };
    faults[field.name] = _(
      "The text has %(length)s characters; %(most)s fit. Nothing of it was stored; shorten it.",
      numbers,
    );
  }
  return Object.keys(faults).length ? faults : null;
}

// Puts each sentence beside the field that it is about; answers false when the form has none of these fields.
function besideFields(form, sentences) {
  withoutErrors(form);
  const known = Object.entries(sentences).filter(([name]) => form.elements[name]?.insertAdjacentElement);
  for (const [name, sentence] of known) {
    const field = form.elements[name];
    const error = document.createElement("p");
    error.id = `error-${name}`;
    error.className = "notice bad field-error";
    error.setAttribute("role", "alert");
    error.textContent = sentence;
    field.insertAdjacentElement("afterend", error);
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-errormessage", error.id);
  }
  return known.length > 0;
}

function withoutErrors(form) {
  for (const error of form.querySelectorAll(".field-error")) error.remove();
  for (const field of form.querySelectorAll("[aria-errormessage]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-errormessage");
  }
}
