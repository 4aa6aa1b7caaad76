// The figures, and the questions that stations ask of them. Nothing is computed that `bench compare` tells.

const DATA = JSON.parse(document.getElementById("data").textContent);

const CODECS = new Map(DATA.codecs.map((codec, index) => [codec.name, { ...codec, index }]));
const METRICS = new Map(DATA.metrics.map((metric) => [metric.name, metric]));
const COSTS = new Map(DATA.costs.map((cost) => [cost.codec, cost]));
// Machines that times were taken on, that of most codecs first. Times of one codec on several are no one's.
const DEVICES = mostFrequent(
  DATA.codecs
    .map((codec) => codec.origin.timed_on)
    .filter((device) => device !== null && device !== "several machines"),
);
const PICTURES = new Map(DATA.pictures.pages.map((page) => [page.image, page]));

/** How a codec is written. */
function titleOf(name) {
  return CODECS.get(name).title;
}

/** The delta of a codec against an anchor, or undefined. */
function rowOf(anchor, metric, name) {
  const { rows } = DATA.anchors[anchor];
  return own(own(rows, metric) || {}, name);
}

/** A value by its key; a codec may be called "constructor". */
function own(values, key) {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}

function mostFrequent(values) {
  const times = new Map();
  for (const value of values) times.set(value, (times.get(value) || 0) + 1);
  return [...times].sort((a, b) => b[1] - a[1]).map(([value]) => value);
}

/** All codecs, the best for its rate first; those without a BD-rate last; the anchor at zero. */
function ranked(anchor, metric) {
  const rate = (name) => {
    if (name === anchor) return 0;
    const row = rowOf(anchor, metric, name);
    return row && row.bd_rate !== null ? row.bd_rate : Infinity;
  };
  return [...CODECS.keys()].sort((a, b) => rate(a) - rate(b) || CODECS.get(a).index - CODECS.get(b).index);
}

/** BD-rate of a codec: of the mean curves, or of one image where its name is given. */
function bdRate(anchor, metric, name, image) {
  const row = rowOf(anchor, metric, name);
  if (!row) return null;
  return image ? row.by_image[DATA.images.indexOf(image)] : row.bd_rate;
}

/** Points of a curve that have a metric: quality, bpp, value, and `at`, the place in the whole curve. */
function pointsOf(name, metric, image) {
  const codec = CODECS.get(name);
  const points = image ? codec.images[DATA.images.indexOf(image)] || [] : codec.points;
  return points
    .map((point, at) => ({
      at,
      quality: point.quality,
      bpp: point.bpp,
      value: point.db[metric],
      db: point.db,
    }))
    .filter((point) => Number.isFinite(point.value) && point.bpp > 0);
}

/** Remarks about a codec; of the metric or of no metric. */
function remarksOn(anchor, metric, name) {
  return DATA.anchors[anchor].remarks.filter(
    (remark) =>
      (remark.metric === null || remark.metric === metric) &&
      remark.codecs.includes(name) &&
      (name !== anchor || remark.codecs.length === 1), // what is said of a pair stands beside the other one
  );
}

/** The images with the best, the median and the worst BD-rate of a codec, as places. */
function marks(row) {
  const places = row.by_image
    .map((rate, place) => [rate, place])
    .filter(([rate]) => rate !== null)
    .sort((a, b) => a[0] - b[0])
    .map(([, place]) => place);
  if (places.length < 3) return {};
  return {
    best: places[0],
    median: places[Math.floor((places.length - 1) / 2)],
    worst: places[places.length - 1],
  };
}

/** A remark as nodes: codecs by their titles. */
function remarkNodes(remark) {
  return remark.parts.map((part) =>
    part.codec === undefined ? part.text : h("span", { class: "name" }, titleOf(part.codec)),
  );
}

function remarkText(remark) {
  return remark.parts.map((part) => (part.codec === undefined ? part.text : titleOf(part.codec))).join("");
}
