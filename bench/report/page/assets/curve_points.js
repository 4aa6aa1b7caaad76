// Points of the curves: pointing at them by pointer and keyboard, zooming, and the same points as tables.

const REACH = 36; // pixels from the pointer within which a point counts as meant

/** Make a drawing of curves answer. `places` are its points with their pixels. */
function pointAtCurves(svg, { box, x, y, places, marked, pointer }) {
  let current = null;
  let from = null;
  let before = null; // what a finger had touched already: only then does it open pictures
  const brush = svg.querySelector(".brush");

  const show = (place, speak) => {
    current = place;
    marked.replaceChildren();
    highlight(place ? place.name : null);
    if (!place) {
      pointer.hide();
      return;
    }
    marked.append(
      s("circle", { class: "ink", style: colours(place.name), cx: place.px, cy: place.py, r: 8 }),
    );
    const text = pointer.show(place.px, place.py, ...pointLines(place));
    if (speak) announce(text.replace(/\s*\n\s*/g, ", "));
  };
  const at = (event) => {
    const frame = svg.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };
  const near = ([px, py]) => {
    let best = null;
    let least = REACH;
    for (const place of places) {
      const distance = Math.hypot(place.px - px, place.py - py);
      if (distance < least) [least, best] = [distance, place];
    }
    return best;
  };

  svg.addEventListener("pointermove", (event) => {
    const place = at(event);
    if (from) stretchBrush(brush, box, from, place);
    if (from && moved(from, place)) show(null);
    else show(near(place));
  });
  svg.addEventListener("pointerleave", () => {
    if (!from) show(null);
  });
  svg.addEventListener("pointerdown", (event) => {
    before = current;
    if (event.pointerType !== "mouse") show(near(at(event)));
    if (event.button === 0 && event.pointerType === "mouse") {
      from = at(event);
      svg.setPointerCapture(event.pointerId);
    }
  });
  svg.addEventListener("pointerup", (event) => {
    const to = at(event);
    const start = from;
    from = null;
    brush.setAttribute("hidden", "");
    if (start && moved(start, to)) zoomTo(box, x, y, start, to);
    else if (near(to) && (event.pointerType === "mouse" || near(to) === before)) openPictures(near(to));
  });
  svg.addEventListener("pointercancel", () => {
    from = null;
    brush.setAttribute("hidden", "");
  });
  svg.addEventListener("dblclick", () => choose({ zoom: null }));
  svg.addEventListener("blur", () => show(null));
  svg.addEventListener("keydown", (event) => {
    const next = nextPlace(places, current, event.key);
    if (next) show(next, true);
    else if (event.key === "Enter" && current) openPictures(current);
    else if (event.key === "Escape") show(null);
    else return;
    event.preventDefault();
  });
}

/** Left and right go along a curve, up and down to the next codec's point of about the same rate. */
function nextPlace(places, current, key) {
  if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(key) || !places.length) return null;
  const names = ranked(state.anchor, state.metric).filter((name) =>
    places.some((place) => place.name === name),
  );
  if (!current) return places.find((place) => place.name === names[0]);
  const along = (name) => places.filter((place) => place.name === name).sort((a, b) => a.bpp - b.bpp);
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const own = along(current.name);
    const place = own.findIndex((other) => other.at === current.at) + (key === "ArrowRight" ? 1 : -1);
    return own[Math.min(own.length - 1, Math.max(0, place))];
  }
  const step = key === "ArrowDown" ? 1 : -1;
  const name = names[(names.indexOf(current.name) + step + names.length) % names.length];
  return along(name).reduce((best, other) =>
    Math.abs(other.px - current.px) < Math.abs(best.px - current.px) ? other : best,
  );
}

function pointLines(place) {
  const band = state.image ? null : CODECS.get(place.name).bands[state.metric];
  const about = band ? band[place.at] : null;
  const range = (interval, digits) =>
    interval
      ? h("span", { class: "small" }, ` (${interval.map((end) => end.toFixed(digits)).join(" to ")})`)
      : null;
  const values = [...METRICS.values()].filter((metric) => Number.isFinite(place.db[metric.name]));
  return [
    h("div", { class: "tip-head" }, codecLabel(place.name)),
    h("div", { class: "small" }, `${state.image || imagesInWords()}, quality ${setting(place.quality)}`),
    h("div", {}, `${place.bpp.toFixed(4)} bpp`, range(about && about.bpp, 3)),
    values.map((metric) =>
      h(
        "div",
        { class: metric.name === state.metric ? "told" : "small" },
        `${metric.title} ${withUnit(plain(place.db[metric.name], 3), metric.unit)}`,
        metric.name === state.metric ? range(about && about.value, 2) : null,
      ),
    ),
  ].flat();
}

function moved(from, to) {
  return Math.hypot(to[0] - from[0], to[1] - from[1]) > 8;
}

function stretchBrush(brush, box, from, to) {
  const clamp = ([px, py]) => [
    Math.min(box.right, Math.max(box.left, px)),
    Math.min(box.bottom, Math.max(box.top, py)),
  ];
  const [a, b] = [clamp(from), clamp(to)];
  brush.removeAttribute("hidden");
  for (const [name, value] of Object.entries({
    x: Math.min(a[0], b[0]),
    y: Math.min(a[1], b[1]),
    width: Math.abs(a[0] - b[0]),
    height: Math.abs(a[1] - b[1]),
  })) {
    brush.setAttribute(name, value);
  }
}

function zoomTo(box, x, y, from, to) {
  const inside = (value, low, high) => Math.min(high, Math.max(low, value));
  const columns = [from[0], to[0]].map((px) => inside(px, box.left, box.right)).sort((a, b) => a - b);
  const lines = [from[1], to[1]].map((py) => inside(py, box.top, box.bottom)).sort((a, b) => b - a);
  if (columns[1] - columns[0] < 8 || lines[0] - lines[1] < 8) return;
  const values = lines.map(y.back).sort((a, b) => a - b);
  choose({ zoom: [...columns.map(x.back), ...values] });
}

/** The points as tables, for those who can't use the plot or want the figures. */
function pointsTables() {
  const metric = METRICS.get(state.metric);
  const names = ranked(state.anchor, state.metric).filter(shown);
  const rows = names.flatMap((name) =>
    pointsOf(name, state.metric, state.image).map((point) =>
      h(
        "tr",
        {},
        h("th", { scope: "row", class: "words" }, titleOf(name)),
        h("td", { class: "number" }, setting(point.quality)),
        h("td", { class: "number" }, point.bpp.toFixed(4)),
        h("td", { class: "number" }, plain(point.value, 3)),
      ),
    ),
  );
  return h(
    "details",
    {},
    h("summary", {}, "The points as a table"),
    scroller(
      "Points of the curves",
      h(
        "table",
        {},
        h("caption", {}, `${metric.title} of ${state.image || "the " + imagesInWords()}`),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col", class: "words" }, "Codec"),
            ...["Quality", "bpp", metric.axis].map((text) => h("th", { scope: "col" }, text)),
          ),
        ),
        h("tbody", {}, rows),
      ),
    ),
  );
}
