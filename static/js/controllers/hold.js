// The top bar of a task: what is saved, and how long the task stays this person's. Whoever is active keeps it.
const token = document.querySelector('meta[name="csrf-token"]')?.content;
const BEAT = 45_000;
const WORDS = { saving: "Saving…", offline: "Offline, kept on this device" };

export function connect(element) {
  const clock = element.querySelector("[data-hold]");
  const state = element.querySelector("[data-save-state]");
  const whole = Number(element.dataset.holdSeconds) * 1000;
  let ends = Date.now() + Number(element.dataset.secondsLeft) * 1000;
  let active = false;
  let savedAt = 0;

  const held = () => { ends = Date.now() + whole; };
  const draw = () => {
    const left = Math.max(0, Math.round((ends - Date.now()) / 1000));
    clock.value = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    element.classList.toggle("ending", left < 120);
    if (savedAt) say(ago(savedAt));
  };
  const say = (words) => { if (state.textContent !== words) state.textContent = words; };
  const beat = async () => {
    if (!active) return;
    active = false;
    try {
      const answer = await fetch(element.dataset.renew, { method: "POST", headers: { "X-CSRF-Token": token, Accept: "application/json" } });
      if (answer.ok) held();
      else if (answer.status === 409) refuse((await answer.json()).error);
    } catch { /* offline: the next save says so */ }
  };

  document.addEventListener("draft:state", ({ detail }) => {
    savedAt = 0;
    element.dataset.state = detail.state;
    if (detail.state === "saved") {
      savedAt = Date.now();
      held();
      draw();
    } else if (detail.state === "refused") refuse(detail.message);
    else say(WORDS[detail.state]);
  });
  for (const kind of ["keydown", "pointerdown", "scroll"]) {
    addEventListener(kind, () => { active = true; }, { passive: true, capture: true });
  }
  setInterval(draw, 1000);
  setInterval(beat, BEAT);

  function refuse(message) {
    say("Not saved");
    let notice = document.querySelector("[data-refusal]");
    if (!notice) {
      notice = document.createElement("p");
      notice.className = "notice bad";
      notice.dataset.refusal = "";
      notice.setAttribute("role", "alert");
      document.querySelector(".bench-page").prepend(notice);
    }
    notice.textContent = message;
  }
}

function ago(time) {
  const seconds = Math.round((Date.now() - time) / 1000);
  if (seconds < 5) return "Saved just now";
  return seconds < 60 ? `Saved ${Math.floor(seconds / 5) * 5} s ago` : `Saved ${Math.floor(seconds / 60)} min ago`;
}
