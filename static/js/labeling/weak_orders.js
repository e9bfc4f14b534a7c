// Weak orders as a list of lanes, one for each answer: 1 is best, the same lane is a tie, 0 is not placed yet.
// While some are not placed, lanes are the K places of the board; once all are, empty ones close up, and a number
// between two lanes is a lane of its own between them.

export function closedUp(lanes) {
  if (!lanes.every(Boolean)) return lanes;
  const used = [...new Set(lanes)].sort((a, b) => a - b);
  return lanes.map((lane) => used.indexOf(lane) + 1);
}

// "C > A = D > B"; ties in the order of the letters, what is not placed left out.
export function weakOrder(lanes, letters) {
  const used = [...new Set(lanes.filter(Boolean))].sort((a, b) => a - b);
  return used.map((lane) => letters.filter((_, i) => lanes[i] === lane).join(" = ")).join(" > ");
}

// One step up (−1) or down (1): out of a tie into a lane of its own, from there into a tie with the next lane.
export function movedBy(lanes, i, by) {
  const [lane, most] = [lanes[i], lanes.length];
  if (!lanes.every(Boolean)) return lanes.with(i, lane ? Math.min(most, Math.max(1, lane + by)) : by > 0 ? most : 1);
  const tied = lanes.some((other, j) => j !== i && other === lane);
  const last = Math.max(...lanes);
  return lanes.with(i, tied ? lane + by / 2 : Math.min(last, Math.max(1, lane + by)));
}

export function tiedWithAbove(lanes, i) {
  const above = lanes.filter((lane, j) => j !== i && lane && (!lanes[i] || lane < lanes[i]));
  return above.length ? lanes.with(i, Math.max(...above)) : lanes;
}

// Pairs (preferred, rated higher) of places where the order prefers the lower rated answer; a tie contradicts nothing.
export function contradictions(ratings, lanes) {
  return lanes.flatMap((lane, i) =>
    lanes.map((_, j) => [i, j]).filter(([, j]) => lane < lanes[j] && ratings[i] < ratings[j]),
  );
}
