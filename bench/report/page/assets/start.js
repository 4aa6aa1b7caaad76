// The page itself: its head, its controls, and its stations, drawn from the address.

function masthead() {
  const lead = headline();
  const codecs = count(CODECS.size, "codec");
  refill(
    document.getElementById("masthead"),
    h(
      "div",
      { class: "wrap" },
      h("h1", {}, `Image codecs on ${DATA.dataset}`),
      h(
        "p",
        { class: "facts" },
        [
          DATA.title,
          codecs,
          DATA.count ? count(DATA.count, "image") : null,
          `anchor ${titleOf(state.anchor)}`,
          METRICS.get(state.metric).title,
          DATA.made.on,
        ]
          .filter(Boolean)
          .join(" \u00b7 "),
      ),
      lead ? h("p", { class: "lead" }, lead) : null,
    ),
  );
}

function bar() {
  const anchors = NAMES.filter((name) => DATA.anchors[name].reason === null).map((name) => [
    name,
    titleOf(name),
  ]);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches
    ? state.theme !== "light"
    : state.theme === "dark";
  refill(
    document.getElementById("bar"),
    h(
      "div",
      { class: "wrap" },
      h(
        "nav",
        { "aria-label": "Parts of the page" },
        STATIONS.map(({ id, name }) =>
          h(
            "a",
            {
              href: `#at=${id}`,
              "data-focus": `nav ${id}`,
              onclick: (event) => {
                event.preventDefault();
                goTo(id);
              },
            },
            name,
          ),
        ),
      ),
      h(
        "div",
        { class: "controls" },
        METRICS.size < 4
          ? choice(
              "Metric",
              [...METRICS.values()].map((metric) => [metric.name, metric.title]),
              state.metric,
              setMetric,
              "metric",
            )
          : picker(
              "Metric",
              [...METRICS.values()].map((metric) => [metric.name, metric.title]),
              state.metric,
              setMetric,
              { "data-focus": "metric" },
            ),
        picker("Anchor", anchors, state.anchor, setAnchor, { "data-focus": "anchor" }),
        h(
          "button",
          {
            type: "button",
            class: "toggle",
            "data-focus": "theme",
            title: "Change between light and dark",
            onclick: () => choose({ theme: dark ? "light" : "dark" }),
          },
          dark ? "Light" : "Dark",
        ),
      ),
    ),
  );
}

function setMetric(metric) {
  choose({ metric, zoom: null });
}

/** Scroll to a station; the address follows. */
function goTo(id) {
  choose({ at: id });
  const heading = document.querySelector(`#${id} h2`);
  heading.scrollIntoView({
    behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth",
  });
  heading.focus({ preventScroll: true });
}

function build() {
  const main = document.getElementById("main");
  main.replaceChildren();
  return STATIONS.map(({ id, title, keys, build: fill }) => {
    const body = h("div", { class: "body" });
    main.append(
      h(
        "section",
        { id, "aria-labelledby": `${id}-title` },
        h("div", { class: "wrap" }, h("h2", { id: `${id}-title`, tabindex: "-1" }, title), body),
      ),
    );
    return { keys, draw: fill(body) };
  });
}

/** The first station at once, so that it is seen, then the others. */
function drawInTurn([first, ...rest]) {
  first.draw();
  if (rest.length) {
    setTimeout(() => drawInTurn(rest));
    return;
  }
  if (state.at) document.querySelector(`#${state.at} h2`).scrollIntoView();
  document.documentElement.setAttribute("data-drawn", "");
}

function start() {
  Object.assign(state, readAddress());
  const stations = build();
  const head = (changed) => {
    if (!changed || changed.has("theme"))
      document.documentElement.setAttribute("data-theme", state.theme || "auto");
    if (!changed || ["metric", "anchor"].some((key) => changed.has(key))) masthead();
    if (!changed || ["metric", "anchor", "theme"].some((key) => changed.has(key))) bar();
  };
  onchange((changed) => {
    head(changed);
    for (const { keys, draw } of stations) if (keys.some((key) => changed.has(key))) draw();
  });
  head(null);
  refill(
    document.getElementById("footer"),
    h(
      "div",
      { class: "wrap" },
      `${DATA.made.by}, ${DATA.made.on}. Every figure is one that `,
      h("code", {}, "bench compare"),
      " prints.",
    ),
  );
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address holds the state
    document.getElementById("main").focus();
  });
  addEventListener("hashchange", () => {
    choose(readAddress());
    if (state.at) goTo(state.at);
  });
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details.origin")) part.open = true;
  });
  drawInTurn(stations);
}

start();
