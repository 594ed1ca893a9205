// Sends what a form says without leaving the page.

/** Sends a form's fields as its own button would; what the service has to say of it. */
export const sendForm = async (form, submitter) => {
  const body = new URLSearchParams(new FormData(form, submitter));
  const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message);
  return answer;
};
