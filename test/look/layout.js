/** Runs in the browser. Its value is a list of what is wider than the window, the widest first. */
(() => {
  const { scrollWidth, clientWidth } = document.scrollingElement;
  if (scrollWidth <= clientWidth) {
    return [];
  }
  const wide = [...document.querySelectorAll('body *')]
    .map((element) => {
      const { left, right } = element.getBoundingClientRect();
      return { element, right: scrollX + Math.max(right, left + element.scrollWidth) };
    })
    .filter(({ right }) => right > clientWidth + 1)
    .sort((one, other) => other.right - one.right || (one.element.contains(other.element) ? 1 : -1))
    .map(({ element, right }) => `${Math.round(right)} px: ${element.outerHTML.slice(0, 120)}`);
  return [`the page is ${scrollWidth} px wide in ${clientWidth} px`, ...wide.slice(0, 3)];
})();
