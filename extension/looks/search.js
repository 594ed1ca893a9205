/**
 * Which trusted sites have a look near an icon's: a plain scan, about 4 ms for 400,000 codes.
 *
 * It never says that two looks are the same, which takes their pictures: it says when nobody needs to be asked.
 */
import { isCommonAt, tierAt } from "./list.js";

/** What a code that was left out for its neighbour may be farther away (SAME_BITS in extension_api/compact.py). */
const LEFT_OUT = 6;
/** The radius and the distance of hues of each tier's rule (looks/rules.py). */
const RULES = { wide: [59, 25], standard: [54, 25], strict: [36, 20] };
/** The colours here are rounded, and of a picture that the browser has resampled. */
const TINT_SLACK = 4;
const WORDS = 8;
const TINT_BYTES = 8;
const WIDEST = RULES.wide[0] + LEFT_OUT;

/** A list made ready: {list, words, sites}: its codes as 32-bit words, and the site of each. */
export function searchable(list) {
  const { pdqs } = list;
  const aligned = pdqs.byteOffset % 4 ? pdqs.slice() : pdqs;
  const words = new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
  const sites = new Uint32Array(words.length / WORDS);
  let code = 0;
  for (let site = 0; site < list.counts.length; site++) for (let i = 0; i < list.counts[site]; i++) sites[code++] = site;
  return { list, words, sites };
}

/** [{site, tier, bits, tint, isCommon}] of sites with a look near one of `forms`, the nearest first. */
export function near({ list, words, sites }, forms) {
  const nearest = new Map();
  for (const form of forms) {
    const asked = new Int32Array(form.pdq.slice().buffer);
    for (const [code, bits] of within(words, asked)) {
      const place = sites[code];
      const [radius, hues] = RULES[tierAt(list, place)];
      if (bits > radius + LEFT_OUT) continue;
      const tint = tintDistance(form.tint, list.tints, code * TINT_BYTES);
      if (tint > hues + TINT_SLACK) continue;
      if (!(nearest.get(place)?.bits <= bits)) nearest.set(place, { place, bits, tint });
    }
  }
  return [...nearest.values()]
    .sort((one, other) => one.bits - other.bits)
    .map(({ place, bits, tint }) => {
      return { site: list.names[place], tier: tierAt(list, place), bits, tint, isCommon: isCommonAt(list, place) };
    });
}

function within(words, asked) {
  const found = [];
  const [a, b, c, d, e, f, g, h] = asked;
  for (let at = 0, code = 0; at < words.length; at += WORDS, code++) {
    let bits = ones(words[at] ^ a) + ones(words[at + 1] ^ b) + ones(words[at + 2] ^ c) + ones(words[at + 3] ^ d);
    if (bits > WIDEST) continue;
    bits += ones(words[at + 4] ^ e) + ones(words[at + 5] ^ f) + ones(words[at + 6] ^ g) + ones(words[at + 7] ^ h);
    if (bits <= WIDEST) found.push([code, bits]);
  }
  return found;
}

function ones(word) {
  word -= (word >>> 1) & 0x55555555;
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Root mean square distance of a* and b* together, over the four quarters. */
function tintDistance(one, others, start) {
  let sum = 0;
  for (let i = 0; i < TINT_BYTES; i++) sum += (one[i] - others[start + i]) ** 2;
  return Math.sqrt(sum / (TINT_BYTES / 2));
}
