/** The four block mean value hashes of a picture, bit for bit as `samelook hash` computes them. */
import { hexOf, packed } from "./hex.js";

const BANDS = 4;

/** {blockhash16, blockhash16_quick, blockhash8, blockhash8_quick} of straight RGBA, in lower-case hex. */
export function blockhashes(picture) {
  const bright = brightness(picture);
  return {
    blockhash16: blockhash(bright, picture, 16, false),
    blockhash16_quick: blockhash(bright, picture, 16, true),
    blockhash8: blockhash(bright, picture, 8, false),
    blockhash8_quick: blockhash(bright, picture, 8, true),
  };
}

/** R+G+B of each pixel, white's for a fully transparent one; partly transparent ones count by their colour. */
function brightness({ data, width, height }) {
  const total = new Uint16Array(width * height);
  for (let i = 0, at = 0; i < total.length; i++, at += 4)
    total[i] = data[at + 3] ? data[at] + data[at + 1] + data[at + 2] : 765;
  return total;
}

function blockhash(bright, { width, height }, bits, quick) {
  const even = width % bits === 0 && height % bits === 0;
  const rows = quick && !even ? quickCells(height, bits) : preciseCells(height, bits);
  const columns = quick && !even ? quickCells(width, bits) : preciseCells(width, bits);
  const sums = new Float64Array(bits * bits);
  // All weights are multiples of a power of two and all sums fit a double: the order of adding changes nothing.
  for (const [y, row, rowWeight] of rows)
    for (const [x, column, columnWeight] of columns)
      sums[row * bits + column] += bright[y * width + x] * rowWeight * columnWeight;
  const area = quick ? Math.floor(height / bits) * Math.floor(width / bits) : (height * width) / (bits * bits);
  return hexOf(packed(aboveMedians(sums, area)));
}

/** [pixel, block, weight]: each block takes the same whole number of pixels, the rest at the end is dropped. */
function quickCells(length, bits) {
  const size = Math.floor(length / bits);
  return Array.from({ length: size * bits }, (_, pixel) => [pixel, Math.floor(pixel / size), 1]);
}

/** [pixel, block, weight]: a pixel is shared between the blocks that it lies in, as the reference shares it. */
function preciseCells(length, bits) {
  const size = length / bits;
  if (Number.isInteger(size)) return quickCells(length, bits);
  const cells = [];
  for (let pixel = 0; pixel < length; pixel++) {
    const intoBlock = (pixel + 1) % size;
    const afterEdge = intoBlock % 1;
    const first = Math.floor(pixel / size);
    const last = intoBlock < 1 && pixel + 1 !== length ? Math.ceil(pixel / size) : first;
    cells.push([pixel, first, 1 - afterEdge]);
    if (afterEdge) cells.push([pixel, last, afterEdge]);
  }
  return cells;
}

/** One bit a block: brighter than the median of its band; where most are black or white, the half of the scale. */
function aboveMedians(sums, area) {
  const size = sums.length / BANDS;
  const bits = new Uint8Array(sums.length);
  for (let start = 0; start < sums.length; start += size) {
    const ordered = sums.slice(start, start + size).sort();
    const median = (ordered[size / 2 - 1] + ordered[size / 2]) / 2;
    const bright = median > (area * 256 * 3) / 2;
    for (let i = start; i < start + size; i++) {
      const difference = sums[i] - median;
      bits[i] = difference > 0 || (bright && Math.abs(difference) < 1);
    }
  }
  return bits;
}
