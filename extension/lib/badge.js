/** The toolbar's badge: a sign and a colour for each verdict, so that the colour alone says nothing. */
import { message } from "./words.js";

const BADGES = {
  trusted: { sign: "✓", colour: "#2b8a3e" },
  first_use: { sign: "", colour: "#6d6a63" },
  grey: { sign: "?", colour: "#b08600" },
  lock: { sign: "✕", colour: "#c92a2a" },
  viewed: { sign: "▣", colour: "#c92a2a" },
  off: { sign: "–", colour: "#6d6a63" },
};

/** Show a tab's state (null: a page that has no verdict). */
export async function show(tabId, state) {
  const kind = state && (state.viewing ? "viewed" : state.verdict);
  const { sign, colour } = BADGES[kind] ?? { sign: "", colour: BADGES.off.colour };
  const title = kind ? `Samelook: ${await message(`verdict_${kind}`)} (${state.site})` : "Samelook";
  // The tab may be gone by now, which is nobody's fault.
  await Promise.allSettled([
    chrome.action.setBadgeText({ tabId, text: sign }),
    chrome.action.setBadgeBackgroundColor({ tabId, color: colour }),
    chrome.action.setBadgeTextColor({ tabId, color: "#ffffff" }),
    chrome.action.setTitle({ tabId, title }),
  ]);
}
