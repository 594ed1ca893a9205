/**
 * A lock, in two steps: at once the guard in the page swallows keys and clicks, where the page asks for something;
 * then the tab goes to the extension's own page, which no page can argue with.
 */
import { show } from "./badge.js";
import { queueReport } from "./reports.js";
import { hostOf, siteOf } from "./sites.js";
import { allow, filledBy, filledTabs, lockOf, setFilled, setLock, setTabState, tabState } from "./state.js";
import { list } from "./lists.js";

const LOCK_PAGE = "pages/lock.html";
const WIPE_MS = 300;
const ARRIVAL_MS = 2_000;
const STILL_MS = 1_000;
const HEARD_MS = 3_000;
const SANDBOX = "sandbox; script-src 'none'; form-action 'none'; worker-src 'none'";
const PRIORITY = { redirect: 100, sandbox: 200 };

/**
 * Lock a tab: the guards of its frames are armed, and say whether they are asked for something. What is locked is no
 * more than the verdict holds for: `scope`, a site or one host of it.
 */
export async function lockTab(tabId, url, state) {
  // An address that a page has made itself ends with the page.
  const address = url.startsWith("blob:") ? `${new URL(url).origin}/` : url;
  await setLock(state.scope, { site: state.scope, host: state.host, url: address, tabId, ...facts(state) });
  for (const tab of [tabId, ...(await filledTabs(state.host))]) {
    await setTabState(tab, { ...state, guard: "watch" });
    void watch(tab);
  }
}

/** The guards say whether they are asked for something; a page that hangs cannot say so, and goes to the lock page. */
async function watch(tabId) {
  const isHeard = await Promise.race([tell(tabId, "watch").then(() => true), sleep(HEARD_MS).then(() => false)]);
  if (!isHeard) await pageAsks(tabId);
}

function facts({ looksLike, picture, why, shown, reasons }) {
  return { looksLike, picture, why, shown, reasons };
}

/** The state of a tab that shows what is locked. */
function stateOf(lock) {
  const { host, site } = lock;
  return { host, site, scope: site, verdict: "lock", action: "lock", pictures: [], ...facts(lock) };
}

/** A frame of a locked tab asks for something: the other frames are covered too, and the tab goes to the lock page. */
export async function pageAsks(tabId) {
  const state = await tabState(tabId);
  if (!state || (state.guard !== "watch" && state.guard !== "view")) return;
  await setTabState(tabId, { ...state, guard: "cover", viewing: false });
  void tell(tabId, "cover");
  await goToLockPage(tabId, state.scope);
}

function tell(tabId, guard) {
  return chrome.tabs.sendMessage(tabId, { guard }).catch(() => null);
}

const lockUrl = (site) => chrome.runtime.getURL(`${LOCK_PAGE}?site=${encodeURIComponent(site)}`);

async function goToLockPage(tabId, site) {
  await redirect(site);
  await Promise.race([
    chrome.scripting.executeScript({ target: { tabId }, injectImmediately: true, func: wipe }).catch(() => null),
    sleep(WIPE_MS),
  ]);
  await chrome.tabs.update(tabId, { url: lockUrl(site) }).catch(() => null);
  if (await hasGone(tabId, WIPE_MS)) return;
  // A page that navigates without end cancels ours each time; while it is held still, ours arrives.
  void chrome.scripting.executeScript({ target: { tabId }, injectImmediately: true, func: holdStill, args: [STILL_MS] }).catch(() => null);
  await chrome.tabs.update(tabId, { url: lockUrl(site) }).catch(() => null);
  if (await hasGone(tabId, ARRIVAL_MS)) return;
  // A page that hangs, or asks whether to leave it, is left behind.
  const tab = await chrome.tabs.get(tabId).catch(() => null);
  if (!tab || isLockPage(tab.url)) return;
  await chrome.tabs.create({ url: lockUrl(site), index: tab.index, windowId: tab.windowId, active: tab.active });
  await chrome.tabs.remove(tabId).catch(() => null);
}

/** Whether the tab shows the lock page, or is gone, before the time is over. */
async function hasGone(tabId, patience) {
  for (const end = Date.now() + patience; Date.now() < end; await sleep(50)) {
    const tab = await chrome.tabs.get(tabId).catch(() => null);
    if (!tab || isLockPage(tab.url)) return true;
  }
  return false;
}

export const isLockPage = (url = "") => url.includes(`/${LOCK_PAGE}`) && !/^https?:/.test(url);

/** Runs in the page: takes away its listeners, which could ask whether to leave, and stops what it is loading. */
function wipe() {
  document.open();
  document.close();
  addEventListener("beforeunload", (event) => event.stopImmediatePropagation(), true);
}

/** Runs in the page: nothing of it runs meanwhile. */
function holdStill(milliseconds) {
  for (const end = Date.now() + milliseconds; Date.now() < end; );
}

/** Every navigation to the site ends at the lock page, Back and the page's own included. */
function redirect(site) {
  return changeRules((rules) => {
    if (rules.some((rule) => rule.action.type === "redirect" && rule.condition.requestDomains[0] === site)) return {};
    return {
      addRules: [
        {
          id: nextId(rules),
          priority: PRIORITY.redirect,
          action: { type: "redirect", redirect: { extensionPath: `/${LOCK_PAGE}?site=${encodeURIComponent(site)}` } },
          condition: { requestDomains: [site], resourceTypes: ["main_frame"] },
        },
      ],
    };
  });
}

const nextId = (rules) => 1 + Math.max(0, ...rules.map((rule) => rule.id));

let changing = Promise.resolve();

/**
 * Change the rules of navigation by what `changed` says of the present ones. One change at a time: of two tabs that are
 * locked at once both would take the same next id, the browser would refuse the second, and that tab would stay.
 */
function changeRules(changed) {
  const done = changing.then(async () => {
    const change = changed(await chrome.declarativeNetRequest.getSessionRules());
    await chrome.declarativeNetRequest.updateSessionRules(change);
  });
  changing = done.catch(() => null);
  return done;
}

function removeRules(which) {
  return changeRules((rules) => ({ removeRuleIds: rules.filter(which).map((rule) => rule.id) }));
}

/** Show a locked site under a policy without script and forms, in this tab alone. */
export async function viewOnly(tabId, site) {
  const lock = await lockOf(site);
  if (!lock) return;
  await changeRules((rules) => {
    const ours = rules.filter((rule) => rule.condition.requestDomains?.[0] === site);
    const redirects = ours.filter((rule) => rule.action.type === "redirect");
    const before = ours.filter((rule) => rule.condition.tabIds?.includes(tabId));
    const sandbox = {
      id: nextId(rules),
      priority: PRIORITY.sandbox,
      action: {
        type: "modifyHeaders",
        responseHeaders: [{ header: "content-security-policy", operation: "append", value: SANDBOX }],
      },
      condition: { requestDomains: [site], tabIds: [tabId], resourceTypes: ["main_frame", "sub_frame"] },
    };
    const spared = redirects.map((rule) => {
      const excludedTabIds = [...new Set([...(rule.condition.excludedTabIds ?? []), tabId])];
      return { ...rule, condition: { ...rule.condition, excludedTabIds } };
    });
    return { removeRuleIds: [...redirects, ...before].map((rule) => rule.id), addRules: [sandbox, ...spared] };
  });
  await setTabState(tabId, { ...stateOf(lock), viewing: true, guard: "view" });
  await chrome.tabs.update(tabId, { url: lock.url });
}

/** The user says that this is the real site: remembered before the tab goes there, and reported. */
export async function unlock(tabId, site) {
  const lock = await lockOf(site);
  if (!lock) return;
  await allow(site, null);
  await removeRules((rule) => rule.condition.requestDomains?.[0] === site);
  await queueReport("unlock", lock.host, lock.looksLike[0]);
  await setLock(site, null);
  await chrome.tabs.update(tabId, { url: lock.url });
}

/** Leave a locked page for an empty tab. */
export async function leave(tabId) {
  const tab = await chrome.tabs.get(tabId);
  await chrome.tabs.create({ index: tab.index, windowId: tab.windowId });
  await chrome.tabs.remove(tabId);
}

/** What the guard of a frame has to do: nothing, `watch`, `cover` or `view`. */
export async function guardOf({ tab, frameId, origin }) {
  const isFilled = frameId === 0 && tab.url?.startsWith("about:");
  if (isFilled) await setFilled(tab.id, hostOf(origin));
  const host = isFilled ? hostOf(origin) : (hostOf(tab.url) ?? (await filledBy(tab)));
  const state = await tabState(tab.id);
  if (state?.guard && host === state.host) return state.guard;
  const lock = isFilled && host && ((await lockOf(host)) ?? (await lockOf(await siteIn(`https://${host}/`))));
  if (!lock) return "";
  await setTabState(tab.id, { ...stateOf(lock), host, guard: "watch" });
  return "watch";
}

/** The tab shows the lock page: its badge says so. */
export async function arrived(tabId, url) {
  const site = new URL(url).searchParams.get("site");
  const lock = site && (await lockOf(site));
  if (!lock) return;
  const state = { ...stateOf(lock), onLockPage: true };
  await setTabState(tabId, state);
  await show(tabId, state);
}

export async function siteIn(url) {
  const host = hostOf(url);
  return host && siteOf(host, (await list())?.list.extras.suffixes);
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
