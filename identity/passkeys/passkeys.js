// The ceremonies of passkeys (WebAuthn Level 3 §5.1). Everything else on our pages works without a script.
"use strict";
(() => {
  // At another address of the server (127.0.0.1, say) a passkey would be another site's.
  const isAtHome = new URL(document.currentScript.src).origin === window.location.origin;
  if (!isAtHome || !window.PublicKeyCredential || !navigator.credentials) return;

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const named = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  async function post(address, csrf, body) {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF": csrf },
      body: JSON.stringify(body),
    });
    const told = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(told.code), { told: told.message });
    return told;
  }

  async function create(options) {
    const user = { ...options.user, id: bytes(options.user.id) };
    const publicKey = {
      ...options, user, challenge: bytes(options.challenge), excludeCredentials: named(options.excludeCredentials),
    };
    const made = await navigator.credentials.create({ publicKey });
    const given = made.response;
    return {
      id: made.id, rawId: text(made.rawId), type: made.type,
      response: {
        clientDataJSON: text(given.clientDataJSON),
        attestationObject: text(given.attestationObject),
        transports: given.getTransports ? given.getTransports() : [],
      },
    };
  }

  async function get(options) {
    const publicKey = {
      ...options, challenge: bytes(options.challenge), allowCredentials: named(options.allowCredentials),
    };
    const found = await navigator.credentials.get({ publicKey });
    const given = found.response;
    return {
      id: found.id, rawId: text(found.rawId), type: found.type,
      response: {
        clientDataJSON: text(given.clientDataJSON),
        authenticatorData: text(given.authenticatorData),
        signature: text(given.signature),
        userHandle: given.userHandle ? text(given.userHandle) : null,
      },
    };
  }

  for (const box of document.querySelectorAll("[data-passkey]")) {
    const { passkey, begin, finish, csrf, going } = box.dataset;
    const button = box.querySelector("button");
    const label = box.querySelector("input");
    const problem = box.querySelector("[role=alert]");
    const words = box.querySelectorAll("template");

    const say = (th, en) => {
      const english = document.createElement("span");
      english.lang = "en";
      english.className = "en";
      english.textContent = en;
      problem.replaceChildren(th, document.createElement("br"), english);
      problem.hidden = false;
    };

    const explain = (error) => {
      if (error.told) return say(error.told.th, error.told.en);
      const known = [...words].find((one) => one.dataset.error === error.name) || words[0];
      const [th, en] = known.content.querySelectorAll("span");
      return say(th.textContent, en.textContent);
    };

    button.addEventListener("click", async () => {
      problem.hidden = true;
      button.disabled = true;
      try {
        const { publicKey } = await post(begin, csrf, {});
        const credential = await (passkey === "enrol" ? create(publicKey) : get(publicKey));
        const { location } = await post(finish, csrf, { credential, return: going, label: label ? label.value : "" });
        window.location.assign(location);
      } catch (error) {
        explain(error);
        button.disabled = false;
        button.focus();
      }
    });
    box.hidden = false;
  }
  for (const one of document.querySelectorAll("[data-without-passkeys]")) one.hidden = true;
})();
