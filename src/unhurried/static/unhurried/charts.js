/* Draws every figure[data-chart] below a [data-charts="address of its numbers"] with uPlot. */
"use strict";

const unhurriedCharts = (() => {
  const HEIGHT = 150;
  const drawn = new Map(), latest = new Map();
  let span = "hour", released = [];

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const digits = (v) => {
    if (v === 0 || Math.abs(v) >= 99.95) return Math.round(v).toLocaleString("en");
    return String(Number(v.toPrecision(3)));
  };
  const time = (s) => (s === 0 ? "0" : s < 1e-3 ? digits(s * 1e6) + " µs" : s < 1 ? digits(s * 1e3) + " ms"
    : s < 120 ? digits(s) + " s" : digits(s / 60) + " min");
  const show = (unit) => (v) => (v == null ? "–" : unit === "s" ? time(v) : digits(v) + (unit || ""));

  const kind = (label, key) =>
    ({ p50: "p50", p95: "p95", p99: "p99", "1 min": "p99", "5 min": "p95", "15 min": "p50" }[label]
      || (key === "errors" ? "bad" : "one"));

  /* A value between two gaps makes no line: it gets a dot. */
  const alone = (u, i) => {
    const values = u.data[i];
    return values.map((v, at) => at).filter((at) => values[at] != null && values[at - 1] == null && values[at + 1] == null);
  };

  function series(chart, key) {
    return chart.labels.map((label) => {
      const stroke = colour("--" + kind(label, key));
      return { label, stroke, width: 1.5, points: { show: true, size: 3, fill: stroke, filter: alone } };
    });
  }

  function options(chart, key, width) {
    const axis = { stroke: colour("--quiet"), font: "12px system-ui, sans-serif", ticks: { show: false } };
    const grid = { stroke: colour("--line"), width: 1 };
    return {
      width, height: HEIGHT,
      legend: { show: false },
      padding: [8, 20, 0, 0],
      cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
      hooks: {
        setCursor: [(u) => read(u.root.parentNode, chart.unit, u)],
        drawClear: [marks],
      },
      scales: { y: { range: (_, low, high) => [Math.min(low ?? 0, 0), high > 0 ? high * (released.length ? 1.2 : 1.08) : 1] } },
      axes: [
        { ...axis, grid: { show: false }, size: 26, gap: 6, space: 70, values: ticks },
        { ...axis, grid, size: 56, gap: 6, space: 36, values: (_, values) => values.map(show(chart.unit)) },
      ],
      series: [{}, ...series(chart, key)],
    };
  }

  /* A vertical line at each release, with its name to the right or left of it where there is room. */
  function marks(u) {
    const { ctx, bbox } = u, { pxRatio } = uPlot, gap = 4 * pxRatio, top = bbox.top, end = bbox.left + bbox.width;
    const places = released.map(([at]) => Math.round(u.valToPos(at, "x", true)));
    let taken = bbox.left;
    ctx.save();
    ctx.font = `${11 * pxRatio}px system-ui, sans-serif`;
    ctx.fillStyle = ctx.strokeStyle = colour("--quiet");
    ctx.lineWidth = pxRatio;
    ctx.setLineDash([3 * pxRatio, 3 * pxRatio]);
    places.forEach((x, i) => {
      const name = released[i][1], width = ctx.measureText(name).width;
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + bbox.height);
      ctx.stroke();
      const right = x + gap + width < (places[i + 1] ?? end), left = x - gap - width > taken;
      if (right || left) ctx.fillText(name, right ? x + gap : x - gap - width, top + 9 * pxRatio);
      taken = right ? x + gap + width : x;
    });
    ctx.restore();
  }

  const clock = (t) => new Date(t * 1000).toTimeString().slice(0, 5);
  const day = (t) => new Date(t * 1000).toLocaleDateString("en", { day: "numeric", month: "short" });
  const moment = (t) => (span === "month" ? day(t) + " " + clock(t) : new Date(t * 1000).toTimeString().slice(0, span === "hour" ? 8 : 5));
  const ticks = (_, times) => times.map((t) => (span === "month" ? day(t) : clock(t)));

  /* Beside the title: what is under the cursor, or the last values. */
  function read(plot, unit, u) {
    const readout = plot.parentNode.querySelector(".readout"), at = u.cursor.idx ?? u.data[0].length - 1;
    const texts = u.data.slice(1).map((column) => show(unit)(column[at]));
    [...readout.querySelectorAll("b")].forEach((b, i) => { b.textContent = texts[i]; });
    readout.lastChild.textContent = u.cursor.idx == null ? "" : moment(u.data[0][at]);
  }

  function keys(plot, chart, key) {
    const readout = document.createElement("p");
    readout.className = "readout";
    readout.setAttribute("aria-hidden", "true"); // the plot's own label says it
    for (const label of chart.labels) {
      const item = document.createElement("span"), value = document.createElement("b");
      item.className = "k-" + kind(label, key);
      item.append(chart.labels.length > 1 ? label + " " : "", value);
      readout.append(item);
    }
    readout.append(document.createElement("time"));
    plot.parentNode.querySelector(".readout")?.remove();
    plot.before(readout);
  }

  function say(plot, chart) {
    const last = chart.labels.map((label, i) => {
      const values = chart.y[i].filter((v) => v != null);
      return values.length ? `${label} ${show(chart.unit)(values.at(-1))}` : "";
    }).filter(Boolean).join(", ");
    plot.setAttribute("role", "img");
    const marked = released.map(([at, name]) => `${name} at ${moment(at)}`).join(", ");
    plot.setAttribute("aria-label", last ? `Chart; last values: ${last}${marked && "; released: " + marked}` : "Chart without values yet");
  }

  function draw(figure, numbers) {
    const plot = figure.querySelector(".plot"), key = figure.dataset.chart, chart = numbers.charts[key];
    const enough = chart && numbers.x.length > 1 && chart.y.some((column) => column.some((v) => v != null));
    if (!enough) return nothing(plot);
    const data = [numbers.x, ...chart.y];
    say(plot, chart);
    const known = drawn.get(plot);
    if (known) {
      known.setData(data);
      return read(plot, chart.unit, known);
    }
    plot.replaceChildren();
    keys(plot, chart, key);
    drawn.set(plot, new uPlot(options(chart, key, plot.clientWidth), data, plot));
    read(plot, chart.unit, drawn.get(plot));
  }

  function nothing(plot) {
    if (plot.querySelector(".none")) return;
    forget(plot);
    plot.parentNode.querySelector(".readout")?.remove();
    const note = document.createElement("p");
    note.className = "none";
    note.textContent = "Nothing in this time yet.";
    plot.replaceChildren(note);
  }

  function forget(plot) {
    drawn.get(plot)?.destroy();
    drawn.delete(plot);
  }

  /* The figures below one element, from its numbers. */
  function all(below, numbers) {
    latest.set(below, numbers);
    span = numbers.span;
    released = numbers.releases;
    for (const figure of below.querySelectorAll("figure[data-chart]")) {
      draw(figure, numbers);
      sizes.observe(figure.querySelector(".plot"));
    }
  }

  const sizes = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      drawn.get(target)?.setSize({ width: Math.floor(contentRect.width), height: HEIGHT });
    }
  });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    [...drawn.keys()].forEach(forget);
    latest.forEach((numbers, below) => all(below, numbers));
  });

  return { all };
})();
