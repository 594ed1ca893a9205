/** What a site is: the registrable domain of a host, under the suffix rules that come with the list. */

let compiled = { text: null, rules: null, exceptions: null };

/** The site of a host: with no rules yet, the host itself. `www.` before a site is the site. */
export function siteOf(host, suffixes) {
  const name = host.startsWith("www.") && host.split(".").length > 2 ? host.slice(4) : host;
  if (!suffixes?.length || isAddress(host)) return name;
  const { rules, exceptions } = rulesOf(suffixes);
  const labels = host.split(".");
  let suffix = 1, isException = false;
  for (let count = labels.length; count >= 1; count--) {
    const tail = labels.slice(-count).join(".");
    if (exceptions.has(tail)) {
      suffix = count - 1;
      isException = true;
      break;
    }
    const parent = labels.slice(-count + 1 || labels.length).join(".");
    if (rules.has(tail) || (count > 1 && rules.has(`*.${parent}`))) {
      suffix = count;
      break;
    }
  }
  if (labels.length <= suffix) return host;
  const own = labels[labels.length - suffix - 1];
  return labels.slice(own === "www" && !isException ? -suffix : -suffix - 1).join(".");
}

const NEVER_PUBLIC = new Set(["arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localhost", "onion", "private"]);

/**
 * The host of a web page's address, or null for what has no verdict: another scheme, a name or an address that is
 * not of the public web. Nobody is ever asked about these; the server knows more of them.
 */
export function hostOf(url) {
  let parsed;
  try {
    parsed = new URL(url);
  } catch {
    return null;
  }
  // A page can go on to an address that it has made itself.
  if (parsed.protocol === "blob:") return hostOf(parsed.origin);
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") return null;
  const host = parsed.hostname.replace(/\.$/, "");
  if (isAddress(host)) return isPublicAddress(host) ? host : null;
  return host.includes(".") && !NEVER_PUBLIC.has(host.slice(host.lastIndexOf(".") + 1)) ? host : null;
}

/** How far the server's verdict on a host holds: for its site, or for the host, where `www.` is the site itself. */
export function scopeOf(host, site, appliesTo) {
  return appliesTo === "site" || host === `www.${site}` ? site : host;
}

function isAddress(host) {
  return host.startsWith("[") || /(^|\.)\d+$/.test(host);
}

/** Networks that IANA's registries of special-purpose addresses keep from the public, as [network, bits]. */
const PRIVATE_V4 = [
  ["0.0.0.0", 8], ["10.0.0.0", 8], ["100.64.0.0", 10], ["127.0.0.0", 8], ["169.254.0.0", 16], ["172.16.0.0", 12], ["192.0.0.0", 24],
  ["192.0.2.0", 24], ["192.168.0.0", 16], ["198.18.0.0", 15], ["198.51.100.0", 24], ["203.0.113.0", 24], ["224.0.0.0", 3],
].map(([network, bits]) => [numberOf(network), 32 - bits]);

function isPublicAddress(host) {
  // Of IPv6 only 2000::/3 is given out, and 2001:db8::/32 of it is for documentation.
  if (host.startsWith("[")) return /^\[[23][0-9a-f]{3}:/.test(host) && !host.startsWith("[2001:db8:");
  const address = numberOf(host);
  return PRIVATE_V4.every(([network, free]) => address >>> free !== network >>> free);
}

function numberOf(address) {
  return address.split(".").reduce((number, part) => number * 256 + Number(part), 0);
}

function rulesOf(suffixes) {
  if (compiled.text !== suffixes) {
    const rules = new Set(suffixes.filter((rule) => !rule.startsWith("!")));
    const exceptions = new Set(suffixes.filter((rule) => rule.startsWith("!")).map((rule) => rule.slice(1)));
    compiled = { text: suffixes, rules, exceptions };
  }
  return compiled;
}
