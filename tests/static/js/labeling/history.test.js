// Undo and redo over whole states.
import assert from "node:assert/strict";
import { test } from "node:test";
import { element, open } from "../browser.js";

const page = () => {
  const [undo, redo] = [element(), element()];
  return { undo, redo, document: open({ "[data-undo]": undo, "[data-redo]": redo }) };
};
page();
const { keepHistory } = await import("../../../../static/js/labeling/history.js");

const kept = () => {
  const shown = page();
  let state = "a";
  const { record } = keepHistory({
    read: () => state,
    apply: (other) => {
      state = other;
    },
  });
  const become = (other) => {
    state = other;
    record();
  };
  return { ...shown, become, now: () => state };
};
const press = (document, key, more = {}) =>
  document.fire("keydown", { key, ctrlKey: true, code: `Key${key.toUpperCase()}`, ...more });

test("undo goes back step by step, redo forward, by button and by key", () => {
  const { become, now, undo, redo, document } = kept();
  for (const state of ["b", "c"]) become(state);
  undo.fire("click");
  assert.equal(now(), "b");
  press(document, "z");
  assert.equal(now(), "a");
  redo.fire("click");
  press(document, "y");
  assert.equal(now(), "c");
});

test("a new step after undoing forgets what was undone", () => {
  const { become, now, undo, redo } = kept();
  become("b");
  undo.fire("click");
  become("d");
  redo.fire("click");
  assert.equal(now(), "d");
});

test("the same state twice is one step", () => {
  const { become, now, undo } = kept();
  for (const state of ["b", "b"]) become(state);
  undo.fire("click");
  assert.equal(now(), "a");
});

test("buttons say whether they can do anything, and keep the focus", () => {
  const { become, undo, redo } = kept();
  assert.equal(undo.attributes["aria-disabled"], "true");
  become("b");
  assert.deepEqual(
    [undo, redo].map((button) => button.attributes["aria-disabled"]),
    ["false", "true"],
  );
  undo.fire("click");
  assert.deepEqual(
    [undo, redo].map((button) => button.attributes["aria-disabled"]),
    ["true", "false"],
  );
});

test("a text field keeps its own undo", () => {
  const { become, now, document } = kept();
  become("b");
  press(document, "z", { target: element("textarea") });
  assert.equal(now(), "b");
});
