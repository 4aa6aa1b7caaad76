// Rate-distortion curves: of the mean, or of one image.

const HIGH = 470;

station(
  "curves",
  "Curves",
  "Rate and distortion",
  ["metric", "anchor", "image", "log", "band", "all", "off", "zoom"],
  (body) => {
    const controls = h("div", { class: "controls" });
    const frame = h("div", { class: "plot", id: "curves-plot" });
    const side = h("div", { class: "side" });
    const below = h("div", {});
    const about = h(
      "p",
      { class: "about" },
      "Point at a curve for its figures, drag to zoom",
      PICTURES.size ? ", choose a point to see its pictures." : ".",
    );
    body.append(about, controls, h("div", { class: "plot-and-side" }, frame, side), below);
    const pointer = tip(frame);
    let drawing = null;

    const draw = () => {
      if (frame.clientWidth < 50) return;
      const old = frame.querySelector("svg");
      const focused = old !== null && old === document.activeElement;
      drawing = curvesDrawing(frame.clientWidth, pointer);
      if (old) old.replaceWith(drawing.svg);
      else frame.prepend(drawing.svg);
      if (focused) drawing.svg.focus({ preventScroll: true });
    };
    drawnToFit(frame, draw);
    return () => {
      refill(controls, curvesControls());
      refill(side, legend(state.image));
      pointer.hide();
      draw();
      refill(below, curvesRemarks(), pointsTables());
    };
  },
);

function curvesControls() {
  const many = DATA.images.length;
  const bandable = !state.image && DATA.codecs.some((codec) => codec.bands[state.metric]);
  return [
    many
      ? picker(
          "Image",
          [["", `Mean over ${count(DATA.count, "image")}`], ...DATA.images.map((image) => [image, image])],
          state.image,
          (image) => choose({ image, zoom: null }),
          { "data-focus": "image" },
        )
      : null,
    toggle("Logarithmic rate", state.log, (log) => choose({ log, zoom: null }), "log"),
    bandable
      ? toggle(
          "95 % bands",
          state.band,
          (band) => choose({ band }),
          "band",
          "How far the means would move on other images",
        )
      : null,
    toggle(
      "Whole curves",
      state.all,
      (all) => choose({ all, zoom: null }),
      "all",
      "Also the parts that only few of the codecs reach",
    ),
    state.zoom
      ? h(
          "button",
          { type: "button", class: "toggle", "data-focus": "zoom", onclick: () => choose({ zoom: null }) },
          "Zoom out",
        )
      : null,
  ];
}

/** All curves that are shown: name, points, and whether it is drawn stronger than others. */
function drawnCurves() {
  const strong = new Set([NAMES[0], state.anchor]);
  return ranked(state.anchor, state.metric)
    .filter(shown)
    .map((name) => ({ name, points: pointsOf(name, state.metric, state.image), strong: strong.has(name) }))
    .filter((curve) => curve.points.length)
    .reverse() // the best on top
    .sort((one, other) => one.strong - other.strong);
}

/** The part of the plane to draw: what is zoomed to, the whole, or what most of the curves reach. */
function curvesDomain(curves) {
  const points = curves.flatMap((curve) => curve.points);
  if (!points.length) return [0.1, 1, 0, 1];
  if (state.zoom) return state.zoom;
  const rates = points.map((point) => point.bpp);
  let [left, right] = [Math.min(...rates), Math.max(...rates)];
  let visible = points;
  if (!state.all && curves.length > 1) {
    const ends = curves
      .map((curve) => Math.max(...curve.points.map((point) => point.bpp)))
      .sort((a, b) => a - b);
    const starts = curves
      .map((curve) => Math.min(...curve.points.map((point) => point.bpp)))
      .sort((a, b) => a - b);
    right = Math.min(right, ends[Math.floor(0.25 * ends.length)] * 1.15);
    left = state.log ? Math.max(left, starts[Math.floor((starts.length - 1) / 2)] / 1.6) : left;
    const inside = points.filter((point) => point.bpp <= right && point.bpp >= left);
    if (inside.length > 1) visible = inside;
  }
  const [bottom, top] = spread(
    visible.map((point) => point.value),
    0.05,
    1e-6,
  );
  return state.log ? [left / 1.1, right * 1.1, bottom, top] : [0, right * 1.04, bottom, top];
}

function curvesDrawing(width, pointer) {
  const metric = METRICS.get(state.metric);
  const box = { left: 52, right: width - 12, top: 34, bottom: HIGH - 48 };
  const curves = drawnCurves();
  const [left, right, bottom, top] = curvesDomain(curves);
  const x = (state.log && left > 0 ? logarithmic : linear)([left, right], [box.left, box.right]);
  const [worst, best] = metric.higher_is_better ? [box.bottom, box.top] : [box.top, box.bottom];
  const y = linear([bottom, top], [worst, best]); // up is better
  const marked = s("g", { class: "pointed", "aria-hidden": "true" });
  const svg = s(
    "svg",
    {
      width,
      height: HIGH,
      viewBox: `0 0 ${width} ${HIGH}`,
      tabindex: "0",
      role: "application",
      "aria-label":
        `Plot of ${metric.title} over bits per pixel. Arrow keys go from point to point, ` +
        "Enter opens the pictures. The points are also in the table below.",
    },
    s(
      "defs",
      {},
      s(
        "clipPath",
        { id: "curves-box" },
        s("rect", {
          x: box.left,
          y: box.top,
          width: Math.max(0, box.right - box.left),
          height: box.bottom - box.top,
        }),
      ),
    ),
    axes(box, x, y, `Rate, bits per pixel${state.log ? " (logarithmic)" : ""}`, axisTitle(metric)),
    s(
      "g",
      { "clip-path": "url(#curves-box)" },
      state.band && !state.image ? curves.map((curve) => bandPath(curve, x, y)) : null,
      curves.map((curve) => curvePath(curve, x, y)),
    ),
    marked,
    s("rect", { class: "brush", hidden: true }),
  );
  const inside = (point) => {
    const [px, py] = [x(point.bpp), y(point.value)];
    return px >= box.left - 1 && px <= box.right + 1 && py >= box.top - 1 && py <= box.bottom + 1;
  };
  const places = curves.flatMap((curve) =>
    curve.points
      .filter(inside)
      .map((point) => ({ ...point, name: curve.name, px: x(point.bpp), py: y(point.value) })),
  );
  pointAtCurves(svg, { box, x, y, places, marked, pointer });
  return { svg };
}

function axisTitle(metric) {
  return metric.higher_is_better ? metric.axis : `${metric.axis} (less is better)`;
}

function curvePath(curve, x, y) {
  const { look } = CODECS.get(curve.name);
  const line = curve.points
    .map((point, place) => `${place ? "L" : "M"}${x(point.bpp).toFixed(1)},${y(point.value).toFixed(1)}`)
    .join("");
  return s(
    "g",
    {
      class: `curve ink${curve.strong ? " strong" : ""}`,
      style: colours(curve.name),
      "data-codec": curve.name,
    },
    s("path", { class: "line", d: line, "stroke-dasharray": look.dashed ? "6 4" : null }),
    curve.points.map((point) => marker(curve.name, x(point.bpp), y(point.value), curve.strong ? 4.6 : 3.6)),
  );
}

function bandPath(curve, x, y) {
  const ends = CODECS.get(curve.name).bands[state.metric];
  if (!ends || curve.points.length < 2) return null;
  const side = (end) =>
    curve.points.map((point) => `${x(point.bpp).toFixed(1)},${y(ends[point.at].value[end]).toFixed(1)}`);
  return s("path", {
    class: "band ink",
    style: colours(curve.name),
    "data-codec": curve.name,
    d: `M${side(1).join("L")}L${side(0).reverse().join("L")}Z`,
  });
}

function curvesRemarks() {
  const absent = state.image
    ? NAMES.filter((name) => shown(name) && !pointsOf(name, state.metric, state.image).length)
    : [];
  const notes = [];
  if (absent.length) notes.push(`No figures of this single image: ${absent.map(titleOf).join(", ")}.`);
  if (state.band && !state.image)
    notes.push(
      "Bands tell how far a mean would move on other images. All codecs see the same images, " +
        "so bands overlap more than the intervals of BD-rates.",
    );
  return notes.map((note) => h("p", { class: "small note" }, note));
}
