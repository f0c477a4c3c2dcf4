import { type SvgProblems, svgProblems } from '../../../../functions/certificate/logo/svg.ts';

export const NAMESPACE = 'http://www.w3.org/2000/svg';
export const PROFILE = 'version="1.2" baseProfile="tiny-ps"';
export const VIEW_BOX = 'viewBox="0 0 64 64"';
export const TITLE = '<title>Example</title>';
export const TWO_COLOURS = '<rect width="64" height="64" fill="#14324a"/><circle r="9" fill="#fff"/>';

/** A logo without any problem by default. */
export function logo({
  body = '',
  root = `${PROFILE} ${VIEW_BOX}`,
  title = TITLE,
  before = '',
  colours = TWO_COLOURS,
} = {}): string {
  return `${before}<svg xmlns="${NAMESPACE}" ${root}>${title}${colours}${body}</svg>`;
}

export function problemsOf(svg: string | Uint8Array): SvgProblems {
  return svgProblems(Buffer.from(svg));
}

/** The violations of the profile. */
export function profileOf(svg: string | Uint8Array): readonly string[] {
  return problemsOf(svg).profile;
}
