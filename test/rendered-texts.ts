/** Runs real code with small inputs and returns every text that a person reads, as it is rendered. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as asn1 from '@peculiar/asn1-x509';
import * as v from 'valibot';
import { vi } from 'vitest';
import { FINDINGS, type Finding } from '../functions/certificate/findings.ts';
import { readMarkCertificate } from '../functions/certificate/report.ts';
import { createHandler as createCollectHandler } from '../functions/collect/handler.ts';
import { STATUSES } from '../functions/collectmc/codes.ts';
import { CollectionError, type CollectionErrorName, NEXT_STEPS, WAITING_NEXT_STEPS } from '../functions/errors.ts';
import type { HttpClient } from '../functions/http.ts';
import { problemsOf } from '../functions/input.ts';
import { orderSchema } from '../functions/order.ts';
import { createHandler as createPublishHandler } from '../functions/publish/handler.ts';
import { findRefusal, REFUSALS } from '../functions/publish/refusals.ts';
import { PUSH_CODES } from '../functions/push/codes.ts';
import { createHandler as createPushHandler } from '../functions/push/handler.ts';
import { createHandler as createRevokeHandler } from '../functions/revoke/handler.ts';
import { createHandler as createStartHandler } from '../functions/start/handler.ts';
import { DIFFERENCES } from '../functions/survey/differences.ts';
import { createHandler as createSurveyHandler } from '../functions/survey/handler.ts';
import { findDifferences } from '../functions/survey/live.ts';
import { COMMANDS } from '../infra/command-line/commands.ts';
import type {
  CertificateAuthority,
  CertificateChanges,
  MarkCertificateRequest,
} from '../infra/local/ca/certificate-authority.ts';
import { pem } from '../infra/local/ca/containers.ts';
import { extension, type LogotypeImage, logotype, logotypeImage, oid } from '../infra/local/ca/mark-extensions.ts';
import { type LocalCloud, startLocalCloud } from '../infra/local/cloud/local-cloud.ts';
import { createNarrator } from '../infra/local/narration.ts';
import { issueScenarioCertificates, runScenario, SCENARIOS } from '../infra/local/scenarios.ts';
import { readSettings, SETTING_NAMES } from '../infra/settings.ts';
import { withoutHttp } from './aws-json-direct.ts';
import { USAGE as BENCH_USAGE } from './bench/options.ts';
import { crlDownload } from './crls.ts';
import { run } from './infra/command-line/run.ts';
import { PROJECT, SETTINGS, synthesize } from './infra/synthesized.ts';
import { startDirectS3Server } from './s3-direct.ts';
import { MANIFEST, PUBLICATION } from './sample-manifest.ts';

/** Texts by their origin, such as "finding validity". */
export type RenderedTexts = readonly (readonly [origin: string, text: string])[];

const AT = new Date('2026-06-01T00:00:00.000Z');

/** The message of the error that a function throws; empty if it throws none. */
function messageOf(run: () => unknown): string {
  try {
    run();
    return '';
  } catch (error) {
    return String(error);
  }
}

/**
 * Every text in the templates: descriptions, alarms, queries, outputs, rules, dashboards, the state machine's comment.
 */
export function templateTexts(): RenderedTexts {
  const stacks = { default: {}, publish: { publish: 'true' }, push: { push: 'true' }, every: SETTINGS };
  return Object.entries(stacks).flatMap(([name, settings]) =>
    textsIn(synthesize(settings).resolved).map((text) => [`template ${name}`, text] as const),
  );
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') {
    return [value];
  }
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** Meanings of codes, next steps, and errors about wrong input, settings and environment variables. */
export function tableTexts(): RenderedTexts {
  const names = Object.keys(NEXT_STEPS) as CollectionErrorName[];
  const wrongOrder = v.safeParse(orderSchema, {
    orderNumber: 'x',
    domains: ['no domain'],
    product: 'x',
    selector: '-',
    replace: 'x',
    request: '20260101',
    colour: 'red',
  });
  const handlers = {
    createCollectHandler,
    createPublishHandler,
    createPushHandler,
    createRevokeHandler,
    createStartHandler,
    createSurveyHandler,
  };
  return [
    ...[...STATUSES].map(([status, { meaning }]) => [`status ${status}`, meaning] as const),
    ...[...PUSH_CODES].map(([code, { meaning }]) => [`push code ${code}`, meaning] as const),
    ...Object.entries(DIFFERENCES).map(([id, meaning]) => [`meaning of ${id}`, meaning] as const),
    ...names.map((name) => [`error ${name}`, new CollectionError(name, 'the reason').message] as const),
    ...Object.entries(WAITING_NEXT_STEPS).map(([concern, { text }]) => [`next step for ${concern}`, text] as const),
    ...problemsOf(wrongOrder.issues ?? []).map((problem) => ['wrong order', problem] as const),
    ...SETTING_NAMES.map(
      (name) => [`wrong setting ${name}`, messageOf(() => readSettings({ [name]: { wrong: '' } }))] as const,
    ),
    ...[
      { pollEvery: 'PT1S', giveUpAfter: 'P1D' },
      { pollEvery: 'PT1H', giveUpAfter: 'P300D' },
      { giveUpAfter: 'PT1H', remindBefore: 'PT1H' },
      { publishDomainName: 'bimi.example.com', unpublishRevoked: 'true' },
    ].map((settings) => ['wrong settings', messageOf(() => readSettings(settings))] as const),
    ...Object.entries(handlers).flatMap(([name, createHandler]) =>
      // Some functions accept any text in every variable.
      [{}, WRONG_ENVIRONMENT]
        .map((environment) => [`environment of ${name}`, messageOf(() => createHandler(environment))] as const)
        .filter(([, message]) => message !== ''),
    ),
  ];
}

const WRONG_ENVIRONMENT = Object.fromEntries(
  [
    ...['BUCKET_NAME', 'COLLECT_URL', 'CREDENTIALS_SECRET_ARN', 'EVENT_BUS_NAME', 'GIVE_UP_SECONDS', 'POLL_SECONDS'],
    ...['PUBLISHED_URL', 'PUSH_SECRET_ARN', 'REMIND_BEFORE_DAYS', 'RESPONSE_FORMAT', 'STATE_MACHINE_ARN'],
    ...['TRUST_ANCHORS', 'CT_LOGS', 'UNPUBLISH_REVOKED'],
  ].map((name) => [name, 'x y']),
);

interface CraftedChain {
  readonly leaf?: Partial<MarkCertificateRequest>;
  readonly issuing?: CertificateChanges;
  readonly isComplete?: boolean;
  readonly isTrusted?: boolean;
  readonly at?: Date;
  readonly domains?: readonly string[];
  readonly product?: 'VMC' | 'CMC';
}

/** The findings of a revoked leaf, whose issuing CA has a CRL in each state in which it does not count. */
async function revocationFindings(authority: CertificateAuthority): Promise<readonly Finding[]> {
  const now = new Date();
  const { chain, leaf, root } = authority.issue({ domains: ['example.com'] });
  const trustAnchors = [createHash('sha256').update(root).digest('hex')];
  const [ofLeaf, ofIssuing] = authority.crls({ revoked: [{ certificate: leaf, reason: 'keyCompromise' }] });
  const day = 24 * 60 * 60 * 1000;
  const states = [
    ...[-100 * day, day].map((days) => authority.crls({ thisUpdate: new Date(now.getTime() + days) })[1]?.bytes),
    ofLeaf?.bytes,
    ofIssuing?.bytes.with(-1, 0),
    Buffer.from('<html>'),
    undefined,
  ];
  const reports = await Promise.all(
    states.map((bytes) => {
      const crls = ofLeaf && ofIssuing ? [ofLeaf, { url: ofIssuing.url, bytes, problem: 'ENOTFOUND' }] : [];
      return readMarkCertificate(Buffer.from(pem(chain)), { at: now, trustAnchors, crls });
    }),
  );
  return reports.flatMap(({ report }) => report.findings);
}

const LOGO = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>');
const extensionsWithout =
  (...oids: readonly string[]): NonNullable<CertificateChanges['extensions']> =>
  (usual) =>
    usual.filter((each) => !oids.includes(each.oid));
const withLogotype = (...images: readonly LogotypeImage[]): Partial<MarkCertificateRequest> => ({
  extensions: (usual) => usual.map((each) => (each.oid === oid.logotype ? logotype(...images) : each)),
});

/** Chains that together have every finding. */
const CRAFTED_CHAINS: readonly CraftedChain[] = [
  {
    leaf: {
      // One of another certificate, and one of the future.
      scts: (precertificate, log) => [
        log.sign({ ...precertificate, tbsCertificate: new Uint8Array() }, { timestamp: new Date('2026-01-01') }),
        log.sign(precertificate, { timestamp: new Date('2040-01-01') }),
      ],
    },
  },
  {
    leaf: {
      attributes: () => [],
      extensions: extensionsWithout(oid.crlDistributionPoints, oid.sctList, oid.certificatePolicies, oid.logotype),
      notAfter: new Date('2028-01-01T00:00:00Z'),
      publicKey: generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey,
    },
    isComplete: false,
    isTrusted: false,
    at: new Date('2029-01-01T00:00:00Z'),
  },
  {
    leaf: {
      svg: '<svg xmlns="http://www.w3.org/2000/svg"><script/><image href="https://x.example/"/></svg>',
      extensions: (usual) => [
        ...usual
          .filter(({ oid: id }) => id !== oid.extKeyUsage)
          .map((each) => ({ ...each, critical: each.critical ?? each.oid === oid.logotype })),
        extension(oid.extKeyUsage, new asn1.ExtendedKeyUsage([oid.brandIndicator, asn1.id_kp_serverAuth])),
        { oid: '1.2.3.4.5', value: Buffer.of(5, 0), critical: true },
        { oid: '1.2.3.4.6', value: Buffer.alloc(60_000) },
      ],
    },
    issuing: { extensions: extensionsWithout(oid.extKeyUsage, oid.basicConstraints, oid.keyUsage) },
    at: new Date('2019-01-01T00:00:00Z'),
    domains: ['other.example', 'example.org'],
    product: 'CMC',
  },
  {
    leaf: {
      extensions: (usual) => usual.flatMap((each) => (each.oid === oid.subjectKeyIdentifier ? [each, each] : each)),
    },
  },
  { leaf: { domains: [] } },
  { leaf: { domains: ['default._bimi.example.com', '*.example.com', 'mail.local', '192.0.2.1'] } },
  { leaf: withLogotype({ ...logotypeImage(LOGO), hashes: [] }) },
  {
    leaf: withLogotype({ ...logotypeImage(LOGO), hashes: [{ algorithm: 'SHA-256', value: Buffer.alloc(32) }] }),
  },
  {
    leaf: {
      svg: '<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" width="100%"><title>Logo</title></svg>',
    },
  },
  { leaf: withLogotype() },
  { leaf: withLogotype({ ...logotypeImage(LOGO), uris: ['http://example.com/logo.svg'] }) },
  { leaf: { attributes: (usual) => [...usual, { oid: oid.markType, value: 'Prior Use Mark' }] } },
  {
    leaf: {
      attributes: (usual) => usual.map((each) => (each.oid === oid.markType ? { ...each, value: 'Odd Mark' } : each)),
    },
  },
  {
    leaf: {
      attributes: (usual) => usual.filter(({ oid: id }) => !id.startsWith('1.3.6.1.4.1.53087')),
    },
  },
  {
    leaf: {
      markType: 'Prior Use Mark',
      attributes: (usual) => usual.filter(({ oid: id }) => id !== oid.priorUseSourceUrl),
    },
  },
  {
    issuing: {
      attributes: (usual) =>
        usual.map((each) => (each.oid === oid.organizationName ? { ...each, value: 'Entrust, Inc.' } : each)),
    },
    leaf: {
      extensions: (usual) => [
        ...usual,
        { oid: '2.5.29.30', value: Buffer.of(0x30, 0) },
        { oid: '1.3.6.1.4.1.53087.4.1', value: Buffer.of(5, 0) },
      ],
    },
  },
];

/** Findings of crafted certificates, and the reasons for which a response contains no valid chain. */
export async function certificateTexts(authority: CertificateAuthority): Promise<RenderedTexts> {
  const findings: Finding[] = [];
  for (const { leaf, issuing, isComplete = true, isTrusted = true, at = AT, domains, product } of CRAFTED_CHAINS) {
    const notBefore = new Date('2020-01-01T00:00:00Z');
    const { chain, root } = authority
      .with({ root: { notBefore }, issuing: { notBefore, ...issuing } })
      .issue({ domains: ['example.com'], notBefore: new Date('2026-01-01T00:00:00Z'), ...leaf });
    const delivered = isComplete ? chain : chain.slice(0, 2);
    const ctLogs = [authority.log.key];
    const trustAnchors = isTrusted ? [createHash('sha256').update(root).digest('hex')] : [];
    const { report } = await readMarkCertificate(Buffer.from(pem(delivered)), {
      at,
      domains,
      product,
      trustAnchors,
      ctLogs,
    });
    findings.push(...report.findings);
  }
  findings.push(...(await revocationFindings(authority)));
  const { chain, leaf, root } = authority.issue({ domains: ['example.com'] });
  for (const crls of [[], authority.crls({ thisUpdate: new Date(), revoked: [{ certificate: leaf }] })]) {
    const file = `${pem(chain)}-----BEGIN CERTIFICATE-----\nTm90aGluZw==\n-----END CERTIFICATE-----\n`;
    const { report } = await readMarkCertificate(Buffer.from(file), { at: new Date(), crls });
    findings.push(...report.findings);
  }
  const invalid: readonly (string | Uint8Array)[] = [
    'text',
    pem([leaf]),
    pem([root]),
    pem([leaf, root]),
    pem([...chain, ...chain.slice(1), leaf]),
    pem([leaf.subarray(0, 100)]),
    Buffer.of(0x30, 0x82),
    Buffer.from('PK\x03\x04 no archive'),
    `${pem(chain)}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n`,
  ];
  const reasons = await Promise.all(
    invalid.map((bytes) =>
      readMarkCertificate(Buffer.from(bytes), { at: AT }).then(
        () => '',
        (error: unknown) => String(error),
      ),
    ),
  );
  return [
    ...findings.map(({ id, message }) => [`finding ${id}`, message] as const),
    ...reasons.map((reason) => ['invalid chain', reason] as const),
  ];
}

/** The message of each reason for which a certificate is not published. */
export function refusalTexts(): RenderedTexts {
  const finding = { id: 'validity', severity: 'error' as const, message: 'the chain is not valid' };
  const current = PUBLICATION;
  const usual = { manifest: MANIFEST, domain: 'example.com', selector: 'default', replace: false, current, at: AT };
  const { live } = PUBLICATION;
  const fingerprintSha256 = MANIFEST.fingerprintSha256;
  const candidates: Readonly<Record<keyof typeof REFUSALS, Partial<Parameters<typeof findRefusal>[0]>>> = {
    'not-yet-valid': { manifest: { ...MANIFEST, notBefore: '2040-01-01T00:00:00.000Z' } },
    'not-publishable': { manifest: { ...MANIFEST, publishable: false, findings: [finding] } },
    'not-covered': { domain: 'example.org' },
    expired: { at: new Date('2040-01-01T00:00:00Z') },
    damaged: { current: undefined, damage: 'is damaged: live: Invalid key' },
    revoked: {
      current: {
        ...current,
        served: false,
        revokedAt: AT.toISOString(),
        live: { ...live, fingerprintSha256 },
      },
    },
    older: { manifest: { ...MANIFEST, notBefore: '2020-01-01T00:00:00.000Z' } },
    'other-owner': { current: { ...current, live: { ...live, owner: 'Somebody Else Limited' } } },
    'less-coverage': { current: { ...current, live: { ...live, domains: ['example.com', 'sub.example.com'] } } },
  };
  return Object.entries(candidates).map(([reason, candidate]) => {
    const refusal = findRefusal({ damage: undefined, revokedSince: undefined, ...usual, ...candidate });
    return [`refusal ${refusal?.reason ?? `missing: ${reason}`}`, refusal?.message ?? ''] as const;
  });
}

/** The message of each difference that a survey finds at the public addresses and in the DNS. */
export async function differenceTexts(): Promise<RenderedTexts> {
  const serve =
    (status: number, contentType: string, body: string): HttpClient =>
    async () => ({
      status,
      headers: { 'content-type': contentType, location: 'https://example.org/' },
      read: async () => Buffer.from(body),
      discard: () => {},
    });
  const unreachable: HttpClient = async () => {
    throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  };
  const zones: readonly ((name: string) => readonly string[] | string)[] = [
    () => 'ENOTFOUND',
    () => 'ESERVFAIL',
    (name) => (name.startsWith('_dmarc.') ? ['v=DMARC1; p=none'] : ['v=BIMI1; l=https://x.example/; a=']),
    (name) => (name.startsWith('_dmarc.') ? ['v=DMARC1; p=quarantine; pct=5'] : ['v=BIMI1; l=;', 'v=BIMI1; a=;']),
  ];
  const clients = [unreachable, serve(301, 'text/html', ''), serve(200, 'text/plain', 'other'), unreachable];
  const stored = { ...MANIFEST, notBefore: '2026-05-01T00:00:00.000Z' };
  const publication = { ...PUBLICATION, revokedAt: AT.toISOString() };
  const found = await Promise.all(
    zones.map((zone, index) =>
      findDifferences(publication, stored, {
        url: 'https://bimi.example.com',
        http: clients[index] ?? unreachable,
        resolver: {
          async resolveTxt(name) {
            const answer = zone(name);
            if (typeof answer === 'string') {
              throw Object.assign(new Error(`queryTxt ${answer} ${name}`), { code: answer });
            }
            return answer.map((text) => [text]);
          },
        },
        limitMilliseconds: 1000,
        now: () => new Date('2040-01-01T00:00:00Z'),
      }),
    ),
  );
  return found.flat().map(({ id, message }) => [`difference ${id}`, message] as const);
}

/** What `npm start` prints during scenarios, and the log lines of the functions. */
export async function narrationTexts(authority: CertificateAuthority): Promise<RenderedTexts> {
  const texts: string[] = [];
  const credentials = { loginName: 'brand@example.com', loginPassword: 'not secret' };
  const trustAnchors = createHash('sha256').update(authority.root).digest('hex');
  const ctLogs = authority.log.key;
  for (const name of ['outage', 'wrong-credentials', 'redriven', 'replaced', 'broken-chain']) {
    const scenario = SCENARIOS[name];
    if (!scenario) {
      throw new Error(`There is no scenario ${name}`);
    }
    const narrator = createNarrator(
      (line) => texts.push(line),
      () => cloud,
    );
    const order = { orderNumber: '1378973013', domains: ['example.com'] };
    const cloud: LocalCloud = await startLocalCloud({
      credentials,
      secret: scenario.secret,
      settings: { ...scenario.settings, trustAnchors, ctLogs, publish: true },
      downloadCrls: crlDownload(),
      startS3: startDirectS3Server,
      prepareEndpoint: withoutHttp,
      waitMilliseconds: () => 0,
      onEvent: narrator.executionEvent,
      async beforeCheck(check) {
        await scenario.operatorActions?.[check]?.({ cloud, credentials, order, log: narrator.action });
      },
    });
    try {
      cloud.ca.order(order.orderNumber, scenario.responses(issueScenarioCertificates(authority)));
      const execution = await runScenario(scenario, cloud, order, narrator.action);
      if (execution) {
        narrator.outcome(execution);
        await narrator.publication(execution);
      }
      narrator.commands(order.orderNumber, cloud.s3Url);
    } finally {
      await cloud.close();
    }
  }
  return texts.map((text) => ['narration', text]);
}

/** The usage of every command, and the output of `inspect` for a good and a bad certificate. */
export async function commandTexts(authority: CertificateAuthority): Promise<RenderedTexts> {
  const folder = mkdtempSync(join(tmpdir(), 'rendered-texts-'));
  const textsOf = async (...args: readonly string[]) => {
    const { out, err } = await run(args);
    return [`mark-certificates ${args.join(' ')}`, out + err] as const;
  };
  try {
    const [good, bad] = [join(folder, 'good.pem'), join(folder, 'bad.pem')];
    writeFileSync(good, pem(authority.issue({ domains: ['example.com'] }).chain));
    writeFileSync(bad, pem([authority.root]));
    const commands = readdirSync(join(PROJECT, 'infra', 'commands'))
      .filter((file) => file !== 'usage.ts')
      .map((file) => `infra/commands/${file}`);
    const texts: (readonly [origin: string, text: string])[] = [
      ['npm run bench -- --help', BENCH_USAGE],
      await textsOf('--help'),
    ];
    for (const script of commands) {
      texts.push(await scriptText(script, '--help'));
    }
    texts.push(await scriptText('infra/commands/start.ts', '--scenario', 'unknown'));
    for (const { name } of COMMANDS) {
      texts.push(await textsOf(name, '--help'));
    }
    texts.push(await textsOf('inspect', good, bad));
    texts.push(await textsOf('inspect', '--unknown'));
    texts.push(await textsOf('inspect', join(folder, 'missing.pem')));
    return texts;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs a file of infra/commands/ in this process, which takes a tenth of the time of a process. */
async function scriptText(
  script: string,
  ...args: readonly string[]
): Promise<readonly [origin: string, text: string]> {
  const { argv, exitCode } = process;
  const printed: unknown[] = [];
  const spies = (['log', 'error'] as const).map((method) =>
    vi.spyOn(console, method).mockImplementation((text) => {
      printed.push(text);
    }),
  );
  try {
    const file = join(PROJECT, script);
    process.argv = [process.execPath, file, ...args];
    // A module runs once, and each of these runs is another one.
    await import(/* @vite-ignore */ `${file}?${args.join('')}`);
  } finally {
    for (const spy of spies) {
      spy.mockRestore();
    }
    Object.assign(process, { argv, exitCode });
  }
  return [`node ${script} ${args.join(' ')}`, printed.join('\n')];
}

/** The ids of findings, refusals and differences that no rendered text has. */
export function notRendered(texts: RenderedTexts): string[] {
  const ids = [
    ...Object.keys(FINDINGS).map((id) => `finding ${id}`),
    ...Object.keys(REFUSALS).map((id) => `refusal ${id}`),
    ...Object.keys(DIFFERENCES)
      // The survey itself reports this one, with the problems of the schema.
      .filter((id) => id !== 'description-damaged')
      .map((id) => `difference ${id}`),
  ];
  return ids.filter((id) => !texts.some(([origin, text]) => origin === id && text !== ''));
}
