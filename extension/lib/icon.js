/**
 * The icon that a tab shows, as pixels and as the PNG that a question carries.
 *
 * It is what the browser draws, not what a URL serves: a site that answers the browser and others differently, an
 * SVG and an icon made by script are judged by their face.
 */
import { hexOf } from "../hashing/hex.js";
import { isSamePicture } from "../looks/same.js";

const SIDE = 32;
const MOST = 128;
const MOST_FILE_BYTES = 262_144;
const FILE_MS = 300;
const EXACT = { premultiplyAlpha: "none", colorSpaceConversion: "none" };
const HAS_FAVICONS = (chrome.runtime.getManifest().permissions ?? []).includes("favicon");

/** {picture: {data, width, height}, png: Blob, digest} of a tab's icon, or null where there is none. */
export async function iconOf(tab) {
  // Without this address the browser would give the icon of another page of the host.
  if (!tab.favIconUrl) return null;
  try {
    const blob = HAS_FAVICONS ? await drawn(tab.url) : await embedded(tab.favIconUrl);
    if (!blob) return null;
    const picture = await pixelsOf(blob);
    if (HAS_FAVICONS && (await digestOf(picture)) === (await globe())) return null;
    return { picture, png: HAS_FAVICONS ? blob : await pngOf(picture), digest: await digestOf(picture) };
  } catch {
    return null;
  }
}

/**
 * The file behind a drawn icon, larger than it, in the same form; null where it cannot be had without a request.
 *
 * It is read in the page, where the browser has it in its cache for the page's own origin; another origin's cache is
 * another one. What is not the drawn picture is left out: a page can put another file into that cache.
 */
export async function fileOf(tab, { picture }) {
  if (!HAS_FAVICONS || !URL.canParse(tab.favIconUrl) || new URL(tab.favIconUrl).origin !== new URL(tab.url).origin) return null;
  try {
    const reading = chrome.scripting.executeScript({
      target: { tabId: tab.id },
      injectImmediately: true,
      func: cachedPicture,
      args: [tab.favIconUrl, MOST_FILE_BYTES, MOST],
    });
    const [{ result }] = await Promise.race([reading, new Promise((_, give) => setTimeout(give, FILE_MS, "late"))]);
    if (!result) return null;
    const png = await (await fetch(`data:image/png;base64,${result}`)).blob();
    const larger = await pixelsOf(png);
    if (larger.width <= SIDE || !isSamePicture(picture, larger)) return null;
    return { picture: larger, png, digest: await digestOf(larger) };
  } catch {
    return null;
  }
}

/** Runs in the page, which decodes its own file: an icon as base64 PNG of at most `side` pixels, or null. No request. */
async function cachedPicture(url, mostBytes, side) {
  // A service worker of the page would be asked before the cache is.
  if (navigator.serviceWorker?.controller) return null;
  try {
    const response = await fetch(url, { cache: "only-if-cached", mode: "same-origin" });
    const file = response.ok ? await response.blob() : null;
    if (!file || file.size > mostBytes) return null;
    const bitmap = await createImageBitmap(file, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
    if (bitmap.width !== bitmap.height) return null;
    const size = Math.min(bitmap.width, side);
    const canvas = new OffscreenCanvas(size, size);
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, size, size);
    const png = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
    let text = "";
    for (const byte of png) text += String.fromCharCode(byte);
    return btoa(text);
  } catch {
    return null;
  }
}

async function drawn(pageUrl) {
  const url = new URL(chrome.runtime.getURL("/_favicon/"));
  url.searchParams.set("pageUrl", pageUrl);
  url.searchParams.set("size", String(SIDE));
  return (await fetch(url)).blob();
}

/** The picture that Firefox has put into the address; no other address is asked. */
async function embedded(url) {
  return url.startsWith("data:image/") ? (await fetch(url)).blob() : null;
}

async function pixelsOf(blob) {
  const bitmap = blob.type.startsWith("image/svg") ? await svgBitmap(blob) : await createImageBitmap(blob, EXACT);
  const scale = Math.min(1, MOST / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale)), height = Math.max(1, Math.round(bitmap.height * scale));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/** Only an image element draws SVG; Firefox's background page has a document for it. */
async function svgBitmap(blob) {
  const url = URL.createObjectURL(blob);
  try {
    const image = new Image(MOST, MOST);
    image.src = url;
    await image.decode();
    return image;
  } finally {
    URL.revokeObjectURL(url);
  }
}

async function pngOf(picture) {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext("2d").putImageData(new ImageData(picture.data, picture.width, picture.height), 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

/** What Chromium draws for a page without an icon; it changes with the theme, so it is looked at once a session. */
async function globe() {
  const { globe: known } = await chrome.storage.session.get("globe");
  if (known) return known;
  const digest = await digestOf(await pixelsOf(await drawn("http://no-such-page.invalid/")));
  await chrome.storage.session.set({ globe: digest });
  return digest;
}

async function digestOf({ data }) {
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", data)));
}

/** A blob as base64. */
export async function base64Of(blob) {
  let text = "";
  for (const byte of new Uint8Array(await blob.arrayBuffer())) text += String.fromCharCode(byte);
  return btoa(text);
}
