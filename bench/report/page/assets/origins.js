// Where each curve comes from, and how the figures were made.

station("origins", "Sources", "Where the figures come from", ["metric", "anchor"], (body) => {
  const method = h("div", {});
  const list = h("div", { class: "origins" });
  body.append(method, list);
  return () => {
    refill(method, methodText());
    refill(list, NAMES.map(originOf));
  };
});

function methodText() {
  const averages = {
    usual: "as papers take it (PSNR: mean of the dB; MS-SSIM: dB of the mean)",
    "mean-of-db": "the mean of their dB",
    "db-of-mean": "the dB of their mean",
    "by-pixels": "as papers take it, where an image weighs by its pixels, in the rate too",
  };
  const facts = [
    `Curves are means over ${DATA.count ? count(DATA.count, "image") : "images"} of ${DATA.dataset}, ` +
      `the same for all measured codecs; the average of a metric is ${averages[DATA.average] || DATA.average}.`,
    `Bjontegaard deltas integrate log rate over quality, interpolated by ${DATA.method}, ` +
      "over the range that both curves cover. Negative BD-rates are savings.",
    DATA.intervals
      ? "95 % intervals are over images: how far a figure would move on others of the same kind."
      : "There are no intervals: they were switched off.",
    "Rates are bytes of the bitstream that a process of its own decoded.",
  ];
  return [
    h(
      "ul",
      { class: "method" },
      facts.map((fact) => h("li", {}, fact)),
    ),
    h("p", {}, `Made by ${DATA.made.by} on ${DATA.made.on} with:`),
    copied(DATA.made.command, "command that makes this report"),
  ];
}

function originOf(name) {
  const { origin } = CODECS.get(name);
  const remarks = DATA.anchors[state.anchor].remarks.filter((remark) => remark.codecs.includes(name));
  const lines = [["Version", origin.version || "not known"], ...origin.facts];
  if (origin.failures) lines.push(["Failures", count(origin.failures, "cell")]);
  return h(
    "details",
    { class: "origin" },
    h("summary", {}, codecLabel(name), h("span", { class: "small" }, ` ${origin.version}`)),
    h("p", {}, origin.whose),
    h(
      "dl",
      {},
      lines.map(([title, text]) => [h("dt", {}, title), h("dd", {}, text)]),
    ),
    origin.command
      ? [h("h3", {}, "Measure it again"), copied(origin.command, `command that measures ${titleOf(name)}`)]
      : null,
    Object.entries(origin.programs).length ? h("h3", {}, "What codec-bench runs") : null,
    Object.entries(origin.programs).map(([side, line]) =>
      h("div", {}, h("span", { class: "small" }, side), copied(line, `command line to ${side}`)),
    ),
    remarkList(remarks),
  );
}
