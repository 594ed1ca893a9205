/**
 * The canonical pictures of an icon, pixel for pixel as the service makes them (looks/forms.py): several plain ways
 * to frame it, so that a change spoils few of them. What the numbers are for is said there.
 */
import { resized } from "./resample.js";

const CANVAS = 64;
const WORK_SIDE = 128;
const SOLID = 64;
const NEAR = 32;
const RING_SHARE = 0.85;
const STRAY_SHARE = 0.03;
const KEYED_RING_SHARE = 0.6;
const COLOURLESS = 40;
const LEAST_SIDE = 4;
const TURNS = 12;
const LEAST_CONTRAST = 24;
const TOUCHING_SHARE = 0.08;
const FRAME_NEAR = 48;
const FRAME_SHARE = 0.7;
const INNER_FRAME_SHARE = 0.5;
const LEAST_EDGE = 16;
const PARTS = 64;
const LEAST_PARTS = 12;
const WHITE = [255, 255, 255, 255];

/** Opaque 64 x 64 pictures by the form's name, from straight RGBA; forms without contrast are left out. */
export function canonicalPictures(picture) {
  const icon = premultipliedSquare(picture);
  const [trimmed, isTrimmed] = trimmedOf(icon);
  const whole = resized(icon, CANVAS, CANVAS);
  const cut = isTrimmed ? resized(trimmed, CANVAS, CANVAS) : whole;
  const canvases = new Map([["plain", on(whole, 255)]]);
  if (isTrimmed) canvases.set("trimmed", on(cut, 255));
  if (leastAlpha(cut) < 255) canvases.set("trimmed_grey", on(cut, 128));
  const keyed = keyedOf(icon);
  if (keyed) canvases.set("keyed", on(resized(keyed, CANVAS, CANVAS), 0));
  const inside = insideFrame(icon);
  if (inside) canvases.set("inside", on(resized(inside, CANVAS, CANVAS), 255));
  for (const [name, canvas] of canvases) if (contrastOf(canvas) < LEAST_CONTRAST) canvases.delete(name);
  return canvases;
}

/** Straight RGBA with its colours multiplied by alpha, rounded as Pillow does. */
export function premultiplied({ data, width, height }) {
  const out = new Uint8ClampedArray(data.length);
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3];
    for (let channel = 0; channel < 3; channel++) {
      const product = data[at + channel] * alpha + 128;
      out[at + channel] = ((product >> 8) + product) >> 8;
    }
    out[at + 3] = alpha;
  }
  return { data: out, width, height };
}

function premultipliedSquare(picture) {
  let icon = premultiplied(picture);
  const { width, height } = icon;
  const side = Math.max(width, height);
  if (side > WORK_SIDE) {
    const scale = WORK_SIDE / side;
    icon = resized(icon, Math.max(1, halfToEven(width * scale)), Math.max(1, halfToEven(height * scale)));
  }
  return paddedSquare(icon, [0, 0, 0, 0]);
}

function halfToEven(value) {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 ? floor + 1 : floor;
}

function paddedSquare(icon, colour) {
  const { data, width, height } = icon;
  if (width === height) return icon;
  const side = Math.max(width, height);
  const out = new Uint8ClampedArray(side * side * 4);
  if (colour.some(Boolean)) for (let at = 0; at < out.length; at += 4) out.set(colour, at);
  const left = Math.floor((side - width) / 2), top = Math.floor((side - height) / 2);
  for (let y = 0; y < height; y++)
    out.set(data.subarray(y * width * 4, (y + 1) * width * 4), ((top + y) * side + left) * 4);
  return { data: out, width: side, height: side };
}

function on({ data, width, height }, grey) {
  const out = new Uint8ClampedArray(data.length);
  for (let at = 0; at < data.length; at += 4) {
    const behind = Math.floor(((255 - data[at + 3]) * grey + 127) / 255);
    out[at] = data[at] + behind;
    out[at + 1] = data[at + 1] + behind;
    out[at + 2] = data[at + 2] + behind;
    out[at + 3] = 255;
  }
  return { data: out, width, height };
}

function leastAlpha({ data }) {
  let least = 255;
  for (let at = 3; at < data.length; at += 4) if (data[at] < least) least = data[at];
  return least;
}

/** The widest range of a channel between the 2nd and the 98th percentile, at half the size. */
export function contrastOf({ data, width, height }) {
  const columns = width / 2, rows = height / 2;
  const few = Math.floor((columns * rows * 2) / 100);
  let widest = 0;
  for (let channel = 0; channel < 3; channel++) {
    const levels = new Uint16Array(columns * rows);
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++) {
        const at = (2 * y * width + 2 * x) * 4 + channel;
        levels[y * columns + x] = data[at] + data[at + 4] + data[at + width * 4] + data[at + width * 4 + 4];
      }
    levels.sort();
    widest = Math.max(widest, levels[levels.length - 1 - few] - levels[few]);
  }
  return Math.floor(widest / 4);
}

function trimmedOf(icon) {
  const box = boxOf(solidity(icon), icon.width, icon.height);
  if (!box) return [icon, false];
  let pixels = cutOf(icon, box);
  let colour = [0, 0, 0, 0];
  let margin = marginColour(pixels, RING_SHARE);
  let seen = pixels;
  if (!margin && solidShareOfRing(pixels) >= TOUCHING_SHARE) {
    seen = on(pixels, 255);
    margin = marginColour(seen, RING_SHARE);
    if (margin && Math.min(...margin) < 255 - NEAR) margin = null;
  }
  if (margin) {
    const { width, height } = pixels;
    const rows = new Float64Array(height), columns = new Float64Array(width);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        if (distance(seen.data, (y * width + x) * 4, margin) > NEAR) {
          rows[y]++;
          columns[x]++;
        }
    const inside = boxOfLines(
      rows.map((count) => count / width > STRAY_SHARE),
      columns.map((count) => count / height > STRAY_SHARE),
    );
    if (inside && Math.min(inside.right - inside.left, inside.bottom - inside.top) >= LEAST_SIDE) {
      pixels = cutOf(seen, inside);
      colour = margin;
    }
  }
  if (pixels.width === icon.width && pixels.height === icon.height) return [icon, false];
  return [paddedSquare(pixels, colour), true];
}

function solidShareOfRing(pixels) {
  return shareOf(ringOf(pixels.width, pixels.height), solidity(pixels));
}

/** The sign on white inside a frame of one colour, or null where there is no frame. */
function insideFrame(icon) {
  const { width, height } = icon;
  const seen = on(icon, 255);
  const white = near(seen, WHITE, NEAR);
  let left = leftAfter(new Uint8Array(white.length).fill(1), white, width, height);
  let edge = placesOf(edgeOf(left, width, height));
  if (edge.length < LEAST_EDGE) return null;
  const band = [0, 1, 2, 3].map(
    (channel) => Uint8Array.from(edge, (place) => seen.data[place * 4 + channel]).sort()[edge.length >> 1],
  );
  const banded = near(seen, band, FRAME_NEAR);
  if (shareOf(edge, banded) < FRAME_SHARE) return null;
  left = leftAfter(left, either(banded, left), width, height);
  edge = placesOf(edgeOf(left, width, height));
  if (edge.length < LEAST_EDGE || shareOf(edge, white) < INNER_FRAME_SHARE) return null;
  const outside = reachedFromBorder(either(white, left), width, height);
  const rows = new Uint32Array(height), columns = new Uint32Array(width);
  const data = new Uint8ClampedArray(seen.data.length).fill(255);
  for (let i = 0; i < left.length; i++)
    if (left[i] && !outside[i]) {
      rows[Math.floor(i / width)]++;
      columns[i % width]++;
      data.set(seen.data.subarray(i * 4, i * 4 + 4), i * 4);
    }
  const box = boxOfLines(rows.map((count) => count > 1), columns.map((count) => count > 1));
  const least = Math.max(LEAST_SIDE, Math.floor(Math.min(width, height) / 5));
  if (!box || Math.min(box.right - box.left, box.bottom - box.top) < least) return null;
  return cutExactly(cutOf({ data, width, height }, box));
}

/** A sign on white, drawn so that its edges are the canvas's, to a part of a pixel: its outermost lines are pale. */
function cutExactly({ data, width, height }) {
  const columns = new Array(width).fill(0), rows = new Array(height).fill(0);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 4;
      const away = 255 - Math.min(data[at], data[at + 1], data[at + 2]);
      columns[x] = Math.max(columns[x], away);
      rows[y] = Math.max(rows[y], away);
    }
  const [left, right] = coverOf(columns), [top, bottom] = coverOf(rows);
  const full = data.slice();
  const fill = (place, cover) => {
    for (let at = place * 4; at < place * 4 + 4; at++)
      full[at] = 255 - Math.min(Math.floor(((255 - full[at]) * 2 * PARTS + cover) / (2 * cover)), 255);
  };
  for (let y = 0; y < height; y++) fill(y * width, left);
  for (let y = 0; y < height; y++) fill(y * width + width - 1, right);
  for (let x = 0; x < width; x++) fill(x, top);
  for (let x = 0; x < width; x++) fill((height - 1) * width + x, bottom);
  const across = PARTS * (width - 2) + left + right, down = PARTS * (height - 2) + top + bottom;
  const widest = Math.max(across, down);
  const box = [(PARTS - left) / PARTS, (PARTS - top) / PARTS, across / PARTS, down / PARTS];
  const drawn = resized({ data: full, width, height }, rounded(across * CANVAS, widest), rounded(down * CANVAS, widest), box);
  return paddedSquare(drawn, WHITE);
}

/** How many parts of its first and of its last line a sign covers. */
function coverOf(most) {
  const cover = (line, next) => Math.min(Math.max(rounded(line * PARTS, Math.max(next, 1)), LEAST_PARTS), PARTS);
  return [cover(most[0], most[1]), cover(most.at(-1), most.at(-2))];
}

function rounded(count, by) {
  return Math.floor((2 * count + by) / (2 * by));
}

function near({ data }, colour, limit) {
  const flags = new Uint8Array(data.length / 4);
  for (let i = 0; i < flags.length; i++) if (distance(data, i * 4, colour) <= limit) flags[i] = 1;
  return flags;
}

/** What is passable, or gone already. */
function either(passable, left) {
  const flags = new Uint8Array(left.length);
  for (let i = 0; i < flags.length; i++) flags[i] = passable[i] | (left[i] ^ 1);
  return flags;
}

function placesOf(flags) {
  const places = [];
  for (let i = 0; i < flags.length; i++) if (flags[i]) places.push(i);
  return places;
}

function shareOf(places, flags) {
  return places.reduce((count, place) => count + flags[place], 0) / places.length;
}

/** What is left when all that is reached from the border through passable pixels is gone, and the next pixels too. */
function leftAfter(left, passable, width, height) {
  const rest = without(left, reachedFromBorder(passable, width, height));
  return total(rest) === rest.length ? rest : without(rest, edgeOf(rest, width, height));
}

function without(flags, others) {
  const rest = new Uint8Array(flags.length);
  for (let i = 0; i < rest.length; i++) rest[i] = flags[i] & (others[i] ^ 1);
  return rest;
}

/** The pixels of a region that have a neighbour outside it. */
function edgeOf(left, width, height) {
  const edge = new Uint8Array(left.length);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++)
      if (left[i]) {
        const isInside = x > 0 && x < width - 1 && y > 0 && y < height - 1;
        if (!isInside || !left[i - 1] || !left[i + 1] || !left[i - width] || !left[i + width]) edge[i] = 1;
      }
  return edge;
}

/** The sign without the colourless ground that touches the border, or null. */
function keyedOf(icon) {
  const { width, height } = icon;
  const opaque = solidity(icon);
  let pixels = icon;
  const ring = ringOf(width, height);
  let solid = 0;
  for (const place of ring) solid += opaque[place];
  if (2 * solid > ring.length) {
    const ground = marginColour(icon, KEYED_RING_SHARE);
    if (!ground) return null;
    const [r, g, b] = ground;
    if (Math.max(r, g, b) - Math.min(r, g, b) > COLOURLESS) return null;
    const passable = new Uint8Array(opaque.length);
    for (let i = 0; i < passable.length; i++)
      passable[i] = !opaque[i] || distance(icon.data, i * 4, ground) <= NEAR ? 1 : 0;
    const outside = reachedFromBorder(passable, width, height);
    pixels = { data: icon.data.slice(), width, height };
    for (let i = 0; i < outside.length; i++)
      if (outside[i]) {
        pixels.data.fill(0, i * 4, i * 4 + 4);
        opaque[i] = 0;
      }
  }
  const box = boxOf(opaque, width, height);
  if (!box || Math.min(box.right - box.left, box.bottom - box.top) < LEAST_SIDE) return null;
  return paddedSquare(cutOf(pixels, box), [0, 0, 0, 0]);
}

/** The opaque colour that at least this share of the border ring is near, or null. */
function marginColour({ data, width, height }, share) {
  if (Math.min(width, height) < LEAST_SIDE) return null;
  const ring = ringOf(width, height);
  const median = [0, 1, 2, 3].map((channel) => {
    const levels = Uint8Array.from(ring, (place) => data[place * 4 + channel]).sort();
    return levels[ring.length >> 1];
  });
  if (median[3] <= 255 - SOLID) return null;
  let near = 0;
  for (const place of ring) if (distance(data, place * 4, median) <= NEAR) near++;
  return near / ring.length < share ? null : median;
}

function distance(data, at, colour) {
  let widest = Math.abs(data[at] - colour[0]);
  for (let channel = 1; channel < 4; channel++) {
    const apart = Math.abs(data[at + channel] - colour[channel]);
    if (apart > widest) widest = apart;
  }
  return widest;
}

/** Where one gets from the border through passable pixels; whole runs of rows and columns at once, in few turns. */
function reachedFromBorder(passable, width, height) {
  const reached = new Uint8Array(passable.length);
  for (const place of ringOf(width, height)) reached[place] = passable[place];
  let count = total(reached);
  for (let turn = 0; turn < TURNS; turn++) {
    for (let y = 0; y < height; y++) spread(passable, reached, y * width, 1, width);
    for (let x = 0; x < width; x++) spread(passable, reached, x, width, height);
    const before = count;
    count = total(reached);
    if (count === before) break;
  }
  return reached;
}

/** Every run of passable pixels along a line is reached where one of it is. */
function spread(passable, reached, start, step, length) {
  let first = 0, any = 0;
  for (let i = 0; i <= length; i++) {
    const at = start + i * step;
    if (i < length && passable[at]) {
      any |= reached[at];
      continue;
    }
    if (any) for (let j = first; j < i; j++) reached[start + j * step] = 1;
    first = i + 1;
    any = 0;
  }
}

function total(flags) {
  let sum = 0;
  for (let i = 0; i < flags.length; i++) sum += flags[i];
  return sum;
}

function solidity({ data, width, height }) {
  const solid = new Uint8Array(width * height);
  for (let i = 0; i < solid.length; i++) solid[i] = data[i * 4 + 3] > SOLID ? 1 : 0;
  return solid;
}

/** The places of the border's pixels; a corner is named once. */
function ringOf(width, height) {
  const places = [];
  for (let x = 0; x < width; x++) places.push(x);
  for (let x = 0; x < width; x++) places.push((height - 1) * width + x);
  for (let y = 1; y < height - 1; y++) places.push(y * width, y * width + width - 1);
  return places;
}

function boxOf(mask, width, height) {
  const rows = new Uint8Array(height), columns = new Uint8Array(width);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if (mask[y * width + x]) rows[y] = columns[x] = 1;
  return boxOfLines(rows, columns);
}

function boxOfLines(rows, columns) {
  const top = rows.findIndex(Boolean), left = columns.findIndex(Boolean);
  if (top < 0 || left < 0) return null;
  return { left, top, right: columns.findLastIndex(Boolean) + 1, bottom: rows.findLastIndex(Boolean) + 1 };
}

function cutOf({ data, width }, { left, top, right, bottom }) {
  const columns = right - left;
  const out = new Uint8ClampedArray(columns * (bottom - top) * 4);
  for (let y = top; y < bottom; y++)
    out.set(data.subarray((y * width + left) * 4, (y * width + right) * 4), (y - top) * columns * 4);
  return { data: out, width: columns, height: bottom - top };
}
