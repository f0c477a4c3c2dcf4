import { createHash } from 'node:crypto';
import type { Finding } from '../certificate/findings.ts';
import { findSvgProblems } from '../certificate/logo/svg.ts';
import { describeProblem, type SvgProblem } from '../certificate/logo/svg-node.ts';
import { SVG_TYPE } from '../store/manifest.ts';

/** What the SVG profile and the rules of receivers say about a logo. */
export interface LogoReport {
  readonly publishable: boolean;
  readonly logo: { readonly mediaType: string; readonly sha256: string; readonly bytes: number };
  readonly findings: readonly LogoFinding[];
}

export interface LogoFinding extends Pick<Finding, 'id' | 'severity' | 'message'> {
  /** The line of the file, if the finding is about a place. */
  readonly line: number | null;
  readonly element: string | null;
  readonly attribute: string | null;
}

/** Judges a logo alone by the SVG profile and the rules of receivers. */
export function reportLogo(bytes: Uint8Array): LogoReport {
  const { profile, size, look } = findSvgProblems(bytes);
  const findings = [
    ...profile.map((problem) => findingOf('svg-profile', 'error', problem)),
    ...size.map((problem) => findingOf('svg-size', 'error', problem)),
    ...look.map((problem) => findingOf('svg-look', 'warning', problem)),
  ];
  return {
    publishable: findings.every(({ severity }) => severity !== 'error'),
    logo: { mediaType: SVG_TYPE, sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length },
    findings,
  };
}

function findingOf(id: LogoFinding['id'], severity: LogoFinding['severity'], problem: SvgProblem): LogoFinding {
  const { line, element, attribute } = problem;
  return { id, severity, message: describeProblem(problem), line, element, attribute };
}
