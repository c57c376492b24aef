// Draws the charts, redraws them when their width or the colours change, and sorts tables.

const root = document.documentElement;
const data = JSON.parse(document.getElementById("data").textContent);
// Names may contain two dollar signs, which would mark a formula.
const CONFIG = { displayModeBar: false, doubleClick: false, showTips: false, typesetMath: false };
const PAPER_WIDTH = 660; // pixels

const charts = Object.keys(data)
  .filter((id) => data[id] !== null)
  .map((id) => document.getElementById(id));

const draw = async (plotly, nodes, width) => {
  const colours = palette();
  for (const node of nodes) {
    const chartWidth = width ?? Math.floor(node.clientWidth);
    const [traces, layout] = build[node.id](data[node.id], colours, chartWidth);
    await plotly.react(node, traces, { ...layout, width: chartWidth }, CONFIG);
    node.dataset.width = String(chartWidth);
  }
};

const loadPlotly = async () => {
  const compressed = document.getElementById("library");
  const bytes = Uint8Array.from(atob(compressed.textContent), (character) => character.charCodeAt(0));
  const code = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const script = document.createElement("script");
  script.textContent = await new Response(code).text(); // the policy allows only this text
  document.head.append(script);
  compressed.remove();
  return globalThis.Plotly;
};

// Shows a hint below each table that is wider than its container.
const showScrollHints = () => {
  for (const scroll of document.querySelectorAll(".scroll")) {
    const next = scroll.nextElementSibling;
    const cue = next?.classList.contains("cue") ? next : document.createElement("p");
    cue.className = "cue";
    cue.textContent = "More columns: scroll sideways \u2192";
    cue.hidden = scroll.scrollWidth <= scroll.clientWidth + 1;
    scroll.after(cue);
  }
};
const tableObserver = new ResizeObserver(showScrollHints);
for (const scroll of document.querySelectorAll(".scroll")) tableObserver.observe(scroll);

const show = async () => {
  if (charts.length) await drawAll();
  root.dataset.drawn = "";
};

const drawAll = async () => {
  const plotly = await loadPlotly();
  for (const node of charts) node.hidden = false;
  await draw(plotly, charts);
  for (const details of document.querySelectorAll("details:not([data-keep])")) details.open = false;
  const redraw = () => void draw(plotly, charts);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new ResizeObserver(() => {
    const changed = charts.filter((node) => Math.floor(node.clientWidth) !== Number(node.dataset.width));
    if (changed.length && !("printing" in root.dataset)) void draw(plotly, changed);
  }).observe(document.getElementById("main"));
  addEventListener("beforeprint", () => {
    root.dataset.printing = "";
    void draw(plotly, charts, PAPER_WIDTH);
  });
  addEventListener("afterprint", () => {
    delete root.dataset.printing;
    redraw();
  });
};

const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b));
const sort = (table, head, column) => {
  const isText = head.classList.contains("text");
  const isAscending = head.ariaSort ? head.ariaSort === "descending" : isText;
  const value = (row) => {
    const text = row.cells[column].dataset.value;
    return text === undefined || isText ? text : Number(text);
  };
  const rows = Array.from(table.tBodies[0].rows, (row) => [value(row), row]);
  const [known, unknown] = [rows.filter(([key]) => key !== undefined), rows.filter(([key]) => key === undefined)];
  known.sort(([a], [b]) => (isAscending ? compare(a, b) : compare(b, a)));
  table.tBodies[0].append(...[...known, ...unknown].map(([, row]) => row));
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  head.ariaSort = isAscending ? "ascending" : "descending";
};
for (const table of document.querySelectorAll("table[data-sortable]")) {
  Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(table, head, column));
    head.replaceChildren(button);
  });
}

show().catch((error) => {
  for (const node of charts) node.hidden = true;
  for (const details of document.querySelectorAll("details")) details.open = true;
  const notice = document.getElementById("notice");
  notice.textContent = `The charts could not be drawn (${error}). All their figures are in the tables.`;
  notice.hidden = false;
});
