// A station is a part of the page with a heading, which is drawn again when what it shows was changed.

const STATIONS = [];

/** Add a station: its name in the menu, its heading, the keys of the state that it depends on, and what fills
 * its body once and returns what draws it. */
function station(id, name, title, keys, build) {
  STATIONS.push({ id, name, title, keys, build });
}

/** A colour for a BD-rate: the more it saves or costs, the stronger. */
function heat(rate) {
  if (rate === null || rate === undefined) return "none";
  const size = Math.abs(Math.log1p(Math.max(rate, -99) / 100));
  const step = [0.005, 0.05, 0.12, 0.25, 0.5].filter((limit) => size > limit).length;
  return step === 0 ? "same" : `${rate < 0 ? "less" : "more"}-${step}`;
}

/** What the colours of such a table mean. */
function heatKey() {
  const steps = ["less-5", "less-3", "less-1", "same", "more-1", "more-3", "more-5"];
  return h(
    "p",
    { class: "key", "aria-hidden": "true" },
    h("span", {}, "fewer bits"),
    h(
      "span",
      { class: "heat-key" },
      steps.map((step) => h("i", { class: `heat ${step}` })),
    ),
    h("span", {}, "more bits than the anchor"),
  );
}

/** A figure in a table of BD-rates. */
function heatCell(rate, attributes, ...marks) {
  return h(
    "td",
    { class: `heat ${heat(rate)}`, ...attributes },
    rate === null || rate === undefined ? "\u2013" : signed(rate, 1),
    ...marks,
  );
}
