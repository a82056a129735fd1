// Draws the charts of the page with uPlot.
"use strict";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
fetch("/charts/data").then((answer) => answer.json()).then((drawn) => {
  for (const place of document.querySelectorAll("[data-chart]")) {
    const name = place.dataset.chart, axis = { stroke: colour("--front"), grid: { stroke: colour("--line") } };
    const line = name === "queue";
    const plot = new uPlot({
      width: place.clientWidth, height: 200, legend: { show: false }, axes: [axis, axis],
      series: [{}, {
        label: name, stroke: colour("--link"), width: line ? 2 : 0,
        paths: line ? uPlot.paths.stepped({ align: 1 }) : () => null,
        points: { show: !line, size: 6, fill: colour("--link") },
      }],
      scales: { y: { range: (_, least, most) => [0, Math.max(most, least) * 1.1 || 1] } },
    }, drawn[name], place);
    addEventListener("resize", () => plot.setSize({ width: place.clientWidth, height: 200 }));
  }
});
