/** Words and constructions that stop a reader, each with the plain alternative. CONTRIBUTING.md refers to this list. */

/** A word in all its forms. It is listed only if it is odd in every context of this project. */
interface OddWord {
  readonly forms: readonly string[];
  readonly plain: string;
}

const ODD_WORDS: readonly OddWord[] = [
  { forms: ['astray'], plain: 'mismatched, missing, wrong' },
  { forms: ['stray', 'strays', 'strayed'], plain: 'unexpected' },
  { forms: ['settle', 'settles', 'settled', 'settling'], plain: 'reconcile, end, decide' },
  { forms: ['overtake', 'overtakes', 'overtaken', 'overtook'], plain: 'a write conflict' },
  { forms: ['mend', 'mends', 'mended', 'mending'], plain: 'fix' },
  { forms: ['afresh', 'anew'], plain: 'again, from the start' },
  { forms: ['ring', 'rings', 'rang', 'rung'], plain: 'fire (an alarm)' },
  { forms: ['deed', 'deeds'], plain: 'action' },
  { forms: ['conceal', 'conceals', 'concealed', 'concealing'], plain: 'redact' },
  { forms: ['misread', 'misreads'], plain: 'a parse error' },
  { forms: ['shall', 'shalt'], plain: 'must, should' },
  { forms: ['veil', 'veiled', 'veils'], plain: 'escaped, hidden' },
  { forms: ['clipped', 'clip', 'clips'], plain: 'truncated, truncate' },
  { forms: ['whoever', 'whosoever', 'whomever'], plain: 'clients, readers, anybody who' },
  { forms: ['tell', 'tells', 'told', 'telling', 'untold'], plain: 'report, notify, log, distinguish' },
  { forms: ['speak', 'speaks', 'spoke', 'spoken'], plain: 'describe, mention, use' },
  { forms: ['bears', 'borne'], plain: 'contain, have' },
  { forms: ['upon'], plain: 'on, after' },
  { forms: ['standing'], plain: 'current, stored' },
  { forms: ['proved'], plain: 'validated, verified' },
  { forms: ['deserve', 'deserves', 'deserved'], plain: 'need' },
  { forms: ['vouch', 'vouches', 'vouched'], plain: 'confirm' },
  { forms: ['lies'], plain: 'is' },
  { forms: ['hear', 'hears', 'heard', 'unheard'], plain: 'receive, observe' },
  { forms: ['wish', 'wishes', 'wished'], plain: 'options' },
  { forms: ['reckon', 'reckons', 'reckoned', 'reckoning'], plain: 'calculate, count' },
  {
    forms: ['beget', 'hitherto', 'thereof', 'therein', 'heretofore', 'lest', 'nought', 'thence', 'whence'],
    plain: 'now',
  },
];

/** Names in code that had such words. `inARow` is a field of release 0.1.0 that is still read. */
const ODD_NAMES: Readonly<Record<string, string>> = {
  inARow: 'consecutive',
  mostAtOnce: 'peakConcurrency',
  untilSettled: 'retryOnConflict',
  tellFailures: 'notifyFailedExecutions',
  allowAddresses: 'grantPublish',
  WrongSettings: 'InvalidSettingsError',
  WrongUsage: 'UsageError',
};

/** Constructions that need a second reading. */
const ODD_CONSTRUCTIONS: readonly { readonly pattern: RegExp; readonly plain: string }[] = [
  { pattern: /\bof (its|their|his) own\b/i, plain: 'a separate one, another one' },
  { pattern: /\bdid not (tell|say|speak)\b/i, plain: 'failed' },
  { pattern: /\bwhat (becomes|became) of\b/i, plain: 'what happens to' },
  { pattern: /\bwho comes\b/i, plain: 'clients' },
  { pattern: /\b(looked|look|looks) at at once\b/i, plain: 'checked concurrently' },
  { pattern: /\b(comes|come|came) to (its|their) end\b/i, plain: 'ends' },
  {
    pattern: /\b(?<!there )(is|are|was|were) no (URL|JSON|number|date|domain|certificate|logo|CA|text)\b/,
    plain: 'is not a',
  },
  { pattern: /\bprov(e|es|ing) (a|the|its) (chain|certificate)\b/i, plain: 'validate' },
  { pattern: /\bby turns\b/i, plain: 'alternately' },
  { pattern: /\bin earnest\b/i, plain: 'in production' },
  { pattern: /\bthe CA's own no\b/i, plain: 'a refusal by the CA' },
  { pattern: /\blevel, not edge\b/i, plain: 'rely on state, not on events' },
];

const WORDS = new Map(ODD_WORDS.flatMap(({ forms, plain }) => forms.map((form) => [form, plain] as const)));
const ANY_WORD = new RegExp(`(?<![a-z])(?:${[...WORDS.keys()].join('|')})(?![a-z])`, 'gi');
const ANY_NAME = new RegExp(`\\b(?:${Object.keys(ODD_NAMES).join('|')})\\b`, 'g');
const CONSTRUCTIONS = ODD_CONSTRUCTIONS.map(({ pattern, plain }) => ({
  pattern: new RegExp(pattern, `g${pattern.flags}`),
  plain,
}));

/** The hexadecimal groups of an id can be words. */
const UUID = /\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi;

/** A digest in hex, such as the name of a bundle, can contain a word too. No word has so many letters up to f. */
const DIGEST = /\b[\da-f]{16,}\b/gi;

/** One hit as a line of an error: the word in its context and the alternative. */
export function findOddWords(content: string): string[] {
  const text = content.replaceAll(UUID, '').replaceAll(DIGEST, '');
  const parts = text.replaceAll(/([a-z\d])([A-Z])/g, '$1 $2').replaceAll('_', ' ');
  return [
    ...[...parts.matchAll(ANY_WORD)].map(({ 0: word, index }) =>
      hit(parts, word, index, WORDS.get(word.toLowerCase()) ?? ''),
    ),
    ...[...text.matchAll(ANY_NAME)].map(({ 0: name, index }) => hit(text, name, index, ODD_NAMES[name] ?? '')),
    ...CONSTRUCTIONS.flatMap(({ pattern, plain }) =>
      [...text.matchAll(pattern)].map(({ 0: found, index }) => hit(text, found, index, plain)),
    ),
  ];
}

function hit(text: string, found: string, index: number, plain: string): string {
  const context = text.slice(Math.max(0, index - 30), index + found.length + 30).replaceAll(/\s+/g, ' ');
  return `"${found}" (better: ${plain}) in "… ${context} …"`;
}
