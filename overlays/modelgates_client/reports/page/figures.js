// Builds the traces and layouts of plotly.js from the data of charts.py, a width and colours.

const DAY = 24 * 3600e3; // milliseconds
const STEPS = { hour: DAY / 24, day: DAY, year: 365 * DAY };
const TICKS = { hour: "%H:%M\n%-d %b %Y", day: "%-d %b\n%Y", year: "%Y" };

// plotly.js interprets markup in labels, so names must be escaped.
const escape = (text) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const lines = (texts) => texts.map(escape).join("<br>");
const maximum = (values, initial) => values.reduce((high, value) => Math.max(high, value), initial);

const canvas = document.createElement("canvas").getContext("2d");
const font = getComputedStyle(document.body).fontFamily;
const widthOf = (text, size) => {
  canvas.font = `${size}px ${font}`;
  return canvas.measureText(text).width;
};
const shortened = (text, width, size) => {
  if (widthOf(text, size) <= width) return text;
  const letters = Array.from(text);
  let [fits, end] = [0, letters.length - 1];
  while (fits < end) {
    const middle = Math.ceil((fits + end) / 2);
    if (widthOf(`${letters.slice(0, middle).join("")}…`, size) <= width) fits = middle;
    else end = middle - 1;
  }
  return `${letters.slice(0, fits).join("")}…`;
};

const palette = () => {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  return { read, model: (index) => read(index === null ? "other" : `c${index}`) };
};
const translucent = (colour) => `${colour}66`; // hexadecimal, with an opacity of 40 %

const layout = (colours, height, more) => ({
  height,
  autosize: false,
  paper_bgcolor: "rgba(0,0,0,0)",
  plot_bgcolor: "rgba(0,0,0,0)",
  font: { family: font, size: 13, color: colours.read("ink") },
  margin: { l: 8, r: 8, t: 8, b: 8 },
  dragmode: false,
  hovermode: "closest",
  hoverlabel: {
    align: "left",
    bgcolor: colours.read("card"),
    bordercolor: colours.read("muted"),
    font: { family: font, size: 13, color: colours.read("ink") },
  },
  showlegend: false,
  uirevision: "constant", // traces that were hidden in the legend stay hidden when redrawn
  ...more,
});
const axis = (colours, more) => ({
  fixedrange: true,
  automargin: true,
  gridcolor: colours.read("line"),
  linecolor: colours.read("line"),
  zerolinecolor: colours.read("muted"),
  tickfont: { color: colours.read("muted"), size: 12 },
  ...more,
});
const USD = { tickprefix: "$", exponentformat: "none", separatethousands: true };
const legend = (colours) => ({
  orientation: "h",
  x: 0,
  xanchor: "left",
  y: 1,
  yanchor: "bottom",
  traceorder: "normal",
  itemclick: "toggle",
  itemdoubleclick: "toggleothers",
  font: { size: 12, color: colours.read("ink") },
});
const edge = (colours) => ({ color: colours.read("card"), width: 1 });

const build = {
  time(spec, colours, width) {
    const step = STEPS[spec.step];
    const times = spec.series.flatMap((line) => line.points.map((point) => Date.parse(`${point.x}Z`)));
    const first = times.reduce((low, time) => Math.min(low, time), Infinity);
    const last = maximum(times, first);
    // Few bars must not fill the chart: they would look like blocks.
    const margin = Math.max(0.6, (10 - (last - first) / step) / 2) * step;
    const range = [first - margin, last + margin].map((time) => new Date(time).toISOString().slice(0, -1));
    const days = [...new Set(spec.series.flatMap((line) => line.points.map((point) => point.x)))].sort();
    const minDistance = (64 * (last - first + 2 * margin)) / width; // milliseconds, between labels
    const ticks = days.reduce((shown, day) =>
      (shown.length && Date.parse(day) - Date.parse(shown.at(-1)) < minDistance ? shown : [...shown, day]), []);
    const traces = spec.series.map((line) => ({
      type: "bar",
      name: escape(shortened(line.name, Math.min(260, width - 70), 12)),
      x: line.points.map((point) => point.x),
      y: line.points.map((point) => point.y),
      width: 0.86 * step,
      hovertext: line.points.map((point) => lines([line.name, ...point.text])),
      hoverinfo: "text",
      marker: { color: colours.model(line.colour), line: { color: colours.read("card"), width: times.length > 900 ? 0 : 0.5 } },
    }));
    const rows = width < 600 ? spec.series.length : Math.ceil(spec.series.length / Math.floor(width / 240));
    return [traces, layout(colours, 320 + 20 * rows, {
      barmode: "relative",
      showlegend: true,
      legend: legend(colours),
      xaxis: axis(colours, {
        type: "date", range, showgrid: false, tickangle: 0, tickformat: TICKS[spec.step],
        nticks: Math.max(3, Math.floor(width / 110)),
        ...((last - first) / step < 8 ? { tickvals: ticks } : {}),
      }),
      yaxis: axis(colours, { ...USD, nticks: 6 }),
    })];
  },

  // The name is above each bar with its figures at the right, so that nothing is cut at any width.
  bars(spec, colours, width, colour) {
    const rowWidth = width - 28;
    const isNoteBelow = spec.rows.some((row) => widthOf(row.note, 13) > 0.62 * rowWidth);
    const pitch = isNoteBelow ? 62 : 44;
    const positions = Array.from(spec.rows, (_, index) => index);
    const kinds = spec.kinds.map((_, kind) => kind)
      .filter((kind) => kind === 0 || spec.rows.some((row) => row.parts[kind].value));
    const traces = kinds.map((kind) => ({
      type: "bar",
      orientation: "h",
      name: escape(spec.kinds[kind]),
      x: spec.rows.map((row) => row.parts[kind].value),
      y: positions,
      width: 12 / pitch,
      hovertext: spec.rows.map((row) => lines([row.name, ...row.parts[kind].text])),
      hoverinfo: "text",
      marker: { color: colour(kind), line: edge(colours) },
    }));
    const label = (text, index, more) => ({
      text: escape(text), y: index, xref: "paper", yref: "y", yanchor: "bottom", yshift: 7,
      showarrow: false, borderpad: 0, bgcolor: colours.read("card"),
      font: { size: 13, color: colours.read("ink") }, ...more,
    });
    const annotations = spec.rows.flatMap((row, index) => {
      const nameWidth = isNoteBelow ? rowWidth : rowWidth - widthOf(row.note, 13) - 16;
      const name = label(shortened(row.name, nameWidth, 13), index, { x: 0, xanchor: "left", align: "left" });
      const note = label(isNoteBelow ? shortened(row.note, rowWidth, 13) : row.note, index, {
        x: isNoteBelow ? 0 : 1, xanchor: isNoteBelow ? "left" : "right",
        font: { size: 13, color: colours.read("muted") },
        ...(isNoteBelow ? { yanchor: "top", yshift: -7 } : {}),
      });
      return [name, note];
    });
    const sums = (sign) => spec.rows.map((row) => row.parts.reduce((sum, part) => sum + Math.max(0, sign * part.value), 0));
    const [high, low] = [maximum(sums(1), 0), maximum(sums(-1), 0)];
    const legendHeight = kinds.length > 1 ? 28 : 0;
    const shape = layout(colours, spec.rows.length * pitch + 44 + legendHeight, {
      barmode: "relative",
      annotations,
      showlegend: legendHeight > 0,
      legend: { ...legend(colours), yref: "container", y: 1, yanchor: "top" },
      margin: { l: 16, r: 8, t: 8 + legendHeight, b: 32 },
      xaxis: axis(colours, {
        nticks: Math.max(3, Math.floor(width / 130)),
        range: high || low ? [-1.04 * low, 1.04 * high || 0.1 * low] : [0, 1],
        ...(spec.unit === "usd" ? USD : { ticksuffix: " %" }),
        automargin: false,
        ticklabeloverflow: "allow",
        zeroline: low > 0,
      }),
      yaxis: axis(colours, {
        range: [spec.rows.length - 1 + (isNoteBelow ? 0.5 : 0.3), isNoteBelow ? -0.5 : -0.7],
        showgrid: false, zeroline: false, showticklabels: false, automargin: false,
      }),
    });
    return [traces, shape];
  },

  costs(spec, colours, width) {
    return build.bars(spec, colours, width, (kind) => colours.read(["c0", "c1"][kind]));
  },

  providers(spec, colours, width) {
    return build.bars(spec, colours, width, (kind) => colours.read(["c1", "c4", "c3", "other"][kind]));
  },

  latencies(spec, colours, width) {
    const trace = {
      type: "bar",
      x: spec.bars.map((_, index) => index + 0.5),
      y: spec.bars.map((bar) => bar.value),
      width: 0.94,
      hovertext: spec.bars.map((bar) => lines(bar.text)),
      hoverinfo: "text",
      marker: { color: colours.read("c0") },
    };
    // As many labels as fit; marks that are close to each other have labels at different heights.
    const labelInterval = Math.ceil(spec.edges.length / Math.max(2, Math.floor(width / 76)));
    const shown = spec.edges.map((_, index) => index).filter((index) => index % labelInterval === 0);
    const pixel = (width - 60) / spec.bars.length;
    const ends = [];
    const annotations = spec.marks.map((mark) => {
      const half = widthOf(mark.text, 12) / 2 + 5;
      const centre = Math.min(Math.max(mark.at * pixel, half), width - 60 - half);
      let level = ends.findIndex((end) => end < centre - half);
      if (level < 0) level = ends.length;
      ends[level] = centre + half;
      return {
        text: escape(mark.text), x: centre / pixel, y: 1, yref: "paper", yanchor: "bottom",
        yshift: 2 + 17 * level, showarrow: false, font: { size: 12, color: colours.read("ink") },
      };
    });
    const shapes = spec.marks.map((mark) => ({
      type: "line", x0: mark.at, x1: mark.at, y0: 0, y1: 1, yref: "paper",
      line: { color: colours.read("c1"), width: 2, dash: "dot" },
    }));
    const tallest = maximum(spec.bars.map((bar) => bar.value), 1);
    return [[trace], layout(colours, 300, {
      annotations,
      shapes,
      margin: { l: 8, r: 24, t: 12 + 17 * Math.max(1, ends.length), b: 8 },
      xaxis: axis(colours, {
        range: [0, spec.bars.length], showgrid: false, ticks: "outside", tickcolor: colours.read("line"),
        ticklabeloverflow: "allow", tickvals: shown, ticktext: shown.map((index) => escape(spec.edges[index])), tickangle: 0,
      }),
      yaxis: axis(colours, {
        nticks: 6, range: [0, 1.05 * tallest], separatethousands: true, exponentformat: "none",
        ...(tallest < 6 ? { dtick: 1 } : {}),
      }),
    })];
  },

  fallbacks(spec, colours, width) {
    const size = 13;
    const labelWidth = width / 2 - 46;
    const names = [...spec.lefts, ...spec.rights];
    const failing = colours.read("c1");
    const next = (index) => colours.read(index === spec.no_attempt ? "c3" : "c0");
    const height = 60 + 46 * Math.max(spec.lefts.length, spec.rights.length);
    const trace = {
      type: "sankey",
      arrangement: "fixed",
      node: {
        label: names.map((name) => escape(shortened(name, labelWidth, size))),
        customdata: [
          ...spec.lefts.map((name) => lines([name, "failed"])),
          ...spec.rights.map((name) => lines([name])),
        ],
        hovertemplate: "%{customdata}<br>%{value:,} in all<extra></extra>",
        color: [...spec.lefts.map(() => failing), ...spec.rights.map((_, index) => next(index))],
        line: { width: 0 },
        pad: 22,
        thickness: 14,
      },
      link: {
        source: spec.flows.map((flow) => flow.from),
        target: spec.flows.map((flow) => spec.lefts.length + flow.to),
        value: spec.flows.map((flow) => flow.count),
        color: spec.flows.map((flow) => translucent(flow.to === spec.no_attempt ? next(flow.to) : failing)),
        customdata: spec.flows.map((flow) =>
          lines([`${spec.lefts[flow.from]} failed`, `then ${spec.rights[flow.to]}`, flow.text])),
        hovertemplate: "%{customdata}<extra></extra>",
      },
      textfont: { family: font, size, color: colours.read("ink") },
    };
    const title = (text, x, xanchor) => ({
      text, x, xanchor, y: 1, yref: "paper", xref: "paper", yanchor: "bottom", yshift: 6,
      showarrow: false, font: { size: 12, color: colours.read("muted") },
    });
    return [[trace], layout(colours, height, {
      margin: { l: 4, r: 4, t: 28, b: 12 },
      annotations: [title("failed", 0, "left"), title("next attempt", 1, "right")],
    })];
  },
};
