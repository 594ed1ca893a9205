/** From a tab's icon to its verdict: at home, and by the server where an icon is near somebody's look. */
import { hexOf } from "../hashing/hex.js";
import { formsOf } from "../looks/look.js";
import { show } from "./badge.js";
import { claimsOf } from "./claims.js";
import { decide } from "./decide.js";
import { base64Of, fileOf, iconOf } from "./icon.js";
import { list, listState, STALE_MS } from "./lists.js";
import { lockTab } from "./lock.js";
import { check } from "./server.js";
import { hostOf, scopeOf, siteOf } from "./sites.js";
import { isAllowed, keep, kept, setTabState, settings, tabState } from "./state.js";

/** Of a page so many pictures are judged at once; each further one after a while, so that noise hides none. */
const MOST_PICTURES = 24;
const FURTHER_MS = 5_000;
const MOST_REMEMBERED = 4;
/** How long after a question without an answer it is asked again, and how often. */
const ASK_AGAIN_MS = 4_000;
const MOST_TRIES = 4;
const SEVERITY = ["trusted", "first_use", "grey", "lock"];

const judging = new Map();
const waiting = new Set();

/** Judge what a tab shows now, each picture once. The icon is read at once, the rest waits for its turn. */
export function judge(tabId, tab) {
  const icon = iconOf(tab);
  return inTurn(tabId, () => judgeNow(tabId, tab, icon));
}

/** A password field has the focus: the page is judged once more, with that, and by the title that it has by now. */
export async function passwordAsked(tabId) {
  const isNews = await inTurn(tabId, async () => {
    const state = await tabState(tabId);
    if (!state || state.asksPassword || state.verdict === "trusted" || state.action === "lock") return false;
    await setTabState(tabId, { ...state, asksPassword: true, pictures: [] });
    return true;
  });
  const tab = isNews && (await chrome.tabs.get(tabId).catch(() => null));
  if (tab) await judge(tabId, tab);
}

/** Do something with the state of a tab after all that was begun before. */
export function inTurn(tabId, work) {
  const turn = (judging.get(tabId) ?? Promise.resolve()).then(work).catch(console.error);
  judging.set(tabId, turn);
  return turn.finally(() => judging.get(tabId) === turn && judging.delete(tabId));
}

/** What was known of a tab's page is forgotten. */
export async function begin(tabId) {
  await setTabState(tabId, null);
  await show(tabId, null);
}

async function judgeNow(tabId, tab, reading) {
  const host = hostOf(tab.url);
  if (!host) return begin(tabId);
  const [icon, { mode, off }] = [await reading, await settings()];
  const ready = await list();
  const site = siteOf(host, ready?.list.extras.suffixes);
  const before = await tabState(tabId);
  const same = before?.host === host;
  const pictures = same ? before.pictures : [];
  const digest = icon?.digest ?? "none";
  if (same && (pictures.includes(digest) || before.viewing)) return;
  if (same && pictures.length >= MOST_PICTURES && before.judged + FURTHER_MS > Date.now()) return judgeLater(tabId, host, FURTHER_MS);
  if (off) return settle(tabId, { host, site, verdict: "off", action: "allow", reasons: ["off"], looksLike: [], pictures: [digest] });
  const claims = ready && icon ? await claimsOf(tab, site, ready.list, same && before.asksPassword) : {};
  const said = await verdictOn({ host, site, icon, mode, tab, claims }, ready);
  const tries = said.unanswered ? ((same && before.tries) || 0) + 1 : 0;
  const isJudged = !said.unanswered || tries >= MOST_TRIES;
  if (!isJudged) judgeLater(tabId, host, ASK_AGAIN_MS);
  const asksPassword = Boolean(same && before.asksPassword) || Boolean(claims.title);
  const state = { host, site, ...said, asksPassword, tries, judged: Date.now(), pictures: isJudged ? [...pictures, digest].slice(-MOST_PICTURES) : pictures, shown: icon ? await dataUrlOf(icon.png) : "" };
  // A page that swaps its icon keeps the worst verdict of those it has shown; what was said without the server gives way.
  const worse = same && !before.unanswered && SEVERITY.indexOf(before.verdict) > SEVERITY.indexOf(state.verdict);
  const current = await chrome.tabs.get(tabId).catch(() => null);
  if (!current || hostOf(current.url) !== host) return;
  await settle(tabId, worse ? { ...before, asksPassword, tries, judged: state.judged, pictures: state.pictures } : state, current);
}

/** Judge a tab again after a while, if it is still there: the server was slow, or the page shows ever other pictures. */
function judgeLater(tabId, host, milliseconds) {
  const key = `${tabId} ${host}`;
  if (waiting.has(key)) return;
  waiting.add(key);
  const judgeThen = async () => {
    waiting.delete(key);
    const tab = await chrome.tabs.get(tabId).catch(() => null);
    if (tab && hostOf(tab.url) === host) await judge(tabId, tab);
  };
  setTimeout(judgeThen, milliseconds);
}

async function settle(tabId, state, tab) {
  await setTabState(tabId, state);
  await show(tabId, state);
  if (state.action === "lock") await lockTab(tabId, tab.url, state);
}

async function verdictOn({ host, site, icon, mode, tab, claims }, ready) {
  let forms = icon && hexedFormsOf(icon.picture);
  const seen = (await kept("seen", site)) ?? null;
  const allowed = await isAllowed(site, host);
  const page = { site, allowed, seen, claims: claims.isMade };
  let home = decide({ ...page, forms }, ready, mode);
  // Small pictures of two icons are more alike than the files: the file says more, and is read where it may matter.
  const file = home.ask || home.closer ? await fileOf(tab, icon) : null;
  if (file) {
    forms = [...forms, ...hexedFormsOf(file.picture)];
    home = decide({ ...page, forms }, ready, mode);
  }
  const said = home.ask ? await askedOf(host, site, file ? [icon, file] : [icon], claims, home) : home;
  if (!tab.incognito && forms?.length) await remember(site, forms, seen, said);
  return { ...said, firstSeen: seen?.first ?? null };
}

function hexedFormsOf(picture) {
  return formsOf(picture).map((form) => ({ ...form, hex: hexOf(form.pdq) }));
}

/** The server's verdict, or what can be said without it: the answer it gave before, or the one at home. */
async function askedOf(host, site, icons, claims, home) {
  // Every answer is kept for its own host: what is said of one says nothing of the site's others.
  const key = [host, ...icons.map(({ digest }) => digest), claims.source, claims.title].join(" ");
  const known = await kept("answers", key);
  if (known && known.until > Date.now()) return known.said;
  try {
    const answer = await check(host, icons.map(({ png }) => png), claims);
    const said = { ...saidBy(answer, home), scope: scopeOf(host, site, answer.applies_to) };
    await keep("answers", key, { said, at: Date.now(), until: Date.now() + 1000 * Math.min(answer.ttl ?? 0, 3600) });
    return said;
  } catch (error) {
    if (error.name !== "NoAnswer") throw error;
    const { at } = await listState();
    const fresh = known && Date.now() - Math.max(known.at, at) < STALE_MS;
    if (fresh) return { ...known.said, reasons: [...known.said.reasons, "offline"] };
    return { ...home, ask: false, unanswered: true, reasons: [...home.reasons, "offline"] };
  }
}

function saidBy(answer, home) {
  const likes = Array.isArray(answer.looks_like) ? answer.looks_like : [];
  return {
    verdict: SEVERITY.includes(answer.verdict) ? answer.verdict : "grey",
    action: answer.action,
    reasons: [
      ...(Array.isArray(answer.reasons) ? answer.reasons : []).map((reason) => String(reason?.code ?? "")),
      ...home.reasons.filter((code) => code === "look_changed"),
    ],
    looksLike: likes.slice(0, 3).map((like) => String(like?.site ?? "")),
    picture: pathOr("", likes[0]?.pictures?.owner, "/x/v1/icons/"),
    why: pathOr("", answer.why, "/x/v1/why/"),
    byServer: true,
  };
}

/** An address below the server that an answer names; others are not followed. */
function pathOr(fallback, path, prefix) {
  return typeof path === "string" && path.startsWith(prefix) && /^[\w./-]+$/.test(path) ? path : fallback;
}

/** Trust on first use is this browser's own: what a site has shown here, unless it wore somebody else's face. */
async function remember(site, forms, seen, { verdict }) {
  if (verdict !== "trusted" && verdict !== "first_use") return;
  const hex = forms[0].hex;
  const looks = [hex, ...(seen?.looks ?? []).filter((look) => look !== hex)].slice(0, MOST_REMEMBERED);
  const today = new Date().toISOString().slice(0, 10);
  if (seen && seen.last === today && seen.looks[0] === hex) return;
  await keep("seen", site, { first: seen?.first ?? today, last: today, looks });
}

async function dataUrlOf(blob) {
  return `data:image/png;base64,${await base64Of(blob)}`;
}
