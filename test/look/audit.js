/**
 * Runs in the browser, beside the page. Its value is a list of what the document contains although a page must not:
 * everything that could run or load something, now or after a click, and faults that axe does not search for.
 */
(() => {
  const faults = [];
  const describe = (element) => element.outerHTML.slice(0, 160);
  const elements = [...document.querySelectorAll('*')];

  // Some of these load nothing in a headless browser, and do in others: hints, icons, the sending of a form.
  const FORBIDDEN =
    'script, iframe, frame, object, embed, applet, base, form, audio, video, source, track, portal, noscript';
  const FORBIDDEN_IN_SVG = 'svg image, svg use, svg foreignObject, svg animate, svg set, svg script, svg a, svg style';
  for (const element of document.querySelectorAll(`${FORBIDDEN}, ${FORBIDDEN_IN_SVG}, meta[http-equiv="refresh" i]`)) {
    faults.push(`element: ${describe(element)}`);
  }
  for (const link of document.querySelectorAll('link')) {
    if (link.rel !== 'icon' || !link.href.startsWith('data:')) {
      faults.push(`link: ${describe(link)}`);
    }
  }
  // Without one, browsers ask the server for /favicon.ico.
  if (!document.querySelector('link[rel="icon"][href^="data:"]')) {
    faults.push('icon: the page has no icon in it');
  }

  const HARMLESS_LINK = /^(https?:|mailto:|#|[\w./-]*($|#))/i;
  for (const element of elements) {
    for (const { name, value } of element.attributes) {
      const isImage = element.localName === 'img' && name === 'src';
      const isLink = element.localName === 'a' && name === 'href';
      const isHead = element.localName === 'link' && name === 'href';
      if (/^on/i.test(name) || ['srcdoc', 'srcset', 'ping', 'formaction', 'background', 'style'].includes(name)) {
        faults.push(`attribute: ${name} of ${describe(element)}`);
      } else if (
        isImage ? !/^data:image\/(svg\+xml|png);base64,[\w+/=]*$/.test(value) : /(^|:)(src|href)$/.test(name)
      ) {
        if (!(isLink && HARMLESS_LINK.test(value.trim())) && !isHead) {
          faults.push(`address: ${name} of ${describe(element)}`);
        }
      }
    }
  }

  const policy = document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.content ?? '';
  if (!/default-src 'none'/.test(policy) || /unsafe|script-src|https?:|\*/.test(policy)) {
    faults.push(`policy: ${policy || 'none'}`);
  }
  if (document.compatMode !== 'CSS1Compat') {
    faults.push('doctype: the page is in quirks mode');
  }

  const ids = elements.map(({ id }) => id).filter((id) => id !== '');
  for (const id of new Set(ids.filter((each, index) => ids.indexOf(each) !== index))) {
    faults.push(`id: ${id} occurs more than once`);
  }
  for (const link of document.querySelectorAll('a[href^="#"]')) {
    const id = decodeURIComponent(link.hash.slice(1));
    if (id !== '' && id !== 'top' && !document.getElementById(id)) {
      faults.push(`anchor: ${link.hash} does not exist`);
    }
  }

  // Characters that a reader does not see, and that change what the reader sees beside them.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the search is for them
  const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/;
  // Such a text changes the order of the words and numbers beside it, unless it is isolated.
  const RIGHT_TO_LEFT = /\p{Script=Hebrew}|\p{Script=Arabic}/u;
  const texts = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode;
    const [hidden] = HIDDEN.exec(data) ?? [];
    if (hidden !== undefined && parentElement?.localName !== 'style') {
      faults.push(`character: U+${hidden.codePointAt(0).toString(16).padStart(4, '0')} in ${describe(parentElement)}`);
    }
  }
  for (const element of elements) {
    const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map(({ data }) => data);
    if (!element.closest('bdi, [dir], head') && RIGHT_TO_LEFT.test(own.join(''))) {
      faults.push(`direction: ${describe(element)}`);
    }
    for (const { name, value } of element.attributes) {
      if (HIDDEN.test(value)) {
        faults.push(`character: in ${name} of ${describe(element)}`);
      }
    }
  }

  const headings = document.querySelectorAll('h1').length;
  if (headings !== 1) {
    faults.push(`heading: the page has ${headings} main headings`);
  }
  return faults;
})();
