/** What the extension's pages share: words, elements made from text, questions to the worker. */
import { language, message } from "../lib/words.js";

export { message };

/** Ask the worker. Throws what went wrong there. */
export async function ask(type, more = {}) {
  const answer = await chrome.runtime.sendMessage({ type, ...more });
  if (answer?.error) throw new Error(answer.error);
  return answer;
}

/** Put words where `data-word` names them, names for screen readers where `data-label` does, and the language on the document. */
export async function speak(root = document) {
  document.documentElement.lang = await language();
  for (const element of root.querySelectorAll("[data-word]")) element.textContent = await message(element.dataset.word);
  for (const element of root.querySelectorAll("[data-label]")) element.ariaLabel = await message(element.dataset.label);
}

/** An element with attributes and children; text stays text. */
export function made(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** A host with places where it may break, so that narrow pages cut no name. */
export function breakable(host) {
  const parts = host.split(/(?<=[.-])/);
  return parts.flatMap((part, i) => (i ? [document.createElement("wbr"), part] : [part]));
}

export const find = (id) => document.getElementById(id);
