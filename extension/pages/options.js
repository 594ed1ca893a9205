/** The options. Every change is kept at once. */
import { allow, allowed, disallow, MODES, settings } from "../lib/state.js";
import { listState } from "../lib/lists.js";
import { LANGUAGES } from "../lib/words.js";
import { ask, find, made, message, speak } from "./page.js";

const ORIGINS = { origins: ["http://*/*", "https://*/*"] };
const DAYS = [7, 30, 365, 0];

await draw();
find("grant").addEventListener("click", () => chrome.permissions.request(ORIGINS).then(draw));
find("on").addEventListener("change", (event) => change({ off: !event.target.checked }));
find("server").addEventListener("change", (event) => event.target.reportValidity() && change({ server: event.target.value }));
find("language").addEventListener("change", (event) => change({ language: event.target.value }));
find("update").addEventListener("click", () => ask("update").then(draw));
find("forget").addEventListener("click", () => ask("forgetKey").then(draw));
find("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const host = hostIn(find("new-site").value);
  if (!host) return find("new-site").setCustomValidity("?"), find("new-site").reportValidity();
  await ask("allow", { host, days: Number(find("days").value) });
  find("new-site").value = "";
  await drawSites();
});
find("new-site").addEventListener("input", (event) => event.target.setCustomValidity(""));
find("export").addEventListener("click", exportAll);
find("import").addEventListener("click", () => find("file").click());
find("file").addEventListener("change", (event) => importAll(event.target.files[0]));

async function change(changes) {
  await ask("settings", { changes });
  await draw();
  find("saved").textContent = await message("saved");
}

function hostIn(text) {
  const url = text.includes("://") ? text : `https://${text.trim()}`;
  return URL.canParse(url) ? new URL(url).hostname : "";
}

async function draw() {
  await speak();
  const chosen = await settings();
  find("access").hidden = await chrome.permissions.contains(ORIGINS);
  find("on").checked = !chosen.off;
  find("server").value = chosen.server;
  find("modes").replaceChildren(
    ...(await Promise.all(MODES.map(async (mode) => {
      const input = made("input", { type: "radio", name: "mode", value: mode, on: { change: () => change({ mode }) } });
      input.checked = chosen.mode === mode;
      return made("label", {}, input, made("span", {}, await message(`mode_${mode}`)));
    }))),
  );
  const languages = [["", await message("language_browser")], ...Object.entries(LANGUAGES)];
  find("language").replaceChildren(...languages.map(([value, name]) => made("option", { value }, name)));
  find("language").value = chosen.language;
  const days = DAYS.map(async (one) => made("option", { value: one }, await message(one ? "days" : "for_ever", one)));
  find("days").replaceChildren(...(await Promise.all(days)));
  await drawSites();
  await drawList();
}

async function drawSites() {
  const sites = Object.entries(await allowed()).sort();
  find("no-sites").hidden = sites.length > 0;
  find("sites").replaceChildren(...(await Promise.all(sites.map(async ([site, until]) => {
    const end = until ? await message("until", new Date(until).toLocaleDateString()) : await message("for_ever");
    const remove = made("button", { on: { click: () => ask("disallow", { site }).then(drawSites) } }, await message("remove"));
    return made("li", {}, made("span", {}, site), made("span", { class: "soft" }, end), remove);
  }))));
}

async function drawList() {
  const { at, sites, codes, key, error } = await listState();
  const when = at ? new Date(at).toLocaleString() : "";
  find("list").textContent = at
    ? await message("list_state", sites.toLocaleString(), codes.toLocaleString(), when)
    : await message("list_none");
  find("key").textContent = key ? await message("list_key", key) : "";
  find("list-error").textContent = error;
}

async function exportAll() {
  const data = { samelook: 1, settings: await settings(), allowed: await allowed() };
  const url = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: "application/json" }));
  made("a", { href: url, download: "samelook.json" }).click();
  URL.revokeObjectURL(url);
}

async function importAll(file) {
  try {
    const data = JSON.parse(await file.text());
    if (data.samelook !== 1) throw new TypeError("another file");
    for (const site of Object.keys(await allowed())) if (!(site in data.allowed)) await disallow(site);
    for (const [site, until] of Object.entries(data.allowed))
      if (hostIn(site) === site && (until === null || Number.isFinite(until))) await allow(site, until);
    await change(data.settings);
  } catch {
    find("saved").textContent = await message("import_bad");
  }
}
