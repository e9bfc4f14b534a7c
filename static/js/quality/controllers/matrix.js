// The table labeler × labeler: the cell under the pointer, the finger or the arrow keys is read out above it.
import { onKey } from "../../shared/keys.js";

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export function connect(element) {
  const table = element.querySelector("[data-table]");
  const words = element.querySelector("[data-words]");
  const rows = [...table.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll("td")]);
  let place = null;

  function show(cell) {
    table.querySelector(".current")?.classList.remove("current");
    cell.classList.add("current");
    if (cell.dataset.words) words.textContent = cell.dataset.words;
  }
  table.addEventListener("pointerover", (event) => {
    const cell = event.target.closest("td[data-words]");
    if (cell) show(cell);
  });
  table.addEventListener("click", (event) => {
    const cell = event.target.closest("td[data-words]");
    if (!cell) return;
    const row = rows.findIndex((cells) => cells.includes(cell));
    place = [row, rows[row].indexOf(cell)];
    show(cell);
  });
  onKey(table, (key, event) => {
    const step = STEPS[key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return false;
    place = place === null ? firstCell(rows) : nextCell(rows, place, step);
    const cell = rows[place[0]][place[1]];
    show(cell);
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
    return true;
  });
  element.dataset.ready = "";
}

function firstCell(rows) {
  for (const [row, cells] of rows.entries()) {
    const column = cells.findIndex((cell) => cell.dataset.words);
    if (column >= 0) return [row, column];
  }
  return [0, 0];
}

// The next cell in a direction that says something; at the edge, or beyond the last such one, it stays.
function nextCell(rows, [row, column], [down, right]) {
  let [r, c] = [row + down, column + right];
  while (rows[r]?.[c]) {
    if (rows[r][c].dataset.words) return [r, c];
    [r, c] = [r + down, c + right];
  }
  return [row, column];
}
