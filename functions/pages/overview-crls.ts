import { day, type Html, html, moment, outside } from './html.ts';

/** The number of revocation lists that the first page contains. Each issuing CA has one or two. */
const ROWS = 20;

/** The limits of a row, in bytes. */
const BYTES = { url: 600, problem: 600 } as const;

/** A revocation list (CRL) that surveys have not been able to use for days. */
export interface OverviewCrl {
  readonly url: string;
  /** The first day, ISO 8601 UTC. */
  readonly since: string;
  /** Why, at the last check. */
  readonly problem: string;
  readonly checkedAt: string;
}

/** The revocation lists that cannot be used, and since when. */
export function crlsSection(crls: readonly OverviewCrl[]): Html {
  const more = crls.length - ROWS;
  return html`<h2 id="crls">Revocation lists</h2>
<p>The survey cannot use these lists (CRLs) of CAs. It does not notice if a CA revokes a certificate that names one of them. What to do: runbook, "A CRL cannot be used".</p>
<table class="findings">
<caption>Revocation lists that cannot be used</caption>
<thead><tr><th scope="col">List</th><th scope="col">Since</th><th scope="col">Why</th></tr></thead>
<tbody>
${crls.slice(0, ROWS).map(row)}</tbody>
</table>
${more > 0 && html`<p>${more} more: see <code>survey/crls.json</code> in the bucket.</p>\n`}`;
}

function row({ url, since, problem, checkedAt }: OverviewCrl): Html {
  return html`<tr><th scope="row"><code>${outside(url, BYTES.url)}</code></th><td data-label="Since">${day(since)}</td><td data-label="Why">${outside(problem, BYTES.problem)}<br>checked ${moment(checkedAt)}</td></tr>
`;
}
