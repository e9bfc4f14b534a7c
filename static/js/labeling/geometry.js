// Which lane of the ranking board a point belongs to. Boxes are those of the window: {top, bottom, left, right, height}.

const REACH = 16; // px by which a gap reaches into the lanes beside it, of a low lane a quarter

// The whole board belongs to some lane: 0 is the tray, 1 the best lane. Where all answers are placed (no tray) what is
// close to the edge of a lane belongs to the gap there, 1.5 between the first and the second.
export function laneAt(x, y, { board, tray, lanes }) {
  if (tray && (tray.right <= board.left ? x < (tray.right + board.left) / 2 : y < (tray.bottom + board.top) / 2))
    return 0;
  for (const [i, { top, bottom, height }] of lanes.entries()) {
    const reach = tray ? 0 : Math.min(REACH, height / 4);
    if (!tray && y < top + reach) return i + 0.5;
    if (y <= bottom - reach) return i + 1;
  }
  return tray ? lanes.length : lanes.length + 0.5;
}
