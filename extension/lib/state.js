/**
 * Where the extension keeps what it knows. The browser ends the worker when it likes: nothing lives in a variable
 * that cannot be had again.
 *
 * Settings, exceptions and the queue of reports are in storage.local, what belongs to a tab is in storage.session,
 * the list and what each site has shown are in IndexedDB.
 */
const DATABASE = "samelook";
const STORES = ["list", "seen", "answers"];

export const DEFAULTS = {
  server: "http://127.0.0.1:5100",
  mode: "normal",
  language: "",
  off: false,
};
export const MODES = ["normal", "strict", "open"];

export async function settings() {
  const { settings: kept } = await chrome.storage.local.get("settings");
  return { ...DEFAULTS, ...kept };
}

export async function changeSettings(changes) {
  const changed = { ...(await settings()), ...changes };
  await chrome.storage.local.set({ settings: changed });
  return changed;
}

/** {name: until} of the sites and hosts that the user has declared real; `until` is milliseconds, or null for ever. */
export async function allowed() {
  const { allowed: kept = {} } = await chrome.storage.local.get("allowed");
  return kept;
}

export async function isAllowed(...names) {
  const kept = await allowed();
  return names.some((name) => kept[name] === null || kept[name] > Date.now());
}

export async function allow(site, until) {
  await chrome.storage.local.set({ allowed: { ...(await allowed()), [site]: until } });
}

export async function disallow(site) {
  const kept = await allowed();
  delete kept[site];
  await chrome.storage.local.set({ allowed: kept });
}

/** What is known of a tab, or null. */
export async function tabState(tabId) {
  const key = `tab ${tabId}`;
  return (await chrome.storage.session.get(key))[key] ?? null;
}

export async function setTabState(tabId, state) {
  const key = `tab ${tabId}`;
  if (state) await chrome.storage.session.set({ [key]: state });
  else await chrome.storage.session.remove(key);
}

/** The host whose page has filled a tab without an address of its own, or null: windows that pages open are such. */
export async function filledBy(tab) {
  return tab.url?.startsWith("about:") ? ((await filled())[tab.id] ?? null) : null;
}

/** The tabs that a host's pages have filled. */
export async function filledTabs(host) {
  return Object.entries(await filled()).filter(([, other]) => other === host).map(([tabId]) => Number(tabId));
}

export async function setFilled(tabId, host) {
  const { [tabId]: before, ...others } = await filled();
  if (host !== before) await chrome.storage.session.set({ filled: host ? { ...others, [tabId]: host } : others });
}

async function filled() {
  return (await chrome.storage.session.get("filled")).filled ?? {};
}

/** What the lock page shows of a site: kept while the browser runs. */
export async function lockOf(site) {
  const key = `lock ${site}`;
  return (await chrome.storage.session.get(key))[key] ?? null;
}

export async function setLock(site, lock) {
  const key = `lock ${site}`;
  if (lock) await chrome.storage.session.set({ [key]: lock });
  else await chrome.storage.session.remove(key);
}

let opened = null;

function database() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => STORES.forEach((name) => request.result.createObjectStore(name));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function within(store, mode, work) {
  const transaction = (await database()).transaction(store, mode);
  const request = work(transaction.objectStore(store));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

export const kept = (store, key) => within(store, "readonly", (items) => items.get(key));
export const keep = (store, key, value) => within(store, "readwrite", (items) => items.put(value, key));
export const forgetAll = (store) => within(store, "readwrite", (items) => items.clear());

/** Entries of a store as [key, value]. */
export async function entries(store) {
  const keys = await within(store, "readonly", (items) => items.getAllKeys());
  const values = await within(store, "readonly", (items) => items.getAll());
  return keys.map((key, i) => [key, values[i]]);
}
