/**
 * Which trusted sites have a look near an icon's: a plain scan, about 2 ms a form for 400,000 codes.
 *
 * It never says that two looks are the same, which takes their pictures: it says when nobody needs to be asked.
 */
import { isCommonAt, nameAt, tierAt } from "./list.js";

/** What a code that was left out for its neighbour may be farther away (SAME_BITS in extension_api/compact.py). */
const LEFT_OUT = 6;
/** The radius and the distance of hues of each tier's rule (looks/rules.py). */
const RULES = { wide: [59, 25], standard: [54, 25], strict: [36, 20] };
/** The colours here are rounded, and of a picture that the browser has resampled. */
const TINT_SLACK = 4;
const WORDS = 8;
const TINT_BYTES = 8;
const WIDEST = RULES.wide[0] + LEFT_OUT;
/** Words that are searched for all forms in turn: 512 codes, 16 KB. */
const BLOCK = 512 * WORDS;

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

/**
 * [{site, tier, bits, tint, isCommon, isNear}] of sites with a look like one of `forms`, the nearest first. What is
 * not near by its tier's rule would be by the widest: a sharper picture may tell.
 */
export function near({ list, words, sites }, forms) {
  const nearest = new Map();
  const asked = forms.map((form) => new Int32Array(form.pdq.slice().buffer));
  for (let from = 0; from < words.length; from += BLOCK) {
    const end = Math.min(from + BLOCK, words.length);
    // All forms are compared with a block while the processor's cache has it.
    for (let i = 0; i < forms.length; i++) {
      const found = within(words, from, end, asked[i]);
      if (found) for (const [code, bits] of found) keepNearest(nearest, list, sites[code], forms[i], code, bits);
    }
  }
  return [...nearest.values()]
    .sort((one, other) => one.bits - other.bits || one.place - other.place)
    .map(({ place, ...how }) => {
      return { site: nameAt(list, place), tier: tierAt(list, place), isCommon: isCommonAt(list, place), ...how };
    });
}

function keepNearest(nearest, list, place, form, code, bits) {
  const [radius, hues] = RULES[tierAt(list, place)];
  const tint = tintDistance(form.tint, list.tints, code * TINT_BYTES);
  if (tint > hues + TINT_SLACK) return;
  if (!(nearest.get(place)?.bits <= bits)) nearest.set(place, { place, bits, tint, isNear: bits <= radius + LEFT_OUT });
}

/** [[code, bits]] of the near codes of a block, or null. Five of eight words leave all but one in a hundred out. */
function within(words, from, end, asked) {
  const a = asked[0], b = asked[1], c = asked[2], d = asked[3], e = asked[4], f = asked[5], g = asked[6], h = asked[7];
  let found = null;
  for (let at = from; at < end; at += WORDS) {
    // Counts of four bits are at most 4, so three of them can be added up before they are spread over bytes.
    const three = (inFours(words[at] ^ a) + inFours(words[at + 1] ^ b) + inFours(words[at + 2] ^ c)) | 0;
    const two = (inFours(words[at + 3] ^ d) + inFours(words[at + 4] ^ e)) | 0;
    let bits = total((inBytes(three) + inBytes(two)) | 0);
    if (bits > WIDEST) continue;
    bits += total(inBytes((inFours(words[at + 5] ^ f) + inFours(words[at + 6] ^ g) + inFours(words[at + 7] ^ h)) | 0));
    if (bits <= WIDEST) (found ??= []).push([at / WORDS, bits]);
  }
  return found;
}

/** How many bits are set in each four of a word. */
function inFours(word) {
  const twos = (word - ((word >>> 1) & 0x55555555)) | 0;
  return ((twos & 0x33333333) + ((twos >>> 2) & 0x33333333)) | 0;
}

const inBytes = (counts) => ((counts & 0x0f0f0f0f) + ((counts >>> 4) & 0x0f0f0f0f)) | 0;
const total = (counts) => Math.imul(counts, 0x01010101) >>> 24;

/** Root mean square distance of a* and b* together, over the four quarters. */
function tintDistance(one, others, start) {
  let sum = 0;
  for (let i = 0; i < TINT_BYTES; i++) sum += (one[i] - others[start + i]) ** 2;
  return Math.sqrt(sum / (TINT_BYTES / 2));
}
