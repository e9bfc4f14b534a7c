// Weak orders: 1 is best, the same lane is a tie, 0 is not placed yet.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  closedUp,
  contradictions,
  movedBy,
  tiedWithAbove,
  weakOrder,
} from "../../../../static/js/labeling/weak_orders.js";

const LETTERS = ["A", "B", "C", "D"];

test("empty lanes close up once every answer has its place, and not before", () => {
  assert.deepEqual(closedUp([4, 1, 4, 2.5]), [3, 1, 3, 2]);
  assert.deepEqual(closedUp([4, 0, 1, 2]), [4, 0, 1, 2]);
});

test("an order is told with its ties in the order of the letters, and without what is not placed", () => {
  assert.equal(weakOrder([2, 4, 1, 2], LETTERS), "C > A = D > B");
  assert.equal(weakOrder([0, 2, 1, 0], LETTERS), "C > B");
  assert.equal(weakOrder([0, 0, 0, 0], LETTERS), "");
});

test("a step out of a tie makes a lane of its own, the next one ties with the lane beside", () => {
  const alone = movedBy([1, 1, 2], 1, 1);
  assert.deepEqual(closedUp(alone), [1, 2, 3]);
  assert.deepEqual(closedUp(movedBy(closedUp(alone), 1, 1)), [1, 2, 2]);
});

test("no step leads over the best or the worst lane", () => {
  assert.deepEqual(movedBy([1, 2, 3], 0, -1), [1, 2, 3]);
  assert.deepEqual(movedBy([1, 2, 3], 2, 1), [1, 2, 3]);
});

test("what is not placed yet comes in at the near end", () => {
  assert.deepEqual(movedBy([0, 2, 0], 0, 1), [3, 2, 0]);
  assert.deepEqual(movedBy([0, 2, 0], 2, -1), [0, 2, 1]);
});

test("an answer is tied with the nearest one above it, if there is one", () => {
  assert.deepEqual(tiedWithAbove([1, 2, 3], 2), [1, 2, 2]);
  assert.deepEqual(tiedWithAbove([1, 2, 3], 0), [1, 2, 3]);
  assert.deepEqual(tiedWithAbove([2, 1, 0], 2), [2, 1, 2]);
});

test("an order contradicts ratings only where it prefers the lower rated answer", () => {
  assert.deepEqual(contradictions([3, 5, 5], [1, 2, 3]), [
    [0, 1],
    [0, 2],
  ]);
  assert.deepEqual(contradictions([3, 5, 5], [1, 1, 1]), []);
});
