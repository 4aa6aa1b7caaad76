// Scales from figures to pixels, and the ticks that belong to them.

/** A linear scale: domain to range, with `ticks(count)`. */
function linear([low, high], [start, end]) {
  const scale = (value) => start + ((value - low) / (high - low || 1)) * (end - start);
  scale.back = (pixel) => low + ((pixel - start) / (end - start || 1)) * (high - low);
  scale.ticks = (many) => roundTicks(low, high, many);
  scale.domain = [low, high];
  return scale;
}

/** A logarithmic scale. */
function logarithmic([low, high], range) {
  const inner = linear([Math.log(low), Math.log(high)], range);
  const scale = (value) => inner(Math.log(value));
  scale.back = (pixel) => Math.exp(inner.back(pixel));
  scale.ticks = (many) => logTicks(low, high, many);
  scale.domain = [low, high];
  return scale;
}

/** A scale of percentages on which a half and a double are equally far from zero. */
function ratios([low, high], range) {
  const inner = linear([Math.log1p(low / 100), Math.log1p(high / 100)], range);
  const scale = (value) => inner(Math.log1p(Math.max(value, -99) / 100));
  scale.back = (pixel) => 100 * Math.expm1(inner.back(pixel));
  scale.ticks = (many) => ratioTicks(low, high, many);
  scale.domain = [low, high];
  return scale;
}

function roundTicks(low, high, many) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const raw = span / Math.max(1, many);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999);
  const ticks = [];
  for (let place = Math.ceil(low / step - 1e-9); place * step <= high + step * 1e-9; place++)
    ticks.push(place * step);
  return ticks;
}

function logTicks(low, high, many) {
  for (const factors of [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 5], [1, 2, 5], [1, 3], [1]]) {
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)); power++) {
      for (const factor of factors) {
        const tick = factor * 10 ** power;
        if (tick >= low * 0.9999 && tick <= high * 1.0001) ticks.push(tick);
      }
    }
    if (ticks.length <= many + 1) return ticks.length > 1 ? ticks : roundTicks(low, high, many);
  }
  return [low, high];
}

function ratioTicks(low, high, many) {
  const wide = [
    -90, -80, -70, -60, -50, -40, -30, -20, -10, 0, 10, 25, 50, 75, 100, 150, 200, 300, 400, 600, 900, 1900,
    4900, 9900,
  ];
  const inside = wide.filter((tick) => tick >= low - 1e-9 && tick <= high + 1e-9);
  if (inside.length < 3) return roundTicks(low, high, many);
  const gap = (Math.log1p(high / 100) - Math.log1p(low / 100)) / Math.max(2, many);
  const kept = inside.includes(0) ? [0] : [inside[0]];
  const far = (tick) =>
    kept.every((other) => Math.abs(Math.log1p(tick / 100) - Math.log1p(other / 100)) >= gap * 0.8);
  const nearest = [...inside].sort((a, b) => Math.abs(Math.log1p(a / 100)) - Math.abs(Math.log1p(b / 100)));
  for (const tick of nearest) if (far(tick)) kept.push(tick);
  return kept.sort((a, b) => a - b);
}

/** Low and high end of values with a margin, as a share of their span; at least `least` wide. */
function spread(values, margin, least = 0) {
  let low = Math.min(...values);
  let high = Math.max(...values);
  const lack = Math.max(0, least - (high - low)) / 2;
  low -= lack;
  high += lack;
  const room = (high - low) * margin;
  return [low - room, high + room];
}
