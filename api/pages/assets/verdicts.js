// One key a decision: j and k move, a, b, f and d decide, u undoes, Enter opens. Without scripts the buttons do.
import { sendForm } from "/assets/sending.js";

const rows = () => [...document.querySelectorAll("#rows > article")];
const told = document.getElementById("told");
const KEYS = { a: "allow", b: "block", f: "family", d: "dismiss" };
let undoing = null;

const say = (text, undo, token) => {
  told.replaceChildren(document.createTextNode(text + " "));
  told.className = "note";
  told.hidden = false;
  undoing = null;
  if (undo) {
    undoing = Object.assign(document.createElement("form"), { method: "post", action: `/ui/undo/${undo}` });
    for (const [name, value] of [["token", token], ["next", location.pathname + location.search]]) {
      undoing.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
    undoing.append(Object.assign(document.createElement("button"), { textContent: "Undo" }));
    told.append(undoing);
  }
};

const fail = (error) => {
  told.textContent = error.message;
  told.className = "trouble";
  told.hidden = false;
};

const focus = (step) => {
  const all = rows();
  const at = all.findIndex((one) => one.contains(document.activeElement));
  const next = all[Math.max(0, Math.min(all.length - 1, at + step))];
  if (next) { next.focus(); next.scrollIntoView({ block: "center" }); }
};

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches(".decide")) return;
  event.preventDefault();
  const row = form.closest("article");
  try {
    const answer = await sendForm(form, event.submitter);
    say(answer.told, answer.undo, form.elements.token.value);
    row.querySelectorAll("button").forEach((one) => { one.disabled = true; });
    row.classList.add("decided");
    if (row.contains(document.activeElement)) focus(1);
  } catch (error) { fail(error); }
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  if (event.key === "j") return focus(1);
  if (event.key === "k") return focus(-1);
  if (event.key === "u" && undoing) return undoing.requestSubmit();
  const row = document.activeElement.closest("#rows > article");
  if (!row) return;
  if (event.key === "Enter" && document.activeElement === row) return row.querySelector(".face a").click();
  const button = KEYS[event.key] && row.querySelector(`button[value="${KEYS[event.key]}"]`);
  if (button && !button.disabled) { event.preventDefault(); button.form.requestSubmit(button); }
});
