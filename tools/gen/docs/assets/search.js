// Searches the entries above: all words must be found; what begins with them in its name comes first.
const root = document.currentScript.dataset.root;
const form = document.querySelector('.search');
const input = form.querySelector('input');
const results = form.querySelector('ul');
const count = form.querySelector('.count');
form.hidden = false;

for (const e of entries) {
  e.name = e.n.toLowerCase();
  e.text = [e.n, e.k, e.a, e.w].join(' ').toLowerCase();
}

function rank(entry, words) {
  if (!words.every((w) => entry.text.includes(w))) return 0;
  if (entry.name === words.join(' ')) return 4;
  if (words.every((w) => entry.name.startsWith(w))) return 3;
  return words.every((w) => entry.name.includes(w)) ? 2 : 1;
}

function element(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  e.textContent = text ?? '';
  return e;
}

function show() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = entries
    .map((entry, i) => ({ entry, i, rank: words.length ? rank(entry, words) : 0 }))
    .filter((f) => f.rank > 0)
    .sort((a, b) => b.rank - a.rank || a.i - b.i);
  results.replaceChildren(...found.slice(0, 12).map(({ entry }) => {
    const a = element('a');
    a.href = root + entry.u;
    a.append(element('span', 'name', entry.n), ' ', element('span', 'kind', entry.k));
    // A field that was searched for is named, as the event's own text may not show why it was found.
    const field = (entry.w ?? '').split(' ').find((w) => words.some((x) => w.toLowerCase().includes(x)));
    const why = field && !words.every((w) => entry.name.includes(w)) ? `${field} · ${entry.a ?? ''}` : entry.a;
    if (why) a.append(element('span', 'about', why));
    const li = element('li');
    li.append(a);
    return li;
  }));
  results.hidden = words.length === 0;
  count.textContent = words.length === 0 ? '' : found.length === 1 ? '1 result' : `${found.length} results`;
}

input.addEventListener('input', show);
input.addEventListener('focus', show);
// A browser that gives no focus to a link that is pressed would take the list away before the click.
results.addEventListener('mousedown', (event) => event.preventDefault());
form.addEventListener('submit', (event) => {
  event.preventDefault();
  results.querySelector('a')?.click();
});
form.addEventListener('focusout', (event) => {
  if (!form.contains(event.relatedTarget)) results.hidden = true;
});
form.addEventListener('keydown', (event) => {
  const links = [input, ...results.querySelectorAll('a')];
  const at = links.indexOf(document.activeElement);
  if (event.key === 'Escape') {
    results.hidden = true;
    input.blur();
  } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    event.preventDefault();
    links[Math.min(Math.max(at + (event.key === 'ArrowDown' ? 1 : -1), 0), links.length - 1)].focus();
  }
});
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && !event.ctrlKey && !event.metaKey && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    input.focus();
  }
});
