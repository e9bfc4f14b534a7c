// What a browser keeps for a person until the server has it.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { open, storage } from "../browser.js";

const DAY = 24 * 3600 * 1000;
open({ 'meta[name="person"]': { content: "7" } });
storage();
localStorage.setItem("kept:7:draft:old", JSON.stringify({ at: Date.now() - 8 * DAY, value: "stale" }));
localStorage.setItem("kept:7:draft:new", JSON.stringify({ at: Date.now() - 6 * DAY, value: "fresh" }));
localStorage.setItem("draft:/label/tasks/1", "of nobody known");
localStorage.setItem("theme", "dark");
const { allKept, forget, forgetAll, keep, keptUnder } = await import("../../../../static/js/shared/kept.js");
const afterTheStart = Object.keys(localStorage).sort();

beforeEach(() => storage());

test("what is older than seven days or nobody's is gone at the start; other things stay", () => {
  assert.deepEqual(afterTheStart, ["kept:7:draft:new", "theme"]);
});

test("a value is found under its kind and name until it is forgotten", () => {
  assert.equal(keep("draft", "task 1", { text: "Half an answer" }), true);
  assert.deepEqual(keptUnder("draft", "task 1"), { text: "Half an answer" });
  assert.equal(keptUnder("question", "task 1"), undefined);
  forget("draft", "task 1");
  assert.equal(keptUnder("draft", "task 1"), undefined);
});

test("all of a kind come oldest first, and none of another person", () => {
  for (const [name, at] of [
    ["b", 2],
    ["a", 1],
  ]) {
    localStorage.setItem(`kept:7:draft:${name}`, JSON.stringify({ at, value: name }));
  }
  localStorage.setItem("kept:8:draft:c", JSON.stringify({ at: 0, value: "c" }));
  assert.deepEqual(allKept("draft"), [
    ["a", "a"],
    ["b", "b"],
  ]);
});

test("whoever signs out leaves nothing of theirs and all of others'", () => {
  keep("draft", "mine", "x");
  localStorage.setItem("kept:8:draft:theirs", "{}");
  forgetAll();
  assert.deepEqual(Object.keys(localStorage), ["kept:8:draft:theirs"]);
});

test("the oldest make room for the newest", () => {
  const large = "x".repeat(240_000);
  for (let i = 0; i < 9; i += 1) {
    localStorage.setItem(`kept:7:draft:${i}`, JSON.stringify({ at: i, value: large }));
  }
  assert.equal(keep("draft", "newest", large), true);
  assert.deepEqual(
    allKept("draft")
      .map(([name]) => name)
      .slice(0, 1),
    ["2"],
  );
});

test("what is too long, or finds no room, is not kept and says so", () => {
  assert.equal(keep("draft", "long", "x".repeat(250_001)), false);
  storage(10);
  assert.equal(keep("draft", "full", "something"), false);
  assert.equal(keptUnder("draft", "full"), undefined);
});

test("an entry that is no JSON is as good as none", () => {
  localStorage.setItem("kept:7:draft:broken", "{");
  assert.equal(keptUnder("draft", "broken"), undefined);
});
