// Two versions as passages: [-taken out-], {+put in+}, and (n) for n lines left out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { passages } from "../../../../static/js/material/versions.js";

const marks = { same: ["", ""], removed: ["[-", "-]"], added: ["{+", "+}"] };
const told = (before, after, language = "en") =>
  passages(before, after, language)
    .map(({ pieces, leftOut }) =>
      leftOut ? `(${leftOut})` : pieces.map(({ kind, text }) => marks[kind].join(text)).join(""),
    )
    .join("|");

test("a rewritten line shows the words that were exchanged", () => {
  assert.equal(
    told("Put the helpful answer first.", "Put the truthful answer first."),
    "Put the [-helpful-]{+truthful+} answer first.",
  );
});

test("so does a Chinese one, whose words no space parts", () => {
  assert.equal(told("有帮助的在前。", "真实的在前。", "zh-Hans"), "[-有帮助-]{+真实+}的在前。");
});

test("a line that came or went stands between the lines around it", () => {
  assert.equal(told("one\ntwo\nthree", "one\ntwo\nand\nthree"), "one\ntwo|{+and+}|three");
  assert.equal(told("one\ntwo\nthree", "one\nthree"), "one|[-two-]|three");
});

test("a line like its neighbours is put in as a whole, wherever the search found it", () => {
  const before = "Can the reader rely on it?\n\n- No insults at all.\n- No advice that hurts.\n\n## First";
  const after = before.replace("the reader", "a reader really").replace("hurts.\n", "hurts.\n- A new line.\n");
  assert.ok(
    told(before, after).includes("\n- No advice that hurts.|{+- A new line.+}|\n## First"),
    told(before, after),
  );
});

test("lines far from a change are only counted", () => {
  const before = Array.from({ length: 20 }, (_, i) => `line ${i}`).join("\n");
  assert.equal(told(before, before.replace("line 9", "line nine")), "(8)|line 8|line [-9-]{+nine+}|line 10|(9)");
});

test("equal texts do not differ", () => {
  assert.deepEqual(passages("the same\ntext", "the same\ntext", "en"), []);
});

test("no word is lost, none invented, and each is on its side", () => {
  const [before, after] = ["one two\n\nthree\nfour five", "one\ntwo three\n\nsix five\nseven"];
  const pieces = passages(before, after, "en", 99).flatMap((passage) => [
    ...passage.pieces,
    { kind: "same", text: "\n" },
  ]);
  for (const [whole, other] of [
    [before, "added"],
    [after, "removed"],
  ]) {
    const shown = pieces
      .filter((piece) => piece.kind !== other)
      .map((piece) => piece.text)
      .join("");
    assert.deepEqual(shown.split(/\s+/).filter(Boolean), whole.split(/\s+/));
  }
});
