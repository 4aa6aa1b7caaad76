// The list of codecs beside a plot: which are shown, and which stands out.

/** Buttons for all codecs, the best first, with their BD-rate. */
function legend(image) {
  const names = ranked(state.anchor, state.metric);
  return [
    h(
      "div",
      { class: "legend-head" },
      h("span", {}, "Codecs", h("span", { class: "small" }, ` BD-rate, %`)),
      h(
        "button",
        { type: "button", class: "quiet", "data-focus": "show all", onclick: () => choose({ off: [] }) },
        "All",
      ),
      h(
        "button",
        {
          type: "button",
          class: "quiet",
          "data-focus": "show none",
          onclick: () => choose({ off: NAMES.filter((name) => name !== state.anchor) }),
        },
        "Only anchor",
      ),
    ),
    h(
      "ul",
      { class: "legend" },
      names.map((name) => h("li", {}, legendButton(name, image))),
    ),
  ];
}

function legendButton(name, image) {
  const rate = name === state.anchor ? "anchor" : signed(bdRate(state.anchor, state.metric, name, image), 1);
  const others = state.off.filter((other) => other !== name);
  return h(
    "button",
    {
      type: "button",
      "aria-pressed": String(shown(name)),
      "data-focus": `codec ${name}`,
      onclick: () => choose({ off: shown(name) ? [...others, name] : others }),
      onpointerenter: () => highlight(name),
      onpointerleave: () => highlight(null),
      onfocus: () => highlight(name),
      onblur: () => highlight(null),
    },
    codecLabel(name),
    h("span", { class: "rate" }, rate || "\u2013"),
  );
}
