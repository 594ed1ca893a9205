/**
 * The compact list of trusted looks: read, verified, brought up to date, written.
 *
 * Its layout is in docs/extension-api.md. A list is {version, pdqs, tints, counts, flags, names, extras}; all but
 * `names` (an array) and `extras` ({suffixes, families}) are typed arrays, in the order of the sites' names.
 */
import { bytesOfHex, hexOf } from "../hashing/hex.js";

const MAGIC = "slk1";
const SIGNATURE_BYTES = 64;
const PDQ_BYTES = 32;
const TINT_BYTES = 8;
export const TIERS = ["wide", "standard", "strict"];
const TIER_MASK = 3;
const COMMON = 4;

/** What is wrong with a list that was received. */
export class BadList extends Error {
  name = "BadList";
}

/**
 * The list that a signed file makes of the one that is there (null: none). `pinned` is the hex of the key that must
 * have signed it, or "" for any. Throws BadList.
 */
export async function received(buffer, held, pinned) {
  const { header, sections } = await opened(buffer, pinned);
  let list;
  if (header.kind === "full") list = listOf(header, sections, null);
  else if (!held || header.base !== held.version) throw new BadList("These are changes to a list that is not here.");
  else list = merged(held, header, sections);
  if (list.names.length !== header.sites || (await checksumOf(list)) !== header.checksum)
    throw new BadList("The list does not add up to what its header says.");
  return { list, key: header.key };
}

async function opened(buffer, pinned) {
  const bytes = new Uint8Array(buffer);
  const view = new DataView(buffer);
  if (bytes.length < 8 + SIGNATURE_BYTES || text(bytes.subarray(0, 4)) !== MAGIC) throw new BadList("This is no list.");
  const end = bytes.length - SIGNATURE_BYTES;
  const start = 8 + view.getUint32(4, true);
  if (start > end) throw new BadList("The list ends in its header.");
  let header;
  try {
    header = JSON.parse(text(bytes.subarray(8, start)));
    if (pinned && header.key !== pinned) throw new BadList("Another key has signed this list than the ones before.");
    const key = await crypto.subtle.importKey("raw", bytesOfHex(header.key), "Ed25519", false, ["verify"]);
    if (!(await crypto.subtle.verify("Ed25519", key, bytes.subarray(end), bytes.subarray(0, end))))
      throw new BadList("The list's signature is wrong.");
  } catch (error) {
    throw error instanceof BadList ? error : new BadList("The list's header or key cannot be read.");
  }
  const sections = {};
  let at = start;
  for (const [name, length] of Object.entries(header.sections)) {
    if (!Number.isInteger(length) || length < 0 || at + length > end) throw new BadList("A section goes beyond the end.");
    sections[name] = bytes.subarray(at, (at += length));
  }
  return { header, sections };
}

function listOf(header, sections, held) {
  const extras = sections.extras.length ? JSON.parse(text(sections.extras)) : held?.extras;
  if (!extras) throw new BadList("The list has no suffix rules.");
  const { pdqs, tints, counts, flags } = sections;
  return checked({ version: header.version, pdqs, tints, counts, flags, names: namesIn(sections.names), extras });
}

function checked(list) {
  let codes = 0;
  for (const count of list.counts) codes += count;
  const sites = list.names.length;
  if (list.counts.length !== sites || list.flags.length !== sites) throw new BadList("Not every site has its tier.");
  if (list.pdqs.length !== codes * PDQ_BYTES || list.tints.length !== codes * TINT_BYTES)
    throw new BadList("Not every code is there.");
  return list;
}

/** The list with changed sites in place of what it had, and without those that were removed. */
function merged(held, header, sections) {
  const changes = listOf(header, sections, held);
  const gone = new Set([...namesIn(sections.removed), ...changes.names]);
  const from = [held, changes].map((list) => ({ list, site: 0, code: 0 }));
  const size = (name) => held[name].length + changes[name].length;
  const out = { pdqs: new Uint8Array(size("pdqs")), tints: new Uint8Array(size("tints")), counts: [], flags: [], names: [] };
  let codes = 0;
  while (from.some((one) => one.site < one.list.names.length)) {
    const [a, b] = from.map((one) => one.list.names[one.site]);
    const one = b === undefined || (a !== undefined && a < b) ? from[0] : from[1];
    const { list, site, code } = one;
    const count = list.counts[site];
    one.site++;
    one.code += count;
    if (one === from[0] && gone.has(list.names[site])) continue;
    out.pdqs.set(list.pdqs.subarray(code * PDQ_BYTES, (code + count) * PDQ_BYTES), codes * PDQ_BYTES);
    out.tints.set(list.tints.subarray(code * TINT_BYTES, (code + count) * TINT_BYTES), codes * TINT_BYTES);
    codes += count;
    out.counts.push(count);
    out.flags.push(list.flags[site]);
    out.names.push(list.names[site]);
  }
  return checked({
    version: header.version,
    pdqs: out.pdqs.slice(0, codes * PDQ_BYTES),
    tints: out.tints.slice(0, codes * TINT_BYTES),
    counts: Uint8Array.from(out.counts),
    flags: Uint8Array.from(out.flags),
    names: out.names,
    extras: changes.extras,
  });
}

async function checksumOf({ pdqs, tints, counts, flags, names }) {
  const whole = await new Blob([pdqs, tints, counts, flags, names.join("\n")]).arrayBuffer();
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", whole)));
}

/** The list as one blob for the extension's own store. */
export function stored({ version, pdqs, tints, counts, flags, names, extras }) {
  const parts = { pdqs, tints, counts, flags, names: bytesOf(names.join("\n")), extras: bytesOf(JSON.stringify(extras)) };
  const lengths = Object.entries(parts).map(([name, part]) => [name, part.length]);
  const head = bytesOf(JSON.stringify({ version, lengths }));
  return new Blob([Uint32Array.of(head.length), head, ...Object.values(parts)]);
}

/** The list in what `stored` made. */
export async function restored(blob) {
  const buffer = await blob.arrayBuffer();
  let at = 4 + new DataView(buffer).getUint32(0, true);
  const { version, lengths } = JSON.parse(text(new Uint8Array(buffer, 4, at - 4)));
  const parts = {};
  for (const [name, length] of lengths) {
    parts[name] = new Uint8Array(buffer, at, length);
    at += length;
  }
  return { version, ...parts, names: namesIn(parts.names), extras: JSON.parse(text(parts.extras)) };
}

/** Where a name is in the list, or -1. */
export function placeOf({ names }, name) {
  let low = 0, high = names.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (names[middle] === name) return middle;
    if (names[middle] < name) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

export const tierAt = ({ flags }, place) => TIERS[flags[place] & TIER_MASK];
export const isCommonAt = ({ flags }, place) => (flags[place] & COMMON) !== 0;

function namesIn(bytes) {
  return bytes.length ? text(bytes).split("\n") : [];
}

const text = (bytes) => new TextDecoder().decode(bytes);
const bytesOf = (string) => new TextEncoder().encode(string);
