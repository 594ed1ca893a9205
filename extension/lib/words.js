/** The words of the chosen language, else of the browser's, else English. */
import { settings } from "./state.js";

export const LANGUAGES = { en: "English", de: "Deutsch", es: "Español", fr: "Français" };

const loaded = new Map();

function catalogue(language) {
  if (!loaded.has(language)) {
    const url = chrome.runtime.getURL(`/_locales/${language}/messages.json`);
    loaded.set(language, fetch(url).then((response) => response.json()));
  }
  return loaded.get(language);
}

/** The language that is spoken: the user's choice, or the browser's where there is one of ours. */
export async function language() {
  const { language: chosen } = await settings();
  if (LANGUAGES[chosen]) return chosen;
  const [own] = chrome.i18n.getUILanguage().split("-");
  return LANGUAGES[own] ? own : "en";
}

/** A message with `$1`, `$2`… replaced. */
export async function message(name, ...values) {
  const found = (await catalogue(await language()))[name] ?? (await catalogue("en"))[name];
  if (!found) return name;
  return found.message.replace(/\$(\d)/g, (_, number) => values[number - 1] ?? "");
}
