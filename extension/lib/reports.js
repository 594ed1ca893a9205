/** Reports to the server, kept until it has them: each has a key, so that sending it twice counts once. */
import { forgetClient, report } from "./server.js";

const MOST_KEPT = 100;

let sending = null;

/** Queue a report of a site (`unlock`, `flag` or `false_lock`), and try to send what waits. */
export async function queueReport(kind, host, looksLike) {
  const waiting = await queued();
  const one = { url: host, kind, idempotency_key: crypto.randomUUID() };
  if (looksLike) one.looks_like = looksLike;
  await chrome.storage.local.set({ reports: [...waiting, one].slice(-MOST_KEPT) });
  void sendReports();
}

export async function queued() {
  const { reports = [] } = await chrome.storage.local.get("reports");
  return reports;
}

/** Send what waits, in order, until the server does not answer. */
export function sendReports() {
  sending ??= sendInOrder().finally(() => (sending = null));
  return sending;
}

async function sendInOrder() {
  for (const one of await queued()) {
    try {
      await report(one);
    } catch (error) {
      if (error.status === 401) await forgetClient();
      // What the server says is wrong stays wrong; everything else is tried again.
      if (error.status !== 400 && error.status !== 413) return;
    }
    const rest = (await queued()).filter((other) => other.idempotency_key !== one.idempotency_key);
    await chrome.storage.local.set({ reports: rest });
  }
}
