/** The lock page: both icons, one sentence, and the ways on. */
import { ask, breakable, find, made, message, speak } from "./page.js";

// Framed by a page it could be clicked without being seen.
if (top === self) await open();

async function open() {
  const site = new URLSearchParams(location.search).get("site") ?? "";
  const [lock] = await Promise.all([ask("lock", { site }), speak()]);
  find("leave-gone").addEventListener("click", () => ask("leave"));
  if (!lock) {
    find("gone").hidden = false;
    return;
  }
  await draw(lock);
  find("leave").addEventListener("click", () => ask("leave"));
  find("view").addEventListener("click", () => ask("view", { site }));
  find("real").addEventListener("click", () => turn("confirm"));
  find("back").addEventListener("click", () => turn("locked"));
  await drawChoice(site, lock);
  turn("locked");
  find("leave").focus();
}

function turn(shown) {
  for (const name of ["locked", "confirm"]) find(name).hidden = name !== shown;
  find(shown === "confirm" ? "back" : "leave").focus();
}

async function draw({ host, looksLike: [owner], picture, why, shown }) {
  const { server } = (await chrome.storage.local.get("settings")).settings ?? {};
  const base = server ?? (await import("../lib/state.js")).DEFAULTS.server;
  document.title = await message(owner ? "lock_title" : "lock_title_blocked", owner);
  find("title").textContent = document.title;
  find("text").textContent = owner ? await message("lock_text", owner, host) : await message("lock_text_blocked", host);
  find("faces").hidden = !owner;
  find("copy").append(...breakable(host));
  find("original").append(...breakable(owner ?? ""));
  if (shown) find("copy-icon").src = shown;
  find("copy-icon").alt = await message("icon_of", host);
  find("original-icon").alt = owner ? await message("icon_of", owner) : "";
  if (picture) find("original-icon").src = new URL(picture, base).href;
  if (why) {
    find("why").href = new URL(why, base).href;
    find("why").hidden = false;
  }
}

/** The second step asks for the address, in no fixed order, so that nobody can be told where to click. */
async function drawChoice(site, { host, looksLike: [owner] }) {
  const choices = [[host, await message("confirm_copy", host)]];
  if (owner) choices.push([owner, await message("confirm_original", owner)]);
  if (crypto.getRandomValues(new Uint8Array(1))[0] & 1) choices.reverse();
  for (const [value, text] of choices)
    find("choice").append(made("label", {}, made("input", { type: "radio", name: "meant", value }), text));
  find("choice").addEventListener("change", () => (find("go-on").disabled = false));
  find("choice").addEventListener("submit", (event) => event.preventDefault());
  find("go-on").addEventListener("click", (event) => {
    const meant = new FormData(find("choice")).get("meant");
    if (!event.isTrusted || !meant) return;
    if (meant === host) void ask("unlock", { site });
    else location.replace(`https://${meant}/`);
  });
}
