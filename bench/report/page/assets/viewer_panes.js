// The panes of the viewer: pictures that lie exactly on each other, at the same zoom and place in all panes.

const SCALES = ["fit", "1", "2", "4", "8"];

/** A picture of a pane; drawn without smoothing when it is enlarged. */
function layer(src, alt, kind) {
  return h("img", { class: `layer ${kind || ""}`, src, alt, draggable: "false", decoding: "async" });
}

/** A pane: pictures over each other, a title in a corner or two. */
function pane(layers, titles, kind) {
  return h(
    "div",
    { class: `pane ${kind || ""}` },
    h("div", { class: "layers" }, layers),
    titles.map((title, place) =>
      h("span", { class: `pane-title ${place ? "right" : "left"}`, "aria-hidden": "true" }, title),
    ),
  );
}

/** The panes of a mode. `view` holds page, original, a and b, each with src and title; b may be null. */
function panesOf(view) {
  const { original, a, b } = view;
  if (state.mode === "side")
    return [original, a, b].filter(Boolean).map((one) => pane([layer(one.src, one.alt)], [one.title]));
  if (state.mode === "error") {
    return [a, b]
      .filter(Boolean)
      .map((one) =>
        pane(
          [
            layer(original.src, ""),
            layer(one.src, `Difference of ${one.alt} from the original`, "difference"),
          ],
          [`${one.title}, error \u00d7 ${state.gain}`],
          "error",
        ),
      );
  }
  if (state.mode === "flicker") {
    return [
      pane(
        [
          ["o", original],
          ["a", a],
          ["b", b],
        ]
          .filter(([, one]) => one)
          .map(([key, one]) => layer(one.src, one.alt, key)),
        [""],
        "flicker",
      ),
    ];
  }
  const [left, right] = sliderPair(view);
  return [
    pane(
      [layer(right.src, right.alt), h("div", { class: "half" }, layer(left.src, left.alt))],
      [left.title, right.title],
      "slider",
    ),
  ];
}

/** The two pictures of the slider, left and right. */
function sliderPair({ original, a, b }) {
  const pair = b ? state.pair : "oa";
  return { ab: [a, b], oa: [original, a], ob: [original, b] }[pair];
}

/** Bring the pictures of all panes to the zoom and place of the state. */
function place(stage, page) {
  stage.style.setProperty("--cut", `${state.cut}%`);
  stage.style.setProperty("--gain", state.gain);
  for (const box of stage.querySelectorAll(".pane")) {
    const wide = box.clientWidth;
    const high = Math.min((wide * page.height) / page.width, Math.max(220, innerHeight * 0.7));
    box.style.height = `${high}px`;
    const scale =
      state.scale === "fit" ? Math.min(wide / page.width, high / page.height) : Number(state.scale);
    const [left, top] = [
      offset(wide, page.width * scale, state.x),
      offset(high, page.height * scale, state.y),
    ];
    for (const picture of box.querySelectorAll(".layer")) {
      picture.style.width = `${page.width}px`;
      picture.style.height = `${page.height}px`;
      picture.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
      picture.classList.toggle("sharp", scale >= 1);
    }
    if (!box.classList.contains("flicker")) continue;
    for (const picture of box.querySelectorAll(".layer"))
      picture.classList.toggle("gone", !picture.classList.contains(state.show));
  }
}

/** Where a picture starts in a pane, so that its place `centre` (0 to 1) is in the middle if it can be. */
function offset(room, length, centre) {
  if (length <= room) return (room - length) / 2;
  return Math.min(0, Math.max(room - length, room / 2 - centre * length));
}

/** Let the stage answer to pointer and keys: drag to move or to slide, keys as `stageKeys` says. */
function answerOnStage(stage, page) {
  let from = null;
  stage.addEventListener("pointerdown", (event) => {
    const box = event.target.closest(".pane");
    if (event.button !== 0 || !box) return;
    const area = box.getBoundingClientRect();
    const cut = area.left + (area.width * state.cut) / 100;
    const slides =
      box.classList.contains("slider") && (state.scale === "fit" || Math.abs(event.clientX - cut) < 26);
    from = {
      slides,
      area,
      px: event.clientX,
      py: event.clientY,
      x: state.x,
      y: state.y,
      scale: currentScale(box, page),
    };
    stage.setPointerCapture(event.pointerId);
    if (slides) slideTo(from.area, event.clientX);
    stage.focus({ preventScroll: true });
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => {
    if (!from) return;
    if (from.slides) slideTo(from.area, event.clientX);
    else moveBy(from, event, page);
  });
  for (const end of ["pointerup", "pointercancel"])
    stage.addEventListener(end, () => {
      from = null;
    });
  stage.addEventListener("dblclick", () => choose({ scale: state.scale === "fit" ? "4" : "fit" }));
  stage.addEventListener("keydown", (event) => {
    const changes = event.ctrlKey || event.metaKey || event.altKey ? null : stageKeys(event.key);
    if (!changes) return;
    event.preventDefault();
    choose(changes);
  });
}

function currentScale(box, page) {
  return state.scale === "fit"
    ? Math.min(box.clientWidth / page.width, box.clientHeight / page.height)
    : Number(state.scale);
}

function slideTo(area, px) {
  choose({ cut: Math.round(Math.min(100, Math.max(0, (100 * (px - area.left)) / area.width)) * 10) / 10 });
}

function moveBy(from, event, page) {
  const inside = (value) => Math.min(1, Math.max(0, value));
  choose({
    x: inside(from.x - (event.clientX - from.px) / (page.width * from.scale)),
    y: inside(from.y - (event.clientY - from.py) / (page.height * from.scale)),
  });
}

/** What a key changes: + and - zoom, 0 fits, arrows move (or slide), F flickers, 1 2 3 choose a picture. */
function stageKeys(key) {
  const near = SCALES.indexOf(state.scale);
  const step = 0.08 / (state.scale === "fit" ? 1 : Number(state.scale));
  const inside = (value) => Math.min(1, Math.max(0, value));
  const slides = state.mode === "slider" && state.scale === "fit";
  switch (key) {
    case "+":
    case "=":
      return { scale: SCALES[Math.min(SCALES.length - 1, near + 1)] };
    case "-":
      return { scale: SCALES[Math.max(0, near - 1)] };
    case "0":
      return { scale: "fit" };
    case "ArrowLeft":
      return slides ? { cut: Math.max(0, state.cut - 2) } : { x: inside(state.x - step) };
    case "ArrowRight":
      return slides ? { cut: Math.min(100, state.cut + 2) } : { x: inside(state.x + step) };
    case "ArrowUp":
      return { y: inside(state.y - step) };
    case "ArrowDown":
      return { y: inside(state.y + step) };
    case "f":
    case "F":
    case " ":
      return { mode: "flicker", show: nextShown() };
    case "1":
    case "2":
    case "3":
      return { mode: "flicker", show: "oab"[Number(key) - 1] };
    default:
      return null;
  }
}

function nextShown() {
  const view = viewOf();
  const keys = view && view.b ? ["o", "a", "b"] : ["o", "a"];
  return state.mode === "flicker" ? keys[(keys.indexOf(state.show) + 1) % keys.length] : state.show;
}
