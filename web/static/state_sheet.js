// Loads the style of the live pages; whoever imports this is shown with it.

const sheet = document.createElement('link');
sheet.rel = 'stylesheet';
// beside this module, whose own address has the hash of the files in it
sheet.href = new URL('state.css', import.meta.url).href;
const loaded = new Promise((resolve) => { sheet.onload = sheet.onerror = resolve; });
document.head.append(sheet);
await loaded;
