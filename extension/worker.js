/** The background worker: every listener is registered here at once, so that an event wakes it to be heard. */
import { show } from "./lib/badge.js";
import { begin, inTurn, judge, passwordAsked } from "./lib/judging.js";
import { forgetList, listState, update } from "./lib/lists.js";
import { arrived, guardOf, isLockPage, leave, pageAsks, siteIn, unlock, viewOnly } from "./lib/lock.js";
import { queued, queueReport, sendReports } from "./lib/reports.js";
import { hostOf } from "./lib/sites.js";
import { allow, changeSettings, disallow, filledBy, lockOf, MODES, setFilled, setTabState, settings, tabState } from "./lib/state.js";

const UPDATE = "update";
const UPDATE_MINUTES = 60;
const RETRY_MINUTES = 1;
/** How long after a page is complete it is taken to have no icon. */
const NO_ICON_MS = 2_500;
const DAY_MS = 24 * 3600 * 1000;

chrome.runtime.onInstalled.addListener(start);
chrome.runtime.onStartup.addListener(start);
chrome.alarms.onAlarm.addListener(refresh);
chrome.tabs.onUpdated.addListener(tabChanged);
chrome.tabs.onRemoved.addListener((tabId) => Promise.all([setTabState(tabId, null), setFilled(tabId, null)]));
chrome.tabs.onReplaced.addListener((added, removed) => setTabState(removed, null));
chrome.runtime.onMessage.addListener((message, sender, answer) => {
  const work = isOwnPage(sender) ? fromPage(message, sender) : fromFrame(message, sender);
  work.then(answer, (error) => answer({ error: String(error?.message ?? error) }));
  return true;
});

async function start() {
  // An update of the browser may drop alarms; creating one again changes nothing.
  await chrome.alarms.create(UPDATE, { periodInMinutes: RETRY_MINUTES });
  await refresh();
}

async function refresh() {
  const { at, error } = await listState();
  const due = at + UPDATE_MINUTES * 60_000 < Date.now();
  if (due || error) await update();
  if ((await queued()).length) await sendReports();
  await askAboutTheUnanswered();
}

/** A server that was away for longer than a tab was asked about answers now, perhaps. */
async function askAboutTheUnanswered() {
  for (const tab of await chrome.tabs.query({})) {
    await inTurn(tab.id, async () => {
      const state = await tabState(tab.id);
      if (state?.unanswered) await setTabState(tab.id, { ...state, tries: 0, pictures: [] });
    });
    if ((await tabState(tab.id))?.unanswered) await judge(tab.id, tab);
  }
}

async function tabChanged(tabId, change, tab) {
  if (isLockPage(tab.url)) {
    if (change.status === "complete") await inTurn(tabId, () => arrived(tabId, tab.url));
    return;
  }
  if (change.status === "loading") await inTurn(tabId, () => leftBehind(tabId, tab));
  else if (change.favIconUrl) await judge(tabId, tab);
  else if (change.status === "complete" && !tab.favIconUrl) await judgeWithoutIcon(tabId);
}

/** A page begins. One that is locked, or shown without script, and stays on its site, stays so. */
async function leftBehind(tabId, tab) {
  const state = await tabState(tabId);
  if (!state) return;
  const host = hostOf(tab.url) ?? (await filledBy(tab));
  if (state.guard && host === state.host) {
    await setTabState(tabId, { ...state, pictures: [] });
    // The browser forgets a tab's badge when the tab goes on.
    return show(tabId, state);
  }
  await begin(tabId);
}

async function judgeWithoutIcon(tabId) {
  await new Promise((resolve) => setTimeout(resolve, NO_ICON_MS));
  const tab = await chrome.tabs.get(tabId).catch(() => null);
  const state = await tabState(tabId);
  if (tab && tab.status === "complete" && !tab.favIconUrl && !state && !isLockPage(tab.url)) await judge(tabId, tab);
}

/** A page of the extension itself: its popup, its options, its lock page in the tab's own frame. */
function isOwnPage(sender) {
  return sender.id === chrome.runtime.id && !/^(https?|data|blob|about|file):/.test(sender.url ?? "") && (sender.frameId ?? 0) === 0;
}

async function fromFrame(message, sender) {
  if (sender.id !== chrome.runtime.id || !sender.tab) return null;
  if (message?.type === "frame") return { guard: await guardOf(sender) };
  if (message?.type === "asks") return pageAsks(sender.tab.id);
  if (message?.type === "password") return passwordAsked(sender.tab.id);
  return null;
}

const ACTIONS = {
  async state({ tabId }) {
    const tab = await chrome.tabs.get(tabId);
    const [state, chosen, list] = [await tabState(tabId), await settings(), await listState()];
    const offline = Boolean(list.error) || state?.reasons?.includes("offline");
    return { state, settings: chosen, list, offline, host: hostOf(tab.url), waiting: (await queued()).length };
  },
  lock: async ({ site }) => lockOf(site),
  unlock: ({ site }, sender) => unlock(sender.tab.id, site),
  view: ({ site }, sender) => viewOnly(sender.tab.id, site),
  leave: (_, sender) => leave(sender.tab.id),
  async allow({ host, days }) {
    const site = await siteIn(`https://${host}/`);
    if (site) await allow(site, days ? Date.now() + days * DAY_MS : null);
    await judgeAgain(host);
  },
  async disallow({ site }) {
    await disallow(site);
    await judgeAgain(site);
  },
  async report({ kind, host, looksLike }) {
    if (kind === "flag" || kind === "false_lock") await queueReport(kind, host, looksLike);
  },
  async settings({ changes }) {
    const before = await settings();
    const changed = await changeSettings(checked(changes));
    if (changed.server !== before.server) {
      await forgetList();
      await update();
    }
    if (changed.off !== before.off || changed.mode !== before.mode) await judgeAgain();
    return changed;
  },
  async update() {
    await update();
    return listState();
  },
  async forgetKey() {
    await forgetList();
    await update();
    return listState();
  },
};

async function fromPage(message, sender) {
  const act = Object.hasOwn(ACTIONS, message?.type) ? ACTIONS[message.type] : null;
  return act ? ((await act(message, sender)) ?? null) : null;
}

/** Settings as they may be: what is wrong is left out. */
function checked({ server, mode, language, off }) {
  const changes = {};
  if (URL.canParse(server) && /^https?:$/.test(new URL(server).protocol)) changes.server = new URL(server).origin;
  if (MODES.includes(mode)) changes.mode = mode;
  if (typeof language === "string" && language.length < 6) changes.language = language;
  if (typeof off === "boolean") changes.off = off;
  return changes;
}

/** Judge the tabs of a host, or all, as if they had just been opened. */
async function judgeAgain(host) {
  for (const tab of await chrome.tabs.query({})) {
    const own = hostOf(tab.url);
    if (!own || (host && own !== host && !own.endsWith(`.${host}`))) continue;
    await inTurn(tab.id, () => begin(tab.id));
    await judge(tab.id, tab);
  }
}
