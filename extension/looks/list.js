/**
 * The compact list of trusted looks: read, verified, brought up to date, written.
 *
 * Its layout is in docs/extension-api.md. A list is {version, body, pdqs, tints, counts, flags, names, starts, extras}.
 * `body` holds the five sections after it one after the other, as they came: the list is in memory once. `names` are
 * the sites' names as bytes, sorted, a line each, and `starts` where each begins; `extras` is {suffixes, families}.
 */
import { bytesOfHex, hexOf } from "../hashing/hex.js";

const MAGIC = "slk1";
const SIGNATURE_BYTES = 64;
const PDQ_BYTES = 32;
const TINT_BYTES = 8;
export const TIERS = ["wide", "standard", "strict"];
const TIER_MASK = 3;
const COMMON = 4;
const SECTIONS = ["pdqs", "tints", "counts", "flags", "names"];
const LINE_END = 10;

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
  if (sitesOf(list) !== header.sites || (await checksumOf(list)) !== header.checksum)
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
  if (SECTIONS.some((name, i) => Object.keys(sections)[i] !== name)) throw new BadList("The sections are in another order.");
  return { header, sections };
}

function listOf(header, sections, held) {
  const extras = sections.extras.length ? JSON.parse(text(sections.extras)) : held?.extras;
  if (!extras) throw new BadList("The list has no suffix rules.");
  const { buffer, byteOffset } = sections.pdqs;
  const lengths = SECTIONS.map((name) => sections[name].length);
  return listIn(header.version, new Uint8Array(buffer, byteOffset, total(lengths)), lengths, extras);
}

/** The list whose sections are so long and follow one another in `body`. Throws BadList. */
function listIn(version, body, lengths, extras) {
  const list = { version, body, extras };
  let at = 0;
  SECTIONS.forEach((name, i) => (list[name] = body.subarray(at, (at += lengths[i]))));
  list.starts = startsIn(list.names);
  const codes = total(list.counts), sites = sitesOf(list);
  if (list.counts.length !== sites || list.flags.length !== sites) throw new BadList("Not every site has its tier.");
  if (list.pdqs.length !== codes * PDQ_BYTES || list.tints.length !== codes * TINT_BYTES)
    throw new BadList("Not every code is there.");
  return list;
}

/** The list with changed sites in place of what it had, and without those that were removed. */
function merged(held, header, sections) {
  const changes = listOf(header, sections, held);
  const gone = new Set([...linesIn(sections.removed), ...linesIn(changes.names)]);
  const from = [held, changes].map((list) => ({ list, site: 0, code: 0, name: nameAt(list, 0) }));
  const body = new Uint8Array(held.body.length + changes.body.length + 1);
  const room = {};
  let at = 0;
  for (const name of SECTIONS) {
    const length = held[name].length + changes[name].length + (name === "names" ? 1 : 0);
    room[name] = { bytes: body.subarray(at, (at += length)), used: 0 };
  }
  while (from.some(({ list, site }) => site < sitesOf(list))) {
    const one = from[1].name === undefined || from[0].name < from[1].name ? from[0] : from[1];
    const { list, site, code, name } = one;
    const next = code + list.counts[site];
    one.site++;
    one.code = next;
    one.name = nameAt(list, one.site);
    if (one === from[0] && gone.has(name)) continue;
    append(room.pdqs, list.pdqs.subarray(code * PDQ_BYTES, next * PDQ_BYTES));
    append(room.tints, list.tints.subarray(code * TINT_BYTES, next * TINT_BYTES));
    append(room.counts, list.counts.subarray(site, one.site));
    append(room.flags, list.flags.subarray(site, one.site));
    append(room.names, list.names.subarray(list.starts[site], list.starts[one.site] - 1));
    room.names.bytes[room.names.used++] = LINE_END;
  }
  if (room.names.used) room.names.used--;
  const parts = SECTIONS.map((name) => room[name].bytes.subarray(0, room[name].used));
  return listIn(header.version, joined(parts), parts.map((part) => part.length), changes.extras);
}

function append(room, bytes) {
  room.bytes.set(bytes, room.used);
  room.used += bytes.length;
}

function joined(parts) {
  const whole = { bytes: new Uint8Array(total(parts.map((part) => part.length))), used: 0 };
  for (const part of parts) append(whole, part);
  return whole.bytes;
}

async function checksumOf({ body }) {
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", body)));
}

/** The list as one blob for the extension's own store. */
export function stored({ version, body, extras, ...list }) {
  const rest = bytesOf(JSON.stringify(extras));
  const lengths = [...SECTIONS.map((name) => [name, list[name].length]), ["extras", rest.length]];
  let head = JSON.stringify({ version, lengths });
  // Codes are read as words of 32 bits: they begin at a multiple of four.
  head += " ".repeat(-bytesOf(head).length & 3);
  return new Blob([Uint32Array.of(bytesOf(head).length), head, body, rest]);
}

/** The list in what `stored` made. */
export async function restored(blob) {
  const buffer = await blob.arrayBuffer();
  const start = 4 + new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(text(new Uint8Array(buffer, 4, start - 4)));
  const lengths = head.lengths.map(([, length]) => length);
  const size = total(lengths.slice(0, -1));
  const extras = JSON.parse(text(new Uint8Array(buffer, start + size)));
  return listIn(head.version, new Uint8Array(buffer, start, size), lengths, extras);
}

export const sitesOf = ({ starts }) => starts.length - 1;

/** The name of a site by its place, or undefined beyond the last. */
export function nameAt(list, place) {
  return place < sitesOf(list) ? text(list.names.subarray(list.starts[place], list.starts[place + 1] - 1)) : undefined;
}

/** Where a name is in the list, or -1. */
export function placeOf(list, name) {
  let low = 0, high = sitesOf(list) - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const there = nameAt(list, middle);
    if (there === name) return middle;
    if (there < name) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

export const tierAt = ({ flags }, place) => TIERS[flags[place] & TIER_MASK];
export const isCommonAt = ({ flags }, place) => (flags[place] & COMMON) !== 0;

function linesIn(bytes) {
  return bytes.length ? text(bytes).split("\n") : [];
}

/** Where each line of some bytes begins, and where one more would. */
function startsIn(bytes) {
  const starts = new Uint32Array(bytes.length ? lineEnds(bytes) + 2 : 1);
  let line = 0;
  for (let at = bytes.indexOf(LINE_END); at >= 0; at = bytes.indexOf(LINE_END, at + 1)) starts[++line] = at + 1;
  if (bytes.length) starts[line + 1] = bytes.length + 1;
  return starts;
}

function lineEnds(bytes) {
  let count = 0;
  for (let at = bytes.indexOf(LINE_END); at >= 0; at = bytes.indexOf(LINE_END, at + 1)) count++;
  return count;
}

function total(numbers) {
  let sum = 0;
  for (const number of numbers) sum += number;
  return sum;
}

const decoder = new TextDecoder();
const text = (bytes) => decoder.decode(bytes);
const bytesOf = (string) => new TextEncoder().encode(string);
