// A form whose work takes long.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as later } from "node:timers/promises";
import { connect } from "../../../../../static/js/shared/controllers/busy.js";
import { element, open } from "../../browser.js";

const shown = () => {
  const said = element();
  const button = { before: (put) => assert.equal(put, said) };
  const form = Object.assign(element(), { dataset: { busy: "Inspecting …" }, querySelector: () => button });
  open().createElement = () => said;
  globalThis.window = element();
  connect(form);
  return { form, state: () => [button.disabled, form.attributes["aria-busy"], said.textContent] };
};
const AT_REST = [false, "false", ""];

test("a form that was sent waits in words, and is itself again when somebody comes back", async () => {
  const { form, state } = shown();
  assert.deepEqual(state(), AT_REST);
  form.fire("submit");
  assert.deepEqual(state(), AT_REST, "the browser reads the form first");
  await later(5);
  assert.deepEqual(state(), [true, "true", "Inspecting …"]);
  window.fire("pageshow");
  assert.deepEqual(state(), AT_REST);
});

test("a form that was not sent after all does not wait", async () => {
  const { form, state } = shown();
  form.fire("submit", { defaultPrevented: true });
  await later(5);
  assert.deepEqual(state(), AT_REST);
});
