// Sends forms as the person whose page this is. A token that has grown old is renewed; whoever has signed out, or
// another person who has signed in since, is told apart, so that nobody's work goes out under another's name.
import { _ } from "./words.js";

const PATIENCE = 15_000;
const PERSON = document.querySelector('meta[name="person"]')?.content ?? "";
let token = document.querySelector('meta[name="csrf-token"]')?.content;

export const signInAddress = () => `/sign-in?next=${encodeURIComponent(location.pathname)}`;

// Answers {state, error, fields, revision, kept, location, page}: `page` where it was refused by a whole page. The state is "done", "offline" (the server cannot be reached or is
// in trouble: to be tried again), "signed out", "changed elsewhere" or "refused".
export async function post(address, entries, { keepalive = false } = {}) {
  let answer;
  try {
    answer = await attempt(address, entries, keepalive);
    if (answer.status === 401 || answer.status === 403) {
      const now = await session();
      if (now.person !== PERSON) return signedOut(now.person);
      if (now.token !== token) {
        renewToken(now.token);
        answer = await attempt(address, entries, keepalive);
      }
    }
  } catch {
    return { state: "offline", error: "" };
  }
  const said = answer.ok ? {} : await wordsOf(answer);
  return { ...said, state: stateOf(answer, said), location: answer.headers.get("Location"), saved: revisionOf(answer) };
}

function attempt(address, entries, keepalive) {
  const body = new URLSearchParams(entries);
  body.delete("csrf_token");
  const headers = { "X-CSRF-Token": token, "X-Sent-By": "script", Accept: "application/json" };
  return fetch(address, { method: "POST", body, keepalive, headers, signal: AbortSignal.timeout(PATIENCE) });
}

async function session() {
  const answer = await fetch("/account/session", { signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

function renewToken(fresh) {
  token = fresh;
  document.querySelector('meta[name="csrf-token"]').content = fresh;
  for (const input of document.querySelectorAll('input[name="csrf_token"]')) input.value = fresh;
}

function signedOut(person) {
  const error = person
    ? _(
        "Somebody else has signed in in this browser. What you entered is kept here for you alone; sign in again, and it is sent.",
      )
    : _("You are signed out. What you entered is kept in this browser; sign in again, and it is sent.");
  return { state: "signed out", error };
}

function stateOf(answer, said) {
  if (answer.ok) return "done";
  if (answer.status >= 500 || answer.status === 429) return "offline";
  return said.revision === undefined ? "refused" : "changed elsewhere";
}

const revisionOf = (answer) => Number(answer.headers.get("Draft-Revision") ?? NaN);

// The sentence of a refusal: from JSON, or out of the page that would have been shown.
async function wordsOf(answer) {
  const text = await answer.text();
  if (answer.headers.get("Content-Type")?.startsWith("application/json")) return JSON.parse(text);
  const page = new DOMParser().parseFromString(text, "text/html");
  const error = page.querySelector("main [role=alert]")?.textContent.trim();
  return { page: true, error: error || _("The server did not accept this. Reload the page to see what was saved.") };
}
