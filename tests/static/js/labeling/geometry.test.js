// Where a card lands on the ranking board. Lanes of 40 px stand below each other from 100 px on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { laneAt } from "../../../../static/js/labeling/geometry.js";

const box = (left, top, width, height) => ({ left, top, right: left + width, bottom: top + height, height });
const lanes = [box(300, 100, 400, 40), box(300, 140, 400, 40), box(300, 180, 400, 40)];
const board = box(300, 100, 400, 120);
const beside = box(0, 100, 280, 120);
const above = box(300, 0, 400, 80);

test("with a tray beside the board, the middle between them parts the two", () => {
  assert.equal(laneAt(289, 150, { board, tray: beside, lanes }), 0);
  assert.equal(laneAt(291, 150, { board, tray: beside, lanes }), 2);
});

test("with a tray above the board, as on a phone, so does the middle in height", () => {
  assert.equal(laneAt(500, 89, { board, tray: above, lanes }), 0);
  assert.equal(laneAt(500, 91, { board, tray: above, lanes }), 1);
});

test("while answers are not placed every point of the board is a lane, the last one to its end and beyond", () => {
  assert.equal(laneAt(500, 141, { board, tray: beside, lanes }), 2);
  assert.equal(laneAt(500, 400, { board, tray: beside, lanes }), 3);
});

test("once all are placed, what is close to an edge is the gap there", () => {
  const at = (y) => laneAt(500, y, { board, tray: null, lanes });
  assert.deepEqual([at(105), at(120), at(135), at(145), at(160)], [0.5, 1, 1.5, 1.5, 2]);
  assert.deepEqual([at(215), at(400)], [3.5, 3.5]);
});

test("a gap takes a quarter of a low lane and 16 px of a high one", () => {
  const high = [box(300, 100, 400, 400)];
  const at = (y) => laneAt(500, y, { board, tray: null, lanes: high });
  assert.deepEqual([at(115), at(117), at(483), at(485)], [0.5, 1, 1, 1.5]);
});
