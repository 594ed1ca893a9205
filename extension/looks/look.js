/** What is searched with: for each canonical form of an icon its PDQ and its colours. */
import { pdq } from "../hashing/pdq.js";
import { canonicalPictures } from "./forms.js";

const COLOUR_SIDE = 12;
const TINT_EDGE = 2;
/** a* and b* (plus 128) of the quarters of the middle, as the compact list has them. */
export const TINT_BYTES = 8;

/** [{name, pdq, tint}] of straight RGBA {data, width, height}; none where there is nothing to see. */
export function formsOf(picture) {
  const forms = [];
  for (const [name, canvas] of canonicalPictures(picture)) forms.push({ name, pdq: pdq(canvas), tint: tintOf(canvas) });
  return forms;
}

/** Means of the quarters of the middle two thirds: how far these differ is never more than how far the hues do. */
function tintOf(canvas) {
  const [a, b] = tints(canvas);
  const tint = new Uint8ClampedArray(TINT_BYTES);
  const half = (COLOUR_SIDE - 2 * TINT_EDGE) / 2;
  for (let plane = 0; plane < 2; plane++)
    for (let down = 0; down < 2; down++)
      for (let across = 0; across < 2; across++) {
        let sum = 0;
        for (let y = 0; y < half; y++)
          for (let x = 0; x < half; x++)
            sum += (plane ? b : a)[(TINT_EDGE + down * half + y) * COLOUR_SIDE + TINT_EDGE + across * half + x];
        tint[plane * 4 + down * 2 + across] = sum / (half * half);
      }
  return new Uint8Array(tint.buffer);
}

/** a* and b* plus 128 of 12 x 12 cells, in whole levels. */
function tints({ data, width }) {
  const size = width / COLOUR_SIDE;
  const a = new Uint8ClampedArray(COLOUR_SIDE ** 2), b = new Uint8ClampedArray(COLOUR_SIDE ** 2);
  for (let row = 0; row < COLOUR_SIDE; row++)
    for (let column = 0; column < COLOUR_SIDE; column++) {
      const sums = [0, 0, 0];
      for (let y = Math.floor(row * size); y < Math.ceil((row + 1) * size); y++) {
        const down = Math.min((row + 1) * size, y + 1) - Math.max(row * size, y);
        for (let x = Math.floor(column * size); x < Math.ceil((column + 1) * size); x++) {
          const weight = down * (Math.min((column + 1) * size, x + 1) - Math.max(column * size, x));
          for (let channel = 0; channel < 3; channel++) sums[channel] += weight * data[(y * width + x) * 4 + channel];
        }
      }
      const [redGreen, blueYellow] = opponents(...sums.map((sum) => LINEAR(sum / (size * size) / 255)));
      a[row * COLOUR_SIDE + column] = redGreen + 128;
      b[row * COLOUR_SIDE + column] = blueYellow + 128;
    }
  return [a, b];
}

const LINEAR = (share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
const CURVE = (share) => (share > (6 / 29) ** 3 ? Math.cbrt(share) : share * (841 / 108) + 4 / 29);

/** CIE a* and b* of linear sRGB (IEC 61966-2-1, white point D65). */
function opponents(r, g, b) {
  const x = CURVE((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const y = CURVE(0.2126729 * r + 0.7151522 * g + 0.072175 * b);
  const z = CURVE((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883);
  return [500 * (x - y), 200 * (y - z)];
}
