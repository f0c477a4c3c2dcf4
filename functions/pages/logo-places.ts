import { type Html, html, logoImage, outside, plainText } from './html.ts';

/** How mailboxes show a logo: the shape, and the size in CSS pixels. Each is shown on white and on dark. */
const PLACES = [
  { shape: 'round', size: 64 },
  { shape: 'square', size: 128 },
  { shape: 'round', size: 32 },
] as const;

/** Bytes of the brand in a description of an image, and beside it. */
const ALT_BYTES = 80;
const BRAND_BYTES = 100;

/**
 * The logo as mailboxes show it, with the brand as text beside it. Every image contains the whole logo, so only as many
 * places are shown as fit.
 *
 * @param bytes the limit of the images together.
 */
export function renderLogoPlaces(svg: Uint8Array, brand: string, bytes: number): Html {
  const shown = PLACES.map((place) =>
    (['white', 'dark'] as const).map((ground) => renderPlace(svg, brand, { ...place, ground })),
  );
  let rest = bytes;
  const fitting = shown.filter((pair) => {
    const size = Buffer.byteLength(pair.join(''));
    if (size > rest) {
      return false;
    }
    rest -= size;
    return true;
  });
  const left = shown.length - fitting.length;
  return html`<div class="places">${fitting}</div>
${left > 0 && html`<p class="quiet">The logo has ${svg.length} bytes, so ${fitting.length === 0 ? 'this page does not show it' : 'this page does not show it at every size'}.</p>`}`;
}

interface Place {
  readonly shape: (typeof PLACES)[number]['shape'];
  readonly size: (typeof PLACES)[number]['size'];
  readonly ground: 'white' | 'dark';
}

function renderPlace(svg: Uint8Array, brand: string, { shape, size, ground }: Place): Html {
  const image = logoImage(svg, { alt: `Logo of ${plainText(brand, ALT_BYTES)}`, size, className: `logo ${shape}` });
  return html`<figure class="place together">
<div class="mail on-${ground}">${image}<p dir="auto">${outside(brand, BRAND_BYTES)}</p></div>
<figcaption>${shape}, ${size} pixels, on ${ground}</figcaption>
</figure>
`;
}
