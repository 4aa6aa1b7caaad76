// BD-rates of all codecs against the anchor, the best first.

const ROOMY = 30;

station("summary", "BD-rate", "BD-rate", ["metric", "anchor"], (body) => {
  const note = h("p", { class: "about" });
  const table = h("div", {});
  const remarks = h("div", {});
  body.append(note, table, remarks);
  return () => {
    const metric = METRICS.get(state.metric);
    const names = ranked(state.anchor, state.metric);
    refill(
      note,
      `How many bits a codec needs for the same ${metric.title}, against ${titleOf(state.anchor)}. `,
      "Less is better: ",
      h("span", { class: "good" }, `${MINUS}10 %`),
      " saves a tenth of the bits.",
    );
    refill(table, scroller("BD-rates", summaryTable(names, metric)), summaryKey());
    refill(remarks, commonRemarks());
  };
});

function summaryTable(names, metric) {
  const rows = names
    .filter((name) => name !== state.anchor)
    .map((name) => rowOf(state.anchor, state.metric, name))
    .filter(Boolean);
  const scale = ratios(summaryDomain(rows), [5, 95]);
  const unit = metric.unit ? `, ${metric.unit}` : "";
  return h(
    "table",
    { class: "summary" },
    h(
      "caption",
      {},
      `Bjontegaard deltas against ${titleOf(state.anchor)}, ${metric.title}, ${imagesInWords()}`,
    ),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col", class: "words" }, "Codec"),
        h("th", { scope: "col" }, "BD-rate"),
        h("th", { scope: "col", class: "strip-head" }, spoken("BD-rate as a plot"), stripAxis(scale)),
        h("th", { scope: "col" }, `BD-metric${unit}`),
        h("th", { scope: "col" }, "Best image"),
        h("th", { scope: "col" }, "Worst image"),
        h("th", { scope: "col" }, "Overlap"),
        h("th", { scope: "col" }, "Decoding, s"),
      ),
    ),
    h(
      "tbody",
      {},
      names.map((name) => summaryRow(name, scale)),
    ),
  );
}

function summaryRow(name, scale) {
  const cost = COSTS.get(name);
  const codec = CODECS.get(name);
  const decoding = h(
    "td",
    { class: "number" },
    seconds(cost.decode_s),
    cost.decode_s === null ? spoken(cost.note || "not known") : null,
  );
  const { version } = codec.origin;
  const about = [codec.sampling ? `chroma ${codec.sampling}` : null, version]
    .filter(Boolean)
    .join(" \u00b7 ");
  const head = h(
    "th",
    { scope: "row", class: "words" },
    codecLabel(name),
    h("span", { class: "small version", title: version }, about),
    remarkList(remarksOn(state.anchor, state.metric, name).filter((remark) => remark.kind === "warning")),
  );
  const over = { onpointerenter: () => highlight(name), onpointerleave: () => highlight(null) };
  if (name === state.anchor) {
    return h(
      "tr",
      { class: "anchor", ...over },
      head,
      h("td", { class: "number" }, "anchor"),
      stripCell(name, scale, null),
      h("td"),
      h("td"),
      h("td"),
      h("td"),
      decoding,
    );
  }
  const row = rowOf(state.anchor, state.metric, name);
  if (!row) {
    return h(
      "tr",
      over,
      head,
      h("td", { colspan: 6, class: "reason" }, "no comparison in this metric"),
      decoding,
    );
  }
  if (row.bd_rate === null) {
    return h(
      "tr",
      over,
      head,
      h("td", { colspan: 2, class: "reason" }, row.reason),
      h("td", { class: "number" }, signed(row.bd_metric, 3)),
      h("td"),
      h("td"),
      h("td", { class: "number" }, `${(100 * row.overlap).toFixed(0)} %`),
      decoding,
    );
  }
  const extremes = marks(row);
  const interval = row.interval;
  return h(
    "tr",
    over,
    head,
    h(
      "td",
      { class: "number main" },
      h("strong", { class: row.bd_rate < 0 ? "good" : null }, percent(row.bd_rate)),
      interval
        ? h(
            "span",
            { class: interval.bd_rate ? "small" : "small long" },
            ends(interval.bd_rate, 2) || interval.reason,
          )
        : null,
    ),
    stripCell(name, scale, row),
    h("td", { class: "number" }, signed(row.bd_metric, 3)),
    ...["best", "worst"].map((which) => imageCell(row, extremes[which])),
    h("td", { class: "number" }, `${(100 * row.overlap).toFixed(0)} %`),
    decoding,
  );
}

/** Warnings that name no codec, and all notes. */
function commonRemarks() {
  const { remarks } = DATA.anchors[state.anchor];
  const notes = remarks.filter((remark) => remark.kind === "note");
  return [
    remarkList(remarks.filter((remark) => remark.kind === "warning" && !remark.codecs.length)),
    notes.length
      ? h(
          "details",
          { open: notes.length < 6 },
          h("summary", {}, count(notes.length, "note")),
          remarkList(notes),
        )
      : null,
  ];
}

function imageCell(row, place) {
  if (place === undefined) return h("td");
  return h(
    "td",
    { class: "number" },
    percent(row.by_image[place]),
    h("span", { class: "small" }, DATA.images[place]),
  );
}

/** From the best single image to the worst; the interval; the BD-rate itself. */
function stripCell(name, scale, row) {
  const parts = [];
  if (row) {
    const rates = row.by_image.filter((rate) => rate !== null);
    if (rates.length > 1) parts.push(stretch("stretch", scale, Math.min(...rates), Math.max(...rates)));
    if (row.interval && row.interval.bd_rate) parts.push(stretch("interval", scale, ...row.interval.bd_rate));
  }
  const place = scale(row ? row.bd_rate : 0);
  parts.push(
    h(
      "span",
      { class: "dot", style: { left: `${place}%` } },
      s("svg", { width: 16, height: 16, viewBox: "0 0 16 16", focusable: "false" }, marker(name, 8, 8, 5.2)),
    ),
  );
  return h(
    "td",
    { class: "strip-cell" },
    h("i", { class: "zero", style: { left: `${scale(0)}%` } }),
    h("div", { class: "strip ink", style: colours(name), "aria-hidden": "true" }, parts),
  );
}

function stretch(kind, scale, low, high) {
  const [from, to] = [scale(low), scale(high)].map((place) => Math.min(100, Math.max(0, place)));
  return h("i", { class: kind, style: { left: `${from}%`, width: `${to - from}%` } });
}

/** A narrow strip shows only those ticks that are `ROOMY` percent of it apart, 0 first. */
function stripAxis(scale) {
  const ticks = scale.ticks(4);
  const far = (tick) => Math.abs(scale(tick) - scale(0));
  const roomy = [];
  for (const tick of [...ticks].sort((a, b) => far(a) - far(b)))
    if (roomy.every((other) => Math.abs(scale(tick) - scale(other)) >= ROOMY)) roomy.push(tick);
  const label = (tick) =>
    h(
      "span",
      { class: roomy.includes(tick) ? "" : "extra", style: { left: `${scale(tick)}%` } },
      tick === 0 ? "0" : signed(tick, 0),
    );
  return h("div", { class: "strip axis", "aria-hidden": "true" }, ticks.map(label));
}

/** Wide enough for all BD-rates and intervals; single images may run out of it. */
function summaryDomain(rows) {
  const values = rows
    .flatMap((row) => [row.bd_rate, ...((row.interval && row.interval.bd_rate) || [])])
    .filter((value) => value !== null);
  const logs = [0, ...values].map((value) => Math.log1p(value / 100));
  return spread(logs, 0.08, 0.1).map((end) => 100 * Math.expm1(end));
}

function summaryKey() {
  return h(
    "p",
    { class: "key", "aria-hidden": "true" },
    h("span", {}, h("i", { class: "sample stretch" }), "best to worst image"),
    DATA.intervals ? h("span", {}, h("i", { class: "sample interval" }), "95 % interval over images") : null,
    h("span", {}, h("i", { class: "sample zero" }), `${titleOf(state.anchor)}`),
    h("span", {}, "half and double are equally far from 0"),
  );
}

/** The sentence that the page opens with. */
function headline() {
  const metric = METRICS.get(state.metric);
  const names = ranked(state.anchor, state.metric).filter((name) => name !== state.anchor);
  const first = NAMES[0] !== state.anchor ? NAMES[0] : names[0];
  const row = rowOf(state.anchor, state.metric, first);
  if (!row || row.bd_rate === null) return null;
  const more = row.bd_rate >= 0;
  const interval = row.interval && row.interval.bd_rate;
  const rank = ranked(state.anchor, state.metric).indexOf(first) + 1;
  return [
    h("strong", {}, titleOf(first)),
    " needs ",
    h("strong", {}, `${plain(Math.abs(row.bd_rate), 2)} % ${more ? "more" : "fewer"} bits`),
    ` than ${titleOf(state.anchor)} for the same ${metric.title}`,
    interval ? ` (95 % interval ${ends(interval, 2)})` : "",
    CODECS.size > 2 ? `, place ${rank} of ${CODECS.size}.` : ".",
  ];
}

function remarkList(remarks) {
  if (!remarks.length) return null;
  return h(
    "ul",
    { class: "remarks" },
    remarks.map((remark) => h("li", { class: remark.kind }, spoken(`${remark.kind}: `), remarkNodes(remark))),
  );
}

function imagesInWords() {
  return DATA.count ? `mean over ${count(DATA.count, "image")}` : "mean over an unknown number of images";
}
