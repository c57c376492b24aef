// What plotly.js draws, of the data of charts.py: at a width, in the colours of the moment.

const DAY = 24 * 3600e3; // milliseconds
const STEPS = { hour: DAY / 24, day: DAY, year: 365 * DAY };
const TICKS = { hour: "%H:%M\n%-d %b %Y", day: "%-d %b\n%Y", year: "%Y" };

// plotly.js reads markup in labels. A name must not be any.
const plain = (text) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const lines = (texts) => texts.map(plain).join("<br>");
const most = (values, least) => values.reduce((high, value) => Math.max(high, value), least);

const pen = document.createElement("canvas").getContext("2d");
const font = getComputedStyle(document.body).fontFamily;
const widthOf = (text, size) => {
  pen.font = `${size}px ${font}`;
  return pen.measureText(text).width;
};
const fitted = (text, room, size) => {
  if (widthOf(text, size) <= room) return text;
  const letters = Array.from(text);
  let [fits, end] = [0, letters.length - 1];
  while (fits < end) {
    const middle = Math.ceil((fits + end) / 2);
    if (widthOf(`${letters.slice(0, middle).join("")}…`, size) <= room) fits = middle;
    else end = middle - 1;
  }
  return `${letters.slice(0, fits).join("")}…`;
};

const palette = () => {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  return { read, model: (index) => read(index === null ? "other" : `c${index}`) };
};
const thin = (colour) => `${colour}66`; // hexadecimal, with its opacity behind it

const layout = (paint, height, more) => ({
  height,
  autosize: false,
  paper_bgcolor: "rgba(0,0,0,0)",
  plot_bgcolor: "rgba(0,0,0,0)",
  font: { family: font, size: 13, color: paint.read("ink") },
  margin: { l: 8, r: 8, t: 8, b: 8 },
  dragmode: false,
  hovermode: "closest",
  hoverlabel: {
    align: "left",
    bgcolor: paint.read("card"),
    bordercolor: paint.read("muted"),
    font: { family: font, size: 13, color: paint.read("ink") },
  },
  showlegend: false,
  uirevision: "kept", // what the legend hides stays hidden when it is drawn again
  ...more,
});
const axis = (paint, more) => ({
  fixedrange: true,
  automargin: true,
  gridcolor: paint.read("line"),
  linecolor: paint.read("line"),
  zerolinecolor: paint.read("muted"),
  tickfont: { color: paint.read("muted"), size: 12 },
  ...more,
});
const USD = { tickprefix: "$", exponentformat: "none", separatethousands: true };
const legend = (paint) => ({
  orientation: "h",
  x: 0,
  xanchor: "left",
  y: 1,
  yanchor: "bottom",
  traceorder: "normal",
  itemclick: "toggle",
  itemdoubleclick: "toggleothers",
  font: { size: 12, color: paint.read("ink") },
});
const edge = (paint) => ({ color: paint.read("card"), width: 1 });

const build = {
  time(spec, paint, width) {
    const step = STEPS[spec.step];
    const times = spec.series.flatMap((line) => line.points.map((point) => Date.parse(`${point.x}Z`)));
    const first = times.reduce((low, time) => Math.min(low, time), Infinity);
    const last = most(times, first);
    // A few bars do not fill the chart: they would look like blocks.
    const spare = Math.max(0.6, (10 - (last - first) / step) / 2) * step;
    const range = [first - spare, last + spare].map((time) => new Date(time).toISOString().slice(0, -1));
    const days = [...new Set(spec.series.flatMap((line) => line.points.map((point) => point.x)))].sort();
    const apart = (64 * (last - first + 2 * spare)) / width; // milliseconds that a label needs
    const ticks = days.reduce((shown, day) =>
      (shown.length && Date.parse(day) - Date.parse(shown.at(-1)) < apart ? shown : [...shown, day]), []);
    const traces = spec.series.map((line) => ({
      type: "bar",
      name: plain(fitted(line.name, Math.min(260, width - 70), 12)),
      x: line.points.map((point) => point.x),
      y: line.points.map((point) => point.y),
      width: 0.86 * step,
      hovertext: line.points.map((point) => lines([line.name, ...point.text])),
      hoverinfo: "text",
      marker: { color: paint.model(line.colour), line: { color: paint.read("card"), width: times.length > 900 ? 0 : 0.5 } },
    }));
    const rows = width < 600 ? spec.series.length : Math.ceil(spec.series.length / Math.floor(width / 240));
    return [traces, layout(paint, 320 + 20 * rows, {
      barmode: "relative",
      showlegend: true,
      legend: legend(paint),
      xaxis: axis(paint, {
        type: "date", range, showgrid: false, tickangle: 0, tickformat: TICKS[spec.step],
        nticks: Math.max(3, Math.floor(width / 110)),
        ...((last - first) / step < 8 ? { tickvals: ticks } : {}),
      }),
      yaxis: axis(paint, { ...USD, nticks: 6 }),
    })];
  },

  // A name above each bar and its figures at the right: nothing is cut, at any width.
  bars(spec, paint, width, colour) {
    const room = width - 28;
    const apart = spec.rows.some((row) => widthOf(row.note, 13) > 0.62 * room);
    const pitch = apart ? 62 : 44;
    const rest = Array.from(spec.rows, (_, index) => index);
    const kinds = spec.kinds.map((_, kind) => kind)
      .filter((kind) => kind === 0 || spec.rows.some((row) => row.parts[kind].value));
    const traces = kinds.map((kind) => ({
      type: "bar",
      orientation: "h",
      name: plain(spec.kinds[kind]),
      x: spec.rows.map((row) => row.parts[kind].value),
      y: rest,
      width: 12 / pitch,
      hovertext: spec.rows.map((row) => lines([row.name, ...row.parts[kind].text])),
      hoverinfo: "text",
      marker: { color: colour(kind), line: edge(paint) },
    }));
    const label = (text, index, more) => ({
      text: plain(text), y: index, xref: "paper", yref: "y", yanchor: "bottom", yshift: 7,
      showarrow: false, borderpad: 0, bgcolor: paint.read("card"),
      font: { size: 13, color: paint.read("ink") }, ...more,
    });
    const annotations = spec.rows.flatMap((row, index) => {
      const left = apart ? room : room - widthOf(row.note, 13) - 16;
      const name = label(fitted(row.name, left, 13), index, { x: 0, xanchor: "left", align: "left" });
      const note = label(apart ? fitted(row.note, room, 13) : row.note, index, {
        x: apart ? 0 : 1, xanchor: apart ? "left" : "right",
        font: { size: 13, color: paint.read("muted") },
        ...(apart ? { yanchor: "top", yshift: -7 } : {}),
      });
      return [name, note];
    });
    const sums = (sign) => spec.rows.map((row) => row.parts.reduce((sum, part) => sum + Math.max(0, sign * part.value), 0));
    const [high, low] = [most(sums(1), 0), most(sums(-1), 0)];
    const legends = kinds.length > 1 ? 28 : 0;
    const shape = layout(paint, spec.rows.length * pitch + 44 + legends, {
      barmode: "relative",
      annotations,
      showlegend: legends > 0,
      legend: { ...legend(paint), yref: "container", y: 1, yanchor: "top" },
      margin: { l: 16, r: 8, t: 8 + legends, b: 32 },
      xaxis: axis(paint, {
        nticks: Math.max(3, Math.floor(width / 130)),
        range: high || low ? [-1.04 * low, 1.04 * high || 0.1 * low] : [0, 1],
        ...(spec.unit === "usd" ? USD : { ticksuffix: " %" }),
        automargin: false,
        ticklabeloverflow: "allow",
        zeroline: low > 0,
      }),
      yaxis: axis(paint, {
        range: [spec.rows.length - 1 + (apart ? 0.5 : 0.3), apart ? -0.5 : -0.7],
        showgrid: false, zeroline: false, showticklabels: false, automargin: false,
      }),
    });
    return [traces, shape];
  },

  costs(spec, paint, width) {
    return build.bars(spec, paint, width, (kind) => paint.read(["c0", "c1"][kind]));
  },

  providers(spec, paint, width) {
    return build.bars(spec, paint, width, (kind) => paint.read(["c1", "c4", "c3", "other"][kind]));
  },

  latencies(spec, paint, width) {
    const trace = {
      type: "bar",
      x: spec.bars.map((_, index) => index + 0.5),
      y: spec.bars.map((bar) => bar.value),
      width: 0.94,
      hovertext: spec.bars.map((bar) => lines(bar.text)),
      hoverinfo: "text",
      marker: { color: paint.read("c0") },
    };
    // As many labels as have room; marks that are close are labelled at different heights.
    const every = Math.ceil(spec.edges.length / Math.max(2, Math.floor(width / 76)));
    const shown = spec.edges.map((_, index) => index).filter((index) => index % every === 0);
    const pixel = (width - 60) / spec.bars.length;
    const ends = [];
    const annotations = spec.marks.map((mark) => {
      const half = widthOf(mark.text, 12) / 2 + 5;
      const centre = Math.min(Math.max(mark.at * pixel, half), width - 60 - half);
      let level = ends.findIndex((end) => end < centre - half);
      if (level < 0) level = ends.length;
      ends[level] = centre + half;
      return {
        text: plain(mark.text), x: centre / pixel, y: 1, yref: "paper", yanchor: "bottom",
        yshift: 2 + 17 * level, showarrow: false, font: { size: 12, color: paint.read("ink") },
      };
    });
    const shapes = spec.marks.map((mark) => ({
      type: "line", x0: mark.at, x1: mark.at, y0: 0, y1: 1, yref: "paper",
      line: { color: paint.read("c1"), width: 2, dash: "dot" },
    }));
    const tallest = most(spec.bars.map((bar) => bar.value), 1);
    return [[trace], layout(paint, 300, {
      annotations,
      shapes,
      margin: { l: 8, r: 24, t: 12 + 17 * Math.max(1, ends.length), b: 8 },
      xaxis: axis(paint, {
        range: [0, spec.bars.length], showgrid: false, ticks: "outside", tickcolor: paint.read("line"),
        ticklabeloverflow: "allow", tickvals: shown, ticktext: shown.map((index) => plain(spec.edges[index])), tickangle: 0,
      }),
      yaxis: axis(paint, {
        nticks: 6, range: [0, 1.05 * tallest], separatethousands: true, exponentformat: "none",
        ...(tallest < 6 ? { dtick: 1 } : {}),
      }),
    })];
  },

  fallbacks(spec, paint, width) {
    const size = 13;
    const room = width / 2 - 46;
    const names = [...spec.lefts, ...spec.rights];
    const failing = paint.read("c1");
    const next = (index) => paint.read(index === spec.nobody ? "c3" : "c0");
    const height = 60 + 46 * Math.max(spec.lefts.length, spec.rights.length);
    const trace = {
      type: "sankey",
      arrangement: "fixed",
      node: {
        label: names.map((name) => plain(fitted(name, room, size))),
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
        color: spec.flows.map((flow) => thin(flow.to === spec.nobody ? next(flow.to) : failing)),
        customdata: spec.flows.map((flow) =>
          lines([`${spec.lefts[flow.from]} failed`, `then ${spec.rights[flow.to]}`, flow.text])),
        hovertemplate: "%{customdata}<extra></extra>",
      },
      textfont: { family: font, size, color: paint.read("ink") },
    };
    const title = (text, x, xanchor) => ({
      text, x, xanchor, y: 1, yref: "paper", xref: "paper", yanchor: "bottom", yshift: 6,
      showarrow: false, font: { size: 12, color: paint.read("muted") },
    });
    return [[trace], layout(paint, height, {
      margin: { l: 4, r: 4, t: 28, b: 12 },
      annotations: [title("failed", 0, "left"), title("asked next", 1, "right")],
    })];
  },
};
