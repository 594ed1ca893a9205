"use strict";
// Renders openapi.json as forms that can be tried out. Text is set as text, never as HTML.

const el = (name, attributes = {}, ...children) => {
  const node = Object.assign(document.createElement(name), attributes);
  node.append(...children);
  return node;
};

const resolved = (schema, whole, depth = 0) => {
  if (!schema || depth > 6) return {};
  if (schema.$ref) return resolved(whole.components.schemas[schema.$ref.split("/").pop()], whole, depth + 1);
  return schema;
};

const example = (schema, whole, depth = 0) => {
  const one = resolved(schema, whole);
  if (depth > 4) return null;
  if (one.default !== undefined) return one.default;
  if (one.anyOf) return example(one.anyOf[0], whole, depth + 1);
  if (one.enum) return one.enum[0];
  if (one.type === "object") {
    return Object.fromEntries(
      Object.entries(one.properties || {})
        .filter(([name]) => (one.required || []).includes(name))
        .map(([name, inner]) => [name, example(inner, whole, depth + 1)]));
  }
  if (one.type === "array") return [];
  return { string: "", integer: 0, number: 0, boolean: false }[one.type] ?? null;
};

const headers = () => {
  const key = document.getElementById("key").value;
  return key ? { "X-API-Key": key } : {};
};

const field = (parameter, fields) => {
  const kinds = (parameter.schema.anyOf || [parameter.schema]).map((one) => one.type);
  const kind = parameter.in === "header" ? " (header)" : "";
  const label = el("label", { textContent: parameter.name + kind + (parameter.required ? " *" : "") });
  const input = kinds.includes("boolean")
    ? el("select", {}, el("option", { value: "", textContent: "" }), el("option", { textContent: "true" }), el("option", { textContent: "false" }))
    : el("input", { type: "text" });
  input.required = parameter.required;
  if (parameter.example) input.placeholder = parameter.example;
  label.append(input);
  fields.push([parameter, input]);
  const parts = [label];
  if (parameter.description) parts.push(el("div", { className: "soft", textContent: parameter.description }));
  return parts;
};

const body = (request, whole) => {
  if (!request) return null;
  const kinds = Object.keys(request.content);
  const choice = el("select");
  kinds.forEach((kind) => choice.append(el("option", { textContent: kind })));
  const place = el("div");
  let read = () => undefined;
  const show = () => {
    const kind = choice.value;
    const schema = resolved(request.content[kind].schema, whole);
    place.replaceChildren();
    if (kind === "multipart/form-data") {
      const inputs = Object.keys(schema.properties || {}).map((name) => {
        const input = el("input", { type: "file" });
        place.append(el("label", { textContent: name }, input));
        return [name, input];
      });
      read = () => {
        const form = new FormData();
        inputs.forEach(([name, input]) => input.files[0] && form.append(name, input.files[0]));
        return { body: form };
      };
    } else {
      const text = el("textarea", { rows: 6 });
      const shown = request.content[kind].example ?? example(schema, whole);
      text.value = kind === "application/json" ? JSON.stringify(shown, null, 2) : "";
      place.append(text);
      read = () => ({ body: text.value, headers: { "Content-Type": kind } });
    }
  };
  choice.addEventListener("change", show);
  show();
  const node = el("div", {}, el("label", { textContent: "Body" }, choice), place);
  return { node, read: () => read() };
};

const operation = (path, method, told, whole) => {
  const fields = [];
  const form = el("form");
  (told.parameters || []).forEach((parameter) => form.append(...field(parameter, fields)));
  const sent = body(told.requestBody, whole);
  if (sent) form.append(sent.node);
  const answer = el("pre", { hidden: true });
  form.append(el("button", { textContent: "Send" }), answer);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let url = path;
    const query = new URLSearchParams();
    const given = headers();
    fields.forEach(([parameter, input]) => {
      if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (input.value === "") return;
      else if (parameter.in === "header") given[parameter.name] = input.value;
      else query.set(parameter.name, input.value);
    });
    const request = sent ? sent.read() : {};
    answer.hidden = false;
    answer.textContent = "…";
    try {
      const began = performance.now();
      const response = await fetch(url + (query.size ? `?${query}` : ""), {
        method: method.toUpperCase(), ...request, headers: { ...given, ...(request.headers || {}) } });
      const text = await response.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it is */ }
      answer.textContent = `${response.status} in ${Math.round(performance.now() - began)} ms\n\n${shown}`;
    } catch (error) {
      answer.textContent = String(error);
    }
  });
  const answers = Object.entries(told.responses).map(([status, one]) =>
    el("tr", {}, el("td", { textContent: status }), el("td", { textContent: one.description })));
  return el("details", {},
    el("summary", {}, el("span", { className: "method", textContent: method.toUpperCase() }),
      el("code", { textContent: path }), " ", el("span", { textContent: told.summary })),
    ...(told.description ? [el("p", { className: "soft", textContent: told.description })] : []),
    form, el("table", {}, ...answers));
};

const main = async () => {
  const place = document.getElementById("operations");
  const whole = await (await fetch("/openapi/openapi.json")).json();
  const tags = new Map();
  for (const [path, methods] of Object.entries(whole.paths)) {
    for (const [method, told] of Object.entries(methods)) {
      const tag = told.tags[0];
      if (!tags.has(tag)) tags.set(tag, el("section", { className: "card" }, el("h2", { textContent: tag })));
      tags.get(tag).append(operation(path, method, told, whole));
    }
  }
  place.replaceChildren(...tags.values());
};

main();
