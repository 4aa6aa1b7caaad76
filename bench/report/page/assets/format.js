// Figures as text. Digits are those of the tables that `bench compare` prints.

const MINUS = "\u2212";

/** A number with a sign that reads as one: "+1.50", "−0.25". */
function signed(value, digits) {
  if (value === null || value === undefined) return "";
  const text = Math.abs(value).toFixed(digits);
  return (Number(text) === 0 ? "" : value < 0 ? MINUS : "+") + text;
}

function plain(value, digits) {
  return value === null || value === undefined ? "" : value.toFixed(digits).replace("-", MINUS);
}

function percent(value, digits = 2) {
  return value === null || value === undefined ? "" : `${signed(value, digits)} %`;
}

/** "+1.20 to +3.40", or "" where there is no interval. */
function ends(interval, digits) {
  return interval ? `${signed(interval[0], digits)} to ${signed(interval[1], digits)}` : "";
}

function withUnit(text, unit) {
  return text && unit ? `${text} ${unit}` : text;
}

/** Seconds as a cost table has them; short times keep a digit that tells. */
function seconds(value) {
  return value === null || value === undefined ? "" : value.toFixed(3);
}

function mebibytes(value) {
  return value === null || value === undefined ? "" : (value / 2 ** 20).toFixed(0);
}

/** A size for humans: "3.4 MB". */
function size(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/** A tick of an axis: as few digits as it takes. */
function tickText(value) {
  return String(Number(value.toPrecision(6))).replace("-", MINUS);
}

function count(number, noun) {
  return number === 1 ? `1 ${noun}` : `${number} ${noun}s`;
}

/** A quality setting, which may be a fraction. */
function setting(value) {
  return String(Number(value.toPrecision(6)));
}
