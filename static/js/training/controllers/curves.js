// Draws every series of a run with one shared x-axis: hovering one curve reads all of them.
// The numbers of the newest step stand in the heading of each curve; a screen reader gets them as text.
import { _ } from "../../shared/words.js";

const EVERY_MS = 2000;
// uPlot rounds ticks to three decimals, which makes a learning rate zero.
const short = (tick) =>
  tick === null ? "" : Math.abs(tick) >= 1e-3 || tick === 0 ? tick.toLocaleString("en") : tick.toExponential(0);
const colours = ["--curve-1", "--curve-2", "--curve-3", "--curve-4"];

export function connect(element) {
  const box = element.querySelector("[data-curves]");
  const first = (element.dataset.first || "").split(" ").filter(Boolean);
  const plots = new Map();
  let stamp = "";

  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const rank = (name) => (first.includes(name) ? first.indexOf(name) : first.length);
  const shown = (name) => !name.startsWith("time/");

  function draw(name, steps, values, index) {
    const known = plots.get(name);
    const last = values.findLast((value) => value !== null);
    const text = last === undefined ? _("no number yet") : Number(last.toPrecision(4)).toString();
    if (known) {
      known.plot.setData([steps, values]);
      known.value.textContent = text;
      return;
    }
    const figure = document.createElement("figure");
    figure.className = "curve";
    const caption = document.createElement("figcaption");
    const value = document.createElement("strong");
    value.textContent = text;
    caption.append(`${name} `, value);
    const target = document.createElement("div");
    figure.append(caption, target);
    box.append(figure);
    const axis = {
      stroke: token("--ink-2"),
      grid: { stroke: token("--line"), width: 1 },
      ticks: { stroke: token("--line") },
    };
    const plot = new uPlot(
      {
        width: Math.max(240, figure.clientWidth),
        height: 180,
        cursor: { sync: { key: "run" } },
        legend: { live: true },
        scales: { x: { time: false } },
        axes: [
          { ...axis, label: _("step"), labelSize: 18, size: 36 },
          { ...axis, size: 56, values: (_plot, ticks) => ticks.map(short) },
        ],
        series: [
          { label: _("step") },
          {
            label: name,
            stroke: token(colours[index % colours.length]),
            width: 1.6,
            spanGaps: true,
            points: { show: steps.length < 3 },
          },
        ],
      },
      [steps, values],
      target,
    );
    plots.set(name, { plot, value, figure });
  }

  async function refresh() {
    let answer;
    try {
      answer = await fetch(element.dataset.source);
    } catch {
      return setTimeout(refresh, EVERY_MS * 2);
    }
    if (!answer.ok) return;
    const run = await answer.json();
    const names = Object.keys(run.series)
      .filter(shown)
      .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
    const now = `${run.step}/${names.length}`;
    if (names.length && now !== stamp) {
      if (!plots.size) box.replaceChildren();
      names.forEach((name, index) => draw(name, ...run.series[name], index));
      stamp = now;
    }
    if (run.status === "running" || run.status === "queued") setTimeout(refresh, EVERY_MS);
  }

  new ResizeObserver(() => {
    for (const { plot, figure } of plots.values())
      plot.setSize({ width: Math.max(240, figure.clientWidth), height: 180 });
  }).observe(box);
  document.addEventListener("theme:change", () => {
    for (const { plot } of plots.values()) plot.destroy();
    plots.clear();
    stamp = "";
    box.replaceChildren();
    refresh();
  });
  refresh();
}
