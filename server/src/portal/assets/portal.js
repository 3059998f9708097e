// What the portal does beyond plain forms: print and copy buttons, and passkeys. All else works without this file.
"use strict";

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      document.getElementById(button.getAttribute("aria-describedby")).textContent = button.dataset.copied;
    });
  }
}

// Whoever types a date means it.
for (const date of document.querySelectorAll("input[data-chooses]")) {
  date.addEventListener("input", () => {
    document.getElementById(date.dataset.chooses).checked = true;
  });
}

// A form that was sent is not sent again by a second click: a code issued twice is one too many.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
// Back in a page that the browser kept, forms are fresh again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

const fromBase64url = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const toBase64url = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** WebAuthn's JSON form of options (base64url strings), with buffers as the browser wants them. */
function options(json) {
  const { publicKey: key } = JSON.parse(json);
  key.challenge = fromBase64url(key.challenge);
  if (key.user) key.user.id = fromBase64url(key.user.id);
  for (const list of [key.allowCredentials, key.excludeCredentials]) {
    for (const credential of list || []) credential.id = fromBase64url(credential.id);
  }
  return { publicKey: key };
}

/** The authenticator's answer in WebAuthn's JSON form. */
function answer(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = toBase64url(credential.response[name]);
  }
  return JSON.stringify({ id: credential.id, rawId: toBase64url(credential.rawId), type: credential.type, response });
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = form.querySelector("button[data-start]");
    const status = form.querySelector("[data-status]");
    form.hidden = false;
    button.addEventListener("click", async () => {
      status.textContent = "";
      try {
        const asked = options(form.dataset.options);
        const credential =
          form.dataset.passkey === "create"
            ? await navigator.credentials.create(asked)
            : await navigator.credentials.get(asked);
        form.elements.passkey.value = answer(credential);
        form.submit();
      } catch {
        // The browser says no more than that it did not work, or that the officer called it off.
        status.textContent = status.dataset.failed;
      }
    });
  }
}
