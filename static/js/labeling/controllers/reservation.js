// The top bar of a task: what is saved, and how long the task stays this person's. Whoever is active keeps it; before
// it ends, and when something cannot be saved, a sentence above the task says so.
import { post } from "../../shared/session.js";
import { _, ngettext } from "../../shared/words.js";

const BEAT = 45_000;
const WARN = 120; // seconds before the end
const ACTIVITY = ["keydown", "pointerdown", "scroll"];

export function connect(element) {
  const clock = element.querySelector("[data-clock]");
  const state = element.querySelector("[data-save-state]");
  const whole = Number(element.dataset.reservedSeconds) * 1000;
  const renewable = "renew" in element.dataset;
  const tested = "deadline" in element.dataset;
  let ends = Date.now() + Number(element.dataset.secondsLeft) * 1000;
  let active = false;
  let renewing = false;
  let savedAt = 0;

  makeRegions();
  const prolong = () => {
    if (renewable) ends = Date.now() + whole;
  };
  const say = (words) => {
    if (state.textContent !== words) state.textContent = words;
  };
  const draw = () => {
    const left = Math.max(0, Math.round((ends - Date.now()) / 1000));
    clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    element.classList.toggle("ending", left < WARN);
    if (left >= WARN) notice("reservation").remove();
    else if (left > 0) notice("reservation").show("warn", ending(), renewable ? [[_("Keep it"), renew]] : []);
    else notice("reservation").show("warn", ended(), renewable ? [[_("Take it up again"), renew]] : []);
    if (savedAt) say(ago(savedAt));
  };
  const ending = () =>
    renewable
      ? _("Your reservation of this task ends in less than two minutes. Go on working, or keep it.")
      : tested
        ? _("The test ends in less than two minutes. What is complete and saved then counts.")
        : _("The time to correct this ends in less than two minutes. Submit what you have changed.");
  const ended = () =>
    renewable
      ? _(
          "Your reservation of this task has ended. What you entered is kept. Go on: the next change takes the task up again if nobody else has it.",
        )
      : tested
        ? _("The time of the test is up. What was complete and saved until then counts.")
        : _(
            "The time to correct this has ended. What you submitted before stands; what you changed since is shown here, but no longer counts.",
          );

  async function renew() {
    active = false;
    if (renewing || !renewable) return;
    renewing = true;
    const answer = await post(element.dataset.renew, []);
    renewing = false;
    if (answer.state === "done") {
      prolong();
      draw();
    } else if (answer.state === "refused") notice("refusal").show("bad", answer.error);
  }

  document.addEventListener("draft:state", ({ detail }) => {
    savedAt = 0;
    element.dataset.state = detail.state;
    if (detail.state === "saved") {
      savedAt = Date.now();
      notice("refusal").remove();
      prolong();
      draw();
    } else if (detail.state === "saving") say(_("Saving…"));
    else if (detail.state === "offline") {
      say(_("Offline, kept on this device"));
      notice("refusal").show(
        "warn",
        detail.message ||
          _("The server cannot be reached. What you enter is kept in this browser and is sent as soon as it answers."),
      );
    } else {
      say(_("Not saved"));
      if (detail.beside) notice("refusal").remove();
      else notice("refusal").show("bad", detail.message, detail.choices, detail.link);
    }
  });
  for (const kind of ACTIVITY) {
    addEventListener(
      kind,
      (event) => {
        active = true;
        // Close to the end the next heartbeat may come too late. "Keep it" renews by itself.
        if (ends - Date.now() < WARN * 1000 && ends > Date.now() && !event.target.closest?.(".bench-notice")) renew();
      },
      { passive: true, capture: true },
    );
  }
  setInterval(draw, 1000);
  setInterval(() => active && renew(), BEAT);
  document.addEventListener("visibilitychange", draw);
}

// A sentence above the task, one at a time for each name. Screen readers hear of regions that were there before.
function notice(name) {
  const region = document.querySelector(`[data-notice="${name}"]`);
  return {
    remove: () => {
      if (region.firstChild) region.replaceChildren();
    },
    show: (kind, sentence, choices = [], link = null) => {
      if (region.firstChild?.dataset.sentence === sentence) return;
      const box = document.createElement("div");
      box.className = `notice ${kind} bench-notice`;
      box.dataset.sentence = sentence;
      const words = document.createElement("p");
      words.textContent = sentence;
      box.append(words, ...choices.map(([label, act]) => button(label, act)), ...(link ? [anchor(...link)] : []));
      region.replaceChildren(box);
    },
  };
}

function makeRegions() {
  const regions = document.createElement("div");
  regions.className = "bench-notices";
  for (const [name, role] of [
    ["refusal", "alert"],
    ["reservation", "status"],
  ]) {
    const region = document.createElement("div");
    region.dataset.notice = name;
    region.setAttribute("role", role);
    regions.append(region);
  }
  document.querySelector(".bench-page").prepend(regions);
}

function button(label, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.addEventListener("click", act);
  return made;
}

function anchor(address, label) {
  const made = document.createElement("a");
  made.className = "button";
  made.href = address;
  made.textContent = label;
  return made;
}

function ago(time) {
  const seconds = Math.round((Date.now() - time) / 1000);
  if (seconds < 5) return _("Saved just now");
  const rounded = seconds < 60 ? Math.floor(seconds / 5) * 5 : Math.floor(seconds / 60);
  return seconds < 60
    ? _("Saved %(n)s s ago", { n: rounded })
    : ngettext("Saved %(num)s min ago", "Saved %(num)s min ago", rounded);
}
