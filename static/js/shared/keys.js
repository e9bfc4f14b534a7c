// Keys. No other script listens for them: here stands what a key is called, and when it belongs to somebody else.
// A key belongs to the input method while a text is being composed, even Enter with Ctrl; Safari tells so by the code
// alone. It is called by the letter that stands on it on a Latin keyboard where its own letter is not Latin, and a
// digit is a digit in every script.
const COMPOSING = 229;
const SIGNS = { BracketLeft: "[", BracketRight: "]" };

export const isTyping = (event) => event.target.matches("textarea, select, input:not([type=radio], [type=checkbox])");
export const isPlain = (event) =>
  !(event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) &&
  !document.querySelector("dialog[open]");
// Ctrl or, on a Mac, Command.
export const isSend = (key, event) => key === "Enter" && (event.ctrlKey || event.metaKey);

// Calls act(key, event) for every key pressed in a place; what it answers with true is done and goes no further.
export function onKey(place, act) {
  place.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === COMPOSING) return;
    if (act(nameOf(event), event)) event.preventDefault();
  });
}

// The keys of a page, for who is not writing: {key: what it does}, and under `digit` what any digit does. What answers
// false has done nothing. Enter stays with the link or button that has the focus.
export function onPageKeys(acts) {
  onKey(document, (key, event) => {
    if (isTyping(event) || !isPlain(event)) return false;
    if (key === "Enter" && event.target.closest("a, button, summary")) return false;
    if (Object.hasOwn(acts, key)) return acts[key](event) !== false;
    return /^\d$/.test(key) && Object.hasOwn(acts, "digit") && acts.digit(Number(key), event) !== false;
  });
}

export function nameOf({ key = "", code = "", shiftKey = false, altKey = false }) {
  if ([...key].length !== 1) return key;
  const sign = halfWidth(key);
  if (/\p{Nd}/u.test(sign)) return String(digitOf(sign));
  // Alt makes other signs of letters on a Mac.
  const letter = /^[a-z]$/i.test(sign) ? sign : altKey || isForeign(sign) ? code.match(/^Key([A-Z])$/)?.[1] : undefined;
  if (letter) return shiftKey ? letter.toUpperCase() : letter.toLowerCase(); // not by Caps Lock
  return isForeign(sign) ? (SIGNS[code] ?? sign) : sign;
}

const halfWidth = (key) => (/[\uff01-\uff5e]/.test(key) ? String.fromCodePoint(key.codePointAt(0) - 0xfee0) : key);
const isForeign = (sign) => /\p{L}/u.test(sign) && !/\p{Script=Latin}/u.test(sign);

// Unicode has the digits of each script in a row from nought to nine, and such rows one after another.
function digitOf(sign) {
  const code = sign.codePointAt(0);
  let before = 0;
  while (/\p{Nd}/u.test(String.fromCodePoint(code - before - 1))) before += 1;
  return before % 10;
}
