/** What gives a page out for a trusted site besides its icon; whether it asks for a password is looked up in it. */
import { placeOf } from "../looks/list.js";
import { borrows, namedIn, namesOf } from "./names.js";
import { hostOf, siteOf } from "./sites.js";

const LOOK_MS = 300;

/**
 * {isMade, source, title}: `source` is the trusted site whose front door serves the icon, `title` the words that name
 * trusted sites, where the page asks for a password too; both may be empty.
 */
export async function claimsOf(tab, site, list, asksPassword) {
  const names = namesOf(list);
  const source = sourceOf(tab.favIconUrl, site, list);
  const words = namedIn(names, tab.title ?? "", site);
  const title = words && (asksPassword || (await hasPassword(tab.id))) ? words : "";
  return { isMade: Boolean(source || title) || borrows(names, site), source, title };
}

function sourceOf(url, site, list) {
  const host = hostOf(url ?? "");
  const source = host && siteOf(host, list.extras.suffixes);
  const isFrontDoor = source && (host === source || host === `www.${source}`);
  return isFrontDoor && source !== site && placeOf(list, source) >= 0 ? source : "";
}

async function hasPassword(tabId) {
  const target = { tabId, allFrames: true };
  const looking = chrome.scripting.executeScript({ target, injectImmediately: true, func: passwordHere });
  const late = new Promise((_, giveUp) => setTimeout(giveUp, LOOK_MS, []));
  const frames = await Promise.race([looking, late]).catch(() => []);
  return frames.some(({ result }) => result);
}

/** Runs in each frame. */
function passwordHere() {
  return document.querySelector("input[type=password]") !== null;
}
