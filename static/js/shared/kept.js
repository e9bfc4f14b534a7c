// What this browser keeps for a person until the server has it: drafts of tasks and questions not yet asked. Everything
// lies under the person's own number, for seven days at most, and goes when they sign out.
const PERSON = document.querySelector('meta[name="person"]')?.content ?? "";
const AGE = 7 * 24 * 3600 * 1000;
const LONGEST = 250_000; // characters of one entry: more than the longest text that the server takes
const ROOM = 2_000_000; // characters in all, less than half of what browsers give a site

const nameOf = (kind, name, person = PERSON) => `kept:${person}:${kind}:${name}`;
const all = () => Object.keys(localStorage).filter((key) => key.startsWith("kept:"));

// Keeps a value under a name; answers false when this browser has no room for it.
export function keep(kind, name, value) {
  const text = JSON.stringify({ at: Date.now(), value });
  if (!PERSON || text.length > LONGEST) return false;
  makeRoom(text.length);
  try {
    localStorage.setItem(nameOf(kind, name), text);
    return true;
  } catch {
    return false;
  }
}

export function keptUnder(kind, name) {
  return read(nameOf(kind, name))?.value;
}

export function forget(kind, name) {
  localStorage.removeItem(nameOf(kind, name));
}

// All that is kept of a kind for this person, the oldest first: [name, value] pairs.
export function allKept(kind) {
  const start = nameOf(kind, "");
  return all()
    .filter((key) => key.startsWith(start))
    .map((key) => [key.slice(start.length), read(key)])
    .filter(([, entry]) => entry)
    .sort(([, a], [, b]) => a.at - b.at)
    .map(([name, entry]) => [name, entry.value]);
}

// Whoever signs out leaves nothing behind.
export function forgetAll(person = PERSON) {
  for (const key of all()) if (key.startsWith(`kept:${person}:`)) localStorage.removeItem(key);
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

function makeRoom(needed) {
  const entries = all().map((key) => [key, read(key)?.at ?? 0, localStorage.getItem(key).length]);
  let used = entries.reduce((sum, [, , length]) => sum + length, needed);
  for (const [key, , length] of entries.sort((a, b) => a[1] - b[1])) {
    if (used <= ROOM) return;
    localStorage.removeItem(key);
    used -= length;
  }
}

function clearOld() {
  for (const key of all()) if (!(read(key)?.at > Date.now() - AGE)) localStorage.removeItem(key);
  // Earlier versions kept drafts under no person's number: nobody can tell whose they are.
  for (const key of Object.keys(localStorage)) if (/^(draft:|question:)\//.test(key)) localStorage.removeItem(key);
}
clearOld();
