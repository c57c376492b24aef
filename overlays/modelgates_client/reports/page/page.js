// Draws the charts, again when their width or the colours change, and lets readers sort tables.

const root = document.documentElement;
const data = JSON.parse(document.getElementById("data").textContent);
// Names may have two dollar signs; they are no formula.
const CONFIG = { displayModeBar: false, doubleClick: false, showTips: false, typesetMath: false };
const PAPER = 660; // pixels: what fits a page of paper

const places = Object.keys(data)
  .filter((id) => data[id] !== null)
  .map((id) => document.getElementById(id));

const draw = async (plotly, nodes, width) => {
  const paint = palette();
  for (const node of nodes) {
    const room = width ?? Math.floor(node.clientWidth);
    const [traces, shape] = build[node.id](data[node.id], paint, room);
    await plotly.react(node, traces, { ...shape, width: room }, CONFIG);
    node.dataset.width = String(room);
  }
};

const unpack = async () => {
  const packed = document.getElementById("library");
  const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
  const code = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const script = document.createElement("script");
  script.textContent = await new Response(code).text(); // the policy allows just this text
  document.head.append(script);
  packed.remove();
  return globalThis.Plotly;
};

// Says so where a table is wider than its place.
const tell = () => {
  for (const scroll of document.querySelectorAll(".scroll")) {
    const next = scroll.nextElementSibling;
    const cue = next?.classList.contains("cue") ? next : document.createElement("p");
    cue.className = "cue";
    cue.textContent = "More columns: scroll sideways \u2192";
    cue.hidden = scroll.scrollWidth <= scroll.clientWidth + 1;
    scroll.after(cue);
  }
};
const watch = new ResizeObserver(tell);
for (const scroll of document.querySelectorAll(".scroll")) watch.observe(scroll);

const show = async () => {
  if (places.length) await first();
  root.dataset.drawn = "";
};

const first = async () => {
  const plotly = await unpack();
  for (const node of places) node.hidden = false;
  await draw(plotly, places);
  for (const details of document.querySelectorAll("details:not([data-keep])")) details.open = false;
  const again = () => void draw(plotly, places);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  new ResizeObserver(() => {
    const changed = places.filter((node) => Math.floor(node.clientWidth) !== Number(node.dataset.width));
    if (changed.length && !("printing" in root.dataset)) void draw(plotly, changed);
  }).observe(document.getElementById("main"));
  addEventListener("beforeprint", () => {
    root.dataset.printing = "";
    void draw(plotly, places, PAPER);
  });
  addEventListener("afterprint", () => {
    delete root.dataset.printing;
    again();
  });
};

const order = (one, other) => (typeof one === "number" ? one - other : one.localeCompare(other));
const sort = (table, head, column) => {
  const isText = head.classList.contains("text");
  const up = head.ariaSort ? head.ariaSort === "descending" : isText;
  const value = (row) => {
    const found = row.cells[column].dataset.value;
    return found === undefined || isText ? found : Number(found);
  };
  const rows = Array.from(table.tBodies[0].rows, (row) => [value(row), row]);
  const [known, unknown] = [rows.filter(([key]) => key !== undefined), rows.filter(([key]) => key === undefined)];
  known.sort(([one], [other]) => (up ? order(one, other) : order(other, one)));
  table.tBodies[0].append(...[...known, ...unknown].map(([, row]) => row));
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  head.ariaSort = up ? "ascending" : "descending";
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
  for (const node of places) node.hidden = true;
  for (const details of document.querySelectorAll("details")) details.open = true;
  const notice = document.getElementById("notice");
  notice.textContent = `The charts could not be drawn (${error}). All their figures are in the tables.`;
  notice.hidden = false;
});
