// The word difference: both texts whole, and only what differs as such.
import assert from "node:assert/strict";
import { test } from "node:test";
import { difference, wordsOf } from "../../../../static/js/shared/difference.js";

const joined = (words) => words.map((word) => word.text).join("");
const changes = (left, right, language = "en") =>
  difference(wordsOf(left, language), wordsOf(right, language))
    .filter((part) => !part.same)
    .map((part) => [joined(part.left).trim(), joined(part.right).trim()]);

test("only the words that changed differ", () => {
  assert.deepEqual(changes("Say which answer wins and why.", "Say which answer loses and why."), [["wins", "loses"]]);
  assert.deepEqual(changes("Ties are fine.", "Ties are always fine."), [["", "always"]]);
  assert.deepEqual(changes("the same", "the same"), []);
});

test("Chinese is compared by its words, which no space parts", () => {
  assert.deepEqual(changes("今天天气很好，我们去公园。", "今天天气很好，我们去学校。", "zh"), [["公园", "学校"]]);
});

test("an empty text differs as a whole", () => {
  assert.deepEqual(changes("", "All of it."), [["", "All of it."]]);
  assert.deepEqual(changes("", ""), []);
});

test("the parts are the two texts, and what counts as the same is the same", () => {
  let seed = 7;
  const draw = (n) => {
    seed = (seed * 48271) % 2147483647;
    return seed % n;
  };
  const text = () => Array.from({ length: draw(14) }, () => "abcd"[draw(4)].repeat(1 + draw(6))).join(" ");
  for (let i = 0; i < 500; i += 1) {
    const [left, right] = [text(), text()];
    const parts = difference(wordsOf(left, "en"), wordsOf(right, "en"));
    assert.equal(joined(parts.flatMap((part) => part.left)), left);
    assert.equal(joined(parts.flatMap((part) => part.right)), right);
    for (const { same, left: one, right: other } of parts) {
      assert.equal(same, one.map((word) => word.key).join(" ") === other.map((word) => word.key).join(" "));
    }
  }
});
