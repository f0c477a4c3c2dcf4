import { assertionName } from '../bimi.ts';
import { truncate } from '../text.ts';
import { dmarcName } from './dns.ts';
import { type Alias, readAlias, readTxt, type TxtResolver } from './txt.ts';

/** Why a name has no record, or other records than expected, in sentences for a person. All lookups may fail. */

/** The maximum size of the targets of an alias in a sentence, in bytes. */
const TARGETS_BYTES = 300;

/** A label that nobody uses. */
const UNUSED_LABEL = '_mark-certificate-collector';

const ENDS = {
  'a name': '',
  'a name that does not exist': ', which does not exist',
  'a circle': ': the aliases lead in a circle',
  unknown: '',
} as const satisfies Readonly<Record<Alias['end'], string>>;

/** What the DNS contains besides the records at the name of a BIMI record: aliases and wildcards. */
export async function explainBimiRecord(resolver: TxtResolver, domain: string, selector: string): Promise<string[]> {
  const name = assertionName(domain, selector);
  const above = `_bimi.${domain}`;
  const [own, parent, wildcard] = await Promise.all([
    readAlias(resolver, name),
    readAlias(resolver, above),
    explainWildcard(resolver, name, `${UNUSED_LABEL}.${above}`),
  ]);
  return [
    ...(own ? [describe(own)] : []),
    ...(parent ? [describe(parent), `An alias at ${above} does not apply to ${name}.`] : []),
    ...wildcard,
  ];
}

/** What the DNS contains at the name of a domain's DMARC record, if that is not one DMARC record. */
export async function explainDmarcRecord(resolver: TxtResolver, domain: string): Promise<string[]> {
  const name = dmarcName(domain);
  const [own, wildcard] = await Promise.all([
    readAlias(resolver, name),
    explainWildcard(resolver, name, `${UNUSED_LABEL}.${domain}`),
  ]);
  return [...(own ? [describe(own)] : []), ...wildcard];
}

function describe({ name, targets, end }: Alias): string {
  return `${name} is an alias (CNAME) of ${truncate(targets.join(', then '), TARGETS_BYTES)}${ENDS[end]}.`;
}

/** A wildcard answers for every name that does not exist (RFC 4592), and so for one that nobody uses. */
async function explainWildcard(resolver: TxtResolver, name: string, unused: string): Promise<string[]> {
  const [own, other] = await Promise.all([name, unused].map((each) => readTxt(resolver, each).catch(() => [])));
  const isWildcard = own && other && own.length > 0 && own.toSorted().join('\n') === other.toSorted().join('\n');
  return isWildcard
    ? [`Names that nobody uses have the same records, so a wildcard (*) answers. A record at ${name} takes its place.`]
    : [];
}
