// What the parts of the page share: elements, messages, calls to the bench, the board that is shown.

const $ = (id) => document.getElementById(id);

/** The board that is shown, and its last state. */
export const chosen = {board: 0, state: {}};

/** Make an element: el('p', {className: 'x'}, 'text', child). */
export function el(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Show a message for a few seconds. */
export function toast(text) {
  const line = el('p', {textContent: text});
  $('toasts').append(line);
  setTimeout(() => line.remove(), 6000);
}

/** Call the bench; answers with the JSON, throws an Error with the reason. */
export async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : {'Content-Type': 'application/json'},
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const found = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(found.error || `status ${response.status}`), {status: response.status});
  return found;
}

/** Change something on the chosen board; a refusal is shown. */
export async function change(method, what, body) {
  try {
    return await call(method, `/api/boards/${chosen.board}/${what}`, body);
  } catch (error) {
    toast(`${what}: ${error.message}`);
    return null;
  }
}
