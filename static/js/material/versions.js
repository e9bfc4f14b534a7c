// Two versions of a text as passages to read: words taken out and put in, unchanged lines around them.
import { difference, wordsOf } from "../shared/difference.js";

// Passages in turn: {pieces: [{kind, text}]}, kinds being same, removed and added, or {leftOut: unchanged lines not shown}.
// So many unchanged lines are shown before and after a change; nothing comes of equal texts.
export function passages(before, after, language, around = 1) {
  if (before === after) return [];
  const lines = linesOf(difference(wordsOf(before, language), wordsOf(after, language)));
  const found = [];
  for (let start = 0; start < lines.length; ) {
    let end = start + 1;
    while (end < lines.length && isChanged(lines[end]) === isChanged(lines[start])) end += 1;
    const block = lines.slice(start, end);
    if (isChanged(block[0])) found.push(...block.map((pieces) => ({ pieces })));
    else found.push(...folded(block, start > 0 ? around : 0, end < lines.length ? around : 0));
    start = end;
  }
  return found;
}

const isChanged = (pieces) => pieces.some((piece) => piece.kind !== "same");

// The pieces of each line. Space that both versions have after a change is no part of it, and a line that came or went
// as a whole is a line of its own; other breaks within a change stay in its pieces.
function linesOf(parts) {
  const lines = [[]];
  const add = (kind, text) => text && lines.at(-1).push({ kind, text });
  const addSame = (text) => {
    const [first, ...others] = text.split("\n");
    add("same", first);
    for (const line of others) {
      lines.push([]);
      add("same", line);
    }
  };
  let passed = 0; // characters of the next unchanged part that stand before the change already
  parts.forEach(({ same, left, right }, i) => {
    const [old, now] = [left, right].map(textOf);
    if (same) {
      addSame(now.slice(passed));
      passed = 0;
      return;
    }
    const next = parts[i + 1] ? textOf(parts[i + 1].right) : "";
    passed = toLineEnd(old && now ? "" : old || now, next);
    addSame(next.slice(0, passed));
    const [gone, come] = [old, now].map((text) => text && (text + next).slice(passed, passed + text.length));
    const after = spaceAfterBoth(gone, come);
    const whole = !after && [gone, come].every((text) => !text || text.endsWith("\n"));
    const cut = whole ? 1 : after.length;
    add("removed", gone.slice(0, Math.max(0, gone.length - cut)));
    add("added", come.slice(0, Math.max(0, come.length - cut)));
    if (whole) lines.push([]);
    else addSame(after);
  });
  return lines;
}

// What came in the middle of a text may as well have come a little later, where it begins as the text after it does:
// so many characters later it is a whole line. Nothing for what is no line.
function toLineEnd(change, next) {
  const both = change + next;
  if (!change.includes("\n") || change.endsWith("\n")) return 0;
  for (let k = 0; k < next.length && next[k] === both[k]; k += 1) if (next[k] === "\n") return k + 1;
  return 0;
}

function spaceAfterBoth(one, other) {
  let length = 0;
  while (
    length < Math.min(one.length, other.length) &&
    /\s/.test(one.at(-1 - length)) &&
    one.at(-1 - length) === other.at(-1 - length)
  )
    length += 1;
  return length ? one.slice(-length) : "";
}

function folded(lines, head, tail) {
  const shown = (some) => (some.length ? [{ pieces: [{ kind: "same", text: some.map(textOf).join("\n") }] }] : []);
  if (lines.length <= head + tail + 1) return shown(lines);
  return [
    ...shown(lines.slice(0, head)),
    { leftOut: lines.length - head - tail },
    ...shown(lines.slice(lines.length - tail)),
  ];
}

const textOf = (pieces) => pieces.map((piece) => piece.text).join(""); // of words too
