/* Draws the page from its data block. Everything is made with createElement and textContent, so
 * that no text of a run can become markup. */
"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const charts = [];

  function make(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined && text !== null) node.textContent = text;
    return node;
  }

  function put(parent, ...children) {
    for (const child of children) if (child) parent.appendChild(child);
    return parent;
  }

  function svg(tag, attributes, text) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (text !== undefined) node.textContent = text;
    return node;
  }

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const isNumber = (text) => /^[-+]?[\d.]+(e[-+]?\d+)?( ?(\u00b1|%|s|\u00d7).*)?$/.test(text) || text === "\u2013";

  /* ---- charts ---- */

  /* The spread of each point as a bar with caps. */
  const spreads = {
    id: "spreads",
    afterDatasetsDraw(chart) {
      const pen = chart.ctx, y = chart.scales.y, area = chart.chartArea;
      chart.data.datasets.forEach((set, index) => {
        if (!chart.isDatasetVisible(index)) return;
        chart.getDatasetMeta(index).data.forEach((element, i) => {
          const point = set.data[i];
          if (!point || !(point.spread > 0)) return;
          const inside = (value) => Math.min(area.bottom, Math.max(area.top, y.getPixelForValue(value)));
          const top = inside(point.y + point.spread);
          const low = chart.options.scales.y.type === "logarithmic" && point.y <= point.spread;
          const bottom = low ? area.bottom : inside(point.y - point.spread);
          pen.save();
          pen.strokeStyle = set.borderColor;
          pen.lineWidth = 1.4;
          pen.beginPath();
          pen.moveTo(element.x, top);
          pen.lineTo(element.x, bottom);
          for (const end of [top, bottom]) {
            pen.moveTo(element.x - 4, end);
            pen.lineTo(element.x + 4, end);
          }
          pen.stroke();
          pen.restore();
        });
      });
    },
  };

  const short = (value) => (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5) || value === 0
    ? String(Number(value.toPrecision(4))) : value.toExponential(2);

  function axis(title, log, bar, labels) {
    const scale = {
      type: labels ? "category" : log ? "logarithmic" : "linear",
      title: { display: Boolean(title), text: title, color: color("soft") },
      ticks: { color: color("soft"), maxRotation: 0, autoSkipPadding: 12 },
      grid: { color: color("grid"), borderColor: color("line") },
    };
    if (!labels) scale.ticks.callback = (value) => (log && !/^[125]/.test(value.toExponential()) ? null : short(value));
    if (bar) scale.beginAtZero = true;
    return scale;
  }

  /* Room for the bars of spread. */
  function reach(scale, block) {
    const points = block.series.flatMap((series) => series.points).filter((point) => point[1] !== null);
    const low = points.map((point) => point[1] - (point[2] || 0));
    const high = points.map((point) => point[1] + (point[2] || 0));
    if (high.length) scale.suggestedMax = Math.max(...high);
    if (low.length && (!block.logy || Math.min(...low) > 0)) scale.suggestedMin = Math.min(...low);
    return scale;
  }

  function legend(block) {
    if (block.series.length < 2) return null;
    const list = make("ul", "legend"), seen = new Set();
    block.series.forEach((series, index) => {
      if (series.family && seen.has(series.group)) return;
      seen.add(series.group);
      const mark = make("i", series.dashed ? "dashed" : "");
      mark.style.borderColor = `var(--${paintOf(series, index)})`;
      list.appendChild(put(make("li"), mark, document.createTextNode(series.family || series.name)));
    });
    return list;
  }

  const paintOf = (series, index) => "c" + ((series.group === undefined ? index : series.group) % 8);

  /* Lines of many points are lines alone; clouds of many points have small ones. */
  function radius(series, block) {
    if (series.dashed) return 0;
    if (block.type === "scatter") return series.points.length > 200 ? 1.7 : 3;
    return series.points.length > 60 ? 0 : 3.5;
  }

  function dataset(series, index, block) {
    const paint = color(paintOf(series, index));
    const bar = block.type === "bar";
    const points = series.points.map((p) => ({ x: p[0], y: p[1], spread: p[2] || 0 }));
    return {
      label: series.name,
      data: points,
      borderColor: paint,
      backgroundColor: bar ? paint + "b0" : paint,
      borderWidth: bar ? 1 : 2,
      borderDash: series.dashed ? [6, 5] : index >= 8 && series.group === undefined ? [2, 2] : [],
      pointRadius: radius(series, block),
      pointHoverRadius: 5,
      showLine: block.type !== "scatter",
      spanGaps: false,
      tension: 0,
      maxBarThickness: 46,
    };
  }

  function options(block) {
    const bar = block.type === "bar";
    return {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      interaction: { mode: bar ? "index" : "nearest", intersect: false },
      scales: {
        x: axis(block.x, block.logx, false, bar ? block.labels : null),
        y: reach(axis(block.y, block.logy, bar), block),
      },
      plugins: {
        legend: { display: false }, // ours is below the title: it wraps, and leaves the plot its height
        tooltip: {
          callbacks: {
            title: (items) => (items.length ? `${block.x || ""} ${bar ? items[0].label : short(items[0].parsed.x)}` : ""),
            label: (item) => {
              const spread = item.raw.spread > 0 ? ` \u00b1 ${short(item.raw.spread)}` : "";
              return `${item.dataset.label}: ${short(item.parsed.y)}${spread}`;
            },
          },
        },
      },
    };
  }

  function draw(entry) {
    if (entry.chart) entry.chart.destroy();
    entry.chart = new Chart(entry.canvas, {
      type: entry.block.type === "bar" ? "bar" : "line",
      data: {
        labels: entry.block.labels,
        datasets: entry.block.series.map((series, i) => dataset(series, i, entry.block)),
      },
      options: options(entry.block),
      plugins: [spreads],
    });
  }

  function chart(block) {
    const canvas = make("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", block.title);
    charts.push({ canvas, block, chart: null });
    const figure = put(make("figure"), make("p", "title", block.title), legend(block),
      put(make("div", "plot"), canvas));
    if (block.caption) figure.appendChild(make("figcaption", "", block.caption));
    return figure;
  }

  /* ---- other blocks ---- */

  function table(block) {
    const node = make("table");
    if (block.caption) node.appendChild(make("caption", "", block.caption));
    const numeric = block.columns.map((_, i) =>
      block.rows.length > 0 && block.rows.every((row) => isNumber(row[i] || "\u2013")));
    const head = make("tr");
    block.columns.forEach((name, i) => head.appendChild(make("th", numeric[i] ? "number" : "", name)));
    const body = make("tbody");
    block.rows.forEach((row, index) => {
      const line = make("tr", index === block.marked ? "marked" : "");
      row.forEach((text, i) => line.appendChild(make("td", numeric[i] ? "number" : text.length > 60 ? "long" : "", text)));
      body.appendChild(line);
    });
    return put(make("div", "wide"), put(node, put(make("thead"), head), body));
  }

  function matrix(block) {
    const most = Math.max(1, ...block.values.flatMap((row, r) => row.filter((_, c) => c !== r)));
    const node = make("table", "matrix");
    if (block.caption) node.appendChild(make("caption", "", block.caption));
    const head = put(make("tr"), make("th", "", ""));
    for (const name of block.names) head.appendChild(make("th", "", name));
    node.appendChild(head);
    block.values.forEach((row, r) => {
      const line = put(make("tr"), make("th", "", block.names[r]));
      const total = row.reduce((sum, value) => sum + value, 0);
      row.forEach((value, c) => {
        const cell = make("td", "", value ? value : "");
        const share = c === r ? value / Math.max(1, total) : value / most;
        const percent = Math.round((c === r ? 10 + 25 * share : 12 + 68 * share) * (value ? 1 : 0));
        cell.style.background = `color-mix(in srgb, var(--${c === r ? "good" : "bad"}) ${percent}%, transparent)`;
        cell.title = `${block.names[r]}, taken for ${block.names[c]}: ${value}`;
        line.appendChild(cell);
      });
      node.appendChild(line);
    });
    return put(make("div", "wide"), node);
  }

  function pictures(block) {
    const list = make("ul", "pictures");
    list.style.gridTemplateColumns = `repeat(auto-fill, minmax(${block.size || 92}px, 1fr))`;
    for (const item of block.items) {
      const image = make("img");
      image.src = item.src;
      image.alt = item.text || block.title || "";
      image.loading = "lazy";
      list.appendChild(put(make("li"), image, item.text ? make("span", "", item.text) : null));
    }
    const figure = put(make("figure"), block.title ? make("p", "title", block.title) : null, list);
    if (block.caption) figure.appendChild(make("figcaption", "", block.caption));
    return figure;
  }

  /* One diagram: a column of units for each layer; a dropped unit is crossed out and its
   * connections are pale. */
  function diagram(block, kept, title) {
    const width = 320, height = 250, top = 24, columns = block.layers.length;
    const x = (layer) => 34 + (layer * (width - 68)) / Math.max(1, columns - 1);
    const y = (layer, unit) => {
      const n = block.layers[layer].units;
      return top + ((unit + 0.5) * (height - top - 22)) / n;
    };
    const on = (layer, unit) => !kept[layer] || kept[layer][unit] === 1;
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "network", role: "img", "aria-label": title });
    const lines = [[], []];
    for (let layer = 0; layer + 1 < columns; layer++)
      for (let from = 0; from < block.layers[layer].units; from++)
        for (let to = 0; to < block.layers[layer + 1].units; to++) {
          const live = on(layer, from) && on(layer + 1, to);
          lines[live ? 1 : 0].push(svg("line", {
            x1: x(layer), y1: y(layer, from), x2: x(layer + 1), y2: y(layer + 1, to), class: live ? "on" : "off",
          }));
        }
    put(picture, ...lines[0], ...lines[1]);
    for (let layer = 0; layer < columns; layer++) {
      for (let unit = 0; unit < block.layers[layer].units; unit++) {
        const cx = x(layer), cy = y(layer, unit), live = on(layer, unit);
        picture.appendChild(svg("circle", { cx, cy, r: 5.5, class: live ? "on" : "off" }));
        if (!live) picture.appendChild(svg("path", { d: `M${cx - 3} ${cy - 3}l6 6m0 -6l-6 6` }));
      }
      picture.appendChild(svg("text", { x: x(layer), y: height - 5 }, block.layers[layer].name));
    }
    picture.appendChild(svg("text", { x: width / 2, y: 12 }, title));
    return picture;
  }

  /* All steps one after the other, by themselves unless the reader prefers stillness. */
  function player(block) {
    const screen = make("div"), button = make("button"), slider = make("input");
    let at = 0, timer = null;
    slider.type = "range";
    slider.min = 0;
    slider.max = block.steps.length - 1;
    slider.setAttribute("aria-label", "step");
    const show = (step) => {
      at = step;
      slider.value = step;
      screen.replaceChildren(diagram(block, block.steps[step].kept, block.steps[step].title));
    };
    const play = (on) => {
      clearInterval(timer);
      timer = on ? setInterval(() => show((at + 1) % block.steps.length), 1100) : null;
      button.textContent = on ? "Pause" : "Play";
    };
    button.addEventListener("click", () => play(!timer));
    slider.addEventListener("input", () => {
      play(false);
      show(Number(slider.value));
    });
    show(0);
    play(!window.matchMedia("(prefers-reduced-motion: reduce), print").matches);
    return put(make("div", "player"), screen, put(make("div", "controls"), button, slider));
  }

  function network(block) {
    const grid = put(make("div", "networks"), player(block));
    for (const step of block.steps.slice(1, 3)) grid.appendChild(diagram(block, step.kept, step.title));
    const figure = put(make("figure"), grid);
    if (block.caption) figure.appendChild(make("figcaption", "", block.caption));
    return figure;
  }

  const verdicts = { held: "held here", failed: "did not hold here", open: "not decided here" };

  function claim(block) {
    const list = make("dl");
    const row = (name, text, className) => {
      if (text) put(list, make("dt", "", name), make("dd", className || "", text));
    };
    row("Claim", block.claim);
    row("Measured", block.measured);
    row("Result", block.result);
    row("Verdict", verdicts[block.verdict], "verdict");
    row("Seeds", block.seeds);
    return put(make("div", "claim " + block.verdict), list);
  }

  function code(block) {
    const details = put(make("details"), make("summary", "", block.title));
    return put(details, put(make("div", "wide"), make("pre", "", block.text)));
  }

  const kinds = {
    chart, code, table, matrix, pictures, network, claim,
    heading: (block) => make("h3", "", block.text),
    text: (block) => make("p", block.style, block.text),
  };

  /* Neighbouring charts share a row where there is room. */
  function section(part) {
    const node = make("section");
    if (part.title) node.appendChild(make("h2", "", part.title));
    if (part.id) node.id = part.id;
    let row = null;
    for (const block of part.blocks) {
      if (block.kind !== "chart") row = null;
      else if (!row) row = node.appendChild(make("div", "plots"));
      (row || node).appendChild(kinds[block.kind](block));
    }
    return node;
  }

  function navigation() {
    const bar = make("nav");
    for (const part of data.sections) {
      if (!part.title || !part.id) continue;
      const verdict = (part.blocks.find((block) => block.kind === "claim") || {}).verdict;
      const link = make("a", verdict || "", part.title);
      link.href = "#" + part.id;
      bar.appendChild(link);
    }
    return bar.children.length > 2 ? bar : null;
  }

  const page = document.getElementById("page");
  put(page, put(make("header"), make("h1", "", data.title), make("p", "", data.subtitle), navigation()));
  for (const part of data.sections) page.appendChild(section(part));
  page.appendChild(make("footer", "", data.footer));
  const redraw = () => charts.forEach(draw);
  redraw();
  dark.addEventListener("change", redraw);
})();
