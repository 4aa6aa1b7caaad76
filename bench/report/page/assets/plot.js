// What plots share: axes, markers in a codec's colour, a tip beside the pointer.

const POLYGONS = {
  // on a circle of radius 1; matplotlib's names
  s: [
    [-0.88, -0.88],
    [0.88, -0.88],
    [0.88, 0.88],
    [-0.88, 0.88],
  ],
  "^": [
    [0, -1.05],
    [1, 0.8],
    [-1, 0.8],
  ],
  v: [
    [0, 1.05],
    [1, -0.8],
    [-1, -0.8],
  ],
  "<": [
    [-1.05, 0],
    [0.8, -1],
    [0.8, 1],
  ],
  ">": [
    [1.05, 0],
    [-0.8, -1],
    [-0.8, 1],
  ],
  D: [
    [0, -1.15],
    [1.15, 0],
    [0, 1.15],
    [-1.15, 0],
  ],
  P: cross(0.36, 1.05),
  X: turned(cross(0.38, 1.15), Math.PI / 4),
  "*": star(5, 1.3, 0.52),
  p: star(5, 1.1),
  h: star(6, 1.1),
};

function cross(arm, end) {
  return [
    [-arm, -end],
    [arm, -end],
    [arm, -arm],
    [end, -arm],
    [end, arm],
    [arm, arm],
    [arm, end],
    [-arm, end],
    [-arm, arm],
    [-end, arm],
    [-end, -arm],
    [-arm, -arm],
  ];
}

function star(corners, outer, inner) {
  const points = [];
  for (let place = 0; place < corners * (inner ? 2 : 1); place++) {
    const angle = -Math.PI / 2 + (place * Math.PI * (inner ? 1 : 2)) / corners;
    const radius = inner && place % 2 ? inner : outer;
    points.push([radius * Math.cos(angle), radius * Math.sin(angle)]);
  }
  return points;
}

function turned(points, angle) {
  return points.map(([x, y]) => [
    x * Math.cos(angle) - y * Math.sin(angle),
    x * Math.sin(angle) + y * Math.cos(angle),
  ]);
}

/** The path of a marker around a place. */
function markerPath(marker, x, y, radius) {
  const corners = POLYGONS[marker];
  if (!corners) {
    const arc = (across) => `a${radius},${radius} 0 1 0 ${across},0`;
    return `M${x - radius},${y}${arc(2 * radius)}${arc(-2 * radius)}Z`;
  }
  return (
    corners
      .map(
        ([dx, dy], place) =>
          `${place ? "L" : "M"}${(x + radius * dx).toFixed(1)},${(y + radius * dy).toFixed(1)}`,
      )
      .join("") + "Z"
  );
}

/** What gives an element a codec's colour, on a light and on a dark ground. */
function colours(name) {
  const { light, dark } = CODECS.get(name).look;
  return { "--light": light, "--dark": dark };
}

/** A codec's marker; hollow for published curves. */
function marker(name, x, y, radius, attributes) {
  const { look } = CODECS.get(name);
  return s("path", {
    class: look.dashed ? "mark hollow" : "mark",
    style: colours(name),
    d: markerPath(look.marker, x, y, radius),
    ...attributes,
  });
}

/** A codec's marker with a bit of its line, for legends and tables. */
function badge(name) {
  const { look } = CODECS.get(name);
  return s(
    "svg",
    {
      class: "badge ink",
      width: 26,
      height: 14,
      viewBox: "0 0 26 14",
      style: colours(name),
      "aria-hidden": "true",
      focusable: "false",
    },
    s("path", { class: "line", d: "M1,7H25", "stroke-dasharray": look.dashed ? "5 3" : null }),
    marker(name, 13, 7, 4.6),
  );
}

/** A codec with its marker and title. */
function codecLabel(name) {
  return h("span", { class: "codec" }, badge(name), h("span", { class: "name" }, titleOf(name)));
}

/** Axes of a plot with lines across; scales map to pixels of the box. */
function axes(box, x, y, xTitle, yTitle, xText = tickText, yText = tickText) {
  const across = y.ticks(Math.max(3, Math.round((box.bottom - box.top) / 55)));
  const along = x.ticks(Math.max(3, Math.round((box.right - box.left) / 75)));
  return s(
    "g",
    { class: "axes", "aria-hidden": "true" },
    across.map((tick) => s("path", { class: "grid", d: `M${box.left},${y(tick)}H${box.right}` })),
    along.map((tick) => s("path", { class: "grid", d: `M${x(tick)},${box.top}V${box.bottom}` })),
    s("path", { class: "frame", d: `M${box.left},${box.top}V${box.bottom}H${box.right}` }),
    across.map((tick) =>
      s(
        "text",
        { x: box.left - 8, y: y(tick), "text-anchor": "end", "dominant-baseline": "central" },
        yText(tick),
      ),
    ),
    along.map((tick) => s("text", { x: x(tick), y: box.bottom + 18, "text-anchor": "middle" }, xText(tick))),
    s(
      "text",
      { class: "title", x: (box.left + box.right) / 2, y: box.bottom + 40, "text-anchor": "middle" },
      xTitle,
    ),
    s("text", { class: "title", x: box.left - 8, y: box.top - 14, "text-anchor": "start", dx: -34 }, yTitle),
  );
}

/** A tip that follows what is pointed at, inside of a plot's frame. */
function tip(frame) {
  const box = h("div", { class: "tip", hidden: true });
  frame.append(box);
  return {
    show(x, y, ...lines) {
      box.replaceChildren(...lines);
      box.hidden = false;
      const left = Math.min(Math.max(0, x + 14), frame.clientWidth - box.offsetWidth);
      const above = y - box.offsetHeight - 12;
      box.style.left = `${left}px`;
      box.style.top = `${above < 0 ? y + 16 : above}px`;
      return box.innerText;
    },
    hide() {
      box.hidden = true;
    },
  };
}

/** Draw again whenever the frame's width changes. */
function drawnToFit(frame, draw) {
  let width = 0;
  new ResizeObserver(() => {
    if (frame.clientWidth === width) return;
    width = frame.clientWidth;
    draw();
  }).observe(frame);
}

/** Let one codec stand out in all plots; null: none. */
function highlight(name) {
  for (const plot of document.querySelectorAll(".plot svg")) {
    plot.classList.toggle("dimmed", name !== null);
    for (const part of plot.querySelectorAll("[data-codec]")) {
      part.classList.toggle("hot", part.dataset.codec === name);
    }
  }
}
