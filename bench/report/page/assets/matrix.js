// All codecs against all others; a click makes a codec the anchor of the whole page.

station("matrix", "Matrix", "Every codec against every other", ["metric", "anchor", "off"], (body) => {
  const about = h("p", { class: "about" });
  const table = h("div", {});
  body.append(about, table);
  return () => {
    refill(
      about,
      `BD-rate in percent, ${METRICS.get(state.metric).title}: `,
      "the codec of the row against the anchor of the column. ",
      "Choose a column to make its codec the anchor of the page.",
    );
    refill(table, scroller("BD-rates of all pairs", matrixTable()), heatKey());
  };
});

function matrixTable() {
  const names = ranked(state.anchor, state.metric).filter((name) => shown(name) || name === state.anchor);
  return h(
    "table",
    { class: "matrix" },
    h("caption", {}, `BD-rates of all pairs, ${METRICS.get(state.metric).title}, percent`),
    h("thead", {}, h("tr", {}, h("td", { class: "corner" }, "codec \\ anchor"), names.map(matrixHead))),
    h(
      "tbody",
      {},
      names.map((name) =>
        h(
          "tr",
          {},
          h("th", { scope: "row", class: "words" }, codecLabel(name)),
          names.map((anchor) => matrixCell(name, anchor)),
        ),
      ),
    ),
  );
}

function matrixHead(name) {
  const { reason } = DATA.anchors[name];
  return h(
    "th",
    { scope: "col", class: name === state.anchor ? "upright current" : "upright" },
    h(
      "button",
      {
        type: "button",
        "data-focus": `anchor ${name}`,
        title: reason || `Make ${titleOf(name)} the anchor`,
        "aria-pressed": String(name === state.anchor),
        "aria-disabled": reason ? "true" : null,
        onclick: () => setAnchor(name),
      },
      h("span", {}, titleOf(name)),
    ),
  );
}

function matrixCell(name, anchor) {
  const current = anchor === state.anchor ? " current" : "";
  if (name === anchor) return h("td", { class: `heat itself${current}` }, "0", spoken(" the codec itself"));
  const row = rowOf(anchor, state.metric, name);
  const rate = row ? row.bd_rate : null;
  const told = row
    ? rate === null
      ? row.reason
      : `overlap ${(100 * row.overlap).toFixed(0)} %`
    : DATA.anchors[anchor].reason || "no common metric";
  return heatCell(rate, {
    class: `heat ${heat(rate)}${current}`,
    title: `${titleOf(name)} against ${titleOf(anchor)}: ${rate === null ? "none" : percent(rate)}; ${told}`,
    onclick: () => setAnchor(anchor),
  });
}

/** Make a codec the anchor of the page, if it can be one. */
function setAnchor(name) {
  const { reason } = DATA.anchors[name];
  if (reason) announce(`${titleOf(name)} can't be the anchor: ${reason}`);
  else choose({ anchor: name });
}
