// The search field takes pictures that are dropped, pasted or chosen; the rest of the page follows what happens.
const form = document.querySelector(".ask");
const photo = document.getElementById("photo");
const picture = document.getElementById("picture");

const look = (file) => {
  const chosen = new DataTransfer();
  chosen.items.add(file);
  photo.files = chosen.files;
  picture.requestSubmit();
};

photo.addEventListener("change", () => photo.files.length && picture.requestSubmit());
document.addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
  if (file) { event.preventDefault(); look(file); }
});
for (const kind of ["dragover", "dragenter"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); form.classList.add("over"); });
}
document.addEventListener("dragleave", () => form.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  form.classList.remove("over");
  const dropped = event.dataTransfer;
  if (dropped.files.length) { look(dropped.files[0]); return; }
  const text = dropped.getData("text/uri-list") || dropped.getData("text/plain");
  if (text) { form.q.value = text.split("\n")[0]; form.requestSubmit(); }
});

const live = document.getElementById("live");
const events = new EventSource("/ui/events");
events.onmessage = (event) => {
  // Nothing is moved under somebody who reads along with the keyboard.
  if (live.contains(document.activeElement)) return;
  const known = new Set([...live.querySelectorAll("[data-id]")].map((one) => one.dataset.id));
  live.innerHTML = JSON.parse(event.data);
  for (const one of live.querySelectorAll("[data-id]")) if (!known.has(one.dataset.id)) one.classList.add("arrived");
};
