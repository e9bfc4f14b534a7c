// How two texts differ, word by word: E. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), in linear
// space. Words are those that the script knows (Intl.Segmenter), so that Chinese is compared by words too.

// The words of a text; the space after a word belongs to it and is not compared.
export function wordsOf(text, language) {
  const words = [];
  for (const { segment } of new Intl.Segmenter(language, { granularity: "word" }).segment(text)) {
    if (words.length && !segment.trim()) words.at(-1).text += segment;
    else words.push({ key: segment.trim(), text: segment });
  }
  return words;
}

// The parts of both texts in turn: {same, left, right}, each side a list of words; together they are the two texts.
export function difference(left, right) {
  const parts = [];
  const add = (same, from, to) => {
    if (!from.length && !to.length) return;
    const last = parts.at(-1);
    if (last?.same !== same) parts.push({ same, left: [...from], right: [...to] });
    else {
      last.left.push(...from);
      last.right.push(...to);
    }
  };
  compare(left, right, add);
  return withoutChance(parts);
}

function compare(a, b, add) {
  const shorter = Math.min(a.length, b.length);
  let head = 0;
  while (head < shorter && a[head].key === b[head].key) head += 1;
  let tail = 0;
  while (tail < shorter - head && a.at(-1 - tail).key === b.at(-1 - tail).key) tail += 1;
  add(true, a.slice(0, head), b.slice(0, head));
  const [from, to] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
  if (!from.length || !to.length) add(false, from, to);
  else {
    const [x, y] = middle(from, to);
    if ((x === 0 && y === 0) || (x === from.length && y === to.length)) add(false, from, to);
    else {
      compare(from.slice(0, x), to.slice(0, y), add);
      compare(from.slice(x), to.slice(y), add);
    }
  }
  add(true, a.slice(a.length - tail), b.slice(b.length - tail));
}

// A point on a shortest way from the beginning of both lists to their end: where a search from the one meets a search
// from the other (Myers, section 4b). Diagonal k holds the points x − y = k; what is out of reach is −1.
function middle(a, b) {
  const [n, m] = [a.length, b.length];
  const most = Math.ceil((n + m) / 2);
  const zero = most + 1;
  const [forth, back] = [new Int32Array(2 * most + 3).fill(-1), new Int32Array(2 * most + 3).fill(-1)];
  forth[zero + 1] = back[zero + 1] = 0;
  const reach = (furthest, k, same) => {
    const across = furthest[zero + k - 1];
    const down = furthest[zero + k + 1];
    let x = Math.max(across >= 0 && across < n ? across + 1 : -1, down - k <= m ? down : -1);
    if (x >= 0) while (x < n && x - k < m && same(x, x - k)) x += 1;
    furthest[zero + k] = x;
    return x;
  };
  const met = (k, x, other, within) => x >= 0 && Math.abs(n - m - k) <= within && other[zero + n - m - k] >= n - x;
  for (let d = 0; d <= most; d += 1) {
    for (let k = -d; k <= d; k += 2) {
      const x = reach(forth, k, (i, j) => a[i].key === b[j].key);
      if ((n - m) % 2 && met(k, x, back, d - 1)) return [x, x - k];
    }
    for (let k = -d; k <= d; k += 2) {
      const x = reach(back, k, (i, j) => a[n - 1 - i].key === b[m - 1 - j].key);
      if ((n - m) % 2 === 0 && met(k, x, forth, d)) return [n - x, m - x + k];
    }
  }
  return [n, m];
}

// Two texts share an "of" or a comma everywhere. What is the same is shown as such only where it is longer than what
// differs before or after it; else the eye would find nothing.
function withoutChance(parts) {
  const size = (part) => Math.max(length(part?.left), length(part?.right));
  const kept = [];
  for (const part of parts) {
    kept.push(part);
    while (kept.length >= 3 && !kept.at(-1).same && !kept.at(-3).same) {
      const [before, between, after] = kept.slice(-3);
      if (size(between) > Math.min(size(before), size(after))) break;
      const [left, right] = ["left", "right"].map((side) => [before, between, after].flatMap((each) => each[side]));
      kept.splice(-3, 3, { same: false, left, right });
    }
  }
  return kept;
}

const length = (words = []) => words.reduce((sum, word) => sum + word.key.length, 0);
