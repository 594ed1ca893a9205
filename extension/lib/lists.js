/** The list of trusted looks in this browser: fetched, verified, kept, ready to be searched. */
import { received, restored, sitesOf, stored } from "../looks/list.js";
import { searchable } from "../looks/search.js";
import { compactList } from "./server.js";
import { keep, kept, forgetAll } from "./state.js";

const KEY = "trusted";
export const STALE_MS = 7 * 24 * 3600 * 1000;

let ready = null;
let updating = null;

/** The list ready to be searched, or null before the first was fetched. Read once in a worker's life. */
export async function list() {
  ready ??= load();
  return ready;
}

async function load() {
  const blob = await kept("list", KEY);
  return blob ? searchable(await restored(blob)) : null;
}

/** {version, key, at, sites, codes, error}: how the list stands. `at` is when it was last known to be current. */
export async function listState() {
  const { list: state } = await chrome.storage.local.get("list");
  return { version: "", key: "", at: 0, sites: 0, codes: 0, error: "", ...state };
}

/** Bring the list up to date; what is wrong is kept for people to read. One update at a time. */
export function update() {
  updating ??= updateOnce().finally(() => (updating = null));
  return updating;
}

async function updateOnce() {
  const state = await listState();
  try {
    const held = (await list())?.list ?? null;
    const { list: fresh, key } = await received(await compactList(held?.version), held, state.key);
    if (fresh.version !== held?.version) await keep("list", KEY, stored(fresh));
    ready = Promise.resolve(searchable(fresh));
    const [sites, codes] = [sitesOf(fresh), fresh.pdqs.length / 32];
    await chrome.storage.local.set({ list: { version: fresh.version, key, at: Date.now(), sites, codes, error: "" } });
  } catch (error) {
    await chrome.storage.local.set({ list: { ...state, error: `${error.name}: ${error.message}` } });
    // What was changed by others cannot be built upon: fetch everything the next time.
    if (error.name === "BadList" && !/key/i.test(error.message)) await forgetList({ keepKey: true });
  }
}

/** Drop the list, and the key that it was signed with, so that a list of another server is taken. */
export async function forgetList({ keepKey = false } = {}) {
  const { key, error } = await listState();
  await forgetAll("list");
  await chrome.storage.local.set({ list: keepKey ? { key, error } : {} });
  ready = null;
}
