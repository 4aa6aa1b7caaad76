// Image by image: BD-rates of all codecs against the anchor, to be sorted by any of them.

const MARKS = { best: ["\u25b2", "best"], median: ["\u25c6", "median"], worst: ["\u25bc", "worst"] };

station(
  "images",
  "Images",
  "Image by image",
  ["metric", "anchor", "off", "sort", "down", "image", "pic"],
  (body) => {
    const about = h("p", { class: "about" });
    const table = h("div", {});
    body.append(about, table);
    return () => {
      if (!DATA.images.length) {
        refill(about, "None of these curves has figures of single images.");
        refill(table);
        return;
      }
      refill(
        about,
        `BD-rate of each image in percent against ${titleOf(state.anchor)}, ${METRICS.get(state.metric).title}. `,
        `${MARKS.best[0]} best, ${MARKS.median[0]} median and ${MARKS.worst[0]} worst image of each codec. `,
        "An image's name shows its curves.",
      );
      refill(table, scroller("BD-rates of single images", imagesTable()), heatKey());
    };
  },
);

function imagesTable() {
  const names = ranked(state.anchor, state.metric).filter(
    (name) => name !== state.anchor && shown(name) && hasImages(name),
  );
  const found = new Map(names.map((name) => [name, marks(rowOf(state.anchor, state.metric, name))]));
  return h(
    "table",
    { class: "images" },
    h("caption", {}, `BD-rates of single images against ${titleOf(state.anchor)}, percent`),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        sortHead("name", "Image", "words"),
        names.map((name) => sortHead(name, titleOf(name), "upright")),
      ),
    ),
    h(
      "tbody",
      {},
      sortedImages().map((place) => imageRow(place, names, found)),
    ),
    h(
      "tfoot",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "row", class: "words" }, "Mean of the images"),
        names.map((name) => heatCell(rowOf(state.anchor, state.metric, name).mean)),
      ),
    ),
  );
}

function hasImages(name) {
  const row = rowOf(state.anchor, state.metric, name);
  return row !== undefined && row.by_image.some((rate) => rate !== null);
}

function imageRow(place, names, found) {
  const image = DATA.images[place];
  const small = DATA.thumbnails[place];
  return h(
    "tr",
    { class: image === state.image ? "current" : null },
    h(
      "th",
      { scope: "row", class: "words" },
      h(
        "span",
        { class: "image" },
        small ? h("img", { src: small, alt: "", width: 54, height: 36 }) : null,
        h(
          "span",
          {},
          h(
            "button",
            {
              type: "button",
              class: "quiet",
              "aria-pressed": String(image === state.image),
              "data-focus": `image ${image}`,
              onclick: () => choose({ image: image === state.image ? "" : image, zoom: null }),
            },
            image,
          ),
          PICTURES.has(image)
            ? h(
                "button",
                {
                  type: "button",
                  class: "quiet small",
                  "data-focus": `pictures ${image}`,
                  "aria-label": `Pictures of ${image}`,
                  onclick: () => {
                    choose({ pic: image, x: 0.5, y: 0.5 });
                    goTo("pictures");
                  },
                },
                "pictures",
              )
            : null,
        ),
      ),
    ),
    names.map((name) => {
      const row = rowOf(state.anchor, state.metric, name);
      const mark = Object.keys(MARKS).filter((which) => found.get(name)[which] === place);
      return heatCell(
        row.by_image[place],
        { title: row.reasons[place] || null },
        mark.map((which) => [
          h("span", { class: "rank", "aria-hidden": "true" }, MARKS[which][0]),
          spoken(` ${MARKS[which][1]}`),
        ]),
      );
    }),
  );
}

function sortHead(key, text, kind) {
  const sorted = state.sort === key;
  return h(
    "th",
    { scope: "col", class: kind, "aria-sort": sorted ? (state.down ? "descending" : "ascending") : "none" },
    h(
      "button",
      {
        type: "button",
        "data-focus": `sort ${key}`,
        title: `Sort by ${text}`,
        onclick: () => choose({ sort: key, down: sorted && !state.down }),
      },
      h("span", {}, text),
      h("span", { class: "arrow", "aria-hidden": "true" }, sorted ? (state.down ? "\u2193" : "\u2191") : ""),
    ),
  );
}

/** Places of the images in the order that was chosen; those without a figure last. */
function sortedImages() {
  const places = DATA.images.map((_, place) => place);
  const turn = state.down ? -1 : 1;
  const row = state.sort === "name" ? undefined : rowOf(state.anchor, state.metric, state.sort);
  if (!row) return state.sort === "name" && state.down ? places.reverse() : places;
  const rate = (place) => row.by_image[place];
  return places.sort(
    (a, b) => (rate(a) === null) - (rate(b) === null) || turn * (rate(a) - rate(b)) || a - b,
  );
}
