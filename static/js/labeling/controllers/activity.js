// Active time, part by part: the seconds in which this window is in front and its person has touched something
// lately. Every form of the task that is saved or sent takes the count along; a beat brings what no form has taken.
// The count is that of this page since it was opened, so that the server may get it twice and counts it once.
const TICK = 1000;
const LONGEST_TICK = 2000; // of a laptop that slept between two ticks, no more than this counts
const BEAT = 30_000;
const TOUCHES = ["keydown", "pointerdown", "pointermove", "wheel", "scroll", "touchmove", "input"];
const token = document.querySelector('meta[name="csrf-token"]')?.content;

export function connect(element) {
  const view = crypto.randomUUID();
  const idleAfter = Number(element.dataset.idleAfter) * 1000;
  const counts = {};
  let part = partOf(document.querySelector('[data-part]:not([data-part="prompt"])'));
  let touchedAt = performance.now();
  let tickedAt = touchedAt;
  let unsent = 0;
  let leaving = false; // a form is on its way with the count; nothing has to be sent after it

  for (const kind of TOUCHES) {
    addEventListener(
      kind,
      (event) => {
        touchedAt = performance.now();
        if (kind !== "pointermove") part = partOf(event.target) ?? part;
      },
      { passive: true, capture: true },
    );
  }

  function tick() {
    const now = performance.now();
    const passed = Math.min(now - tickedAt, LONGEST_TICK);
    tickedAt = now;
    if (!part || document.hidden || !document.hasFocus() || now - touchedAt > idleAfter) return;
    counts[part] = (counts[part] ?? 0) + passed / 1000;
    unsent += passed / 1000;
  }

  const report = () => {
    tick();
    return { active_view: view, active_seconds: JSON.stringify(rounded(counts)) };
  };

  function send() {
    if (unsent < 1 || leaving || !navigator.onLine) return;
    unsent = 0;
    fetch(element.dataset.activity, {
      method: "POST",
      body: new URLSearchParams(report()),
      keepalive: true,
      headers: { "X-CSRF-Token": token, Accept: "application/json" },
    }).catch(() => {
      /* the next report holds this one too */
    });
  }

  // Fired for every form whose fields are read, by the autosave as by a submission; whether they are sent nobody knows.
  document.addEventListener("formdata", (event) => {
    if (!new URL(event.target.action, location.href).pathname.startsWith("/label/tasks/")) return;
    for (const [name, value] of Object.entries(report())) event.formData.set(name, value);
  });
  document.addEventListener("submit", (event) => {
    if (!event.defaultPrevented && !event.target.closest("dialog")) leaving = true;
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) send();
  });
  addEventListener("pagehide", () => {
    tick();
    send();
  });
  addEventListener("pageshow", () => {
    leaving = false;
  });
  setInterval(tick, TICK);
  setInterval(send, BEAT);
}

const partOf = (target) => target?.closest?.("[data-part]")?.dataset.part;

function rounded(counts) {
  return Object.fromEntries(Object.entries(counts).map(([part, seconds]) => [part, Math.round(seconds * 10) / 10]));
}
