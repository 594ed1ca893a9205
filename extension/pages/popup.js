/** The popup: what is said of the tab, why, and what can be done. */
import { DEFAULTS } from "../lib/state.js";
import { STALE_MS } from "../lib/lists.js";
import { ask, breakable, find, made, message, speak } from "./page.js";

const SIGNS = { trusted: "✓", first_use: "○", grey: "?", lock: "✕", viewed: "▣", off: "–", none: "–" };

const tabId = Number(new URLSearchParams(location.search).get("tab")) || (await currentTab());
await speak();
await draw();
find("options").addEventListener("click", () => chrome.runtime.openOptionsPage());

async function currentTab() {
  const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
  return tab.id;
}

async function draw() {
  const { state, settings, list, offline, host, waiting } = await ask("state", { tabId });
  const kind = state ? (state.viewing ? "viewed" : state.verdict) : "none";
  find("verdict").className = `verdict ${kind}`;
  find("sign").textContent = SIGNS[kind];
  find("said").textContent = await message(`verdict_${kind}`);
  find("host").replaceChildren(...breakable(state?.host ?? host ?? ""));
  await drawNote({ offline, list, waiting });
  await drawFaces(state, settings);
  await drawReasons(state, host);
  await drawActions(state, settings, host);
}

async function drawNote({ offline, list, waiting }) {
  const notes = [];
  if (!(await chrome.permissions.contains({ origins: ["https://*/*"] }))) notes.push(await message("permission_missing"));
  if (offline) notes.push(await message("offline"));
  if (list.at && Date.now() - list.at > STALE_MS) notes.push(await message("stale"));
  if (waiting) notes.push(await message("waiting_reports", waiting));
  find("note").textContent = notes.join(" ");
  find("note").hidden = !notes.length;
}

async function drawFaces(state, settings) {
  const owner = state?.looksLike?.[0];
  const shown = Boolean(owner && state.verdict !== "trusted" && state.verdict !== "first_use");
  find("faces").hidden = !shown;
  if (!shown) return;
  find("copy").replaceChildren(...breakable(state.host));
  find("original").replaceChildren(...breakable(owner));
  find("copy-icon").src = state.shown;
  find("copy-icon").alt = await message("icon_of", state.host);
  find("original-icon").alt = await message("icon_of", owner);
  if (state.picture) find("original-icon").src = new URL(state.picture, settings.server ?? DEFAULTS.server).href;
}

async function drawReasons(state, host) {
  const lines = [];
  for (const code of new Set(state?.reasons ?? [])) {
    const text = await message(`reason_${code}`, state.looksLike?.[0] ?? "");
    if (text !== `reason_${code}`) lines.push(text);
  }
  if (!state) lines.push(await message(host ? "waiting_explained" : "none_explained"));
  find("reasons").replaceChildren(...lines.map((line) => made("li", {}, line)));
  const asked = state && state.verdict !== "off" ? await message(state.byServer ? "asked_server" : "asked_nobody") : "";
  const first = state?.firstSeen ? await message("first_seen", state.firstSeen) : "";
  find("asked").textContent = [asked, first].filter(Boolean).join(" ");
}

async function drawActions(state, settings, host) {
  const off = find("off");
  off.textContent = await message(settings.off ? "switch_on" : "switch_off");
  off.onclick = () => ask("settings", { changes: { off: !settings.off } }).then(draw);
  find("actions").hidden = !host || settings.off;
  const trusted = state?.reasons?.includes("allowlisted");
  const trust = find("trust");
  // Out of a lock leads the lock page alone, with its second step.
  trust.hidden = state?.verdict === "lock" || (state?.verdict === "trusted" && !trusted);
  trust.textContent = await message(trusted ? "distrust_site" : "trust_site");
  trust.onclick = () => ask(trusted ? "disallow" : "allow", { host, site: state?.site }).then(draw);
  const flag = find("flag");
  flag.hidden = state?.verdict === "trusted";
  flag.onclick = async () => {
    await ask("report", { kind: "flag", host, looksLike: state?.looksLike?.[0] });
    flag.textContent = await message("reported");
    flag.disabled = true;
  };
  const why = find("why");
  why.hidden = !state?.why;
  if (state?.why) why.href = new URL(state.why, settings.server ?? DEFAULTS.server).href;
}
