/** Questions to the server. A site's host, its icon and whom it gives itself out for are all that ever leaves. */
import { base64Of } from "./icon.js";
import { settings } from "./state.js";

const PATIENCE_MS = 5_000;
const LIST_PATIENCE_MS = 60_000;

/** The server cannot be reached, or does not answer as one; `status` is 0 where it did not answer at all. */
export class NoAnswer extends Error {
  name = "NoAnswer";
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/**
 * The verdict on a host that shows an icon, of which these are the pictures (PNG). Throws NoAnswer.
 *
 * Where a trusted site serves the icon, its name is told; where a page that asks for a password names trusted sites in
 * its title, those words are.
 */
export async function check(host, pictures, { source, title }) {
  const url = source ? { url: `https://${source}/` } : {};
  const icons = await Promise.all(pictures.map(async (png) => ({ data: await base64Of(png), ...url })));
  const page = title ? { page: { title, asks_password: true } } : {};
  const answer = await asked("/x/v1/check", { method: "POST", body: { url: host, icons, ...page } });
  if (!["allow", "warn", "lock"].includes(answer?.action)) throw new NoAnswer("This is no verdict.");
  return answer;
}

/** The compact list as bytes: what changed since a version, or all. Throws NoAnswer. */
export async function compactList(since) {
  const query = since ? `?since=${encodeURIComponent(since)}` : "";
  const response = await send(`/x/v1/looks/compact${query}`, { patience: LIST_PATIENCE_MS });
  return response.arrayBuffer();
}

/** Send a report; the same key twice is one report. Throws NoAnswer. */
export async function report(one) {
  const headers = { "X-Samelook-Client": await client() };
  await asked("/x/v1/report", { method: "POST", headers, body: one });
}

/** Forget the token with which reports are sent, so that the next one asks for a new one. */
export const forgetClient = () => chrome.storage.local.remove("client");

async function client() {
  const { server } = await settings();
  const { client: known } = await chrome.storage.local.get("client");
  if (known?.server === server) return known.token;
  const { client: token } = await asked("/x/v1/clients", { method: "POST", body: {} });
  if (typeof token !== "string") throw new NoAnswer("This is no token.");
  await chrome.storage.local.set({ client: { server, token } });
  return token;
}

async function asked(path, options) {
  const response = await send(path, options);
  try {
    return await response.json();
  } catch {
    throw new NoAnswer("The answer is not JSON.");
  }
}

async function send(path, { method = "GET", headers = {}, body, patience = PATIENCE_MS } = {}) {
  const { server } = await settings();
  let response;
  try {
    response = await fetch(new URL(path, server), {
      method,
      headers: body ? { "Content-Type": "application/json", ...headers } : headers,
      body: body && JSON.stringify(body),
      credentials: "omit",
      referrerPolicy: "no-referrer",
      redirect: "error",
      cache: "no-store",
      signal: AbortSignal.timeout(patience),
    });
  } catch {
    throw new NoAnswer("The server does not answer.");
  }
  if (!response.ok) throw new NoAnswer(`The server answered ${response.status}.`, response.status);
  return response;
}
