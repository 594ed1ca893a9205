// What scripts of several pages send to the service: pictures, and changes with the form's token.

/** Sends a picture to be matched and goes where its matches are. */
export const sendPicture = async (file, token) => {
  const body = new FormData();
  body.append("photo", file);
  const response = await fetch("/ui/match", {
    method: "POST", body, headers: { "X-Samelook-Token": token, Accept: "application/json" },
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message);
  location.assign(answer.path);
};

/** Sends a form's fields as its own button would; what the service has to say of it. */
export const sendForm = async (form, submitter) => {
  const body = new URLSearchParams(new FormData(form, submitter));
  const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message);
  return answer;
};
