// What one figure can hide: rates at equal quality, and quality at equal rates.

station("fixed", "Fixed points", "At equal quality, at equal rate", ["metric", "anchor", "off"], (body) => {
  const tables = h("div", {});
  body.append(
    h(
      "p",
      { class: "about" },
      "Read off the same curves. A BD-rate is the mean over all of this; ",
      "where signs differ along a row, curves cross.",
    ),
    tables,
  );
  return () => {
    const views = DATA.anchors[state.anchor].views.filter(
      (view) => view.metric === state.metric && view.lines.length,
    );
    refill(
      tables,
      views.length
        ? views.map(fixedTable)
        : h("p", { class: "note" }, "These curves have no quality and no rate in common."),
    );
  };
});

function fixedTable(view) {
  const metric = METRICS.get(view.metric);
  const atQuality = view.fixed === "quality";
  const names = ranked(state.anchor, state.metric).filter((name) => shown(name) || name === state.anchor);
  const title = atQuality
    ? `Bits per pixel at equal ${metric.title}, and percent against ${titleOf(state.anchor)}`
    : `${metric.axis} at equal rate, and the difference from ${titleOf(state.anchor)}`;
  const values = view.lines.flatMap((line) => Object.values(line.entries).map(([value]) => Math.abs(value)));
  const digits = atQuality ? 3 : Math.max(...values) >= 2 ? 2 : 4; // as in the tables of `bench compare`
  const at = (line) => (atQuality ? withUnit(tickText(line.at), metric.unit) : `${tickText(line.at)} bpp`);
  return scroller(
    title,
    h(
      "table",
      { class: "fixed" },
      h("caption", { class: "seen" }, title),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col", class: "words" }, "Codec"),
          view.lines.map((line) => h("th", { scope: "col" }, at(line))),
        ),
      ),
      h(
        "tbody",
        {},
        names.map((name) =>
          h(
            "tr",
            { class: name === state.anchor ? "anchor" : null },
            h("th", { scope: "row", class: "words" }, codecLabel(name)),
            view.lines.map((line) => fixedCell(own(line.entries, name), atQuality, metric, digits)),
          ),
        ),
      ),
    ),
  );
}

function fixedCell(entry, atQuality, metric, digits) {
  if (!entry || entry[0] === null) return h("td", { class: "heat none" }, "\u2013");
  const [value, gap] = entry;
  const figure = value.toFixed(digits);
  if (gap === null) return h("td", { class: "heat itself" }, figure);
  const loss = !atQuality && metric.higher_is_better ? -gap : gap;
  const noise = atQuality ? 0.05 : 0.5 * 10 ** -digits;
  const [better, worse] = [loss < -noise, loss > noise];
  return h(
    "td",
    { class: `heat ${better ? "less-2" : worse ? "more-2" : "same"}` },
    figure,
    h("span", { class: "gap" }, atQuality ? `${signed(gap, 1)} %` : signed(gap, digits)),
  );
}
