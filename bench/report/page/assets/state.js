// What the reader chose. All of it is in the address, so that a link shows the same.

const one = (values, usual) => ({
  usual,
  read: (text) => (values.includes(text) ? text : undefined),
  write: (value) => value,
});
const flag = (usual) => ({
  usual,
  read: (text) => ({ 1: true, 0: false })[text],
  write: (value) => (value ? "1" : "0"),
});
const number = (usual, low, high) => ({
  usual,
  read: (text) => {
    const value = Number(text);
    return text !== "" && Number.isFinite(value) && value >= low && value <= high ? value : undefined;
  },
  write: (value) => String(Number(value.toPrecision(5))),
});

const NAMES = [...CODECS.keys()];
const SHARED_RATES = 5; // over this ratio between the ends of curves, a linear axis squeezes the short ones

const KEYS = {
  metric: one([...METRICS.keys()], DATA.metrics[0].name),
  anchor: one(
    NAMES.filter((name) => DATA.anchors[name].reason === null),
    DATA.anchor,
  ),
  image: one(["", ...DATA.images], ""),
  log: flag(needsLogarithm()),
  band: flag(false),
  all: flag(false), // the whole plane, not only the part that curves share
  zoom: {
    usual: null,
    read: (text) => {
      const values = text.split("_").map(Number);
      return values.length === 4 &&
        values.every(Number.isFinite) &&
        values[0] < values[1] &&
        values[2] < values[3]
        ? values
        : undefined;
    },
    write: (value) => value.map((end) => Number(end.toPrecision(5))).join("_"),
  },
  off: {
    // codecs that aren't shown, by place: names may hold any character
    usual: [],
    read: (text) => {
      const places = text.split("-").map(Number);
      return places.every((place) => Number.isInteger(place) && place >= 0 && place < NAMES.length)
        ? places.map((place) => NAMES[place])
        : undefined;
    },
    write: (names) => names.map((name) => NAMES.indexOf(name)).join("-"),
  },
  sort: one(["name", ...NAMES], "name"),
  down: flag(false),
  cost: one(
    [
      "decode_s",
      "encode_s",
      "decode_memory",
      "encode_memory",
      "decode_multiply_adds",
      "encode_multiply_adds",
    ],
    "decode_s",
  ),
  device: one(DEVICES, null),
  pic: one([...PICTURES.keys()], DATA.pictures.pages.length ? DATA.pictures.pages[0].image : null),
  a: one(NAMES, null),
  at_a: number(null, -1e9, 1e9), // quality of a
  b: one(NAMES, null),
  mode: one(["slider", "side", "flicker", "error"], "slider"),
  pair: one(["ab", "oa", "ob"], "ab"),
  show: one(["o", "a", "b"], "o"),
  cut: number(50, 0, 100),
  scale: one(["fit", "1", "2", "4", "8"], "fit"),
  x: number(0.5, 0, 1),
  y: number(0.5, 0, 1),
  gain: number(8, 1, 32),
  theme: one(["light", "dark"], null),
  at: one(["summary", "curves", "images", "pictures", "matrix", "cost", "fixed", "origins"], null),
};

const state = Object.fromEntries(Object.entries(KEYS).map(([name, key]) => [name, key.usual]));
const listeners = [];
const ADDRESS_MS = 150;
let writing = null;
let unwritten = false;

/** Call a function with the names of what changed. */
function onchange(listener) {
  listeners.push(listener);
}

/** Choose something: the address follows, and so does every station that shows it. */
function choose(changes) {
  const changed = Object.keys(changes).filter((name) => !same(state[name], changes[name]));
  if (!changed.length) return;
  Object.assign(state, changes);
  writeAddressSoon();
  for (const listener of listeners) listener(new Set(changed));
}

/** Take over what the address says; what it doesn't say, or says wrongly, is as usual. */
function readAddress() {
  const given = new URLSearchParams(location.hash.replace(/^#/, ""));
  const changes = {};
  for (const [name, key] of Object.entries(KEYS)) {
    const value = given.has(name) ? key.read(given.get(name)) : undefined;
    changes[name] = value === undefined ? key.usual : value;
  }
  return changes;
}

/** At once, or, while something is dragged, a few times a second: browsers refuse more. */
function writeAddressSoon() {
  if (writing !== null) {
    unwritten = true;
    return;
  }
  unwritten = false;
  writeAddress();
  writing = setTimeout(() => {
    writing = null;
    if (unwritten) writeAddressSoon();
  }, ADDRESS_MS);
}

function writeAddress() {
  const given = new URLSearchParams();
  for (const [name, key] of Object.entries(KEYS)) {
    if (!same(state[name], key.usual)) given.set(name, key.write(state[name]));
  }
  const text = given.toString();
  history.replaceState(null, "", text ? `#${text}` : "#");
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

function shown(name) {
  return !state.off.includes(name);
}

function needsLogarithm() {
  const ends = DATA.codecs
    .map((codec) => Math.max(0, ...codec.points.map((point) => point.bpp)))
    .filter((end) => end > 0);
  return ends.length > 0 && Math.max(...ends) > SHARED_RATES * Math.min(...ends);
}
