// Saves a form as a draft after every change: to data-save, else to its own address. What cannot be
// sent is kept on this device and sent when the connection is back. Others hear of it by the event draft:state.
const WAIT = 700;
const RETRY = 10_000;
const token = document.querySelector('meta[name="csrf-token"]')?.content;

export function tell(state, message = "") {
  document.dispatchEvent(new CustomEvent("draft:state", { detail: { state, message } }));
}

// Sends fields as a draft. Answers true when the server has them; keeps them here when it cannot be reached.
export async function send(address, fields, { keepalive = false } = {}) {
  const body = new URLSearchParams(fields);
  body.delete("csrf_token");
  body.set("autosave", "1");
  tell("saving");
  try {
    const answer = await fetch(address, {
      method: "POST",
      body,
      keepalive,
      headers: { "X-CSRF-Token": token, Accept: "application/json" },
    });
    localStorage.removeItem(keyOf(address));
    if (answer.ok) {
      tell("saved");
      return true;
    }
    tell("refused", await sentence(answer));
  } catch {
    localStorage.setItem(keyOf(address), body.toString());
    tell("offline");
  }
  return false;
}

function keyOf(address) {
  return `draft:${new URL(address, location.href).pathname}`;
}

async function sentence(answer) {
  if (answer.status === 401) return "Your session has ended. Sign in again; what you saved before is kept.";
  try {
    return (await answer.json()).error;
  } catch {
    return "The server could not save this. Reload the page and look what is there.";
  }
}

// Drafts of this browser that never reached the server, of this page or of one left behind.
async function sendKept() {
  const kept = Object.keys(localStorage).filter((key) => key.startsWith("draft:/label/"));
  for (const key of kept) {
    if (!(await send(key.slice("draft:".length), localStorage.getItem(key)))) return;
  }
}
addEventListener("online", sendKept);
setInterval(sendKept, RETRY);
sendKept();

// Saves that are on their way, by form. One at a time for each: of two that overtake one another the older would stay.
const sending = new Map();

export function connect(form) {
  const address = form.dataset.save || form.action;
  let timer = null;
  let again = false; // something was entered after what is on its way
  const save = async (options = {}) => {
    clearTimeout(timer);
    timer = null;
    again = sending.has(form);
    if (again && !options.keepalive) return;
    try {
      sending.set(form, send(address, new FormData(form), options));
      await sending.get(form);
    } finally {
      sending.delete(form);
    }
    if (again) save();
  };
  form.addEventListener("input", (event) => {
    if (!event.target.matches("textarea, input[type=text]")) return;
    clearTimeout(timer);
    timer = setTimeout(save, WAIT);
  });
  form.addEventListener("change", (event) => {
    if (!event.target.matches("textarea, input[type=text]") || timer) save();
  });
  form.addEventListener("submit", async (event) => {
    clearTimeout(timer);
    timer = null;
    if (!navigator.onLine) {
      event.preventDefault();
      save();
    } else if (sending.size) {
      // The next page must not be older than what this one is still saving.
      event.preventDefault();
      while (sending.size) await Promise.allSettled(sending.values());
      form.requestSubmit(event.submitter);
    }
  });
  // What was entered before this script was there has had no change event that it could hear.
  const entered = (input) => input.checked !== input.defaultChecked || (input.matches("textarea") && input.value !== input.defaultValue);
  if ([...form.querySelectorAll("input, textarea")].some(entered)) save();
  addEventListener("pagehide", () => (timer || again) && save({ keepalive: true }));
}
