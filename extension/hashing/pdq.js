/**
 * PDQ, the 256-bit perceptual hash, bit for bit as `samelook hash` computes it.
 *
 * The reference adds 32-bit floats in a fixed order, and the rounding decides bits: every sum and product is
 * rounded with Math.fround, in that order. Pixels are straight RGBA (not premultiplied) and are put on white.
 */
import { packed } from "./hex.js";

const SIDE = 64;
const BITS_SIDE = 16;
const SMALLEST_SIDE = 5;
const f32 = Math.fround;

const COSINES = cosines();

/** The hash of a picture {data, width, height}, 32 bytes; zeros for a side under 5 pixels. */
export function pdq({ data, width, height }) {
  if (width < SMALLEST_SIDE || height < SMALLEST_SIDE) return new Uint8Array(32);
  let luma = lumaOnWhite(data, width * height);
  if (width !== SIDE || height !== SIDE) luma = shrunk(luma, width, height);
  return bitsOf(transform(luma));
}

/** Brightness (Rec. 601) of RGBA put on white, the composition rounded to whole levels as the decoder does. */
function lumaOnWhite(data, count) {
  const luma = new Float32Array(count);
  for (let i = 0, at = 0; i < count; i++, at += 4) {
    const alpha = data[at + 3];
    let r = data[at], g = data[at + 1], b = data[at + 2];
    if (alpha !== 255) {
      r = onWhite(r, alpha);
      g = onWhite(g, alpha);
      b = onWhite(b, alpha);
    }
    luma[i] = r * 0.299 + g * 0.587 + b * 0.114;
  }
  return luma;
}

function onWhite(level, alpha) {
  return Math.floor((level * alpha + 255 * (255 - alpha) + 127) / 255);
}

/** 64 x 64 samples after two passes of a box filter along rows and columns. */
function shrunk(luma, width, height) {
  for (let pass = 0; pass < 2; pass++) {
    for (let y = 0; y < height; y++) boxMean(luma, y * width, 1, width);
    for (let x = 0; x < width; x++) boxMean(luma, x, width, height);
  }
  const samples = new Float32Array(SIDE * SIDE);
  for (let y = 0; y < SIDE; y++) {
    const row = Math.floor(((y + 0.5) * height) / SIDE) * width;
    for (let x = 0; x < SIDE; x++) samples[y * SIDE + x] = luma[row + Math.floor(((x + 0.5) * width) / SIDE)];
  }
  return samples;
}

/** A sliding mean along one line, in place; one running sum that adds what enters before it subtracts what leaves. */
function boxMean(values, start, step, length) {
  const window = Math.floor((length + 2 * SIDE - 1) / (2 * SIDE));
  const before = Math.floor((window + 2) / 2) - 1;
  const line = new Float32Array(length);
  for (let i = 0; i < length; i++) line[i] = values[start + i * step];
  let sum = 0;
  for (let entering = 0; entering < length + before; entering++) {
    if (entering < length) sum = f32(sum + line[entering]);
    if (entering >= window) sum = f32(sum - line[entering - window]);
    const centre = entering - before;
    if (centre >= 0) {
      const count = Math.min(centre + before, length - 1) - Math.max(centre + before - window, -1);
      values[start + centre * step] = f32(sum / count);
    }
  }
}

function cosines() {
  const scale = f32(Math.sqrt(2 / SIDE));
  const table = new Float32Array(BITS_SIDE * SIDE);
  for (let row = 0; row < BITS_SIDE; row++)
    for (let column = 0; column < SIDE; column++)
      table[row * SIDE + column] = scale * Math.cos((Math.PI / 2 / SIDE) * (row + 1) * (2 * column + 1));
  return table;
}

/** The lowest 16 x 16 frequencies without the constant one. */
function transform(luma) {
  const byRows = new Float32Array(BITS_SIDE * SIDE);
  for (let y = 0; y < SIDE; y++)
    for (let k = 0; k < BITS_SIDE; k++) {
      const weight = COSINES[k * SIDE + y];
      for (let x = 0; x < SIDE; x++) byRows[k * SIDE + x] += f32(weight * luma[y * SIDE + x]);
    }
  const waves = new Float32Array(BITS_SIDE * BITS_SIDE);
  for (let k = 0; k < BITS_SIDE; k++)
    for (let l = 0; l < BITS_SIDE; l++) {
      let sum = 0;
      for (let x = 0; x < SIDE; x++) sum = f32(sum + f32(byRows[k * SIDE + x] * COSINES[l * SIDE + x]));
      waves[k * BITS_SIDE + l] = sum;
    }
  return waves;
}

function bitsOf(waves) {
  // The lower of the two middle values, as the reference's median is.
  const median = waves.slice().sort()[waves.length / 2 - 1];
  const bits = new Uint8Array(waves.length);
  for (let i = 0; i < waves.length; i++) bits[i] = waves[waves.length - 1 - i] > median;
  return packed(bits);
}
