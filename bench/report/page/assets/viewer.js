// The viewer: an original against two codecs at the nearest rate, and how near that is.

const VIEWER_KEYS = [
  "pic",
  "a",
  "at_a",
  "b",
  "mode",
  "pair",
  "show",
  "cut",
  "scale",
  "x",
  "y",
  "gain",
  "metric",
  "anchor",
];
const FLICKER_MS = 700;

station("pictures", "Pictures", "See for yourself", VIEWER_KEYS, (body) => {
  const about = h("div", {});
  const controls = h("div", { class: "controls" });
  const stageFrame = h("div", {});
  const captions = h("div", {});
  const below = h("div", {});
  body.append(about, controls, captions, stageFrame, below);
  let stage = null;
  let shownPictures = null;
  let ticking = null;

  const play = (on) => {
    clearInterval(ticking);
    ticking = on ? setInterval(() => choose({ show: nextShown() }), FLICKER_MS) : null;
  };
  const rebuild = (view) => {
    stage = h(
      "div",
      {
        class: `stage ${state.mode}`,
        tabindex: "0",
        role: "application",
        "data-focus": "stage",
        "aria-label":
          "Pictures. Plus and minus zoom, 0 fits, arrows move, F shows the next picture, " +
          "1 the original, 2 and 3 the codecs.",
      },
      panesOf(view),
    );
    answerOnStage(stage, view.page);
    refill(stageFrame, stage);
    drawnToFit(stage, () => place(stage, view.page));
  };
  const draw = () => {
    const view = viewOf();
    refill(about, view ? viewerAbout() : null, missingPictures());
    if (!view) return;
    if (state.mode !== "flicker") play(false);
    refill(
      controls,
      viewerControls(view, ticking !== null, (on) => {
        play(on);
        draw();
      }),
    );
    const key = JSON.stringify([
      state.mode,
      state.pair,
      state.mode === "error" ? state.gain : 0,
      view.original.src,
      view.a.src,
      view.b && view.b.src,
    ]);
    if (key !== shownPictures) {
      shownPictures = key;
      rebuild(view);
    }
    place(stage, view.page);
    refill(captions, viewerCaptions(view));
    refill(below, sliderInput());
  };
  return draw;
});

/** What the viewer shows now: the page of an image, its original, codecs a and b; null: no pictures. */
function viewOf() {
  const page = PICTURES.get(state.pic);
  if (!page) return null;
  const names = ranked(state.anchor, state.metric).filter((name) =>
    page.decoded.some((one) => one.codec === name),
  );
  const a = names.includes(state.a) ? state.a : names.includes(NAMES[0]) ? NAMES[0] : names[0];
  const rest = names.filter((name) => name !== a);
  const b = rest.includes(state.b) ? state.b : rest.includes(state.anchor) ? state.anchor : rest[0];
  const all = decodedOf(page, a);
  const first =
    state.at_a === null || state.a !== a
      ? all[Math.floor((all.length - 1) / 2)]
      : all.reduce((best, one) =>
          Math.abs(one.quality - state.at_a) < Math.abs(best.quality - state.at_a) ? one : best,
        );
  const far = (one) => Math.abs(Math.log(one.bpp / first.bpp));
  const second = b ? decodedOf(page, b).reduce((best, one) => (far(one) < far(best) ? one : best)) : null;
  return {
    page,
    names,
    rates: all,
    original: { src: page.original, title: "Original", alt: `Original of ${page.image}` },
    a: {
      ...first,
      title: titleOf(a),
      alt: `${page.image} by ${titleOf(a)} at ${first.bpp.toFixed(3)} bits per pixel`,
    },
    b: second
      ? {
          ...second,
          title: titleOf(b),
          alt: `${page.image} by ${titleOf(b)} at ${second.bpp.toFixed(3)} bits per pixel`,
        }
      : null,
  };
}

/** Decoded pictures of a codec with their figures, by rising rate. */
function decodedOf(page, name) {
  const points = CODECS.get(name).images[DATA.images.indexOf(page.image)] || [];
  return page.decoded
    .filter((one) => one.codec === name)
    .map((one) => ({ ...one, name, ...points.find((point) => point.quality === one.quality) }))
    .filter((one) => one.bpp > 0)
    .sort((one, other) => one.bpp - other.bpp);
}

function viewerAbout() {
  const pages = DATA.pictures.pages.length;
  return h(
    "p",
    { class: "about" },
    `${count(pages, "image")} of ${DATA.images.length}, ${size(DATA.pictures.bytes)} of lossless WebP. `,
    "Codec B is shown at the rate that is nearest to that of codec A. Drag to slide or move; keys: ",
    ...[
      ["F", "next picture"],
      ["1 2 3", "original, A, B"],
      ["+ \u2212", "zoom"],
    ].flatMap(([key, text], at) => [at ? ", " : "", h("kbd", {}, key), ` ${text}`]),
    ".",
  );
}

function viewerControls(view, playing, play) {
  const { page, names, rates, a, b } = view;
  const why = (one) => (one.why ? ` \u2013 ${one.why} for ${titleOf(NAMES[0])}` : "");
  const codecs = names.map((name) => [name, titleOf(name)]);
  return [
    picker(
      "Image",
      DATA.pictures.pages.map((one) => [one.image, one.image + why(one)]),
      page.image,
      (pic) => choose({ pic, x: 0.5, y: 0.5 }),
      { "data-focus": "pic" },
    ),
    picker(
      "Codec A",
      codecs,
      a.name,
      (name) =>
        choose({
          a: name,
          at_a: nearestRate(page, name, a.bpp),
          b: name === (b && b.name) ? a.name : state.b,
        }),
      { "data-focus": "a" },
    ),
    picker(
      "at",
      rates.map((one) => [String(one.quality), `${one.bpp.toFixed(3)} bpp`]),
      String(a.quality),
      (quality) => choose({ a: a.name, at_a: Number(quality) }),
      { "data-focus": "at_a" },
    ),
    b
      ? picker(
          "Codec B",
          codecs.filter(([name]) => name !== a.name),
          b.name,
          (name) => choose({ b: name }),
          { "data-focus": "b" },
        )
      : null,
    choice(
      "View",
      [
        ["slider", "Slider"],
        ["side", "Side by side"],
        ["flicker", "Flicker"],
        ["error", "Error map"],
      ],
      state.mode,
      (mode) => choose({ mode }),
      "mode",
    ),
    choice(
      "Zoom",
      SCALES.map((scale) => [scale, scale === "fit" ? "Fit" : `${scale}\u00d7`]),
      state.scale,
      (scale) => choose({ scale }),
      "scale",
    ),
    state.mode === "slider" && b
      ? picker(
          "Left | right",
          [
            ["ab", "A | B"],
            ["oa", "Original | A"],
            ["ob", "Original | B"],
          ],
          state.pair,
          (pair) => choose({ pair }),
          { "data-focus": "pair" },
        )
      : null,
    state.mode === "flicker"
      ? choice(
          "Picture",
          [["o", "Original"], ["a", a.title], ...(b ? [["b", b.title]] : [])],
          state.show,
          (show) => choose({ show }),
          "show",
        )
      : null,
    state.mode === "flicker" ? toggle("Play", playing, play, "play") : null,
    state.mode === "error"
      ? picker(
          "Error times",
          ["1", "2", "4", "8", "16", "32"].map((gain) => [gain, gain]),
          String(state.gain),
          (gain) => choose({ gain: Number(gain) }),
          { "data-focus": "gain" },
        )
      : null,
  ];
}

function nearestRate(page, name, bpp) {
  const far = (one) => Math.abs(Math.log(one.bpp / bpp));
  return decodedOf(page, name).reduce((best, one) => (far(one) < far(best) ? one : best)).quality;
}

function sliderInput() {
  if (state.mode !== "slider") return null;
  return h("input", {
    type: "range",
    class: "cut",
    min: 0,
    max: 100,
    step: 0.5,
    value: state.cut,
    "data-focus": "cut",
    "aria-label": "Place of the slider: how much of the left picture shows, percent",
    oninput: (event) => choose({ cut: Number(event.target.value) }),
  });
}

/** What is shown, with its figures, and how far the rates are apart. */
function viewerCaptions({ page, a, b }) {
  const line = (letter, one, gap) =>
    h(
      "li",
      {},
      h("span", { class: "letter" }, letter),
      codecLabel(one.name),
      h(
        "span",
        {},
        ` quality ${setting(one.quality)}, `,
        h("strong", {}, `${one.bpp.toFixed(4)} bpp`),
        gap ? `, ${gap}` : "",
      ),
      h(
        "span",
        { class: "small" },
        [...METRICS.values()]
          .filter((metric) => Number.isFinite(one.db[metric.name]))
          .map((metric) => ` ${metric.title} ${withUnit(plain(one.db[metric.name], 2), metric.unit)}`)
          .join(","),
      ),
    );
  const gap = b ? 100 * (b.bpp / a.bpp - 1) : 0;
  const apart =
    Math.abs(gap) < 0.05
      ? "as many bits as A"
      : `${plain(Math.abs(gap), 1)} % ${gap > 0 ? "more" : "fewer"} bits than A`;
  return h(
    "ul",
    { class: "captions", "aria-label": `Pictures of ${page.image}` },
    line("A", a),
    b ? line("B", b, apart) : null,
  );
}

/** Which codecs have no pictures, and the command that makes them. */
function missingPictures() {
  const { missing } = DATA.pictures;
  if (!missing.length)
    return DATA.pictures.pages.length
      ? null
      : h("p", { class: "note" }, "This report was made without pictures.");
  const list = h(
    "ul",
    { class: "missing" },
    missing.map((one) =>
      h(
        "li",
        {},
        codecLabel(one.codec),
        h("span", { class: "small" }, ` ${one.reason}`),
        copied(one.command, `command for pictures of ${titleOf(one.codec)}`),
      ),
    ),
  );
  if (!DATA.pictures.pages.length) {
    return [
      h(
        "p",
        { class: "about" },
        "There are no decoded pictures to show. These commands keep them; then make this report again.",
      ),
      h(
        "details",
        { open: missing.length < 4 },
        h("summary", {}, `Commands for ${count(missing.length, "codec")}`),
        list,
      ),
    ];
  }
  return h(
    "details",
    {},
    h("summary", {}, `Pictures of ${count(missing.length, "codec")} are missing`),
    list,
  );
}

/** Show the pictures of a point of a curve. */
function openPictures(point) {
  const pages = DATA.pictures.pages.filter((page) => page.decoded.some((one) => one.codec === point.name));
  if (!pages.length) {
    announce(`There are no pictures of ${titleOf(point.name)}.`);
    return;
  }
  const wanted = [state.image, state.pic].find((image) => pages.some((page) => page.image === image));
  const page = wanted ? PICTURES.get(wanted) : pages[0];
  const quality = decodedOf(page, point.name).reduce((best, one) =>
    Math.abs(one.quality - point.quality) < Math.abs(best.quality - point.quality) ? one : best,
  ).quality;
  choose({ pic: page.image, a: point.name, at_a: quality, b: state.b === point.name ? null : state.b });
  goTo("pictures");
}
