// BD-rate over what coding costs, with the codecs that no other beats in both.

const COST_AXES = {
  decode_s: ["Decoding time", "s", true],
  encode_s: ["Encoding time", "s", true],
  decode_memory: ["Memory for decoding", "MiB", false],
  encode_memory: ["Memory for encoding", "MiB", false],
  decode_multiply_adds: ["Multiply-adds of decoding", "per pixel", false],
  encode_multiply_adds: ["Multiply-adds of encoding", "per pixel", false],
};
const COST_HIGH = 400;

station("cost", "Cost", "What it costs", ["metric", "anchor", "off", "cost", "device"], (body) => {
  const controls = h("div", { class: "controls" });
  const frame = h("div", { class: "plot", id: "cost-plot" });
  const below = h("div", {});
  body.append(
    h(
      "p",
      { class: "about" },
      "BD-rate against cost, both the less the better. ",
      "The line joins the codecs that no other beats in both.",
    ),
    controls,
    frame,
    below,
  );
  const pointer = tip(frame);
  const draw = () => {
    if (frame.clientWidth < 50) return;
    const old = frame.querySelector("svg");
    const drawing = costDrawing(frame.clientWidth, pointer);
    if (old) old.replaceWith(drawing);
    else frame.prepend(drawing);
  };
  drawnToFit(frame, draw);
  return () => {
    pointer.hide();
    refill(controls, costControls());
    draw();
    refill(below, costNotes(), costTable());
  };
});

/** A codec's cost on an axis; null: not known, or taken while other jobs ran. */
function costOf(name, axis) {
  const value = COSTS.get(name)[axis];
  if (value === null || value === undefined || !(value > 0)) return null;
  return axis.endsWith("memory") ? value / 2 ** 20 : value;
}

function costControls() {
  const known = Object.entries(COST_AXES).filter(([axis]) =>
    NAMES.some((name) => costOf(name, axis) !== null),
  );
  const device = state.device || DEVICES[0];
  return [
    picker(
      "Cost",
      known.map(([axis, [title]]) => [axis, title]),
      state.cost,
      (cost) => choose({ cost }),
      { "data-focus": "cost" },
    ),
    COST_AXES[state.cost][2] && DEVICES.length > 1
      ? picker(
          "Times of",
          DEVICES.map((one) => [one, one]),
          device,
          (one) => choose({ device: one === DEVICES[0] ? null : one }),
          { "data-focus": "device" },
        )
      : null,
  ];
}

/** Codecs with both figures, and for each other one why it is left out. */
function costPoints() {
  const timed = COST_AXES[state.cost][2];
  const device = state.device || DEVICES[0];
  const points = [];
  const absent = [];
  for (const name of ranked(state.anchor, state.metric).filter((one) => shown(one) || one === state.anchor)) {
    const rate = name === state.anchor ? 0 : bdRate(state.anchor, state.metric, name);
    const cost = costOf(name, state.cost);
    if (rate === null) absent.push([name, "no BD-rate"]);
    else if (cost === null) absent.push([name, whyNone(name, timed)]);
    else if (timed && CODECS.get(name).origin.timed_on !== device)
      absent.push([name, `times of ${CODECS.get(name).origin.timed_on}`]);
    else points.push({ name, rate, cost });
  }
  return { points, absent };
}

/** Those that no other codec beats or equals in both, by rising cost; hidden codecs count, too. */
function front(points) {
  const device = COST_AXES[state.cost][2] ? state.device || DEVICES[0] : "";
  const fronts = own(own(DATA.anchors[state.anchor].fronts, state.metric) || {}, state.cost) || {};
  const names = own(fronts, device) || [];
  return names.map((name) => points.find((point) => point.name === name)).filter(Boolean);
}

function costDrawing(width, pointer) {
  const [title, unit] = COST_AXES[state.cost];
  const { points } = costPoints();
  const box = { left: 52, right: width - 14, top: 34, bottom: COST_HIGH - 48 };
  const svg = s("svg", {
    width,
    height: COST_HIGH,
    viewBox: `0 0 ${width} ${COST_HIGH}`,
    role: "img",
    "aria-label": `Plot of BD-rate over ${title.toLowerCase()}; its figures are in the table below.`,
  });
  if (!points.length) {
    svg.append(
      s(
        "text",
        { x: width / 2, y: COST_HIGH / 2, "text-anchor": "middle" },
        "No codec that is shown has both figures.",
      ),
    );
    return svg;
  }
  const costs = points.map((point) => point.cost);
  const x = logarithmic([Math.min(...costs) / 1.5, Math.max(...costs) * 1.8], [box.left, box.right]);
  const logs = points.map((point) => Math.log1p(point.rate / 100));
  const y = ratios(
    spread(logs, 0.12, 0.2).map((end) => 100 * Math.expm1(end)),
    [box.bottom, box.top],
  );
  const line = front(points);
  const steps = line
    .map((point, place) =>
      place ? `H${x(point.cost)}V${y(point.rate)}` : `M${x(point.cost)},${box.top}V${y(point.rate)}`,
    )
    .join("");
  svg.append(
    axes(
      box,
      x,
      y,
      `${title}, ${unit} (logarithmic)`,
      `BD-rate against ${titleOf(state.anchor)}, %`,
      tickText,
      (tick) => (tick === 0 ? "0" : signed(tick, 0)),
    ),
    line.length ? s("path", { class: "front", d: `${steps}H${box.right}` }) : "",
    s("text", { class: "better", x: box.left + 10, y: box.bottom - 10 }, "\u2199 better"),
    s("g", {}, labelsBeside(points, line, x, y, box)),
    s(
      "g",
      {},
      points.map((point) =>
        s(
          "g",
          {
            class: `curve ink${line.includes(point) ? " strong" : ""}`,
            style: colours(point.name),
            "data-codec": point.name,
            onpointerenter: () => {
              highlight(point.name);
              pointer.show(x(point.cost), y(point.rate), ...costLines(point));
            },
            onpointerleave: () => {
              highlight(null);
              pointer.hide();
            },
          },
          s("circle", { class: "target", cx: x(point.cost), cy: y(point.rate), r: 14 }),
          marker(point.name, x(point.cost), y(point.rate), line.includes(point) ? 6.5 : 5),
        ),
      ),
    ),
  );
  return svg;
}

/** Names of the points where they don't run into others; those of the front come first. */
function labelsBeside(points, line, x, y, box) {
  const taken = points.map((point) => ({
    left: x(point.cost) - 6,
    right: x(point.cost) + 6,
    top: y(point.rate) - 6,
    bottom: y(point.rate) + 6,
  }));
  const labels = [];
  for (const point of [...line, ...points.filter((one) => !line.includes(one))]) {
    const [px, py] = [x(point.cost), y(point.rate)];
    const long = titleOf(point.name).length * 7 + 4;
    const spots = [
      [px + 10, py + 4, "start"],
      [px - 10, py + 4, "end"],
      [px, py - 12, "middle"],
      [px, py + 20, "middle"],
      [px + 9, py - 8, "start"],
      [px + 9, py + 16, "start"],
      [px - 9, py - 8, "end"],
      [px - 9, py + 16, "end"],
    ];
    for (const [lx, ly, anchor] of spots) {
      const left = anchor === "start" ? lx : anchor === "end" ? lx - long : lx - long / 2;
      const area = { left, right: left + long, top: ly - 11, bottom: ly + 3 };
      if (area.left < box.left || area.right > box.right || area.top < box.top || area.bottom > box.bottom)
        continue;
      if (
        taken.some(
          (other) =>
            area.left < other.right &&
            other.left < area.right &&
            area.top < other.bottom &&
            other.top < area.bottom,
        )
      )
        continue;
      taken.push(area);
      labels.push(
        s(
          "text",
          { class: line.includes(point) ? "label strong" : "label", x: lx, y: ly, "text-anchor": anchor },
          titleOf(point.name),
        ),
      );
      break;
    }
  }
  return labels;
}

function costLines(point) {
  const [title, unit] = COST_AXES[state.cost];
  return [
    h("div", { class: "tip-head" }, codecLabel(point.name)),
    h("div", {}, `${title}: ${Number(point.cost.toPrecision(3))} ${unit}`),
    h("div", {}, `BD-rate ${point.name === state.anchor ? "0 (anchor)" : percent(point.rate)}`),
  ];
}

function costNotes() {
  const { absent } = costPoints();
  const notes = [];
  if (absent.length)
    notes.push(`Not in the plot: ${absent.map(([name, why]) => `${titleOf(name)} (${why})`).join(", ")}.`);
  if (
    !NAMES.some(
      (name) =>
        costOf(name, "decode_multiply_adds") !== null || costOf(name, "encode_multiply_adds") !== null,
    )
  ) {
    notes.push("Multiply-adds are counted of learned codecs that can run here; there is none among these.");
  }
  return notes.map((note) => h("p", { class: "small note" }, note));
}

function costTable() {
  const columns = [
    ["Encoding, s", (cost) => seconds(cost.encode_s)],
    ["Decoding, s", (cost) => seconds(cost.decode_s)],
    ["Cells timed", (cost) => (cost.timed ? String(cost.timed) : "")],
    ["Encoding, MiB", (cost) => mebibytes(cost.encode_memory)],
    ["Decoding, MiB", (cost) => mebibytes(cost.decode_memory)],
    ["Parameters, M", (cost) => (cost.model_parameters ? (cost.model_parameters / 1e6).toFixed(1) : "")],
    ["Model, MiB", (cost) => (cost.model_bytes ? (cost.model_bytes / 2 ** 20).toFixed(1) : "")],
    ["Encoding, kMAC/pixel", (cost) => thousands(cost.encode_multiply_adds) || none(cost)],
    ["Decoding, kMAC/pixel", (cost) => thousands(cost.decode_multiply_adds) || none(cost)],
    ["Device", (cost) => cost.device],
    ["Note", (cost) => [cost.note, none(cost) ? "" : cost.not_counted].filter(Boolean).join("; ")],
  ].filter(([, text]) => DATA.costs.some((cost) => text(cost)));
  const best = new Set(front(costPoints().points).map((point) => point.name));
  const wordy = ["Device", "Note"];
  return scroller(
    "Costs",
    h(
      "table",
      {},
      h(
        "caption",
        {},
        "Times: means over images and qualities, of cells measured with nothing else running; ",
        "memory: the largest peak",
      ),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col", class: "words" }, "Codec"),
          h("th", { scope: "col" }, "On the front"),
          columns.map(([title]) =>
            h("th", { scope: "col", class: wordy.includes(title) ? "words" : null }, title),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        ranked(state.anchor, state.metric).map((name) =>
          h(
            "tr",
            {},
            h("th", { scope: "row", class: "words" }, codecLabel(name)),
            h("td", { class: "number" }, best.has(name) ? h("span", {}, "\u25cf", spoken(" yes")) : ""),
            columns.map(([title, text]) =>
              h("td", { class: wordy.includes(title) ? "words small" : "number" }, text(COSTS.get(name))),
            ),
          ),
        ),
      ),
    ),
  );
}

/** Multiply-adds a pixel, in thousands. */
/** Why a codec has no figure on the axis of costs. */
function whyNone(name, timed) {
  const { note, not_counted: reason } = COSTS.get(name);
  return (timed ? note : state.cost.endsWith("multiply_adds") && reason) || "not known";
}

/** For multiply-adds of a codec that has no networks. */
function none(cost) {
  return cost.not_counted.startsWith("none") ? "none" : "";
}

function thousands(count) {
  return count ? (count / 1000).toFixed(1) : "";
}
