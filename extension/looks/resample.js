/**
 * Lanczos resizing of premultiplied RGBA, to the same levels as Pillow's (src/libImaging/Resample.c).
 *
 * A line of weights for each target pixel, in fixed point with 22 bits; across and down, each pass rounded to whole
 * levels. Which comes first decides levels where a picture is no square: Pillow 13 goes down first where that takes
 * away more than twice as many rows as going across takes columns.
 */
const PRECISION = 22;
const ONE = 2 ** PRECISION;
const HALF = 2 ** (PRECISION - 1);
const REACH = 3;

const weightsOf = new Map();

/** A picture {data, width, height} at another size; of it what lies in `box`, [left, top, width, height]. */
export function resized(picture, width, height, box = [0, 0, picture.width, picture.height]) {
  const [left, top, columns, lines] = box;
  const rows = picture.height - height;
  const downFirst = rows > 0 && 2 * (picture.width - width) < rows;
  const isWide = width !== picture.width || left !== 0 || columns !== picture.width;
  const isHigh = height !== picture.height || top !== 0 || lines !== picture.height;
  let made = picture;
  if (downFirst && isHigh) made = down(made, height, top, lines);
  if (isWide) made = across(made, width, left, columns);
  if (!downFirst && isHigh) made = down(made, height, top, lines);
  return made;
}

function across({ data, width, height }, target, start, extent) {
  const out = new Uint8ClampedArray(target * height * 4);
  const lines = weights(width, target, start, extent);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < target; x++)
      weigh(data, (y * width + lines[x].first) * 4, 4, lines[x].weights, out, (y * target + x) * 4);
  return { data: out, width: target, height };
}

function down({ data, width, height }, target, start, extent) {
  const out = new Uint8ClampedArray(width * target * 4);
  const lines = weights(height, target, start, extent);
  for (let y = 0; y < target; y++)
    for (let x = 0; x < width; x++)
      weigh(data, (lines[y].first * width + x) * 4, width * 4, lines[y].weights, out, (y * width + x) * 4);
  return { data: out, width, height: target };
}

function weigh(data, start, step, line, out, to) {
  let r = HALF, g = HALF, b = HALF, a = HALF;
  for (let i = 0, at = start; i < line.length; i++, at += step) {
    const weight = line[i];
    r += data[at] * weight;
    g += data[at + 1] * weight;
    b += data[at + 2] * weight;
    a += data[at + 3] * weight;
  }
  // A clamped array cuts what Lanczos overshoots.
  out[to] = r >> PRECISION;
  out[to + 1] = g >> PRECISION;
  out[to + 2] = b >> PRECISION;
  out[to + 3] = a >> PRECISION;
}

function weights(length, target, start, extent) {
  const key = `${length} ${target} ${start} ${extent}`;
  let lines = weightsOf.get(key);
  if (!lines) {
    if (weightsOf.size > 64) weightsOf.clear();
    weightsOf.set(key, (lines = linesOf(length, target, start, extent)));
  }
  return lines;
}

function linesOf(length, target, start, extent) {
  const scale = extent / target;
  const widest = Math.max(scale, 1);
  const reach = REACH * widest;
  return Array.from({ length: target }, (_, place) => {
    const centre = start + (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(length, Math.trunc(centre + reach + 0.5));
    const shares = Array.from({ length: end - first }, (__, i) => lanczos((i + first - centre + 0.5) * (1 / widest)));
    let total = 0;
    for (const share of shares) total += share;
    const fixed = shares.map((share) => {
      const normal = total ? share / total : share;
      return Math.trunc(normal * ONE + (normal < 0 ? -0.5 : 0.5));
    });
    return { first, weights: Int32Array.from(fixed) };
  });
}

function lanczos(x) {
  return x >= -REACH && x < REACH ? sinc(x) * sinc(x / REACH) : 0;
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}
